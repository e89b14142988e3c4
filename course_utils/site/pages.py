"""The pages of the web edition: notebooks as Sphinx and MyST-NB read them.

Nothing is executed. A stored picture becomes a file, and where a figure of that name is
alive on the web, its place: the picture stands in it until the figure is loaded, and
where scripts are off.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course_utils.site.saved_page import (
    prepare,
    title_of,
    with_mathml,
    without_badges,
)

PICTURES = "_static/pictures"  # in the built site
WHAT_IT_IS = (
    "Build a GPT-2 step by step, in Python, on a laptop: each part is derived, built "
    "and compared with Hugging Face's. The corpus is written by a small world whose "
    "exact probabilities are known, so the lowest loss that any model can reach is a "
    "line in the plot."
)
ALIVE = "Interactive figure"  # how the text form of such a figure begins


@dataclass(frozen=True)
class Live:
    """A figure that is alive on the web: its name, and what it starts with."""

    name: str
    settings: dict


def write_page(
    path: Path, folder: Path, pictures: Path, live: dict[int, Live]
) -> NotebookNode:
    """Write a notebook for Sphinx into ``folder``, its pictures into ``pictures``.

    ``live`` maps the places of a page's interactive figures, 0 for the first, to what
    is alive there. Returns the notebook as it was stored.
    """
    stored = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    prepare(notebook, lambda text: without_badges(with_mathml(text)))
    seen = 0
    for cell in notebook.cells:
        _fold(cell)
        for place, output in enumerate(cell.get("outputs", [])):
            if "image/png" in output.get("data", {}):
                figure = None
                if str(output.data.get("text/plain", "")).startswith(ALIVE):
                    figure, seen = live.get(seen), seen + 1
                html = picture_html(output, pictures, figure)
                cell.outputs[place] = new_output(
                    "display_data", data={"text/html": html}
                )
    nbformat.write(notebook, folder / path.name)
    return stored


def _fold(cell: NotebookNode) -> None:
    """Give MyST-NB its own tag for what a notebook stores folded."""
    jupyter = cell.metadata.get("jupyter", {})
    for key, tag in (
        ("source_hidden", "hide-input"),
        ("outputs_hidden", "hide-output"),
    ):
        if jupyter.get(key):
            cell.metadata.setdefault("tags", []).append(tag)


def picture_html(output: NotebookNode, pictures: Path, live: Live | None) -> str:
    """Write a stored picture as a file; return its place on the page."""
    png = base64.b64decode(output.data["image/png"])
    name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    pictures.mkdir(parents=True, exist_ok=True)
    (pictures / name).write_bytes(png)
    words = output.metadata["image/png"]
    size = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])  # the PNG's header
    width = words.get("width", size[0])
    height = round(width * size[1] / size[0])
    image = (
        f'<img src="{PICTURES}/{name}" alt="{escape(words["alt"])}" '
        f'width="{width}" height="{height}" loading="lazy">'
    )
    if live is None:
        return f'<figure class="course-picture">{image}</figure>'
    settings = escape(json.dumps(live.settings, ensure_ascii=False))
    return (
        f'<figure class="course-picture course-live" data-figure="{live.name}" '
        f'data-settings="{settings}">{image}</figure>'
    )


def question_of(notebook: NotebookNode) -> str:
    """Return the question that a page says it answers, or nothing."""
    found = re.search(r"\*\*The question\.\*\*\s*(.+)", notebook.cells[0].source)
    return found[1] if found else ""


def front_page(notebooks: dict[str, NotebookNode], places: dict[str, str]) -> str:
    """Return the first page: what the course is, and its pages with their questions.

    ``places`` holds HTML for the page, such as a figure, by name.
    """
    lines = [
        "# GPT-2, built from nothing",
        "",
        f"{WHAT_IT_IS} The figures below and on the pages are alive: small trained "
        "models run here, in your browser, and nothing that you write leaves it.",
        "",
        places["next-word"],
        "",
        "## The pages",
        "",
    ]
    for stem, notebook in notebooks.items():
        title = title_of(notebook) or stem
        lines += [f"- [{title}]({stem}.ipynb)"]
    lines += ["", "```{toctree}", ":hidden:", ":maxdepth: 1", "", *notebooks, "```", ""]
    return "\n".join(lines)
