"""A real JupyterLab in a real browser, as two context managers for the tests.

``Lab`` starts a server on loopback with a random port and token, and everything that it
writes goes to one temporary folder. ``Notebook`` is a page of it in Chromium: it runs
the cells and asks the document what a reader sees.
"""

import contextlib
import html
import json
import os
import re
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

# Show the page from its top on, or its next part; say whether it is the last.
PANEL = """const panel = window.jupyterapp.shell.currentWidget.content.node
    .querySelector('.jp-WindowedPanel-outer');"""
TO_TOP = f"() => {{ {PANEL} panel.scrollTop = 0; }}"
AT_END = f"""() => {{
    {PANEL}
    return panel.scrollTop + panel.clientHeight >= panel.scrollHeight - 2;
}}"""
ON = f"() => {{ {PANEL} panel.scrollTop += panel.clientHeight; }}"
SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()"
LONG = 300_000  # ms; CI's machine is slow and does other things meanwhile


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Lab:
    """``jupyter lab FOLDER``; ``home`` takes what it writes."""

    def __init__(self, folder: Path, home: Path):
        self.folder, self.home = folder, home
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
        deadline = time.monotonic() + LONG / 1000
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.home / "lab.log").read_text()[-3000:])
            time.sleep(0.1)
        return self

    def _command(self) -> list[str]:
        as_root = ["--allow-root"] if os.geteuid() == 0 else []
        return [
            *("nice", "-n", "10"),  # kernels work all the time; the page must answer
            *(sys.executable, "-m", "jupyterlab", str(self.folder), "--no-browser"),
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
        # Two notebooks run at a time: one thread each.
        inherited.setdefault("OMP_NUM_THREADS", "1")
        return inherited | {name: str(self.home / at) for name, at in here.items()}

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(self.url("api/status"), timeout=2).read()
            return True
        return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def end_kernel_of(self, name: str) -> None:
        """Shut down a page's kernel, as the list of running kernels lets one do."""
        sessions = json.load(urllib.request.urlopen(self.url("api/sessions")))
        (found,) = [session["id"] for session in sessions if session["path"] == name]
        address = self.url(f"api/sessions/{found}")
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE"))

    def notebook_url(self, name: str) -> str:
        """In a workspace of its own: no other notebook is open behind this one."""
        return self.url(f"lab/workspaces/{secrets.token_hex(4)}/tree/{name}")

    def first_url(self) -> str:
        """Return the address that ``jupyter lab`` opens the learner's browser with."""
        file = next((self.home / "runtime").glob("jpserver-*-open.html"))
        link = re.search(r'<a href="([^"]+)"', file.read_text("utf-8")).group(1)
        return html.unescape(link)

    def __exit__(self, *error) -> None:
        self.process.terminate()  # the server then ends its kernels
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Notebook:
    """One notebook, open in the browser."""

    def __init__(self, browser, url: str):
        self.page = browser.new_page()
        self.page.set_viewport_size({"width": 1280, "height": 900})
        self.faults: list[str] = []  # what the page's own scripts complain about
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(url, timeout=LONG)
        # Cells that run before the kernel is connected are lost without a word.
        self.page.wait_for_function(KERNEL_IS_IDLE, timeout=LONG)

    def start_all(self) -> None:
        """Begin to run all cells, and return at once."""
        # In braces: the promise of this command may never settle.
        command = "window.jupyterapp.commands.execute('notebook:run-all-cells')"
        self.page.evaluate(f"() => {{ {command} }}")

    def wait_until_run(self, seconds: float = 900) -> None:
        given = dict(timeout=seconds * 1000, polling=200)
        self.page.wait_for_function(ALL_CELLS_RAN, **given)

    def command(self, name: str, **settings) -> None:
        """Do what an entry of JupyterLab's menus does, and wait for its end."""
        script = (
            "([name, settings]) => window.jupyterapp.commands.execute(name, settings)"
        )
        self.page.evaluate(f"{script}.then(() => null)", [name, settings])

    def set_theme(self, theme: str) -> None:
        """Show the page in "Light" or "Dark"."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        shown = f"() => document.body.dataset.jpThemeName === 'JupyterLab {theme}'"
        self.page.wait_for_function(shown)

    def keep_pictures(self, path: Path, width: int, theme: str) -> None:
        """Save the whole page in parts as PNG files: path-1280-Light-01.png and on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.set_theme(theme)
        self.page.set_viewport_size({"width": width, "height": 2400})
        self.page.wait_for_timeout(300)
        self.page.evaluate(TO_TOP)
        for part in range(1, 30):
            self.page.wait_for_timeout(100)
            name = f"{path.name}-{width}-{theme}-{part:02}.png"
            self.page.screenshot(path=path.with_name(name))
            if self.page.evaluate(AT_END):
                break
            self.page.evaluate(ON)
        self.page.set_viewport_size({"width": 1280, "height": 900})

    def close(self) -> None:
        """Close the page and end its kernel."""
        self.page.evaluate(SHUT_DOWN)
        self.page.close()
