"""What experiments measured, as JSON: one record for each, with how it was made."""

import json
from pathlib import Path

FOLDER = Path(__file__).parent


def path(name: str) -> Path:
    """Return the file of an experiment's record."""
    return FOLDER / f"{name}.json"


def read(name: str) -> dict:
    """Return the record of an experiment. Raises FileNotFoundError if there is none."""
    return json.loads(path(name).read_text(encoding="utf-8"))
