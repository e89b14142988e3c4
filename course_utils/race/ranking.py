"""The table of a race: recipes by their gap to the floor, and which leads are shown."""

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from course_utils.confidence import interval, paired

SHOWN = 0.01  # p below which a lead counts
FAULT = "fault.json"  # in the folder of a recipe that is not ranked: why


@dataclass(frozen=True)
class Entry:
    """One recipe and its runs, a dictionary for each seed that is finished."""

    name: str
    runs: list[dict]

    @property
    def gap(self) -> float:
        return fmean(run["gap"] for run in self.runs)

    @property
    def half(self) -> float | None:
        """Half of the 95% interval over seeds; None of a single seed."""
        gaps = [run["gap"] for run in self.runs]
        return interval(gaps)[1] if len(gaps) > 1 else None


def entries(table: Path) -> list[Entry]:
    """Return what is ranked under one table's terms, the smallest gap first."""
    found = []
    for folder in sorted(path for path in table.iterdir() if path.is_dir()):
        if (folder / FAULT).exists():
            continue
        paths = folder.glob("seed-*.json")
        runs = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        if runs:
            runs.sort(key=lambda run: run["seed"])
            found.append(Entry(folder.name, runs))
    return sorted(found, key=lambda entry: entry.gap)


def faults(table: Path) -> list[str]:
    """Say, a line each, which recipes are not ranked, and why."""
    found = []
    for path in sorted(table.glob(f"*/{FAULT}")):
        why = json.loads(path.read_text(encoding="utf-8"))
        found.append(
            f"not ranked: {path.parent.name}, seed {why['seed']}: {why['fault']}."
        )
    return found


def lead(entry: Entry, below: Entry) -> str:
    """Say whether one recipe is shown to be better than the next, on common seeds."""
    pairs = [{run["seed"]: run["gap"] for run in e.runs} for e in (entry, below)]
    common = sorted(set.intersection(*map(set, pairs)))
    if len(common) < 2:
        return "no two seeds in common"
    found = paired([pairs[0][s] for s in common], [pairs[1][s] for s in common])
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    return p if found.p < SHOWN and found.mean < 0 else f"{p}: not shown"


def terms_of(table: Path) -> str:
    """Say what all entries of a table have in common."""
    terms = json.loads((table / "terms.json").read_text(encoding="utf-8"))
    budget = f"{terms['seconds']:g} s on {terms['threads']} threads"
    if terms["tokens"] is not None:
        budget = f"{terms['tokens']:,} tokens, within {budget}"
    where = "in sandboxes" if terms["sandboxed"] else "without a sandbox, on trust"
    return (
        f"{budget}, at most {terms['max_parameters']:,} parameters; measured on "
        f"{terms['held_out']} unseen stories a seed; {where}; {terms['machine']}"
    )


def as_text(table: Path) -> str:
    """Return the table as it is printed."""
    ranked = entries(table)
    lines = [["", "recipe", "gap to the floor", "seeds", "parameters", "CPU s", "lead"]]
    for i, entry in enumerate(ranked):
        half = "" if entry.half is None else f" ± {entry.half:.4f}"
        row = [f"{i + 1}", entry.name, f"{entry.gap:.4f}{half}", str(len(entry.runs))]
        row.append(f"{entry.runs[0]['parameters']:,}")
        row.append(f"{fmean(run['processor_seconds'] for run in entry.runs):.0f}")
        row.append(lead(entry, ranked[i + 1]) if i + 1 < len(ranked) else "")
        lines.append(row)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rows = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return "\n".join([terms_of(table), *rows, *faults(table)])
