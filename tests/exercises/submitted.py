"""Notebooks as learners hand them in, for the tests of grading."""

import json
from pathlib import Path

from course_utils.exercises.course import CATALOGUE

find = CATALOGUE.find

MASK, SPLIT, WORDS = (
    "attention.causal_mask",
    "attention.split_heads",
    "tokenization.byte_ids",
)
HEAD = "import torch\nfrom course_utils.exercises import *\n%matplotlib inline"


def answer(name, body, arguments=None):
    """Return an exercise cell with this body."""
    stub = find(name).stub_cell()
    return stub.replace("...  # your turn", body.replace("\n", "\n    "))


def right(name):
    return find(name).solution_cell()


def write(path: Path, *cells: str) -> Path:
    cells = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": []}
        for cell in (HEAD, *cells)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


IMPORTS = "import torch\nfrom course_utils.exercises import exercise"
DEFINITION = "def causal_mask(T):\n    return torch.ones(T, T).tril().bool()\n"
ANSWER = f'@exercise("{MASK}")\n{DEFINITION}'
