"""A notebook as it is read where no kernel answers: in a file, or on the web.

    jupyter nbconvert --to html --template course notebooks/02_attention.ipynb

``SavedPage`` prepares the notebook for nbconvert's template ``course``, which lies in
``templates`` and is installed with the package; the web edition prepares its pages with
the same functions. Formulas become MathML, which every browser draws by itself; links
to other pages lead to HTML; what only a live kernel could show is left out. No file
that is made here asks a network for anything.
"""

import re
from collections.abc import Callable
from html import escape, unescape

from latex2mathml.converter import convert
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# What stands before a formula in this list is no formula: fenced and inline code, and
# an escaped character. A formula's dollars touch it, so "$5 and $6" has none.
MARKDOWN_PARTS = re.compile(
    r"""(?P<code> ^ (?P<fence> ```+|~~~+ ) .*? (?: ^ (?P=fence) \s*? $ | \Z )
                | (?P<ticks> `+ ) (?!`) .+? (?<!`) (?P=ticks) (?!`)
                | \\ [\\$`] )
      | \$\$ (?P<display> .+? ) \$\$
      | (?<! [\w$] ) \$ (?P<inline> (?! [\s$] ) [^$]*? (?<! [\s\\] ) ) \$ (?! [\w$] )
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
BADGE = re.compile(r"!\[(?P<words>[^\]]*)\]\(https?://[^)\s]*\.svg\)")
PAGE_LINK = re.compile(
    r"""(?P<before> \]\( | href=["'] ) (?! \w+: | / ) (?P<path> [^)"'\s#?]+ )
        \.ipynb (?P<after> [)"'#?\s] )""",
    re.VERBOSE,
)


def as_mathml(formula: str, display: str = "inline") -> str:
    """Return a LaTeX formula as a ``<math>`` element that Markdown leaves as it is.

    Every character that Markdown might read is written as a number. The formula itself
    goes with it as the element's ``alttext``.
    """
    element = convert(formula.strip(), display=display)
    start = f'<math alttext="{escape(" ".join(formula.split()))}" '
    if display == "block":
        start += 'tabindex="0" '  # a long one scrolls, by keyboard too
    element = element.replace("<math ", start, 1).replace("\n", " ")
    return re.sub(r"(?<=>)[^<>]+(?=<)|[|\\]", _as_numbers, element)


def _as_numbers(found: re.Match) -> str:
    characters = unescape(found[0])
    return "".join(s if s.isalnum() or s == " " else f"&#{ord(s)};" for s in characters)


def with_mathml(markdown: str) -> str:
    """Return Markdown with its ``$…$`` and ``$$…$$`` as MathML; code stays."""

    def replaced(found: re.Match) -> str:
        if found["code"]:
            return found[0]
        display = found["display"] is not None
        formula = found["display"] if display else found["inline"]
        try:
            return as_mathml(formula, "block" if display else "inline")
        except Exception:  # no LaTeX, or more than the converter knows: stays readable
            return found[0]

    return MARKDOWN_PARTS.sub(replaced, markdown)


def without_badges(markdown: str) -> str:
    """Return Markdown with pictures from elsewhere (badges) as their words."""
    return BADGE.sub(lambda found: found["words"], markdown)


def with_html_links(markdown: str) -> str:
    """Return Markdown in which links to notebooks beside it lead to their HTML."""
    return PAGE_LINK.sub(r"\g<before>\g<path>.html\g<after>", markdown)


def prepare(notebook: NotebookNode, change: Callable[[str], str]) -> None:
    """Make a notebook, in place, fit to be read without a kernel.

    ``change`` is applied to the words of each Markdown cell. Views of widgets go, whose
    kernel is gone: their still picture, HTML or text stays. A picture without words of
    its own gets its text form as such.
    """
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = change(cell.source)
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if _can_be_read(o)]
            for output in cell.outputs:
                _describe(output)


def _can_be_read(output: NotebookNode) -> bool:
    data = output.get("data", {})
    if data.pop(WIDGET_VIEW, None) is None:
        return True
    rest = data.keys() - {"text/plain"}
    # All that is left of a widget without a picture may be its repr.
    return bool(rest) or not re.match(r"\w+\(", str(data.get("text/plain", "x(")))


def _describe(output: NotebookNode) -> None:
    for kind in {"image/png", "image/jpeg"} & output.get("data", {}).keys():
        words = output.metadata.setdefault(kind, NotebookNode())
        words.setdefault("alt", str(output.data.get("text/plain", "")))


def title_of(notebook: NotebookNode) -> str | None:
    """Return the first heading of a notebook, without Markdown's marks."""
    for cell in notebook.cells:
        found = re.search(r"^#\s+(.+?)\s*$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and found:
            return re.sub(r"[*_`]", "", found[1])
    return None


class SavedPage(Preprocessor):
    """What nbconvert's template ``course`` does before it writes HTML."""

    def preprocess(self, nb, resources):
        """Return the notebook prepared, with its title; and the colours of code."""
        title = title_of(nb)
        if title:
            nb.metadata.setdefault("title", title)
        prepare(nb, lambda text: with_html_links(without_badges(with_mathml(text))))
        for name, style in (("light", "default"), ("dark", "github-dark")):
            colours = HtmlFormatter(style=style).get_style_defs(".highlight")
            resources[f"code_in_{name}"] = colours
        return nb, resources
