"""Exercises on the pages: stubs as the engine gives them, and pages that run solved.

A page is shipped with its exercises to do. A learner who does them must get through it
as well: so each page is copied, every stub in the copy is replaced by the course's
solution, and the copy runs from top to bottom. That takes as long as the notebooks do,
so ``pytest`` leaves these tests out (marker ``slow``) and ``pytest -m slow`` runs them.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from course_utils.exercises.course import CATALOGUE
from course_utils.notebooks import FOLDER, reading_order, refresh

find = CATALOGUE.find
ANSWER = re.compile(r'^@exercise\("([\w.]+)"\)$', re.M)
PAGES = reading_order(FOLDER)


def code_cells(path: Path) -> list:
    return [
        cell
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
    ]


def exercise_in(cell) -> str | None:
    """Return the name of the exercise that is answered in a cell, if there is one."""
    found = ANSWER.search(cell.source) if cell.cell_type == "code" else None
    return found and found.group(1)


def exercises_of(path: Path) -> list[str]:
    return list(filter(None, map(exercise_in, code_cells(path))))


WITH_EXERCISES = [path for path in PAGES if exercises_of(path)]
each_page = pytest.mark.parametrize("path", WITH_EXERCISES, ids=lambda path: path.stem)


# --- What stands on the page


@each_page
def test_each_exercise_stands_once_as_the_engines_stub(path):
    names = exercises_of(path)
    assert len(set(names)) == len(names)
    for cell in code_cells(path):
        if name := exercise_in(cell):
            assert cell.source == find(name).stub_cell(), name


def test_what_counts_for_progress_and_in_grades_is_what_pages_ask():
    on_pages = [name for path in PAGES for name in exercises_of(path)]
    counted = [
        task.name for chapter in CATALOGUE.chapters for task in CATALOGUE.asked(chapter)
    ]
    assert sorted(on_pages) == sorted(counted)


def test_notebooks_from_02_on_have_three_exercises_or_more():
    for path in PAGES:
        if path.stem >= "02" and path.stem != "primer":
            assert len(exercises_of(path)) >= 3, path.stem


@each_page
def test_what_a_card_tells_to_call_is_there_on_the_page(path):
    cells = code_cells(path)
    (imports,) = (c for c in cells if "from course_utils.exercises import" in c.source)
    names = {
        alias.name
        for node in ast.walk(ast.parse(imports.source))
        if isinstance(node, ast.ImportFrom) and node.module == "course_utils.exercises"
        for alias in node.names
    }
    assert {"exercise", "hint", "solution", "progress"} <= names
    assert cells.index(imports) < cells.index(next(filter(exercise_in, cells)))


@each_page
def test_no_answer_stands_before_its_exercise(path):
    cells = code_cells(path)
    for place, cell in enumerate(cells):
        if name := exercise_in(cell):
            given = [c.source for c in cells[:place] if gives_away(c, name)]
            assert not given, f"{name} is answered before it is asked:\n{given[0]}"


def gives_away(cell, name: str) -> bool:
    """Return whether a cell holds the answer to an exercise.

    It does if it shows the component of that name, three lines of the solution in one
    piece (all of them, if it has fewer), or a long text constant of it.
    """
    component = cell.metadata.get("course", {}).get("component", "")
    if component.rpartition(".")[2] == name.rpartition(".")[2]:
        return True
    task = find(name)
    solution = ast.parse(task.solution_cell()).body[-1]
    lines = [
        line
        for statement in without_docstring(solution)
        for line in ast.unparse(statement).splitlines()
    ]
    lines = [line.strip() for line in lines]
    shown = [line.strip() for line in unparsed(cell.source).splitlines()]
    n = min(3, len(lines))
    windows = [lines[i : i + n] for i in range(len(lines) - n + 1)]
    if any(shown[i : i + n] in windows for i in range(len(shown))):
        return True
    constants = [
        node.value
        for statement in without_docstring(solution)
        for node in ast.walk(statement)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return any(len(text) >= 20 and text in cell.source for text in constants)


def without_docstring(function) -> list[ast.stmt]:
    return function.body[1 if ast.get_docstring(function) else 0 :]


def unparsed(source: str) -> str:
    """Return a cell's code in one style; as it is, where it holds IPython's magics."""
    try:
        return ast.unparse(ast.parse(source))
    except SyntaxError:
        return source


NAME = "tokenization.merge_pair"


@pytest.mark.parametrize(
    "cell",
    [
        new_code_cell(find(NAME).solution_cell()),
        new_code_cell(find(NAME).solution_cell().replace("merge_pair", "by_hand")),
        new_code_cell(
            "# component",
            metadata={"course": {"component": "course_utils.tokenization.merge_pair"}},
        ),
    ],
    ids=["solution", "under another name", "component"],
)
def test_an_answer_on_the_page_is_noticed(cell):
    assert gives_away(cell, NAME)


def test_a_pattern_on_the_page_is_noticed():
    page = new_code_cell("import regex\n" + find("tokenization.split_words").solution())
    page.source = page.source.replace("pieces", "GPT2_PATTERN")
    assert gives_away(page, "tokenization.split_words")


def test_a_stub_and_other_code_give_nothing_away():
    for source in (find(NAME).stub_cell(), "%pip list", "print(1)\nprint(2)"):
        assert not gives_away(new_code_cell(source), NAME)


# --- Pages with all exercises solved


@pytest.mark.slow
@each_page
def test_a_page_with_all_exercises_solved_runs(path, tmp_path):
    copy = tmp_path / path.name
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if name := exercise_in(cell):
            cell.source = find(name).solution_cell()
    nbformat.write(notebook, copy)

    # In a fresh kernel, with a progress file of its own. What fails is on stderr.
    assert refresh([copy], repository=None) == 0

    cells = code_cells(copy)
    for cell in cells:
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr"
        if name := exercise_in(cell):
            first_lines = [
                text.partition("\n")[0]
                for output in cell.outputs
                if (text := output.get("data", {}).get("text/plain"))
            ]
            assert f"✓ solved · {name}" in first_lines
    assert exercises_of(copy) == exercises_of(path)


# --- A page on a GPT-2 of the learner's own


@pytest.mark.slow
def test_the_page_on_gpt2_runs_on_a_gpt2_of_the_learners_own(tmp_path):
    from course_utils import huggingface, models
    from course_utils.config import GPTConfig

    tokenizer = models.load("docstrings")[1]
    config = GPTConfig(tokenizer.vocab_size, 128, n_layer=3, n_head=2, n_embd=32)
    gpt2 = huggingface.stand_in_gpt2(0, config)
    huggingface.save_pretrained(gpt2, tokenizer, tmp_path / "gpt2")
    (path,) = (page for page in PAGES if page.stem.endswith("hugging_face_gpt2"))
    copy, notebook = tmp_path / path.name, nbformat.read(path, as_version=4)
    # Refreshing leaves the setting out, so that shipped pages are the same everywhere.
    chosen = f"import os\nos.environ['COURSE_GPT2'] = {str(tmp_path / 'gpt2')!r}\n"
    notebook.cells[3].source = chosen + notebook.cells[3].source
    nbformat.write(notebook, copy)

    assert refresh([copy], repository=None) == 0

    outputs = [output for cell in code_cells(copy) for output in cell.outputs]
    assert all(output.output_type != "error" for output in outputs)
    text = "".join(output.get("text", "") for output in outputs)
    assert "using your GPT-2" in text and "the story model\n" not in text
    # Whatever the weights: each verdict on equality stays as on the shipped page.
    shipped_page = "".join(
        o.get("text", "") for c in code_cells(path) for o in c.outputs
    )
    assert shipped_page.count("  yes") == text.count("  yes") >= 20
    assert " NO\n" not in text
