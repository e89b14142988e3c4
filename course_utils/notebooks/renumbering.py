"""Give each page its number: the files' names, and every mention of a page.

A page's place stands in ``course_utils.pages``. What the files are called now says
which number meant which page until today. So mentions can be translated:

- a file's name, with or without its ending: ``02_attention``;
- a number before the first word of its page's title, as in a table of contents;
- numbers after the word page, notebook or chapter or after 第, in a list or range too;
- the text of a link to a page, and in prose every number that starts with 0.

Everything is worked out and checked before anything is written. The old files are kept
in a folder until all new ones are there: whatever ends the command before that, the
next one puts them back.
"""

import ast
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import nbformat

from course_utils.files import atomic_path, write_json
from course_utils.notebooks.places import ROOT, repository_address
from course_utils.notebooks.stamping import stamp, to_bytes
from course_utils.pages import PAGES, Page, page_name, place

# Where pages are mentioned: in these folders, and in the files beside them.
FOLDERS = ("notebooks", "course_utils", "tests", "findings", ".ci", ".github")
SUFFIXES = {
    *(".py", ".md", ".ipynb", ".toml", ".yml", ".sh", ".json"),
    *(".js", ".html", ".css", ".j2"),  # the web edition
}
NOT_READ = {"models", "node_modules", "__pycache__", ".ipynb_checkpoints"}
SAFE = ".renumbering"  # the old files, until all new ones are there
MANIFEST = "manifest.json"

NUMBER = r"[012]\d[a-z]?"  # 04b: put after 04 until the numbers are given again
ENDS = r"(?![A-Za-z0-9_%°]|[.,:/]\d)"
A_NUMBER = re.compile(rf"(?<![A-Za-z0-9_]){NUMBER}(?![A-Za-z0-9_])")
ALONE = re.compile(rf"(?<![\w.,:/%#-])0\d[a-z]?{ENDS}(?!-\d)")
LINKED = rf"(?:\[{NUMBER}\]\((?!http)[^)\s]*\)|{NUMBER}{ENDS})"
BETWEEN = r"(?:,? (?:and|or|to) |, |\s?[–-]\s?|\s?[至到、和]\s?)"
# A comment's or a string's line may end between the word and its number.
SPACE = r"""(?:[ ]|\n[ \t]*(?:\#[ ]?)?|[ ]?"\n[ \t]*f?")"""
WORD = rf"(?:\b(?:[Pp]age|[Nn]otebook|[Cc]hapter)s?{SPACE}|第\s?)"
AFTER_A_WORD = re.compile(rf"{WORD}{LINKED}(?:{BETWEEN}{LINKED})*")
LINK_TO_PAGE = re.compile(rf"\[({NUMBER})\b[^\]\n]*\]\([\w./]*{NUMBER}_\w+\.ipynb\)")
HEADING = re.compile(rf"\A# +({NUMBER})\b")
CODE_IN_PROSE = re.compile(r"```.*?```|`[^`\n]*`|\$[^$\n]+\$", re.S)
TABLE_ROW = re.compile(r"\| \[[^\]]*\]\(notebooks/(\w+)\.ipynb\)")


@dataclass
class Plan:
    """What renumbering would do; paths are relative to the course's root."""

    moves: dict[Path, Path]  # the notebooks that get another name
    contents: dict[Path, bytes]  # what changes in a file, by the file's old place

    def lines(self) -> list[str]:
        """Say, one line a file, what changes."""
        said = [f"{old.name} -> {new.name}" for old, new in self.moves.items()]
        rest = [path for path in self.contents if path not in self.moves]
        return said + [f"{path}: mentions rewritten" for path in rest]


# --- What changes


def plan(root: Path = ROOT) -> Plan:
    """Work out the renumbering of the course in ``root``, and write nothing.

    Raises ValueError for a page without a file, a file without a place, two files of
    one page, and a file that could not be read afterwards.
    """
    stems = _stems_now(root / "notebooks")
    names_now = {page.name: f"{stems[page.name]}.ipynb" for page in PAGES}
    moves = {
        Path("notebooks", names_now[page.name]): Path("notebooks", page.file_name)
        for page in PAGES
        if names_now[page.name] != page.file_name
    }
    if not moves:
        return Plan({}, {})
    mentions = Mentions({stems[page.name]: page for page in PAGES})
    old = {path.relative_to(root): path.read_bytes() for path in _texts(root)}
    new = {path: _rewritten(path, content, mentions) for path, content in old.items()}
    new |= _stamped(new, moves)
    changed = {path for path in new if new[path] != old[path]} | moves.keys()
    return Plan(moves, {path: new[path] for path in sorted(changed)})


def _stems_now(folder: Path) -> dict[str, str]:
    """Return each page's file, without its ending, by the page's name."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.ipynb")):
        name = page_name(path.stem)
        if name in found:
            raise ValueError(f"two files of one page: {found[name]}, {path.stem}")
        found[name] = path.stem
    names = {page.name for page in PAGES}
    if missing := sorted(names - found.keys()):
        raise ValueError(f"pages without a file in {folder.name}/: {missing}")
    if unknown := sorted(found.keys() - names):
        raise ValueError(
            f"write the place of these in course_utils/pages.py: {unknown}"
        )
    return found


def _texts(root: Path) -> Iterator[Path]:
    """Yield every file in which a page may be mentioned."""
    beside = sorted(root.iterdir())
    inside = [path for name in FOLDERS for path in sorted((root / name).rglob("*"))]
    for path in beside + inside:
        folders = set(path.relative_to(root).parts[:-1])
        # A model's files hold numbers of other kinds; other packages are not ours.
        theirs = folders & NOT_READ
        is_text = path.suffix in SUFFIXES or folders == {".ci"}
        if path.is_file() and is_text and not theirs:
            yield path


def _stamped(new: dict[Path, bytes], moves: dict[Path, Path]) -> dict[Path, bytes]:
    """Return the notebooks with the links to their new neighbours."""
    pages = {path: content for path, content in new.items() if path.suffix == ".ipynb"}
    with tempfile.TemporaryDirectory() as folder:
        staged = {path: Path(folder, moves.get(path, path)) for path in pages}
        Path(folder, "notebooks").mkdir()
        for path, content in pages.items():
            staged[path].write_bytes(content)
        repository = repository_address()
        return {path: to_bytes(stamp(staged[path], repository)) for path in pages}


# --- Mentions


class Mentions:
    """Finds what a text says of pages, and says it with the new numbers."""

    def __init__(self, pages_now: dict[str, Page]):
        """``pages_now``: each page's file today, without its ending -> the page."""
        self.stems = {
            stem: page.file_name.removesuffix(".ipynb")
            for stem, page in pages_now.items()
        }
        numbered = {
            stem.partition("_")[0]: page
            for stem, page in pages_now.items()
            if re.match(rf"{NUMBER}_", stem)
        }
        self.numbers = {number: page.number for number, page in numbered.items()}
        # A file that has no number yet is called like a thing that texts speak of.
        names = (s if s[0].isdigit() else rf"{s}(?=\.ipynb)" for s in self.stems)
        self.a_file = re.compile(rf"\b(?:{'|'.join(names)})\b")
        first_words = {n: page.title.split()[0] for n, page in numbered.items()}
        titles = (rf"{n}(?= {re.escape(word)}\b)" for n, word in first_words.items())
        self.a_title = re.compile(rf"(?<![\w.,])({'|'.join(titles)})")

    def rewrite(self, text: str, prose: bool = False) -> str:
        """Translate all mentions in a text; in ``prose`` a number may stand alone.

        Every mention is found in the old text, so none is translated twice.
        """
        spans = {
            found.span(): self.stems[found[0]] for found in self.a_file.finditer(text)
        }
        for found in ALONE.finditer(text) if prose else ():
            if not _inside_code(text, found.start()):
                spans[found.span()] = self._number(found[0])
        for pattern in (self.a_title, LINK_TO_PAGE, HEADING):
            for mention in pattern.finditer(text):
                spans[mention.span(1)] = self._number(mention[1])
        for mention in AFTER_A_WORD.finditer(text):
            for found in A_NUMBER.finditer(text, *mention.span()):
                spans[found.span()] = self._number(found[0])
        for (start, end), new in sorted(spans.items(), reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _number(self, old: str) -> str:
        return self.numbers.get(old, old)


def _inside_code(text: str, place: int) -> bool:
    return any(
        code.start() < place < code.end() for code in CODE_IN_PROSE.finditer(text)
    )


def _rewritten(path: Path, content: bytes, mentions: Mentions) -> bytes:
    """Return a file's new content, checked: what could be read can be read."""
    if path.suffix == ".ipynb":
        return _rewritten_notebook(content, mentions)
    text = mentions.rewrite(content.decode("utf-8"), prose=path.suffix == ".md")
    if path.suffix == ".md":
        text = _in_reading_order(text)
    try:
        if path.suffix == ".py":
            ast.parse(text)
        elif path.suffix == ".json":
            json.loads(text)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path} could not be read: {error}") from error
    return text.encode("utf-8")


def _rewritten_notebook(content: bytes, mentions: Mentions) -> bytes:
    """Rewrite words, code and outputs: an output says what the code would say now."""
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    for cell in notebook.cells:
        prose = cell.cell_type == "markdown"
        cell.source = mentions.rewrite(cell.source, prose)
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = mentions.rewrite(output.text)
            data = output.get("data", {})
            for kind in [kind for kind in data if kind.startswith("text/")]:
                data[kind] = mentions.rewrite(data[kind])
    return to_bytes(notebook)


def _in_reading_order(text: str) -> str:
    """Sort the rows of a table of contents by the places of their pages."""
    lines = []
    for is_row, block in groupby(
        text.splitlines(True), lambda x: bool(TABLE_ROW.match(x))
    ):
        rows = list(block)
        if is_row:
            rows.sort(key=lambda row: place(TABLE_ROW.match(row)[1]))
        lines += rows
    return "".join(lines)


# --- All or nothing


def carry_out(plan: Plan, root: Path = ROOT) -> None:
    """Write a plan's files. If that fails or is stopped, all is put back as it was."""
    if not plan.contents:
        return
    targets = {path: plan.moves.get(path, path) for path in plan.contents}
    _keep_safe(root, list(targets), list(targets.values()))
    try:
        for path in plan.moves:
            (root / path).unlink()
        for path, content in plan.contents.items():
            with atomic_path(root / targets[path]) as temporary:
                temporary.write_bytes(content)
                with suppress(OSError):  # a script stays executable
                    shutil.copymode(root / SAFE / path, temporary)
    except BaseException:
        put_back(root)
        raise
    _forget_safe(root)


def put_back(root: Path = ROOT) -> bool:
    """Undo a renumbering that did not come to its end; say whether there was one."""
    manifest = root / SAFE / MANIFEST
    if not manifest.is_file():
        return False
    kept = json.loads(manifest.read_text("utf-8"))
    for name in set(kept["new"]) - set(kept["old"]):
        (root / name).unlink(missing_ok=True)
    for name in kept["old"]:
        with atomic_path(root / name) as temporary:
            shutil.copy2(root / SAFE / name, temporary)
    _forget_safe(root)
    return True


def _keep_safe(root: Path, old: list[Path], new: list[Path]) -> None:
    """Copy the old files. The manifest comes last: with it, the copy is complete."""
    shutil.rmtree(root / SAFE, ignore_errors=True)
    for path in old:
        (root / SAFE / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, root / SAFE / path)
    names = {"old": [str(path) for path in old], "new": [str(path) for path in new]}
    write_json(root / SAFE / MANIFEST, names)


def _forget_safe(root: Path) -> None:
    (root / SAFE / MANIFEST).unlink()
    shutil.rmtree(root / SAFE)
