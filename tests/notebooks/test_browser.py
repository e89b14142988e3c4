"""The course as people meet it: each page in JupyterLab, in a real browser.

Each notebook is opened and run once; the tests then look at what stands on the page,
while the next one runs. They take minutes, so ``pytest`` leaves them out and
``pytest -m browser`` runs them. Pictures of the pages are kept in the folder that
``COURSE_SCREENSHOTS`` names.
"""

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from lab import CHROMIUM, FLAGS, Lab, Notebook, needs_chromium
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.exercises.course import CATALOGUE
from course_utils.notebooks import (
    FOLDER,
    ROOT,
    WIDGET_VIEW,
    copy_course,
    reading_order,
)

pytestmark = [pytest.mark.browser, needs_chromium]

README = (ROOT / "README.md").read_text("utf-8")
PAGES = [path.name for path in reading_order(FOLDER)]
ASKING = [name for name in PAGES if "predict(" in (FOLDER / name).read_text("utf-8")]
WIDTHS = (1280, 900)
THEMES = ("Light", "Dark")

# Outputs that can be scrolled sideways: what they hold is wider than they are. A text
# that JupyterLab itself lets scroll (pre) is a fault too: our lines are short enough.
TOO_WIDE = """() => [...document.querySelectorAll(
    '.jp-OutputArea-output, .jp-OutputArea-output *, .jp-RenderedMarkdown')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
        && ['auto', 'scroll'].includes(getComputedStyle(e).overflowX))
    .map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 80)}`)"""

# JupyterLab 4 drops the words that a stored picture brings in its metadata (jupyter's
# enhancement proposal 120 asks for them); that each has them is held by test_structure.
STORED = ".jp-RenderedImage img"
WITHOUT_WORDS = """stored => [...document.querySelectorAll(
    '.jp-Notebook :is(img, .jp-OutputArea svg[role=img])')]
    .filter(e => !e.matches(stored) && !(e.alt ?? e.ariaLabel).trim())
    .map(e => e.outerHTML.slice(0, 120))"""

# ipywidgets names a slider in a label beside it, and gives its handle no name for
# screen readers (no trait reaches it). So for sliders the visible label is asked for.
HANDLE = ".noUi-handle"
CONTROLS = "input, select, button, [role=slider]"
TOKENS = ".widget-toggle-buttons"  # of a text, below a slider that chooses them too
UNLABELLED = """controls => [...document.querySelectorAll('.jp-OutputArea')].flatMap(
    area => [...area.querySelectorAll(controls)])
    .filter(e => e.offsetParent !== null && ![e, ...e.labels ?? [],
        e.closest('.widget-slider')?.querySelector('.widget-label')]
        .some(named => named?.textContent.trim()))
    .map(e => e.outerHTML.slice(0, 120))"""

# A picture in an output is a live widget's if it stands in an HTML widget.
PICTURE = ".widget-html-content :is(img, svg[role=img])"
FIGURE = f".jp-OutputArea .widget-vbox:has({PICTURE})"

HEADINGS = """() => [...document.querySelectorAll(
    '.jp-MarkdownCell .jp-RenderedMarkdown :is(h1, h2, h3, h4)')]
    .map(e => e.textContent.replace(/¶$/, '').trim())"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The course as a learner has it: copied, and opened with the README's command."""
    home = tmp_path_factory.mktemp("lab")
    folder = re.search(r"^jupyter lab (my-course)$", README, re.M).group(1)
    copy_course(home / folder, FOLDER)
    with Lab(home / folder, home) as server:
        yield server


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=FLAGS,
            ignore_default_args=["--hide-scrollbars"],  # they take room, as for readers
        )
        context = chromium.new_context()  # what one page has loaded serves the next
        context.set_default_timeout(120_000)  # CI's machine has more to do
        yield context
        chromium.close()


class Running:
    """The pages in turn: while one is looked at, the next one runs already."""

    def __init__(self, lab, browser, names):
        self.lab, self.browser = lab, browser
        self.to_come, self.started = list(names), {}

    def take(self, name: str) -> Notebook:
        """Return a page whose cells run by now, and start the one after it."""
        self._start(name)
        if self.to_come:
            self._start(self.to_come[0])
        return self.started.pop(name)

    def _start(self, name: str) -> None:
        if name in self.to_come:
            self.to_come.remove(name)
            notebook = Notebook(self.browser, self.lab.notebook_url(name))
            notebook.start_all()
            self.started[name] = notebook


@pytest.fixture(scope="module")
def running(request, lab, browser):
    tests = [
        test
        for test in request.session.items
        if "opened" in getattr(test, "fixturenames", ())
    ]
    names = dict.fromkeys(test.callspec.params["opened"] for test in tests)
    return Running(lab, browser, names)


@pytest.fixture(scope="module", params=PAGES)
def opened(request, running):
    """A notebook whose cells have all run."""
    notebook = running.take(request.param)
    try:
        notebook.page.bring_to_front()
        notebook.wait_until_run()
        keep_pictures(notebook, request.param.removesuffix(".ipynb"))
        yield notebook
    finally:
        notebook.close()


def keep_pictures(notebook: Notebook, name: str) -> None:
    if folder := os.environ.get("COURSE_SCREENSHOTS"):
        for width, theme in zip(WIDTHS, THEMES, strict=True):
            notebook.keep_pictures(Path(folder) / name, width, theme)
        notebook.set_theme("Light")


# --- The course is opened


def test_jupyter_lab_opens_on_the_first_page_with_all_others_beside_it(lab, browser):
    notebook = Notebook(browser, lab.first_url())
    assert notebook.page.title().startswith("00_start")
    tabs = notebook.page.locator("#jp-main-dock-panel .lm-TabBar-tabLabel")
    assert tabs.all_text_contents() == ["00_start_here.ipynb"]
    files = notebook.page.locator(".jp-DirListing-itemText").all_text_contents()
    assert sorted(files) == sorted([*PAGES, "AGENTS.md"])
    assert notebook.page.locator(".jp-Dialog").count() == 0
    notebook.close()


# --- What stands on the page when it has run


def test_no_cell_shows_an_error_or_a_warning(opened):
    for kind in ("error", "stderr"):
        shown = opened.page.locator(
            f"[data-mime-type='application/vnd.jupyter.{kind}']"
        )
        assert shown.all_text_contents() == []
    assert opened.faults == []


def test_its_kernel_is_python_and_was_not_asked_for(opened):
    session = "window.jupyterapp.shell.currentWidget.sessionContext.session"
    assert opened.page.evaluate(f"() => {session}.kernel.name") == "python3"
    assert opened.page.locator(".jp-Dialog").count() == 0


def test_the_table_of_contents_leads_to_each_heading(opened):
    from playwright.sync_api import expect

    opened.page.evaluate(
        "() => window.jupyterapp.shell.activateById('table-of-contents')"
    )
    entries = opened.page.locator(".jp-TableOfContents-content .jp-tocItem-heading")
    entries.first.wait_for()
    titles = [text.strip() for text in entries.all_text_contents()]
    assert titles == opened.page.evaluate(HEADINGS)
    entries.last.click()
    last = opened.page.locator(".jp-RenderedMarkdown").get_by_role("heading").last
    expect(last).to_be_in_viewport(timeout=60_000)
    opened.page.evaluate("() => window.jupyterapp.shell.activateById('filebrowser')")


def test_every_interactive_figure_is_alive(opened, request):
    path = FOLDER / request.node.callspec.params["opened"]
    stored = [
        output
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
        if "Interactive figure" in str(output.get("data", {}).get("text/plain"))
    ]
    figures = opened.page.locator(FIGURE)
    figures.nth(len(stored) - 1).wait_for()  # it comes after its cell ran
    assert figures.count() >= len(stored) > 0


def test_every_control_is_reached_by_tab_and_changes_its_picture(opened):
    for figure in opened.page.locator(FIGURE).all():
        found = figure.locator(f":is({CONTROLS}):not({TOKENS} *)").all()
        controls = [c for c in found if c.is_visible()]
        controls[0].focus()
        opened.page.keyboard.press("Shift+Tab")
        stuck = []
        for control in controls:
            assert tab_to(opened.page, control), f"not reached: {label(control)}"
            if not moves(opened.page, figure, control):
                stuck.append(label(control))
        assert stuck == [] == figure.get_by_role("alert").all_text_contents()


def test_who_clicks_on_a_token_of_a_figures_text_sees_it_chosen(opened):
    texts = opened.page.locator(f"{FIGURE}:has({TOKENS})")
    for figure in texts.all():
        before = figure.locator(PICTURE).evaluate("e => e.outerHTML")
        token = figure.locator(f"{TOKENS} button:not(.mod-active)").last
        token.click()
        changed = f"""([figure, before]) =>
            figure.querySelector('{PICTURE}').outerHTML !== before"""
        given = [figure.element_handle(), before]
        opened.page.wait_for_function(changed, arg=given)
        assert figure.locator(f"{TOKENS} button.mod-active").count() == 1


def tab_to(page, control) -> bool:
    """Press Tab until the control has the focus; a slider has two stops."""
    for _ in range(4):
        page.keyboard.press("Tab")
        if control.evaluate("e => e === document.activeElement"):
            return True
    return False


def label(control) -> str:
    return control.evaluate("e => (e.closest('.widget-inline-hbox') ?? e).textContent")


def moves(page, figure, control) -> bool:
    """Turn the knob that has the focus; say whether the picture below it changes."""
    from playwright.sync_api import TimeoutError

    before = figure.locator(PICTURE).evaluate("e => e.outerHTML")
    for key in keys_for(control):
        page.keyboard.press(key)
    changed = f"""([figure, before]) =>
        figure.querySelector('{PICTURE}').outerHTML !== before"""
    given = [figure.element_handle(), before]
    try:
        page.wait_for_function(changed, arg=given)
    except TimeoutError:
        return False
    return True


def keys_for(control) -> list[str]:
    """Return the keys that change a control's value."""
    if control.get_attribute("role") == "slider":
        now, end = (control.get_attribute(f"aria-value{x}") for x in ("now", "max"))
        return ["ArrowLeft" if now == end else "ArrowRight"]
    if control.get_attribute("type") == "text":
        return ["Home", "O", "Enter"]
    return ["Space"]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_output_scrolls_sideways(opened, width):
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.page.wait_for_timeout(300)
    assert opened.page.evaluate(TOO_WIDE) == []


# --- Everybody can read and use it


def test_every_picture_has_words_and_every_control_a_label(opened):
    assert opened.page.evaluate(WITHOUT_WORDS, STORED) == []
    assert opened.page.evaluate(UNLABELLED, CONTROLS) == []


@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_serious_in_our_outputs(opened, theme):
    axe = find_spec("axe_playwright_python")
    if axe is None:
        pytest.skip("needs pip install axe-playwright-python")
    opened.set_theme(theme)
    opened.page.add_script_tag(path=Path(axe.origin).with_name("axe.min.js"))
    script = """async others => (await axe.run({include: [['.jp-OutputArea-output']],
        exclude: others.map(selector => [selector])})).violations"""
    found = opened.page.evaluate(script, [STORED, HANDLE])
    serious = [
        f"{fault['id']}: {node['html'][:150]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
    opened.set_theme("Light")
    assert serious == []


# --- A learner's work


def test_a_page_saved_after_its_run_is_valid_and_holds_its_pictures(lab, opened):
    path = opened.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.context.path"
    )
    opened.command("docmanager:save")
    saved = nbformat.read(lab.folder / path, as_version=4)
    nbformat.validate(saved)
    shown = [
        o.data for cell in saved.cells for o in cell.get("outputs", []) if "data" in o
    ]
    assert not [data for data in shown if WIDGET_VIEW in data]
    figures = [x for x in shown if "Interactive figure" in x.get("text/plain", "")]
    assert figures and all("image/png" in data for data in figures)
    assert f"{path}: kept as you left it" in copy_course(lab.folder, FOLDER)


EVERYTHING_ALIVE = """
from ipywidgets import IntSlider
from course_utils.exercises import hint, predict, progress, recall
from course_utils.figures import plots
from course_utils.figures.interactive import Interactive

def draw(power):
    lines = {"line": ([0, 1, 2], [x**power for x in range(3)])}
    return plots.curves("A curve", "x", "y", lines, "A curve that rises.")

Interactive(draw, power=IntSlider(2, 1, 3))
---
hint("attention.causal_mask")
---
recall("attention")
---
predict("How many?", ["one", "two"])
---
progress()
"""
ALIVE = ".jp-OutputArea .jupyter-widgets"
IN_LAB = "() => window.jupyterapp.shell.currentWidget.content.node.innerText"
DEAD = "model not found"


@pytest.fixture
def saved_page(lab, browser):
    """A page with every kind of thing that is alive, run and saved in JupyterLab."""
    cells = [new_code_cell(text.strip()) for text in EVERYTHING_ALIVE.split("---")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    page = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(page, lab.folder / "alive.ipynb")
    notebook = Notebook(browser, lab.notebook_url("alive.ipynb"))
    notebook.start_all()
    notebook.wait_until_run()
    notebook.page.locator(f"{ALIVE} >> nth=-1").wait_for()
    notebook.command("docmanager:save")
    assert notebook.page.locator(".jp-Dialog").count() == 0
    notebook.page.close()  # its kernel runs on
    yield "alive.ipynb"
    (lab.folder / "alive.ipynb").unlink()


def test_a_saved_page_is_alive_again_with_its_kernel_and_still_without(
    lab, browser, saved_page
):
    notebook = Notebook(browser, lab.notebook_url(saved_page))
    notebook.page.locator(FIGURE).wait_for()
    assert DEAD not in notebook.page.evaluate(IN_LAB)
    notebook.close()  # and its kernel

    notebook = Notebook(browser, lab.notebook_url(saved_page))
    notebook.page.locator(STORED).wait_for()
    assert notebook.page.locator(ALIVE).count() == 0
    said = notebook.page.evaluate(IN_LAB)
    assert DEAD not in said
    for kind in ("Hint 1", "From earlier chapters", "How many?", "solved"):
        assert kind in said, kind
    if folder := os.environ.get("COURSE_SCREENSHOTS"):
        for width, theme in zip(WIDTHS, THEMES, strict=True):
            notebook.keep_pictures(Path(folder) / "reopened", width, theme)
    notebook.close()


@pytest.mark.skipif(find_spec("notebook") is None, reason="needs pip install notebook")
def test_notebook_7_shows_a_saved_page_as_jupyterlab_does(lab, browser, saved_page):
    page = browser.new_page()
    page.goto(lab.url(f"notebooks/{saved_page}"))
    page.locator(FIGURE).wait_for()  # its kernel runs
    assert page.get_by_text(DEAD).count() == 0
    lab.end_kernel_of(saved_page)
    page.reload()
    page.locator(STORED).wait_for()
    assert page.locator(ALIVE).count() == 0
    assert page.get_by_text(DEAD).count() == 0
    page.close()


@pytest.mark.parametrize("opened", ASKING, indirect=True)
def test_a_guess_is_made_and_a_hint_comes_by_keyboard(opened):
    from playwright.sync_api import expect

    outputs, keyboard = opened.page.locator(".jp-OutputArea"), opened.page.keyboard
    choices = outputs.locator("input[type=radio]")
    choices.first.focus()
    keyboard.press("Tab")  # to the second: arrow keys belong to JupyterLab
    keyboard.press("Space")
    expect(choices.nth(1)).to_be_checked()
    for button, answer in (
        ("This is my guess", "Run on and see"),
        ("Hint", "Hint 1 of"),
    ):
        outputs.get_by_role("button", name=button).first.focus()
        keyboard.press("Space")
        outputs.get_by_text(answer).first.wait_for()


@pytest.mark.parametrize("opened", ["01_tokenization.ipynb"], indirect=True)
def test_an_exercise_answers_a_wrong_and_a_right_solution(lab, opened):
    name = "tokenization.merge_pair"
    exercise = CATALOGUE.find(name)
    answers = {
        "not yet": exercise.solution_cell().replace("return ", "return [] and ", 1),
        "solved": exercise.solution_cell(),
    }
    cell = opened.page.locator(".jp-CodeCell", has_text=f'@exercise("{name}")')
    for status, source in answers.items():
        cell.locator(".cm-content").click()
        opened.page.keyboard.press("Control+A")
        opened.page.keyboard.insert_text(source)
        opened.page.keyboard.press("Shift+Enter")
        cell.locator(".jp-OutputArea").get_by_text(status).first.wait_for()
    progress = json.loads((lab.home / "progress.json").read_text())
    assert name in json.dumps(progress)
