"""A page is put in the middle: files, links and prose get new numbers, all or nothing.

The numbers in the texts below are put together at run time, so that this file itself
mentions no page.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils import pages
from course_utils.notebooks import ROOT, renumbering
from course_utils.notebooks.renumbering import Mentions
from course_utils.pages import PAGES, Page, page_name

COPIED = ("README.md", "README.zh.md", "pyproject.toml")
NAMES = [page.name for page in PAGES]
BY_NAME = {page.name: page for page in PAGES}


def stem(page: Page, shift: int = 0) -> str:
    """The stem that a page's file would have some places further on."""
    number = f"{int(page.number) + shift:02}_" if page.number else ""
    return number + page.name


@pytest.fixture
def mentions():
    """A course that begins with attention, and its numbers are one too low."""
    pages = PAGES[NAMES.index("attention") :]
    return Mentions({stem(page, -1): page for page in pages})


# --- What is a mention: <1> stands for 01 before and 02 after, <2> for 02 and 03 …


def numbered(text: str, shift: int) -> str:
    def number(found):
        return f"{int(found[1]) + shift:02}"

    return re.sub(r"<(\d+)>", number, text)


MENTIONS = [
    "see page <2>, and Page <3>.",
    "pages <2>, <3> and <4>; pages <5> to <7>; pages <5>–<7>",
    "pages [<2>](<2>_gpt_block.ipynb) to [<3>](<3>_cross_entropy.ipynb)",
    "[<2> The block: how?](../notebooks/<2>_gpt_block.ipynb#part)",
    "`notebooks/<1>_attention.ipynb`, <1>_attention and page <1>'s mask",
    "Notebook <2>. As on\n# page\n# <3>, and on page\n    <4>",
    '"as on page "\n        "<3>, once more"',
    'Chapter("<1> Attention", 40, 90)  # --- <3> Cross-entropy: words',
    "第 <2> 页、第<3>、<4>页",
]
OTHERS = [
    "section 10, 12 heads, 0.05 nats, 2026-05-04 at 05:30, 1.05, 04/05, v05",
    "(page 3 of 7), page 99, attention.ipynb, a_02_attention_b",
    "f'{x:02}', seed=11, 10% and 10 °C, page 10.5",
]


@pytest.mark.parametrize("text", MENTIONS)
def test_a_mention_gets_the_new_number_once(mentions, text):
    assert mentions.rewrite(numbered(text, 0)) == numbered(text, 1)


@pytest.mark.parametrize("text", OTHERS)
@pytest.mark.parametrize("prose", [True, False])
def test_other_numbers_stay(mentions, text, prose):
    assert mentions.rewrite(text, prose) == text


def test_in_prose_a_number_may_stand_alone_but_not_in_code(mentions):
    text = "In <2> we built it; <3>'s loss. `x[<2>]`, $<2>$ and 12 heads stay."
    old, new = numbered(text, 0), numbered(text, 1)
    expected = new.partition(" `")[0] + old[old.index(" `") :]
    assert mentions.rewrite(old, prose=True) == expected
    assert mentions.rewrite(old) == old


def test_a_new_page_may_have_a_letter_or_no_number_yet():
    attention, block = BY_NAME["attention"], BY_NAME["gpt_block"]
    lettered = Mentions({"01b_attention": attention, f"{2:02}_gpt_block": block})
    text = f"page {1:02}b, then page {2:02}; {1:02}b_attention.ipynb"
    assert lettered.rewrite(text) == (
        f"page {2:02}, then page {3:02}; {2:02}_attention.ipynb"
    )
    without = Mentions({"attention": attention, f"{2:02}_gpt_block": block})
    text = "attention, course_utils.attention and [it](attention.ipynb)"
    assert without.rewrite(text) == text.replace("(att", f"({2:02}_att")


# --- The command, on a copy of the course


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The course with a page that comes after cross_entropy; not renumbered yet."""
    course = tmp_path_factory.mktemp("copy") / "course"
    names = "__pycache__", "models", "records", "exercises", "node_modules"
    skip = shutil.ignore_patterns(*names)
    for folder in ("notebooks", "course_utils", "tests"):
        shutil.copytree(ROOT / folder, course / folder, ignore=skip)
    for name in ("README.md", "README.zh.md", "pyproject.toml"):
        shutil.copy(ROOT / name, course / name)
    package = course / "course_utils" / "site" / "node_modules" / "theirs"
    package.mkdir(parents=True)
    (package / "tsconfig.json").write_text("{} // a remark: not JSON")
    before = BY_NAME["cross_entropy"]
    new = f"{before.number}x_in_between"
    page = nbformat.read(course / "notebooks" / before.file_name, as_version=4)
    page.cells[0].source = f"# {before.number}x In between: a page"
    page.cells[-1].source += f"\n\nThis is page {before.number}x, not {before.number}."
    nbformat.write(page, course / "notebooks" / f"{new}.ipynb")
    pages = course / "course_utils" / "pages.py"
    line = re.compile(r'^    Page\("cross_entropy".*\n', re.M)
    added = '    Page("in_between", "In between", 1, 2),\n'
    pages.write_text(line.sub(lambda found: found[0] + added, pages.read_text()))
    readme = course / "README.md"
    row = f"| [{before.number}x In between](notebooks/{new}.ipynb) | What? | 1 s |\n"
    first_row = "| [Primer]"  # in the wrong place on purpose
    readme.write_text(readme.read_text().replace(first_row, row + first_row))
    return course


@pytest.fixture
def course(copy, tmp_path, monkeypatch) -> Path:
    """A copy of the copy, and this process knows the page as well."""
    place = NAMES.index("cross_entropy") + 1
    new = [*PAGES[:place], Page("in_between", "In between", 1, 2), *PAGES[place:]]
    monkeypatch.setattr(pages, "PAGES", tuple(new))
    monkeypatch.setattr(pages, "_NAMES", [page.name for page in new])
    monkeypatch.setattr(renumbering, "PAGES", tuple(new))
    return shutil.copytree(copy, tmp_path / "course")


def run(course: Path, *arguments: str) -> str:
    """Run the command of a copy of the course, with the copy's own package."""
    done = subprocess.run(
        [sys.executable, "-m", "course_utils.notebooks", *arguments],
        cwd=course,
        env=os.environ | {"PYTHONPATH": str(course)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(course: Path) -> dict[str, bytes]:
    files = (path for path in course.rglob("*") if path.is_file())
    found = {str(path.relative_to(course)): path.read_bytes() for path in files}
    return {name: text for name, text in found.items() if "__pycache__" not in name}


def renumber(course: Path) -> None:
    renumbering.carry_out(renumbering.plan(course), course)


def test_a_page_in_the_middle_moves_all_later_ones_and_what_is_said_of_them(
    copy, tmp_path
):
    course = shutil.copytree(copy, tmp_path / "course")
    before = contents(course)
    files = {page_name(path.stem): path.name for path in course.glob("notebooks/*")}
    said = run(course, "renumber")
    after = contents(course)
    number = int(BY_NAME["cross_entropy"].number)
    later = PAGES[NAMES.index("cross_entropy") + 1 :]
    for page in later:
        old, new = files[page.name], f"{int(page.number) + 1:02}_{page.name}.ipynb"
        assert f"{old} -> {new}\n" in said and f"notebooks/{old}" not in after
        shown = nbformat.reads(after[f"notebooks/{new}"].decode(), as_version=4)
        assert shown.cells[0].source.startswith(f"# {int(page.number) + 1:02} ")
    assert len(after) == len(before)

    new = f"{number + 1:02}_in_between"
    page = nbformat.reads(after[f"notebooks/{new}.ipynb"].decode(), as_version=4)
    assert page.cells[-1].source.endswith(f"page {number + 1:02}, not {number:02}.")
    rows = re.findall(r"\]\(notebooks/(\w+)\.ipynb\)", after["README.md"].decode())
    assert rows[number + 1 : number + 3] == [f"{number:02}_cross_entropy", new]
    assert rows == sorted(rows, key=lambda stem: (stem != "primer", stem))
    for name in ("README.md", "README.zh.md"):
        for link in re.findall(r"\]\((notebooks/\w+\.ipynb)\)", after[name].decode()):
            assert link in after, link
    # Nothing is left for the maintainers' own check, nor for a second renumbering.
    assert run(course, "check") == "every derived cell is up to date\n"
    assert run(course, "renumber") == "every page has its number already\n"
    assert contents(course) == after


def test_a_full_disk_in_the_middle_changes_nothing(course, monkeypatch):
    before, real, left = contents(course), renumbering.atomic_path, [5]

    def full_once(path):
        left[0] -= 1
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        return real(path)

    monkeypatch.setattr(renumbering, "atomic_path", full_once)
    with pytest.raises(OSError, match="No space"):
        renumber(course)
    assert left[0] < 0 and contents(course) == before


def test_what_a_kill_left_is_put_back_by_the_next_start(course, monkeypatch):
    before, put_back = contents(course), renumbering.put_back
    monkeypatch.setattr(renumbering, "put_back", lambda root: None)  # it is dead
    monkeypatch.setattr(renumbering, "_forget_safe", lambda root: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # all is written, but not yet tidied up
        renumber(course)
    monkeypatch.undo()
    assert contents(course) != before
    assert put_back(course) and contents(course) == before
    assert not put_back(course)


def test_a_page_without_a_place_or_a_file_is_named(course, monkeypatch):
    (new,) = course.glob("notebooks/*x_in_between.ipynb")
    second = shutil.copy(new, new.with_name("in_between.ipynb"))
    with pytest.raises(
        ValueError, match=r"two files of one page: .*x_in_between, in_b"
    ):
        renumber(course)
    second.unlink()
    moved = new.rename(new.with_name("77_elsewhere.ipynb"))
    with pytest.raises(ValueError, match=r"without a file in notebooks/: \['in_betw"):
        renumber(course)
    monkeypatch.setattr(renumbering, "PAGES", PAGES)
    with pytest.raises(ValueError, match=r"write the place of these .*'elsewhere'"):
        renumber(course)
    moved.unlink()


def test_no_shipped_file_that_mentions_a_page_is_left_out():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("no clone")
    read = set(renumbering._texts(ROOT))
    stems = "|".join(path.stem for path in (ROOT / "notebooks").glob("*_*.ipynb"))
    mention = re.compile(rf"\b({stems})\b".encode())
    word = re.compile(renumbering.AFTER_A_WORD.pattern.encode())
    for path in map(ROOT.joinpath, listed.stdout.splitlines()):
        if path.is_file() and path not in read and "models" not in path.parts:
            content = path.read_bytes()
            assert not mention.search(content) and not word.search(content), path


def test_texts_that_could_not_be_read_afterwards_are_refused(mentions):
    broken = f"page {2:02} = 1".encode()  # no Python before, none after
    with pytest.raises(ValueError, match=r"a\.py could not be read"):
        renumbering._rewritten(Path("a.py"), broken, mentions)
