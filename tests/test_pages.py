"""The order of the pages is said once; whatever else shows an order agrees with it."""

import re
from pathlib import Path

import nbformat
import pytest

from course_utils.exercises.course import CATALOGUE
from course_utils.notebooks import FOLDER, ROOT, reading_order
from course_utils.pages import PAGES, page_name, place

NAMES = [page.name for page in PAGES]


def source_of(path: Path) -> str:
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def test_numbers_run_from_00_and_the_primer_has_none():
    assert [page.number for page in PAGES[:3]] == ["", "00", "01"]
    numbers = [int(page.number) for page in PAGES[1:]]
    assert numbers == list(range(len(PAGES) - 1))
    assert PAGES[0].file_name == "primer.ipynb"
    assert PAGES[1].file_name == "00_start_here.ipynb"
    assert PAGES[1].label == "00 Start here"


@pytest.mark.parametrize("stem", ["02_attention", "17b_attention", "attention"])
def test_a_page_is_known_by_its_name_whatever_its_number(stem):
    assert page_name(stem) == "attention"
    assert place(stem) < place("01_applications") < place("00_of_somebody_else")


def test_every_page_has_its_file_and_every_file_its_place():
    assert [page_name(path.stem) for path in reading_order(FOLDER)] == NAMES


def test_files_are_numbered_as_their_places_say():
    names = [path.name for path in reading_order(FOLDER)]
    if waiting := [name for name in names if re.match(r"\d+[a-z]_", name)]:
        pytest.skip(f"{waiting} wait for `python -m course_utils.notebooks renumber`")
    assert names == [page.file_name for page in PAGES]


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_tables_of_contents_are_in_reading_order(readme):
    text = (ROOT / readme).read_text("utf-8")
    rows = re.findall(r"^\| \[.*?\]\(notebooks/(\w+)\.ipynb\)(.*)$", text, re.M)
    assert [page_name(stem) for stem, _ in rows] == NAMES
    for page, (_, row) in zip(PAGES, rows, strict=True):
        seconds, minutes = re.findall(r"(\d+) (?:s|min|秒|分钟)\b", row)[-2:]
        expected = page.seconds_to_run, page.minutes_to_study
        assert (int(seconds), int(minutes)) == expected, (page.name, row)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_a_page_says_how_long_it_takes_to_study(page):
    path = next(p for p in reading_order(FOLDER) if page_name(p.stem) == page.name)
    assert f"{page.minutes_to_study} minutes to study" in source_of(path)


def test_chapters_of_exercises_are_in_the_order_of_their_pages():
    met = [
        chapter
        for path in reading_order(FOLDER)
        for chapter in re.findall(r'@exercise\("(\w+)\.', source_of(path))
    ]
    assert [*dict.fromkeys(met)] == [name for name in CATALOGUE.order if name in met]


def test_the_plans_for_classes_hold_every_page_and_about_its_time():
    text = (ROOT / "README.md").read_text("utf-8")
    plans = text.partition("**Two plans.**")[2].partition("**What a class")[0]
    lines = re.findall(r"^\| \d+ \|.*$", plans, re.M)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    minutes = {page.number or "primer": page.minutes_to_study for page in PAGES}
    assert [int(row[0]) for row in rows] == [*range(1, 13)]
    for weeks, column in ((6, 1), (12, 3)):
        met = []
        for row in rows[:weeks]:
            pages = re.findall(r"primer|\d\d", row[column])
            met += pages
            hours = sum(minutes[page] for page in pages) / 60
            for either in re.findall(r"(\d\d) or (\d\d)", row[column]):
                hours -= min(minutes[page] for page in either) / 60
            assert abs(hours - float(row[column + 1])) <= 1, row
        assert sorted(met) == sorted(minutes)
        assert all("quiz" in rows[week][column] for week in (0, weeks - 1))
