"""How the test suite runs notebooks: side by side, and numbers within a tolerance.

Each of the processes that share the work uses one thread. Models are small here: a
second thread brings a page little, and takes a core from the page beside it.

A cell with the tag ``within-10-percent`` (any whole number from 1 to 50) is compared
number by number: each may differ from the stored one by so many per cent of it, and
everything between the numbers must be the same. All other cells are compared strictly,
as nbval does it. What a page prints is best rounded until it is the same on every
machine; the tag is for a training run's figures, where that would leave nothing.
"""

import os
import re

# Before torch is imported, and for the kernels that run the pages.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

TAG = re.compile(r"within-([1-9]|[1-4]\d|50)-percent")
NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d+(?:,\d{3})*(?!\d)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)  # a comma belongs to it only before three digits: "2, 3" are two numbers


def percent_of(tags) -> int | None:
    """Return the per cent that a cell's tags allow, or None; ValueError for a typo."""
    for tag in tags:
        if tag.startswith("within-"):
            found = TAG.fullmatch(tag)
            if not found:
                raise ValueError(
                    f"tag must be within-N-percent, N 1 to 50; got {tag!r}"
                )
            return int(found.group(1))
    return None


def agree(new: str, stored: str, percent: float) -> bool:
    """Return whether two texts are the same but for numbers that lie close together."""
    if NUMBER.split(new) != NUMBER.split(stored):
        return False
    pairs = zip(NUMBER.findall(new), NUMBER.findall(stored), strict=True)
    return all(
        abs(_value(one) - _value(other)) <= (percent + 1e-9) / 100 * abs(_value(other))
        for one, other in pairs
    )


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


def reconciled(new: list, stored: list, percent: float) -> list:
    """Return the new outputs, each text that agrees replaced by the stored one.

    Both are lists of nbformat outputs, the pieces of a stream joined. What does not
    agree stays as it is, so that nbval shows the difference.
    """
    if len(new) != len(stored):
        return new
    return [_one(*pair, percent) for pair in zip(new, stored, strict=True)]


def _one(new, stored, percent):
    if isinstance(new, dict) and isinstance(stored, dict):
        return type(new)(
            (key, _one(value, stored.get(key), percent)) for key, value in new.items()
        )
    both_texts = isinstance(new, str) and isinstance(stored, str)
    return stored if both_texts and agree(new, stored, percent) else new


def pytest_itemcollected(item):
    """Let a tagged cell of a notebook compare its numbers within the tag's per cent."""
    cell = getattr(item, "cell", None)  # only nbval's items have one
    percent = percent_of(cell.metadata.get("tags", [])) if cell else None
    if percent is None:
        return
    strict = item.compare_outputs

    def compare_outputs(test, ref, skip_compare=None):
        return strict(reconciled(test, ref, percent), ref, skip_compare)

    item.compare_outputs = compare_outputs
