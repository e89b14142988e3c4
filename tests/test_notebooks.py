"""The command that runs, stamps, checks and copies notebooks, on tiny notebooks."""

import importlib.util
import inspect
import io
import json
import os
import subprocess
import sys
import urllib.request
from types import SimpleNamespace
from urllib.parse import quote

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.files import atomic_path
from course_utils.notebooks import (
    WIDGET_VIEW,
    command,
    copying,
    places,
    running,
    set_up,
    stamping,
)

SETUP = {"tags": ["setup"]}
NAVIGATION = {"tags": ["navigation"]}
COMPONENT = {
    "tags": ["component"],
    "course": {"component": "course_utils.notebooks.running.AT_ONCE"},
}


def write(path, *cells, **metadata):
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
    return path


def derived_cells():
    return (
        new_markdown_cell("# A page"),
        new_markdown_cell("old links", metadata=NAVIGATION),
        new_code_cell("old set-up", metadata=SETUP),
        new_code_cell("old component", metadata=COMPONENT),
    )


# --- What derived cells hold


def test_a_component_is_the_text_of_its_definition_with_decorators():
    source = stamping.component_source("course_utils.files.atomic_path")
    assert source == inspect.getsource(atomic_path).rstrip()
    assert source.startswith("@contextmanager\ndef atomic_path")


MODULE = '''"""A module."""

# A heading, not about what follows.

# Right above.
# Still right above.
LIMIT: int = 3  # beside


@register
# between
@other
class Thing:
    """Its text."""

    size = 1  # last line


def after():
    return LIMIT
'''


@pytest.fixture
def package(tmp_path):
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    (tmp_path / "pack" / "module.py").write_text(MODULE)
    (tmp_path / "pack" / "inner" / "__init__.py").write_text("# note\nx = y = 2\n")
    return tmp_path


def test_comments_right_above_a_definition_belong_to_it_and_others_do_not(package):
    limit = stamping.component_source("pack.module.LIMIT", package)
    assert limit == "# Right above.\n# Still right above.\nLIMIT: int = 3  # beside"
    thing = stamping.component_source("pack.module.Thing", package)
    assert thing.startswith("@register\n# between\n@other\nclass Thing:")
    assert thing.endswith("    size = 1  # last line")
    assert stamping.component_source("pack.inner.y", package) == "# note\nx = y = 2"


@pytest.mark.parametrize("name", ["", "LIMIT", "pack.nothing.LIMIT", "pack.module.no"])
def test_a_component_that_is_nowhere_is_refused_by_name(package, name):
    with pytest.raises(ValueError, match=name or "''"):
        stamping.component_source(name, package)


def test_links_follow_the_reading_order_with_the_primer_first(tmp_path):
    for name, title in [("00_a", "First"), ("01_b", "Second"), ("primer", "Before")]:
        write(tmp_path / f"{name}.ipynb", new_markdown_cell(f"# {title}\n\nText."))
    order = [path.stem for path in places.reading_order(tmp_path)]
    assert order == ["primer", "00_a", "01_b"]
    middle = stamping.navigation(tmp_path / "00_a.ipynb", None)
    assert "Previous: [Before](primer.ipynb)" in middle
    assert "Next: [Second](01_b.ipynb)" in middle
    assert "Previous" not in stamping.navigation(tmp_path / "primer.ipynb", None)
    assert "Next" not in stamping.navigation(tmp_path / "01_b.ipynb", None)


def test_the_badge_names_the_repository_if_there_is_one_and_no_other(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    path = write(folder / "00_a.ipynb", new_markdown_cell("# First"))
    target = "(https://colab.research.google.com/github/{})"
    ours = stamping.navigation(path, "https://github.com/me/mine")
    assert target.format("me/mine/blob/main/notebooks/00_a.ipynb") in ours
    assert target.format("") in stamping.navigation(path, None)


@pytest.fixture
def clone(tmp_path):
    """A clone in a sub-folder of its repository; returns a function that runs git."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text("[project]\nname = 'x'\n")

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)

    git("init", "--quiet")
    return git


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_the_repository_address_stands_in_pyproject(tmp_path, end):
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\nname = 'x'\n")
    assert places.repository_address(tmp_path) is None
    urls = f"[project.urls]\nRepository = 'https://github.com/me/mine{end}'\n"
    file.write_text("[project]\nname = 'x'\n" + urls)
    assert places.repository_address(tmp_path) == "https://github.com/me/mine"


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/me/mine.git",
        "https://secret@github.com/me/mine",
        "git@github.com:me/mine.git",
        "ssh://git@github.com/me/mine/",
    ],
)
def test_a_fork_is_known_by_where_its_clone_comes_from(tmp_path, clone, origin):
    clone("remote", "add", "origin", origin)
    assert places.repository_address(tmp_path / "sub") == "https://github.com/me/mine"
    assert places.folder_in_repository(tmp_path / "sub") == "sub/"


def test_a_clone_from_elsewhere_has_no_address_for_colab(tmp_path, clone):
    assert places.repository_address(tmp_path / "sub") is None
    clone("remote", "add", "origin", "https://example.org/me/mine.git")
    assert places.repository_address(tmp_path / "sub") is None


def test_a_repository_that_colab_cannot_open_is_refused(tmp_path):
    file = tmp_path / "pyproject.toml"
    file.write_text("[project]\n[project.urls]\nRepository = 'https://example.org/a'\n")
    with pytest.raises(ValueError, match=r"https://github\.com/OWNER/NAME, got https"):
        places.repository_address(tmp_path)


def test_a_page_that_was_stamped_in_another_fork_is_up_to_date(tmp_path):
    path = write(tmp_path / "00_a.ipynb", *derived_cells())
    for repository in ("https://github.com/me/mine", None, "https://github.com/a/b"):
        assert stamping.write_stamped(path, repository)
        assert not stamping.write_stamped(path, repository)
        assert stamping.stale(path) == []


# --- The set-up cell


class Colab:
    """What the set-up cell meets: sessions, metadata, git, pip, and the package."""

    def __init__(self, monkeypatch, on_colab=True, opened_from=None, copy_of=None):
        self.installed, self.installs, self.holds_course = False, [], True
        self.opened_from, self.copy_of, self.refusal = opened_from, copy_of, ""
        for name in ("COURSE_REPO", "COLAB_RELEASE_TAG", "GIT_TERMINAL_PROMPT"):
            monkeypatch.setenv(name, "")  # so that it is as it was afterwards
            monkeypatch.delenv(name)
        if on_colab:
            monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
            monkeypatch.setenv("COLAB_JUPYTER_IP", "172.28.0.12")
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: self.installed)
        monkeypatch.setattr(urllib.request, "urlopen", self.answer)
        monkeypatch.setattr(subprocess, "run", self.git)
        colab = SimpleNamespace(_message=SimpleNamespace(blocking_request=self.page))
        monkeypatch.setitem(sys.modules, "google.colab", colab)

    def answer(self, address):
        assert address == "http://172.28.0.12:9000/api/sessions"
        if self.opened_from is None:
            raise OSError("no answer")
        sessions = [{"path": quote(self.opened_from, safe=""), "kernel": {"id": "a/b"}}]
        return io.BytesIO(json.dumps(sessions).encode())

    def page(self, name):
        assert name == "get_ipynb"
        origin = [{"file_id": self.copy_of, "timestamp": 1}] if self.copy_of else []
        return {"ipynb": {"metadata": {"colab": {"provenance": origin}}}}

    def git(self, command, **settings):
        assert command[:2] == ["git", "ls-remote"]
        assert os.environ["GIT_TERMINAL_PROMPT"] == "0"
        self.asked = command[2]
        names = ["HEAD", "refs/heads/main", "refs/heads/chapter/two", "refs/tags/v1"]
        return SimpleNamespace(
            returncode=128 if self.refusal else 0,
            stdout="\n".join(f"0a\t{name}" for name in names),
            stderr=self.refusal,
        )

    def run_line_magic(self, name, line):
        assert name == "pip"
        self.installs.append(line.format(**self.names))
        self.installed = self.holds_course

    def run(self):
        self.names = {"get_ipython": lambda: self}
        exec(TransformerManager().transform_cell(set_up.SETUP), self.names)
        return self.installs


MINE = "https://github.com/me/mine"
ON_DRIVE = "fileId=1AbCdEf"


def installs(branch, folder=""):
    folder = folder and f"#subdirectory={folder}"
    branch = branch and f"@{branch}"
    return [f"install --quiet --no-deps git+{MINE}{branch}{folder}"]


@pytest.mark.parametrize("branch", ["main", "chapter/two", "v1", "0a1b2c3"])
@pytest.mark.parametrize("folder", ["", "courses", "courses/gpt"])
def test_on_colab_the_course_comes_from_where_the_page_comes_from(
    monkeypatch, branch, folder
):
    path = "/".join(filter(None, [branch, folder, "notebooks/00_a.ipynb"]))
    colab = Colab(monkeypatch, opened_from=f"fileId={MINE}/blob/{path}")
    monkeypatch.setenv("COURSE_REPO", "https://github.com/not/asked")
    assert colab.run() == installs(branch, folder)
    assert colab.asked == MINE


def test_a_copy_in_drive_remembers_where_it_comes_from(monkeypatch):
    page = f"{MINE}/blob/chapter/two/notebooks/00_a.ipynb"
    colab = Colab(monkeypatch, opened_from=ON_DRIVE, copy_of=page)
    assert colab.run() == installs("chapter/two")


@pytest.mark.parametrize("opened_from", [ON_DRIVE, None])
@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_a_page_that_remembers_nothing_uses_the_setting(monkeypatch, opened_from, end):
    colab = Colab(monkeypatch, opened_from=opened_from)
    monkeypatch.setenv("COURSE_REPO", MINE + end)
    assert colab.run() == installs("")


def says(colab, words):
    with pytest.raises(AssertionError, match=words):
        colab.run()


def test_what_cannot_be_installed_is_told_apart(monkeypatch):
    says(Colab(monkeypatch, opened_from=ON_DRIVE), "does not say .* %env COURSE_REPO=")
    page = f"fileId={MINE}/blob/main/notebooks/00_a.ipynb"
    colab = Colab(monkeypatch, opened_from=page)
    colab.refusal = "fatal: could not read Username for 'https://github.com'"
    says(colab, f"{MINE} is private, or gone")
    colab.refusal = "fatal: unable to access: Could not resolve host: github.com"
    says(colab, "there is no network")
    assert colab.installs == []
    colab.refusal, colab.holds_course = "", False
    says(colab, f"No course was found in {MINE}, branch main, folder /:")


def test_on_a_laptop_or_a_second_time_nothing_is_installed(monkeypatch, capsys):
    for on_colab in (True, False):
        colab = Colab(monkeypatch, on_colab)
        colab.installed = True
        assert colab.run() == []
    says(Colab(monkeypatch, on_colab=False), r"pip install -r requirements\.txt")
    assert capsys.readouterr().out == ""


# --- Stamping and checking


def test_stamping_twice_changes_nothing_more_and_check_agrees(tmp_path):
    path = write(tmp_path / "00_a.ipynb", *derived_cells())
    assert len(stamping.stale(path)) == 3
    path.write_bytes(stamping.to_bytes(stamping.stamp(path, None)))
    assert stamping.stale(path) == []
    assert stamping.to_bytes(stamping.stamp(path, None)) == path.read_bytes()
    assert nbformat.read(path, 4).cells[3].source.splitlines()[-1].startswith("AT_ONCE")


def test_check_names_the_cell_that_was_edited(tmp_path):
    path = write(tmp_path / "00_a.ipynb", *derived_cells())
    page = stamping.stamp(path, None)
    page.cells[3].source += "  # mine"
    path.write_bytes(stamping.to_bytes(page))
    (finding,) = stamping.stale(path)
    assert "00_a.ipynb, cell 4: course_utils.notebooks.running.AT_ONCE" in finding


def test_stamping_removes_what_changes_by_itself_and_keeps_the_rest(tmp_path):
    view = {"version_major": 2, "version_minor": 0, "model_id": "0123"}
    data = {WIDGET_VIEW: view, "image/png": "AAAA", "text/plain": "A figure."}
    cell = new_code_cell(
        "figure",
        execution_count=7,
        metadata={
            "tags": ["mine"],
            "execution": {"iopub.execute_input": "2026-01-01"},
            "jupyter": {"source_hidden": True},
            "scrolled": True,
        },
        outputs=[new_output("execute_result", data, execution_count=7)],
    )
    info = {"name": "python", "version": "3.99.1"}
    page = {"widgets": {"state": {}}, "language_info": info}
    path = write(tmp_path / "00_a.ipynb", cell, **page)
    assert stamping.stale(path)
    page = stamping.stamp(path, None)
    (stamped,) = page.cells
    assert set(page.metadata) == {"kernelspec", "language_info"}
    assert "version" not in page.metadata.language_info
    assert set(stamped.metadata) == {"tags", "jupyter", "cellView"}
    assert stamped.metadata.cellView == "form"
    assert set(stamped.outputs[0].data) == {"image/png", "text/plain"}
    assert (stamped.id, stamped.execution_count) == (cell.id, 7)


def test_a_component_cell_without_a_name_is_reported_with_its_place(tmp_path):
    cell = new_code_cell("x", metadata={"tags": ["component"]})
    path = write(tmp_path / "00_a.ipynb", cell)
    with pytest.raises(ValueError, match=r"00_a\.ipynb, cell 1: component must be"):
        stamping.stamp(path, None)


def test_a_file_that_is_no_notebook_is_reported(tmp_path):
    path = tmp_path / "00_a.ipynb"
    path.write_text("{ cut short")
    with pytest.raises(ValueError, match=r"00_a\.ipynb is not a notebook"):
        stamping.stamp(path, None)


# --- Finding and running


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return folder


def test_notebooks_are_found_by_number_name_or_path(folder):
    first = write(folder / "01_a.ipynb", new_markdown_cell("# A"))
    second = write(folder / "02_b.ipynb", new_markdown_cell("# B"))
    assert places.find([], folder) == [first, second]
    assert places.find(["02"], folder) == [second]
    assert places.find(["02_b.ipynb", str(first)], folder) == [first, second]
    for name in ["0", "03", "elsewhere/01_a.ipynb"]:
        with pytest.raises(ValueError, match=r"one notebook of 01_a, 02_b; got '"):
            places.find([name], folder)


GOOD = """import os
import sys
import time

for number in range(3):
    print(number, flush=True)
    time.sleep(0.02)
print(sys.executable, os.getcwd(), os.environ.get("COURSE_GPT2"))
print(os.path.exists(os.environ["COURSE_PROGRESS"]))"""


def test_refreshing_saves_outputs_and_an_unchanged_page_keeps_its_bytes(
    folder, capsys, monkeypatch
):
    monkeypatch.setenv("COURSE_GPT2", "/not/for/the/page")
    monkeypatch.setenv("COURSE_PROGRESS", str(folder))
    cells = [*derived_cells(), new_code_cell(GOOD), new_code_cell("ipywidgets")]
    cells[-1].source = "import ipywidgets\n\nipywidgets.IntSlider(value=3)"
    good = write(folder / "01_good.ipynb", *cells)
    failing = new_code_cell("print('before')\nnot_defined + 1")
    bad = write(folder / "02_bad.ipynb", new_code_cell("1 + 1"), failing)
    untouched = bad.read_bytes()

    assert running.refresh([good, bad], None) == 1
    out, err = capsys.readouterr()
    assert "01_good: saved" in out
    assert "02_bad.ipynb, cell 2" in err
    assert "NameError: name 'not_defined' is not defined" in err and "\x1b" not in err
    assert bad.read_bytes() == untouched

    page = nbformat.read(good, as_version=4)
    code = [cell for cell in page.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    (stream,) = code[2].outputs  # one, however slowly it was written
    assert stream.text.startswith("0\n1\n2\n")
    assert f"{sys.executable} {folder} None\nFalse\n" in stream.text
    assert set(code[3].outputs[0].data) == {"text/plain"}
    assert all("execution" not in cell.metadata for cell in code)
    assert stamping.stale(good) == []

    stored = good.read_bytes()
    assert running.refresh([good], None) == 0
    assert "01_good: unchanged" in capsys.readouterr().out
    assert good.read_bytes() == stored
    assert sorted(path.name for path in folder.iterdir()) == [good.name, bad.name]


# --- The learner's own copy


@pytest.fixture
def course(folder, monkeypatch):
    monkeypatch.setattr(command, "FOLDER", folder)
    write(folder / "01_a.ipynb", new_markdown_cell("# A, first version"))
    write(folder / "02_b.ipynb", new_markdown_cell("# B, first version"))
    return folder


def ship(course, name, text):
    return write(course / name, new_markdown_cell(text)).read_bytes()


def edit(path):
    content = path.read_bytes().replace(b"first", b"my own")
    path.write_bytes(content)
    return content


def names_in(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != copying.COPY_RECORD)


def test_the_first_copy_takes_everything_and_the_second_nothing(course, tmp_path):
    mine = tmp_path / "mine"
    lines = copying.copy_course(mine, course)
    assert lines == ["01_a.ipynb: copied", "02_b.ipynb: copied"]
    assert names_in(mine) == ["01_a.ipynb", "02_b.ipynb"]
    assert all("newest" in line for line in copying.copy_course(mine, course))


def test_the_copy_tells_a_coding_assistant_how_to_tutor(course, tmp_path):
    tutoring, mine = course.parent / copying.TUTORING, tmp_path / "mine"
    tutoring.write_text("first", "utf-8")
    *_, line = copying.copy_course(mine, course)
    assert line == "AGENTS.md: copied"
    assert (mine / copying.TUTORING).read_text("utf-8") == "first"
    edit(mine / copying.TUTORING)
    assert copying.pages_worked_on(mine) == []
    *_, line = copying.copy_course(mine, course)
    assert "as you left it" in line
    own = copying.ROOT / copying.TUTORING
    assert "exercises explain" in own.read_text("utf-8")


def test_a_changed_file_is_kept_and_nothing_is_put_beside_it(course, tmp_path):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    content = edit(mine / "01_a.ipynb")
    line, _ = copying.copy_course(mine, course)
    assert line == "01_a.ipynb: kept as you left it"
    assert (mine / "01_a.ipynb").read_bytes() == content
    assert names_in(mine) == ["01_a.ipynb", "02_b.ipynb"]


def test_a_newer_page_is_put_beside_a_changed_file_once(course, tmp_path):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    content = edit(mine / "01_a.ipynb")
    second = ship(course, "01_a.ipynb", "# A, second version")
    line, _ = copying.copy_course(mine, course)
    assert line.endswith("the newer one is beside it, 01_a.new.ipynb")
    assert (mine / "01_a.ipynb").read_bytes() == content
    assert (mine / "01_a.new.ipynb").read_bytes() == second
    copying.copy_course(mine, course)
    assert names_in(mine) == ["01_a.ipynb", "01_a.new.ipynb", "02_b.ipynb"]
    third = ship(course, "01_a.ipynb", "# A, third version")
    copying.copy_course(mine, course)
    assert (mine / "01_a.new.ipynb").read_bytes() == second
    assert (mine / "01_a.new-2.ipynb").read_bytes() == third


def test_a_file_the_learner_did_not_change_is_brought_up_to_date(course, tmp_path):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    second = ship(course, "01_a.ipynb", "# A, second version")
    line, _ = copying.copy_course(mine, course)
    assert "brought up to date" in line
    assert (mine / "01_a.ipynb").read_bytes() == second
    assert names_in(mine) == ["01_a.ipynb", "02_b.ipynb"]


@pytest.mark.parametrize("record", ["{ cut", "[1, 2]", None])
def test_without_a_record_no_file_is_overwritten(course, tmp_path, record):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    content = edit(mine / "01_a.ipynb")
    (mine / copying.COPY_RECORD).unlink()
    if record is not None:
        (mine / copying.COPY_RECORD).write_text(record)
    copying.copy_course(mine, course)
    assert (mine / "01_a.ipynb").read_bytes() == content


def test_a_page_with_a_new_number_keeps_what_the_learner_wrote(course, tmp_path):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    content = edit(mine / "01_a.ipynb")
    (course / "02_b.ipynb").rename(course / "03_b.ipynb")
    (course / "01_a.ipynb").rename(course / "02_a.ipynb")
    ship(course, "01_new.ipynb", "# New")
    lines = copying.copy_course(mine, course)
    assert "01_a.ipynb: is called 02_a.ipynb now" in lines
    assert "02_a.ipynb: kept as you left it" in lines
    assert names_in(mine) == ["01_new.ipynb", "02_a.ipynb", "03_b.ipynb"]
    assert (mine / "02_a.ipynb").read_bytes() == content
    assert all(
        "left it" in x or "already" in x for x in copying.copy_course(mine, course)
    )


def test_pages_that_the_learner_worked_on_are_known_by_their_content(course, tmp_path):
    mine = tmp_path / "mine"
    assert copying.pages_worked_on(mine) == []
    copying.copy_course(mine, course)
    assert copying.pages_worked_on(mine) == []
    edit(mine / "02_b.ipynb")
    write(mine / "their_own.ipynb", new_markdown_cell("# Not a page of the course"))
    assert copying.pages_worked_on(mine) == [mine / "02_b.ipynb"]


def test_asked_for_inside_the_pages_folder_the_copy_lies_beside_it(
    course, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.chdir(course)
    assert command.main(["copy", "my-course"]) == 0
    assert names_in(tmp_path / "my-course") == ["01_a.ipynb", "02_b.ipynb"]
    assert "jupyter lab ../my-course" in capsys.readouterr().out
    assert names_in(course) == ["01_a.ipynb", "02_b.ipynb"]


def test_a_page_that_is_begun_anew_keeps_the_old_one(course, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    copying.copy_course(mine, course)
    content = edit(mine / "01_a.ipynb")
    assert command.main(["reset", "01", str(mine)]) == 0
    shipped = (course / "01_a.ipynb").read_bytes()
    assert (mine / "01_a.ipynb").read_bytes() == shipped
    assert (mine / "01_a.old.ipynb").read_bytes() == content
    assert copying.pages_worked_on(mine) == []
    line = copying.reset_page(mine, course / "01_a.ipynb")
    assert line == "01_a.ipynb: as it is shipped"  # nothing to keep
    edit(mine / "01_a.ipynb")
    copying.reset_page(mine, course / "01_a.ipynb")
    assert (mine / "01_a.old.ipynb").read_bytes() == content
    assert (mine / "01_a.old-2.ipynb").read_bytes() == content


def test_only_a_page_of_a_copy_is_begun_anew(course, tmp_path, capsys):
    assert command.main(["reset", "01", str(tmp_path / "none")]) == 1
    assert "no copy of the course in" in capsys.readouterr().err
    assert command.main(["reset", "07", str(tmp_path)]) == 1
    assert "07" in capsys.readouterr().err


def test_a_copy_inside_the_course_is_refused(course):
    with pytest.raises(ValueError, match="DIR must be outside notebooks/"):
        copying.copy_course(course / "mine", course)


# --- The command


def test_check_fails_on_a_stale_cell_and_passes_when_it_is_stamped(course, capsys):
    path = write(course / "01_a.ipynb", *derived_cells())
    other = course / "02_b.ipynb"
    assert command.main(["check"]) == 1
    assert "01_a.ipynb, cell 3: setup is out of date" in capsys.readouterr().out
    for page in (path, other):
        page.write_bytes(
            stamping.to_bytes(stamping.stamp(page, places.repository_address()))
        )
    assert command.main(["check"]) == 0


def test_copy_says_where_the_copy_is_and_errors_are_one_line(course, tmp_path, capsys):
    assert command.main(["copy", str(tmp_path / "mine")]) == 0
    assert "jupyter lab" in capsys.readouterr().out
    assert command.main(["copy", str(course)]) == 1
    assert command.main(["refresh", "nothing"]) == 1
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2 and all("course_utils.notebooks: " in line for line in err)
