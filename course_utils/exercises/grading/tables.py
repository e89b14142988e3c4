"""Rows of grades, and the two tables that a teacher opens in a spreadsheet."""

import csv
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.files import atomic_path

from ..course import CATALOGUE

FORMULA = "=+-@|%＝＋－＠"  # what a spreadsheet's formula or command begins with
NOT_SHOWN = "\ufeff\u00a0\u200b\u3000" + "".join(map(chr, range(32)))
LONGEST_CELL = 500  # characters in a cell of the table


@dataclass
class Row:
    """One learner's results: exercise -> "solved", "not yet: mask transposed", ..."""

    learner: str
    results: dict[str, str] = field(default_factory=dict)
    misconceptions: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def n_solved(self) -> int:
        return sum(result == "solved" for result in self.results.values())


def columns(rows: Iterable[Row]) -> list[str]:
    """Return the exercises of all chapters that occur, in the course's order.

    One that no page asks has a column only where somebody answers it.
    """
    answered = {name for row in rows for name in row.results}
    seen = {name.partition(".")[0] for name in answered}
    return [
        task.name
        for chapter in CATALOGUE.chapters
        if chapter in seen
        for task in CATALOGUE.exercises(chapter)
        if task.asked or task.name in answered
    ]


def ranked_misconceptions(rows: Iterable[Row]) -> list[tuple[int, str, str]]:
    """Return (learners, exercise, misconception), the most frequent first."""
    counts = Counter(pair for row in rows for pair in row.misconceptions.items())
    ranked = [(n, name, title) for (name, title), n in counts.items()]
    return sorted(ranked, key=lambda entry: (-entry[0], entry[1], entry[2]))


def write_tables(rows: Sequence[Row], out: Path) -> Path:
    """Write the grades to ``out`` and the ranked misconceptions beside it.

    Returns the path of the second file. A learner without an answer to an exercise has
    "missing" there.
    """
    names = columns(rows)
    table = [["learner", "solved", *names, "problems"]]
    for row in rows:
        results = [row.results.get(name, "missing") for name in names]
        problems = "; ".join(row.problems)
        table.append([row.learner, row.n_solved, *results, problems])
    _write_csv(out, table)
    beside = out.with_name(f"{out.stem}_misconceptions.csv")
    table = [["learners", "exercise", "misconception", "explanation"]]
    for n, name, title in ranked_misconceptions(rows):
        table.append([n, name, title, explanation(name, title)])
    _write_csv(beside, table)
    return beside


def explanation(name: str, title: str) -> str:
    """Return the explanation that goes with an exercise's misconception."""
    wrong = {wrong.title: wrong for wrong in CATALOGUE.find(name).mistakes}
    return wrong[title].explanation


def _write_csv(path: Path, table: list[list]) -> None:
    """Write a table as spreadsheets read it: UTF-8 that says so by its first bytes."""
    with (
        atomic_path(path) as temporary,
        temporary.open(
            "w", newline="", encoding="utf-8-sig", errors="backslashreplace"
        ) as file,
    ):
        csv.writer(file).writerows([list(map(_cell, line)) for line in table])


def _cell(content) -> str | int:
    """Return a cell that no spreadsheet runs as a formula, of bounded length.

    Spreadsheets pass over white space and control characters in front of a formula.
    """
    if not isinstance(content, str):
        return content
    text = content if len(content) <= LONGEST_CELL else content[:LONGEST_CELL] + "…"
    first = text.lstrip(string.whitespace + NOT_SHOWN)[:1]
    return f"'{text}" if first and first in FORMULA else text
