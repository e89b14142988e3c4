"""The course on Google Colab: its versions, its server, the package not installed.

``COURSE_COLAB_PYTHON`` names the Python of an environment with Colab's versions, and
these tests change it (they install the course there, as a learner's first cell does).
``.ci/run`` makes one. Here Colab's server answers on loopback, and GitHub's address of
the course leads to this folder's own repository.
"""

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from lab import CHROMIUM, FLAGS, free_port, needs_chromium

from course_utils.notebooks import FOLDER, ROOT, reading_order

PYTHON = os.environ.get("COURSE_COLAB_PYTHON")
pytestmark = [
    pytest.mark.colab,
    pytest.mark.skipif(not PYTHON, reason="COURSE_COLAB_PYTHON names no environment"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]

PAGES = reading_order(FOLDER)
ADDRESS = "https://github.com/somebody/course"
ON_GITHUB = f"fileId={ADDRESS}/blob/{{}}/notebooks/{{}}"
ON_DRIVE = "fileId=1AbCdEfGhIjKlMnOp"

RUN = """
import sys, nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
try:
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
except CellExecutionError as error:
    sys.exit(str(error))
finally:
    nbformat.write(notebook, path)
"""

VERSIONS = """
import json
from importlib.metadata import distributions
print(json.dumps({found.metadata["Name"]: found.version for found in distributions()}))
"""


def output_of(*command: str, **settings) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def versions() -> dict[str, str]:
    # Not `pip list`, which obeys PIP_QUIET; -I: not what lies in the working directory.
    return json.loads(output_of(PYTHON, "-I", "-c", VERSIONS))


@contextmanager
def sessions(opened_from: str):
    """Answer as Colab's server does when it is asked where a page comes from."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            session = {"path": quote(opened_from, safe=""), "kernel": {"id": "a/b"}}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps([session]).encode())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 9000), Answer)  # Colab's port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def remote(tmp_path_factory) -> Path:
    """What GitHub holds: this folder as it is now, in a repository of its own."""
    folder = tmp_path_factory.mktemp("remote") / "course"
    output_of("git", "clone", "--quiet", str(ROOT), str(folder))
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    changed = output_of("git", "ls-files", "-mco", "--exclude-standard", cwd=ROOT)
    for name in changed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    output_of(*git, "add", "-A")
    output_of(*git, "commit", "--quiet", "--allow-empty", "-m", "now")
    output_of(*git, "checkout", "--quiet", "-B", "main")
    output_of(*git, "branch", "-f", "chapter/two")
    return folder


def on_colab(remote: Path | None, **more: str) -> dict[str, str]:
    """Return the environment of a Colab machine, where GitHub leads to ``remote``."""
    ours = ("COURSE_", "PYTHONPATH")
    plain = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return plain | {
        "COLAB_RELEASE_TAG": "release-colab",
        "COLAB_JUPYTER_IP": "127.0.0.1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{remote or '/nowhere'}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        **more,
    }


def run_page(path: Path, content: Path, environment: dict) -> tuple[str, list]:
    """Run a copy of a page in ``content``; return its error ("" if none) and cells."""
    copy = content / path.name
    copy.write_bytes(path.read_bytes())
    done = subprocess.run(
        [PYTHON, "-c", RUN, copy.name],
        cwd=content,
        env=environment,
        capture_output=True,
        text=True,
    )
    cells = nbformat.read(copy, as_version=4).cells
    return (done.stderr if done.returncode else ""), cells


def only_set_up(path: Path, folder: Path) -> Path:
    """Write a page with nothing but its set-up cell, and one that uses the package."""
    page = nbformat.read(path, as_version=4)
    page.cells = [c for c in page.cells if "setup" in c.metadata.get("tags", [])]
    page.cells.append(nbformat.v4.new_code_cell("import course_utils"))
    nbformat.write(page, folder / "set_up.ipynb")
    return folder / "set_up.ipynb"


@pytest.fixture
def not_installed():
    subprocess.run(
        [PYTHON, "-m", "pip", "uninstall", "-qy", "course-utils"], check=True
    )


# --- The set-up cell


@pytest.mark.parametrize("branch", ["main", "chapter/two"])
def test_it_installs_the_course_from_where_the_page_is_and_nothing_else(
    branch, remote, tmp_path, not_installed
):
    before = versions()
    page = only_set_up(PAGES[0], tmp_path)
    (tmp_path / "content").mkdir()
    with sessions(ON_GITHUB.format(branch, page.name)):
        error, _ = run_page(page, tmp_path / "content", on_colab(remote))
    assert error == ""
    after = versions()
    assert after.pop("course-utils")
    assert after == before


def test_from_drive_it_uses_the_address_that_the_learner_gives(
    remote, tmp_path, not_installed
):
    page = only_set_up(PAGES[0], tmp_path)
    (tmp_path / "content").mkdir()
    with sessions(ON_DRIVE):
        environment = on_colab(remote, COURSE_REPO=ADDRESS)
        error, _ = run_page(page, tmp_path / "content", environment)
    assert error == ""


def test_a_copy_in_drive_finds_its_source_by_itself(remote, tmp_path, not_installed):
    page = only_set_up(PAGES[0], tmp_path)
    message = tmp_path / "content" / "google" / "colab" / "_message.py"
    message.parent.mkdir(parents=True)
    address = ON_GITHUB.format("chapter/two", page.name).removeprefix("fileId=")
    origin = {"colab": {"provenance": [{"file_id": address, "timestamp": 1}]}}
    answer = {"ipynb": {"metadata": origin}}
    message.write_text(f"def blocking_request(name):\n    return {answer}\n")
    with sessions(ON_DRIVE):
        error, _ = run_page(page, tmp_path / "content", on_colab(remote))
    assert error == ""


@pytest.mark.parametrize(
    "opened_from, words",
    [
        (ON_DRIVE, "This copy does not say where it comes from: run %env COURSE_REPO="),
        (ON_GITHUB.format("main", "a.ipynb"), f"{ADDRESS} is private, or gone"),
    ],
)
def test_without_an_address_or_a_repository_it_says_what_to_do(
    opened_from, words, tmp_path, not_installed
):
    page = only_set_up(PAGES[0], tmp_path)
    (tmp_path / "content").mkdir()
    with sessions(opened_from):
        error, _ = run_page(page, tmp_path / "content", on_colab(None))
    assert words in error


# --- Whole pages


@pytest.fixture(scope="module")
def content(remote, tmp_path_factory) -> Path:
    """Colab's folder /content; the course is installed as it is now."""
    source = f"git+file://{remote}"
    output_of(PYTHON, "-m", "pip", "install", "-q", "--no-deps", "-I", source)
    return tmp_path_factory.mktemp("content")


def text_of(cell) -> str:
    """All text that a cell prints."""
    outputs = cell.get("outputs", [])
    plain = [o.get("data", {}).get("text/plain", "") for o in outputs]
    return "".join([o.get("text", "") for o in outputs] + plain)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_with_colabs_versions_and_says_the_same(path, remote, content):
    error, cells = run_page(path, content, on_colab(remote))
    assert error == ""
    stored = nbformat.read(path, as_version=4).cells
    code = [i for i, cell in enumerate(stored) if cell.cell_type == "code"]
    different = [i for i in code if text_of(stored[i]) != text_of(cells[i])]
    # Other versions word a few things differently; a page says the same all the same.
    assert len(different) <= len(code) / 10, [text_of(cells[i]) for i in different]
    live = [o for cell in cells for o in cell.get("outputs", ())]
    assert any("widget-view+json" in str(list(o.get("data", {}))) for o in live)


# --- The page that Colab's resembles: the classic notebook, with widgets 7


@contextmanager
def classic_notebook(folder: Path, environment: dict):
    """Serve a folder with the classic notebook on loopback; yield its address."""
    port = free_port()
    command = [PYTHON, "-m", "notebook", "--no-browser", "--allow-root"]
    settings = [f"--port={port}", "--ip=127.0.0.1", "--NotebookApp.token=secret"]
    server = subprocess.Popen(
        [*command, *settings],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while time.monotonic() < deadline and server.poll() is None:
            with suppress(OSError):
                urllib.request.urlopen(f"{address}/api?token=secret", timeout=2).read()
                break
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


KERNEL_IS_THERE = """() => window.Jupyter?.notebook?.kernel?.is_connected()
    && Jupyter.notebook.kernel.widget_manager && !Jupyter.notebook.kernel_busy"""
ALL_CELLS_RAN = """() => !Jupyter.notebook.kernel_busy
    && Jupyter.notebook.get_cells().filter(cell => cell.cell_type === 'code')
        .every(cell => Number.isInteger(cell.input_prompt_number))"""
PICTURE = ".widget-html-content svg[role=img]"
FIGURE = f".output_subarea .widget-vbox:has({PICTURE})"


@needs_chromium
def test_the_classic_notebook_shows_live_figures(remote, content):
    from playwright.sync_api import sync_playwright

    path = FOLDER / "primer.ipynb"  # the quickest
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []  # no still picture can be taken for a live one
    nbformat.write(notebook, content / "classic.ipynb")
    with (
        classic_notebook(content, on_colab(remote)) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(f"{address}/notebooks/classic.ipynb?token=secret")
        page.wait_for_function(KERNEL_IS_THERE, timeout=60_000)
        page.wait_for_timeout(2_000)  # it also asks the kernel for older widgets
        page.evaluate("() => { Jupyter.notebook.execute_all_cells() }")
        page.wait_for_function(ALL_CELLS_RAN, timeout=200_000)
        figures = page.locator(FIGURE)
        figures.nth(1).wait_for(timeout=30_000)
        picture = figures.first.locator(PICTURE).element_handle()
        slider = figures.first.locator(".ui-slider-handle").first
        slider.focus()
        page.keyboard.press("ArrowLeft")
        gone = "picture => !picture.isConnected"  # a new picture is a new element
        page.wait_for_function(gone, arg=picture, timeout=30_000)
        browser.close()
