"""Cells that nobody edits in the notebook, and what must not stay in its file.

Some cells are *derived*. A cell's tag says its kind.

- ``setup``: the same text in every notebook, ``set_up.SETUP``;
- ``navigation``: links to the neighbours and to Google Colab;
- ``component``: a definition of this package. The cell's metadata names it, as in
  ``{"course": {"component": "course_utils.attention.causal_mask"}}``, and its text is
  read from the module's file, with the comments right above it.

Stamping also takes out what changes from run to run though nothing happened. So an
unchanged notebook is refreshed to the same bytes, and ``git diff`` shows real changes.
"""

import ast
import re
from pathlib import Path

import nbformat

from course_utils.files import atomic_path
from course_utils.notebooks.places import ROOT, folder_in_repository, reading_order
from course_utils.notebooks.set_up import SETUP

COLAB = "https://colab.research.google.com/github/"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE_TARGET = re.compile(rf"\({re.escape(COLAB)}(?:([\w.-]+/[\w.-]+)/blob/[^)]*)?\)")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


# --- What stands in derived cells


def component_source(name: str, root: Path = ROOT) -> str:
    """Return the text of a definition, such as ``course_utils.attention.causal_mask``.

    A function, class or constant at the top level of its module, with its decorators
    and with the comments right above it. Nothing is imported. Raises ValueError if
    there is no such module or definition.
    """
    module, _, definition = name.rpartition(".")
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not module or not path.is_file():
        raise ValueError(f"component must be package.module.name, got {name!r}")
    text = path.read_text("utf-8")
    for node in ast.parse(text).body:
        if definition in _names_defined_by(node):
            return _with_comments_above(text.splitlines(), node)
    raise ValueError(f"component {name!r}: {path.name} does not define {definition}")


def _names_defined_by(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _with_comments_above(lines: list[str], node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min(part.lineno for part in [node, *decorators]) - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : node.end_lineno])


def navigation(path: Path, repository: str | None) -> str:
    """Return the links of a notebook: Colab, the page before, the page after."""
    pages = reading_order(path.parent)
    here = pages.index(path)
    target = COLAB
    if repository:
        project = repository.removeprefix("https://github.com/")
        place = f"{folder_in_repository()}{path.parent.name}/{path.name}"
        target += f"{project}/blob/main/{place}"
    links = [f"[![Open in Colab]({BADGE})]({target})"]
    if here > 0:
        links.append(f"Previous: {_link(pages[here - 1])}")
    if here + 1 < len(pages):
        links.append(f"Next: {_link(pages[here + 1])}")
    return " · ".join(links)


def _link(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    found = re.match(r"# +(.+)", cells[0].source) if cells else None
    return f"[{found.group(1).strip() if found else path.stem}]({path.name})"


# --- Stamping: derived cells, and nothing volatile


def stamp(path: Path, repository: str | None) -> nbformat.NotebookNode:
    """Read a notebook and bring its derived cells and its metadata up to date.

    The file stays as it is. Raises ValueError, with the cell, for a component cell that
    names nothing the package defines, and for a file that is no notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise ValueError(f"{path.name} is not a notebook: {error}") from error
    for number, cell in enumerate(notebook.cells, 1):
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            cell.source = SETUP
            cell.metadata["jupyter"] = {"source_hidden": True}  # nobody need read it
        if "navigation" in tags:
            cell.source = navigation(path, repository)
        if "component" in tags:
            try:
                name = cell.metadata.get("course", {}).get("component", "")
                cell.source = component_source(name)
            except ValueError as error:
                raise ValueError(f"{path.name}, cell {number}: {error}") from error
    return without_volatile_parts(notebook)


def without_volatile_parts(notebook):
    """Keep only metadata that means something and is the same on every machine."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        }
    )
    for cell in notebook.cells:
        kept = {"tags", "course", "jupyter"} & cell.metadata.keys()
        metadata = {key: cell.metadata[key] for key in kept}
        if metadata.get("jupyter", {}).get("source_hidden"):
            metadata["cellView"] = "form"  # Colab's way to fold a cell's code
        cell.metadata = nbformat.from_dict(metadata)
        for output in cell.get("outputs", []):
            # A widget lives in its kernel. Its stored id is random, and JupyterLab
            # would show "model not found" in place of the still picture beside it.
            output.get("data", {}).pop(WIDGET_VIEW, None)
    return notebook


def to_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """Return the file's content: checked against the format, keys in sorted order."""
    return (nbformat.writes(notebook, version=4) + "\n").encode("utf-8")


def write_stamped(path: Path, repository: str | None) -> bool:
    """Stamp a notebook's file and keep its outputs; return whether it changed."""
    content = to_bytes(stamp(path, repository))
    changed = content != path.read_bytes()
    if changed:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
    return changed


def stale(path: Path) -> list[str]:
    """Say, one line a finding, what stamping would change in a notebook's file.

    A badge may lead to another repository: a fork's pages say where the fork is, or
    still where it comes from.
    """
    old = nbformat.read(path, as_version=4)
    badges = (BADGE_TARGET.search(cell.source) for cell in old.cells)
    stamped = next((found[1] for found in badges if found), None)
    new = stamp(path, stamped and f"https://github.com/{stamped}")
    findings = []
    for number, (after, before) in enumerate(zip(new.cells, old.cells, strict=True), 1):
        where = f"{path.name}, cell {number}"
        if after.source != before.source:
            component = after.metadata.get("course", {}).get("component")
            what = component or ", ".join(after.metadata.get("tags", []))
            findings.append(f"{where}: {what} is out of date")
        elif after != before:
            findings.append(f"{where}: metadata or a widget's state would be removed")
    if not findings and to_bytes(new) != path.read_bytes():
        findings.append(f"{path.name}: metadata or layout of the file would change")
    return findings
