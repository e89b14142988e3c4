"""Model folders: from what a person types to a model and its tokenizer.

A finished training run, a model that comes with the course, or a folder as transformers
writes it: commands take any of them by one name.

Floors: stands on ``model`` and ``tokenization``; ``sampling`` and ``huggingface`` have
their commands from it.
"""

import os
from pathlib import Path

from course_utils.model import GPT, WEIGHTS_FILE
from course_utils.tokenization import Tokenizer

SHIPPED = Path(__file__).parent / "models"


def shipped_names() -> list[str]:
    """Return the names of the models that come with the course."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{WEIGHTS_FILE}"))


def find_model(name: str | os.PathLike) -> Path:
    """Return the folder that ``name`` means: a folder, or a shipped model's name.

    Raises OSError if there is none, or if the run in it has no model yet.
    """
    folder = Path(name)
    if not folder.is_dir() and name in shipped_names():
        return SHIPPED / name
    if not folder.is_dir():
        raise NotADirectoryError(
            "a model must be a folder (of a training run or of transformers), or one "
            f"of {', '.join(shipped_names())}; got {os.fspath(name)!r}"
        )
    if (folder / "run.json").exists() and not (folder / WEIGHTS_FILE).exists():
        raise FileNotFoundError(
            f"the run in {folder} has no model yet: it is written when training ends "
            "or is stopped with Ctrl-C (--resume goes on)"
        )
    return folder


def load_model(name: str | os.PathLike) -> tuple[GPT, Tokenizer]:
    """Return the model (float32, evaluation mode) and tokenizer that ``name`` means.

    Errors are those of ``find_model``, ``GPT.from_pretrained`` and
    ``Tokenizer.from_pretrained``.
    """
    folder = find_model(name)
    return GPT.from_pretrained(folder), Tokenizer.from_pretrained(folder)
