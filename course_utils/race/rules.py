"""The rules of a race: its limits, what a recipe may be, and what is a fault."""

import ast
import math
from dataclasses import dataclass
from pathlib import Path

from course_utils.config import whole_number

LARGEST_RECIPE = 8_000  # bytes: short enough to be read, too short to hold weights
FUNCTIONS = {"build": 1, "train": 3}  # what a recipe defines, with so many arguments
FORBIDDEN = ("world", "models", "records")  # of the course: what is known beforehand
N_POSITIONS = 128  # a story and the end of text before it are shorter


class Fault(Exception):
    """Why a recipe is not ranked: one sentence."""


@dataclass(frozen=True)
class Rules:
    """What is the same for all who stand in one table.

    Raises ValueError for a number out of its range.
    """

    seconds: float = 60.0  # by our clock, from the first line of the recipe on
    tokens: int | None = None  # to learn from, instead: then seconds only end it
    threads: int = 2
    max_parameters: int = 250_000
    held_out: int = 200  # stories that measure a model

    def __post_init__(self):
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"seconds must be positive and finite, got {self.seconds}")
        least = {"tokens": 1000, "threads": 1, "max_parameters": 1, "held_out": 10}
        for name, smallest in least.items():
            value = getattr(self, name)
            if name == "tokens" and value is None:
                continue
            if whole_number(value) is None or value < smallest:
                raise ValueError(
                    f"{name} must be a whole number of at least {smallest}, "
                    f"got {value!r}"
                )

    @property
    def allowance(self) -> float:
        """Seconds on top of the budget, to finish a step and hand the weights over."""
        return max(1.0, 0.03 * self.seconds)

    @property
    def measuring(self) -> float:
        """Seconds of processor time in which a process must have placed its bets.

        A small part of the budget: what is kept in the place of weights, such as texts,
        cannot be learnt from then.
        """
        return max(20.0, self.threads * self.seconds / 4)

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.tokens is None:
            return f"{self.seconds:g} s on {self.threads} threads"
        return f"{self.tokens:,} tokens, within {self.seconds:g} s"


def check_recipe(text: str) -> None:
    """Raise ``Fault`` unless a recipe's text keeps the rules that it shows."""
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST_RECIPE:
        raise Fault(f"a recipe has at most {LARGEST_RECIPE:,} bytes, this has {size:,}")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        raise Fault(f"{where}not Python: {getattr(error, 'msg', error)}") from None
    found = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    for name, n_arguments in FUNCTIONS.items():
        signature = {"build": "build(shape)", "train": "train(model, data, budget)"}
        if name not in found:
            raise Fault(f"a recipe defines {signature[name]}: there is no {name!r}")
        count = len(found[name].args.args)
        if count != n_arguments:
            raise Fault(
                f"line {found[name].lineno}: {name} must be {signature[name]}, "
                f"got {count} arguments"
            )
    for node in ast.walk(tree):
        for module in _imported(node):
            if any(f"{module}.".startswith(f"course_utils.{f}.") for f in FORBIDDEN):
                raise Fault(
                    f"line {node.lineno}: a recipe learns from the data that it is "
                    f"given, so it may not import {module}"
                )


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def read_recipe(path: Path) -> str:
    """Return the text of a recipe that keeps the rules; ``Fault`` if it does not.

    ``OSError`` for a file that cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Fault("not a text in UTF-8") from None
    check_recipe(text)
    return text
