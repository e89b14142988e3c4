"""Keep the notebooks true: run them, stamp what they repeat, copy them for a learner.

    python -m course_utils.notebooks refresh [NAMES...]  run and save with the outputs
    python -m course_utils.notebooks check               would stamping change anything?
    python -m course_utils.notebooks copy [DIR]          a copy of your own to work in

Some cells are *derived*: nobody edits them in the notebook. A cell's tag says its kind.

- ``setup``: the same text in every notebook, ``SETUP`` below;
- ``navigation``: links to the neighbours and to Google Colab;
- ``component``: a definition of this package. The cell's metadata names it, as in
  ``{"course": {"component": "course_utils.attention.causal_mask"}}``, and its text is
  read from the module's file, with the comments right above it.

Stamping also takes out what changes from run to run though nothing happened. So an
unchanged notebook is refreshed to the same bytes, and ``git diff`` shows real changes.

Floors: stands on ``files`` alone; needs what JupyterLab brings (nbformat, nbclient).
"""

import argparse
import ast
import asyncio
import hashlib
import json
import os
import re
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_utils.files import atomic_path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
COPY_FOLDER = ROOT / "my-course"
COPY_RECORD = ".shipped.json"  # in the learner's folder: what was shipped last time
# Notebooks that run at the same time. Each uses all cores: two would wait for each
# other's threads, and take several times as long as one after the other.
AT_ONCE = 1
SECONDS_PER_CELL = 900

COLAB = "https://colab.research.google.com/github/"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# The package is not there yet when this runs, so all it needs stands in the cell.
# What the package itself needs, Colab has: --no-deps leaves its torch and numpy alone.
SETUP = r"""
# Set-up. On Google Colab this installs the course's package from the repository that
# the page was opened from (in Drive: COURSE_REPO). Elsewhere it only looks for it.
import os
import re
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import unquote
from urllib.request import urlopen

if "COLAB_RELEASE_TAG" in os.environ and not find_spec("course_utils"):
    source = os.environ.get("COURSE_REPO")
    with suppress(Exception):  # a page that was opened from Drive has no address
        reply = urlopen(f"http://{os.environ['COLAB_JUPYTER_IP']}:9000/api/sessions")
        page = r"(https://github\.com/[\w./-]+)/blob/([\w./-]+)/[\w.-]+/[\w.-]+\.ipynb"
        found = re.search(page, unquote(reply.read().decode()))
        source = "@".join(found.groups())
    if source:
        %pip install --quiet --no-deps git+{source}
assert find_spec("course_utils"), (
    "The course is not installed: on Colab, run %env COURSE_REPO=<its GitHub address>, "
    "then this cell again; elsewhere, pip install -r requirements.txt in its folder."
)
""".strip()


# --- Where things are


def reading_order(folder: Path) -> list[Path]:
    """Return the folder's notebooks in the order of the course, the primer first."""
    paths = folder.glob("*.ipynb")
    return sorted(paths, key=lambda path: (path.stem != "primer", path.name))


def find(names: Iterable[str], folder: Path) -> list[Path]:
    """Return the notebooks with these names: ``02_attention``, ``02`` or a path.

    Without names, all. Raises ValueError for a name that fits none or several.
    """
    everything = reading_order(folder)
    if not everything:
        raise ValueError(f"no notebooks in {folder}: run this in the course's clone")
    chosen = set()
    for name in names:
        stem, path = name.removesuffix(".ipynb"), Path(name).resolve()
        exact = [page for page in everything if page.stem == stem or page == path]
        fitting = exact or [page for page in everything if page.stem.startswith(stem)]
        if len(fitting) != 1:
            known = ", ".join(page.stem for page in everything)
            raise ValueError(f"name must fit one notebook of {known}; got {name!r}")
        chosen.add(fitting[0])
    return [page for page in everything if page in chosen or not chosen]


def repository_address(pyproject: Path = ROOT / "pyproject.toml") -> str | None:
    """Return ``[project.urls] Repository`` without the slash at its end, if it is set.

    It is the one place where the repository's address stands. Raises ValueError if it
    is not on GitHub, because Colab opens notebooks only from there.
    """
    urls = tomllib.loads(pyproject.read_text("utf-8"))["project"].get("urls", {})
    address = urls.get("Repository", "").removesuffix("/").removesuffix(".git")
    if address and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(
            f"Repository in {pyproject.name} must be https://github.com/OWNER/NAME, "
            f"got {address}"
        )
    return address or None


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
        target += f"{project}/blob/main/{path.parent.name}/{path.name}"
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
        if "navigation" in tags:
            cell.source = navigation(path, repository)
        if "component" in tags:
            try:
                name = cell.metadata.get("course", {}).get("component", "")
                cell.source = component_source(name)
            except ValueError as error:
                raise ValueError(f"{path.name}, cell {number}: {error}") from error
    return _without_volatile_parts(notebook)


def _without_volatile_parts(notebook):
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


def stale(path: Path, repository: str | None) -> list[str]:
    """Say, one line a finding, what stamping would change in a notebook's file."""
    new, old = stamp(path, repository), nbformat.read(path, as_version=4)
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


# --- Running


class _Run:
    """One notebook in a fresh kernel of this very Python."""

    def __init__(self, path: Path, repository: str | None):
        self.path, self.repository = path, repository
        self.cell_number = 0
        # No kernel folders: only the kernel of the running Python is left to choose,
        # whatever else somebody has registered under the name python3.
        kernels = KernelSpecManager(kernel_dirs=[])
        self.kernel = AsyncKernelManager(kernel_spec_manager=kernels)

    def __call__(self) -> tuple[bool, float]:
        """Run and save. Return whether the file changed, and the seconds it took.

        Raises RuntimeError with the cell and its traceback; the file is then untouched.
        """
        start = time.monotonic()
        notebook = stamp(self.path, self.repository)
        client = NotebookClient(
            notebook,
            km=self.kernel,
            timeout=SECONDS_PER_CELL,
            resources={"metadata": {"path": str(self.path.parent)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            on_cell_start=self._note_cell,
            extra_arguments=["--IPKernelApp.log_level=40"],  # errors only
        )
        with tempfile.TemporaryDirectory(prefix="course_ipython_") as folder:
            try:
                client.execute(env=_environment(folder))
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                text = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without colours
                where = f"{self.path.name}, cell {self.cell_number}"
                raise RuntimeError(f"{where}: {text}") from error
            finally:
                self.stop()
        content = to_bytes(_without_volatile_parts(notebook))
        changed = content != self.path.read_bytes()
        if changed:
            with atomic_path(self.path) as temporary:
                temporary.write_bytes(content)
        return changed, time.monotonic() - start

    def _note_cell(self, cell, cell_index: int) -> None:
        self.cell_number = cell_index + 1

    def stop(self) -> None:
        """End the kernel, if it runs, and give back what it used."""
        if self.kernel.has_kernel:
            asyncio.run(self.kernel.shutdown_kernel(now=True))

    def kill(self) -> None:
        """End the kernel's process from another thread; then the run fails."""
        if self.kernel.has_kernel and self.kernel.provisioner.pid:
            with suppress(ProcessLookupError):
                os.kill(self.kernel.provisioner.pid, signal.SIGKILL)


def _environment(folder: str) -> dict[str, str]:
    """What a learner with a fresh clone has: nobody's settings, nobody's progress."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COURSE_") and name != "COLAB_RELEASE_TAG"
    }
    return ours | {"IPYTHONDIR": folder, "COURSE_PROGRESS": f"{folder}/progress.json"}


def refresh(paths: Sequence[Path], repository: str | None) -> int:
    """Run the notebooks and save them with their outputs; return how many failed."""
    runs = [_Run(path, repository) for path in paths]
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = {pool.submit(run): run for run in runs}
        try:
            for future in as_completed(pending):
                name = pending[future].path.stem
                try:
                    changed, seconds = future.result()
                except (RuntimeError, ValueError, OSError) as error:
                    failed += 1
                    print(f"{name}: failed, left as it was\n{error}", file=sys.stderr)
                else:
                    verdict = "saved" if changed else "unchanged"
                    print(f"{name}: {verdict}, {seconds:.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in pending):
                for run in runs:
                    run.kill()
                time.sleep(0.1)
            raise
    return failed


# --- The learner's own copy


def copy_course(target: Path, folder: Path) -> list[str]:
    """Copy the notebooks into a folder of the learner's own; say what was done.

    A file that the learner has changed is never overwritten. When the shipped one has
    changed since the last copy, it is put beside the learner's. Raises ValueError for
    a target inside ``folder``: what lies there is validated.
    """
    if target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"DIR must be outside {folder.name}/, got {target}")
    target.mkdir(parents=True, exist_ok=True)
    record_path = target / COPY_RECORD
    record = _read_record(record_path)
    lines = []
    for path in reading_order(folder):
        shipped = path.read_bytes()
        lines.append(_copy_one(shipped, target / path.name, record.get(path.name)))
        record[path.name] = _digest(shipped)
    with atomic_path(record_path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return lines


def _copy_one(shipped: bytes, mine: Path, last_shipped: str | None) -> str:
    """Copy one notebook; ``last_shipped`` is the digest of what was copied before."""
    if not mine.exists():
        _write(mine, shipped)
        return f"{mine.name}: copied"
    if mine.read_bytes() == shipped:
        return f"{mine.name}: is the newest already"
    if last_shipped == _digest(shipped):
        return f"{mine.name}: kept as you left it"
    if last_shipped == _digest(mine.read_bytes()):
        _write(mine, shipped)
        return f"{mine.name}: brought up to date; you had not changed it"
    beside = _free_name(mine)
    _write(beside, shipped)
    return (
        f"{mine.name}: kept as you left it; the newer one is beside it, {beside.name}"
    )


def _free_name(path: Path) -> Path:
    names = [".new", *(f".new-{number}" for number in range(2, 1000))]
    candidates = (path.with_name(path.stem + name + path.suffix) for name in names)
    return next(candidate for candidate in candidates if not candidate.exists())


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_record(path: Path) -> dict[str, str]:
    """A record that is missing or damaged says nothing; then no file is overwritten."""
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


# --- The command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.notebooks", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("refresh", help="run notebooks, save their outputs")
    command.add_argument("names", nargs="*", help="such as 02_attention or 02 (all)")
    commands.add_parser("check", help="fail if a derived cell is out of date")
    command = commands.add_parser("copy", help="copy the course to work in it")
    command.add_argument("folder", nargs="?", type=Path, default=COPY_FOLDER)
    chosen = parser.parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; notebooks that had not finished are untouched", file=sys.stderr)
        return 130


def _refresh(chosen) -> int:
    return 1 if refresh(find(chosen.names, FOLDER), repository_address()) else 0


def _check(chosen) -> int:
    repository = repository_address()
    findings = [line for path in find([], FOLDER) for line in stale(path, repository)]
    print("\n".join(findings) or "every derived cell is up to date")
    if findings:
        print("mend it with: python -m course_utils.notebooks refresh")
    return 1 if findings else 0


def _copy(chosen) -> int:
    find([], FOLDER)  # says so if there are no notebooks here
    print("\n".join(copy_course(chosen.folder, FOLDER)))
    print(f"Now open your own copy: jupyter lab {os.path.relpath(chosen.folder)}")
    return 0


_COMMANDS = {"refresh": _refresh, "check": _check, "copy": _copy}

if __name__ == "__main__":
    sys.exit(main())
