"""A fresh machine: an empty folder, an empty environment, the README's command.

The README's other command, which runs these tests, is what ``.ci/run`` calls in a fresh
environment of its own. Minutes long: ``pytest -m fresh`` runs these alone.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path

import pytest

from course_utils.notebooks import ROOT

NOBODY = 65534  # the user and group that own nothing
README = (ROOT / "README.md").read_text("utf-8")
TO_READ, TO_TEST = re.findall(r"^pip install -r requirements\.txt && .+$", README, re.M)


def test_continuous_integration_calls_the_readmes_test_command():
    assert TO_TEST.endswith("pytest --nbval")
    script = (ROOT / ".ci/run").read_text()
    pattern = re.search(r"grep -m1 -E '(.+)' README\.md", script).group(1)
    first = next(line for line in README.splitlines() if re.search(pattern, line))
    assert first == TO_TEST
    assert 'bash -euo pipefail -c "$command"' in script


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A clone in an empty folder that belongs to an ordinary user, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / "course" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / "course" / name)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
    return folder / "course"


def digests(folder: Path) -> dict[str, str]:
    pages = sorted(folder.glob("*.ipynb"))
    return {page.name: sha256(page.read_bytes()).hexdigest() for page in pages}


@pytest.mark.fresh
def test_the_readmes_first_command_opens_a_copy_of_the_course_on_this_machine_alone(
    clone,
):
    shipped = digests(clone / "notebooks")
    environment = {
        **{
            k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "VIRT"))
        },
        "HOME": str(clone.parent),
        "PIP_QUIET": "1",
        "PYTHONUNBUFFERED": "1",
    }
    script = f"python3 -m venv .venv && . .venv/bin/activate && {TO_READ}"
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    ordinary = ["setpriv", *user] if os.geteuid() == 0 else []
    log = clone.parent / "lab.log"
    with open(log, "w") as file:
        server = subprocess.Popen(
            [*ordinary, "bash", "-c", script],
            cwd=clone,
            env=environment,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        address, token = wait_for_address(server, log)
        assert re.match(r"http://(localhost|127\.0\.0\.1):\d+/$", address)
        page = f"{address}api/contents/00_start_here.ipynb"
        assert status(f"{page}?token={token}") == 200
        assert status(page) == 403
        assert status(f"{address}lab?token={token}") == 200
        # Saving, as JupyterLab does by itself, changes the learner's copy alone.
        read = json.load(urllib.request.urlopen(f"{page}?token={token}"))
        read["content"]["metadata"]["language_info"]["version"] = "3.99.1"
        put = urllib.request.Request(
            f"{page}?token={token}", json.dumps(read).encode(), method="PUT"
        )
        assert urllib.request.urlopen(put).status == 200
        assert digests(clone / "notebooks") == shipped
        own = digests(clone / "my-course")
        assert [name for name in shipped if own[name] != shipped[name]] == [
            "00_start_here.ipynb"
        ]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, 15)
        server.wait(30)


def wait_for_address(server, log: Path) -> tuple[str, str]:
    """Return the server's address and token, as it prints them when it is up.

    What it prints leads to the first page.
    """
    printed = r"(http://\S+/)lab/tree/00_start_here\.ipynb\?token=(\w+)"
    deadline = time.monotonic() + 900
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(printed, log.read_text()):
            return found.groups()
        time.sleep(0.5)
    raise AssertionError(log.read_text()[-3000:])


def status(address: str) -> int:
    """Return the status with which a server answers, once it does."""
    for _ in range(60):
        try:
            return urllib.request.urlopen(address, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{address} does not answer")
