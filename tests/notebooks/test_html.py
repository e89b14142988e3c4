"""A page saved as HTML can be read alone: pictures, words, formulas and links."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.notebooks import FOLDER, ROOT, reading_order
from course_utils.site import saved_page
from course_utils.site.saved_page import WIDGET_VIEW, with_html_links, with_mathml

PAGES = reading_order(FOLDER)
TEMPLATES = Path(saved_page.__file__).parent / "templates"
MOST_BYTES = 1_500_000  # of a notebook's file: it should open at once, on GitHub too


class Seen(HTMLParser):
    """What an HTML page shows, and what it asks other places for."""

    def __init__(self, html: str):
        super().__init__()
        self.images, self.links, self.anchors = [], [], set()
        self.asked_for, self.formulas = [], []
        self.folded, self.open_code = [], []  # code by where it stands
        self.details, self.in_code, self.words = 0, False, ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(unquote(attributes.get("id") or ""))
        if tag == "img":
            self.images.append(attributes)
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag == "math":
            self.formulas.append(attributes["alttext"])
        if tag in ("script", "link", "iframe", "object", "embed"):
            self.asked_for.append(attributes.get("src") or attributes.get("href") or "")
        if not attributes.get("src", "data:").startswith("data:"):
            self.asked_for.append(attributes["src"])
        if tag == "details":
            assert "open" not in attributes
            self.details += 1
        if tag == "div" and attributes.get("class") == "input":
            self.in_code = True
            (self.folded if self.details else self.open_code).append("")

    def handle_endtag(self, tag):
        if tag == "details":
            self.details -= 1
        if tag == "pre":
            self.in_code = False

    def handle_data(self, data):
        if self.in_code:
            (self.folded if self.details else self.open_code)[-1] += data
        else:
            self.words += data


def saved(notebook, template="course") -> str:
    exporter = HTMLExporter(
        template_name=template, extra_template_basedirs=[str(TEMPLATES)]
    )
    return exporter.from_notebook_node(notebook)[0]


@pytest.fixture(scope="module", params=PAGES, ids=lambda path: path.stem)
def page(request):
    """A notebook, and what its HTML holds."""
    notebook = nbformat.read(request.param, as_version=4)
    html = saved(nbformat.read(request.param, as_version=4))
    return notebook, html, Seen(html)


def outputs(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", ())]


def stored_alts(notebook) -> list[str]:
    found = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
    return [output.metadata["image/png"]["alt"] for output in found]


def shown_alts(seen: Seen) -> list[str]:
    pictures = [i for i in seen.images if i["src"].startswith("data:image/png")]
    return [image.get("alt") for image in pictures]


def test_every_picture_is_there_with_the_words_that_are_stored_with_it(page):
    notebook, _, seen = page
    in_html = "".join(
        str(o.get("data", {}).get("text/html")) for o in outputs(notebook)
    )
    drawn_in_html = in_html.count("data:image/png")
    shown = shown_alts(seen)
    assert len(shown) == len(stored_alts(notebook)) + drawn_in_html > 0
    assert set(stored_alts(notebook)) <= set(shown)
    assert all(alt and alt.strip() for alt in shown)


def test_nbconverts_own_template_would_not_pass():
    notebook = nbformat.read(PAGES[1], as_version=4)
    shown = shown_alts(Seen(saved(notebook, template="lab")))
    assert not set(stored_alts(notebook)) <= set(shown)


def test_what_is_stored_folded_stays_folded_and_only_that(page):
    notebook, _, seen = page
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    hidden = [c for c in code if c.metadata.get("jupyter", {}).get("source_hidden")]
    assert [t.strip() for t in seen.folded] == [c.source.strip() for c in hidden]
    assert len(seen.open_code) == len(code) - len(hidden)


def test_every_formula_is_mathml(page):
    notebook, _, seen = page
    markdown = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    without_code = re.sub(r"```.*?```|`[^`\n]+`", "", markdown, flags=re.DOTALL)
    dollars = without_code.replace("$$", "$").count("$")
    assert len(seen.formulas) == dollars // 2
    assert "$" not in re.sub(r"\$\d", "", seen.words)  # prices may stand there


def test_it_asks_no_network_for_anything(page):
    _, html, seen = page
    assert seen.asked_for == []
    assert not re.search(r"@import|url\(\s*['\"]?http", html)


def test_no_widget_stands_as_raw_text(page):
    notebook, html, _ = page
    assert not re.search(r"application/vnd\.jupyter\.widget-view|model_id", html)
    plain = [str(o.get("data", {}).get("text/plain")) for o in outputs(notebook)]
    assert [text for text in plain if re.match(r"\w+(Box|Slider|Text)\(", text)] == []


def test_links_lead_to_saved_pages_or_to_places_of_this_one(page):
    _, _, seen = page
    files = [link for link in seen.links if not re.match(r"https?://|#", link)]
    assert files
    for link in map(unquote, files):
        name = link.partition("#")[0]
        assert name.endswith(".html"), link
        assert (FOLDER / name).with_suffix(".ipynb").exists(), link
    for link in map(unquote, seen.links):
        if link.startswith("#"):
            assert link[1:] in seen.anchors, link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_notebooks_file_is_small(path):
    assert path.stat().st_size <= MOST_BYTES


# --- The parts


def test_a_page_that_was_run_shows_the_pictures_of_its_widgets_and_no_dead_view():
    view = {WIDGET_VIEW: {"model_id": "x"}, "text/plain": "VBox(children=())"}
    picture = {"image/png": "AAAA", "text/plain": "Bars of words."}
    made = [
        new_output("display_data", data=view),
        new_output("display_data", data=view | picture),
    ]
    notebook = new_notebook(cells=[new_code_cell("figure", outputs=made)])
    notebook.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {}}
    html = saved(notebook)
    assert 'alt="Bars of words."' in html
    assert "VBox" not in html and "model_id" not in html and "widget-state" not in html


def test_hidden_outputs_are_folded_too():
    cell = new_code_cell("1", outputs=[new_output("stream", text="seen later")])
    cell.metadata.jupyter = {"outputs_hidden": True}
    html = saved(new_notebook(cells=[cell]))
    assert re.search(r"<details>\s*<summary>Show the output.*seen later", html, re.S)


@pytest.mark.parametrize(
    "text",
    [
        "`$x$` and ``a ` $x$``",
        "```\n$x$ = `1`\n```\nend",
        r"5 \$ or 6 \$",
        "$5 or $6, US$7 and 8$",
        "a $ b $ c",
        "",
    ],
)
def test_what_is_no_formula_stays(text):
    assert with_mathml(text) == text


@given(st.text("a $`~\\*_\n1", max_size=60))
def test_text_outside_formulas_is_never_changed(text):
    changed = with_mathml(text)
    parts = re.split(r"<math.*?</math>", changed)
    place = 0
    for part in parts:
        place = text.index(part, place) + len(part)
    if "$" not in text:
        assert changed == text


def test_a_formula_that_cannot_be_read_stays_as_it_was_written():
    assert with_mathml(r"so $a_b_c$ and $\left($") == r"so $a_b_c$ and $\left($"


def test_markdown_leaves_formulas_as_they_are():
    source = (
        "Then $a_1 * b_2 * c$, $p(y|x) < 1$ and\n\n| $|x|$ |\n| --- |\n| $x_a y_b$ |"
    )
    seen = Seen(saved(new_notebook(cells=[new_markdown_cell(source)])))
    assert len(seen.formulas) == 4
    assert "b2" in seen.words and "p(y|x)<1" in seen.words.replace(" ", "")


def test_only_links_to_notebooks_beside_the_page_are_changed():
    text = "[a](b.ipynb#c) <a href='d.ipynb'>e</a> [f](https://x.org/g.ipynb) h.ipynb"
    assert with_html_links(text) == (
        "[a](b.html#c) <a href='d.html'>e</a> [f](https://x.org/g.ipynb) h.ipynb"
    )


def test_the_command_finds_the_template_where_the_package_puts_it(tmp_path):
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    [(source, target)] = [
        pair for pair in wheel["shared-data"].items() if "nbconvert" in pair[1]
    ]
    assert target.startswith("share/jupyter/")
    installed = tmp_path / target.removeprefix("share/jupyter/")
    shutil.copytree(ROOT / source, installed)
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--template"]
    command += ["course", "--output-dir", str(tmp_path), str(PAGES[1])]
    subprocess.run(
        command,
        env=os.environ | {"JUPYTER_PATH": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=100,
    )
    made = (tmp_path / PAGES[1].with_suffix(".html").name).read_text("utf-8")
    assert made == saved(nbformat.read(PAGES[1], as_version=4))


# --- In a browser


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.getuid() == 0 else []
        )


@pytest.mark.browser
def test_on_a_phone_code_scrolls_and_the_page_does_not(page, browser, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    path = tmp_path / "page.html"
    path.write_text(page[1], "utf-8")
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    asked = []
    phone.on("request", lambda request: asked.append(request.url))
    phone.goto(path.as_uri())
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "[...document.querySelectorAll('.input pre')].filter("
    wide += "pre => pre.scrollWidth > pre.clientWidth)"
    styles = phone.evaluate(f"{wide}.map(pre => getComputedStyle(pre).overflowX)")
    assert set(styles) == {"auto"}
    for scheme in ("light", "dark"):
        phone.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(phone).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    phone.close()
