"""The tag within-N-percent: numbers may move so much, and nothing else may."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

pytest_plugins = ["pytester"]

# Two files are called conftest; this is the one of the whole project.
PATH = Path(__file__).resolve().parent.parent / "conftest.py"
_spec = importlib.util.spec_from_file_location("tolerance", PATH)
tolerance = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tolerance)
agree, percent_of = tolerance.agree, tolerance.percent_of


@pytest.mark.parametrize(
    ("new", "stored", "percent", "same"),
    [
        ("bars 2, 1.39", "bars 2.1, 1.40", 10, True),
        ("1,234 of 5", "1,240 of 5", 1, True),
        ("loss 3.30 after 100 steps", "loss 3.33 after 100 steps", 1, True),
        ("loss 3.30 after 100 steps", "loss 3.57 after 100 steps", 5, False),
        ("loss 3.30 after", "gain 3.30 after", 50, False),
        ("3.30, 1.00", "3.30", 50, False),
        ("1,050 tokens", "1,000 tokens", 5, True),
        ("−1.05", "−1.00", 5, True),
        ("−1.00", "1.00", 50, False),
        (".52 of them", ".50 of them", 5, True),
        ("0.01", "0.00", 50, False),
        ("1.04e-6", "1.00e-6", 5, True),
        ("layer_2 holds 10", "layer_3 holds 10", 50, False),
        ("same? True", "same? False", 50, False),
        ("no numbers", "no numbers", 10, True),
    ],
)
def test_numbers_agree_within_the_per_cent_and_words_exactly(
    new, stored, percent, same
):
    assert agree(new, stored, percent) is same


def test_a_tag_is_read_and_a_misspelt_one_refused():
    assert percent_of(["component", "within-10-percent"]) == 10
    assert percent_of(["component"]) is None
    for tag in ("within-0-percent", "within-51-percent", "within-ten-percent"):
        with pytest.raises(ValueError, match="within-N-percent"):
            percent_of([tag])


def printed(stored: str, tags: list[str]):
    """A cell that prints "loss 3.30", with another output stored."""
    output = nbformat.v4.new_output("stream", name="stdout", text=stored)
    return nbformat.v4.new_code_cell(
        "print('loss', '3.30')",
        metadata={"tags": tags},
        outputs=[output],
        execution_count=1,
    )


def test_nbval_compares_a_tagged_cell_within_the_per_cent_and_others_strictly(pytester):
    tagged = ["within-10-percent"]
    cells = [
        printed("loss 3.30\n", []),
        printed("loss 3.50\n", tagged),
        printed("loss 3.90\n", tagged),
        printed("lost 3.30\n", tagged),
        printed("loss 3.50\n", []),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), pytester.path / "page.ipynb")
    pytester.makeconftest(PATH.read_text("utf-8"))
    options = ("--nbval", "--nbval-current-env", "-p", "no:cacheprovider", "-rA")
    result = pytester.runpytest_subprocess(*options, "page.ipynb")
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines_random([f"*PASSED*Cell {n}*" for n in (0, 1)])
    result.stdout.fnmatch_lines_random([f"*FAILED*Cell {n}*" for n in (2, 3, 4)])
