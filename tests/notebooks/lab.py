"""A real JupyterLab in a real browser, as two context managers for the tests.

``Lab`` starts a server on loopback with a random port and token, and everything that it
writes goes to one temporary folder. ``Notebook`` is a page of it in Chromium: it runs
the cells and asks the document what a reader sees.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None,
    reason="needs Chromium (Debian's package chromium) and pip install playwright",
)

# A notebook keeps only the cells in sight in the document; a test wants them all.
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},
}

KERNEL_IS_IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const kernel = panel?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
ALL_CELLS_RAN = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const code = panel.content.widgets.filter(cell => cell.model.type === 'code');
    const kernel = panel.sessionContext.session?.kernel;
    const error = '[data-mime-type="application/vnd.jupyter.error"]';
    return document.querySelector(error) !== null || (kernel?.status === 'idle'
        && code.every(cell => cell.model.executionCount !== null));
}"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    """A JupyterLab server that serves ``root``; ``home`` takes all that it writes."""

    def __init__(self, root: Path, home: Path):
        self.root, self.home = root, home
        self.port, self.token = free_port(), secrets.token_hex(16)

    def __enter__(self) -> "Lab":
        for name, setting in SETTINGS.items():
            file = self.home / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(setting))
        self.log = open(self.home / "lab.log", "w")
        self.process = subprocess.Popen(
            self._command(), env=self._environment(), stdout=self.log, stderr=self.log
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.home / "lab.log").read_text()[-3000:])
            time.sleep(0.1)
        return self

    def _command(self) -> list[str]:
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        return [
            *(sys.executable, "-m", "jupyterlab", str(self.root), "--no-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"),
            *("--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"),
            *("--LabApp.expose_app_in_browser=True", *as_root),
            "--LabApp.extension_manager=readonly",
        ]

    def _environment(self) -> dict[str, str]:
        here = {
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTER_DATA_DIR": "data",
            "IPYTHONDIR": "ipython",
            "COURSE_PROGRESS": "progress.json",
        }
        inherited = {k: v for k, v in os.environ.items() if k != "COURSE_GPT2"}
        return inherited | {name: str(self.home / at) for name, at in here.items()}

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(self.url("api/status"), timeout=2).read()
            return True
        return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def __exit__(self, *error) -> None:
        self.process.terminate()  # the server then ends its kernels
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Notebook:
    """One notebook, open in the browser."""

    def __init__(self, lab: Lab, browser, name: str):
        self.page = browser.new_page(viewport={"width": 1280, "height": 900})
        self.faults: list[str] = []  # what the page's own scripts complain about
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        # A workspace of its own: no other notebook is open behind this one.
        workspace = secrets.token_hex(4)
        self.page.goto(lab.url(f"lab/workspaces/{workspace}/tree/{name}"))
        # Cells that run before the kernel is connected are lost without a word.
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=120_000)

    def run_all(self, seconds: float = 300) -> None:
        # In braces: the promise of this command may never settle.
        command = (
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"
        )
        self.page.evaluate(command)
        self.page.wait_for_function(ALL_CELLS_RAN, timeout=seconds * 1000)

    def set_theme(self, theme: str) -> None:
        """Show the page in "Light" or "Dark"."""
        command = "apputils:change-theme"
        chosen = f"{{theme: 'JupyterLab {theme}'}}"
        self.page.evaluate(
            f"() => window.jupyterapp.commands.execute('{command}', {chosen})"
        )
        shown = f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'"
        self.page.wait_for_function(shown)

    def close(self) -> None:
        self.page.close()
