"""A page saved as HTML can be read alone: pictures, words and links are all there."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import nbformat
import pytest
from nbconvert import HTMLExporter

from course_utils.notebooks import FOLDER, reading_order

PAGES = reading_order(FOLDER)
MOST_BYTES = 1_500_000  # of a notebook's file: it should open at once, on GitHub too


class Seen(HTMLParser):
    """Collects the images, the links and the anchors of an HTML page."""

    def __init__(self, html: str):
        super().__init__()
        self.images, self.links, self.anchors = [], [], set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(unquote(attributes.get("id") or ""))
        if tag == "img":
            self.images.append(attributes)
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])


@pytest.fixture(scope="module", params=PAGES, ids=lambda path: path.stem)
def page(request):
    """A notebook, and what its HTML holds."""
    notebook = nbformat.read(request.param, as_version=4)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    return notebook, html, Seen(html)


def outputs(notebook):
    return [o for cell in notebook.cells for o in cell.get("outputs", ())]


def test_every_picture_is_there_with_its_words(page):
    notebook, _, seen = page
    stored = [o for o in outputs(notebook) if "image/png" in o.get("data", {})]
    shown = [i for i in seen.images if i["src"].startswith("data:image/png")]
    assert len(shown) >= len(stored) > 0
    assert [image["src"][:60] for image in seen.images if not image.get("alt")] == []
    for output in stored:
        assert output.metadata["image/png"]["alt"].strip()


def test_no_widget_stands_as_raw_text(page):
    notebook, html, _ = page
    assert not re.search(r"application/vnd\.jupyter\.widget-view|model_id", html)
    plain = [str(o.get("data", {}).get("text/plain")) for o in outputs(notebook)]
    assert [text for text in plain if re.match(r"\w+(Box|Slider|Text)\(", text)] == []


def test_links_lead_to_pages_of_the_course_or_to_places_of_this_one(page):
    _, _, seen = page
    for link in map(unquote, seen.links):
        if link.startswith("#"):
            assert link[1:] in seen.anchors, link
        elif not re.match(r"https?://", link):
            assert (FOLDER / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_notebooks_file_is_small(path):
    assert path.stat().st_size <= MOST_BYTES
