"""A page loads the base and its own chapter's figures, and no other chapter's."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils import figures

FOLDER = Path(figures.__file__).parent
BASE = {
    "charts",
    "drawing",
    "interactive",
    "live",
    "numbers",
    "plots",
    "shapes",
    "tokens",
}
CHAPTERS = {path.stem for path in FOLDER.glob("*.py")} - BASE - {"__init__"}


def imported_figures(name):
    """Return the modules of the wing that a module of the wing imports."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    start = "course_utils.figures"
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {node.module.removeprefix(f"{start}.") for node in froms}
    names |= {a.name for node in froms if node.module == start for a in node.names}
    return names & (BASE | CHAPTERS)


@pytest.mark.parametrize("chapter", sorted(CHAPTERS))
def test_a_chapter_stands_on_the_base_alone(chapter):
    assert imported_figures(chapter) <= BASE


def test_the_base_knows_no_chapter_and_its_packages_name_loads_nothing():
    assert all(imported_figures(name) <= BASE for name in BASE)
    code = "import sys, course_utils.figures; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = run.stdout.split()
    assert "course_utils.figures" in loaded
    assert not [name for name in loaded if name.startswith("course_utils.figures.")]
    assert not {"torch", "matplotlib", "ipywidgets"} & {*loaded}
