"""What the README counts: outputs that are compared, exercises, recognised mistakes."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from course_utils.exercises.course import CATALOGUE
from course_utils.notebooks import FOLDER, reading_order

README = " ".join((FOLDER.parent / "README.md").read_text("utf-8").split())


def counted(cells) -> Counter:
    """Count stored outputs by how nbval compares them, and pictures among them."""
    counts = Counter()
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        if "nbval-ignore-output" in tags or cell.get("execution_count") is None:
            how = "left out"
        else:
            loose = any(tag.startswith("within-") for tag in tags)
            how = "within a per cent" if loose else "exact"
        for output in cell.get("outputs", []):
            counts["outputs"] += 1
            counts[how] += 1
            if "image/png" in output.get("data", {}):
                counts["pictures"] += 1
                if not re.search(r"\d", output.data.get("text/plain", "")):
                    counts["pictures without a number"] += 1
    return counts


@pytest.fixture(scope="module")
def counts() -> Counter:
    paths = [Path(path) for path in reading_order(FOLDER)]
    cells = [cell for path in paths for cell in nbformat.read(path, 4).cells]
    found = counted(cells)
    tasks = CATALOGUE.exercises()
    found["exercises"] = len(tasks)
    found["mistakes"] = sum(len(task.misconceptions) for task in tasks)
    return found


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        (r"the more than (\d+) outputs that the pages store", "outputs"),
        (r"more than (\d+) are compared to the last letter", "exact"),
        (r"fewer than (\d+) within a stated per cent", "within a per cent"),
        (r"fewer than (\d+) are left out", "left out"),
        (r"more than (\d+) pictures", "pictures"),
        (r"fewer than (\d+) of them tell none", "pictures without a number"),
        (r"more than (\d+) exercises", "exercises"),
        (r"more than (\d+) mistakes", "mistakes"),
    ],
)
def test_what_the_readme_counts_is_so(claim, what, counts):
    """True, and not far from the truth: within a quarter of it."""
    (bound,) = map(int, re.findall(claim, README))
    if "more than" in claim:
        assert 0.75 * counts[what] <= bound < counts[what]
    else:
        assert counts[what] < bound <= 2 * counts[what]


def test_outputs_are_counted_by_how_they_are_compared():
    def cell(output, *tags, count=1):
        return nbformat.v4.new_code_cell(
            "", metadata={"tags": list(tags)}, outputs=[output], execution_count=count
        )

    printed = nbformat.v4.new_output("stream", text="1\n")
    drawn = nbformat.v4.new_output(
        "display_data", {"image/png": "", "text/plain": "Bars."}
    )
    assert counted(
        [
            cell(printed),
            cell(printed, "within-10-percent"),
            cell(printed, "nbval-ignore-output"),
            cell(drawn, count=None),
            nbformat.v4.new_markdown_cell("words"),
        ]
    ) == {
        "outputs": 4,
        "exact": 1,
        "within a per cent": 1,
        "left out": 2,
        "pictures": 1,
        "pictures without a number": 1,
    }
