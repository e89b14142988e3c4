"""Recipes that ship: something to beat, and to begin from."""

from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("adamw", "muon", "readme")


def path_of(name: str) -> Path:
    """Return the file of a recipe that ships."""
    return FOLDER / f"{name}.py"
