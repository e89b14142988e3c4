"""The model behind the assistant of the web edition: the base, fine-tuned on tasks.

    python -m course_utils.site.assistant

The page on applications trains it while the reader waits; a page on the web cannot. So
the result of the page's own recipe ships, in half precision, with the marks that it
earned on tasks that it has never met. Made anew, it may answer a few tasks otherwise:
another processor adds in another order.
"""

import copy
import json
from pathlib import Path

import torch

from course_utils import models
from course_utils.answers import marks
from course_utils.experiments import fine_tuning
from course_utils.files import write_json

FOLDER = Path(__file__).parent / "assistant"
TASKS, STEPS = 6400, 200  # as the longest recorded measurement of the page
MARKED = 100  # tasks of each kind


def make(folder: Path = FOLDER) -> dict:
    """Fine-tune the base model, write it into ``folder`` and return its figures."""
    model, tokenizer = models.load("base")
    tuned = copy.deepcopy(model)
    torch.manual_seed(0)
    fine_tuning.fine_tune(tuned, tokenizer, fine_tuning.mixed_tasks(TASKS), steps=STEPS)
    tuned.save(folder, dtype=torch.float16)
    tokenizer.save_pretrained(folder)
    shipped = type(model).load(folder)
    tasks = {kind: fine_tuning.held_out(kind, MARKED) for kind in fine_tuning.KINDS}
    earned = marks(shipped, tokenizer, tasks)
    figures = {
        "command": "python -m course_utils.site.assistant",
        "torch": torch.__version__.split("+")[0],
        "tasks": TASKS,
        "steps": STEPS,
        "share_right": {kind: mark.share for kind, mark in earned.items()},
    }
    write_json(folder / "figures.json", figures)
    return figures


if __name__ == "__main__":
    print(json.dumps(make(), indent=2))
