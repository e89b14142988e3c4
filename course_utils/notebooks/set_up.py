"""The first code cell of every page. On Google Colab it installs the course."""

# The package is not there yet when this runs, so all it needs stands in the cell.
# What the package itself needs, Colab has: --no-deps leaves its torch and numpy alone.
# Colab names the page that was opened from GitHub, and writes into a copy in Drive
# where the copy comes from ("provenance"). Which part of such an address is the branch,
# only the repository knows: a branch and a folder may both have a slash in them.
SETUP = r"""
# Set-up. On Google Colab this installs the course's package from the repository on
# GitHub that the page was opened from. Elsewhere it only looks for the package.
import importlib
import os
import re
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import unquote
from urllib.request import urlopen

if "COLAB_RELEASE_TAG" in os.environ and not find_spec("course_utils"):
    opened = ""
    with suppress(Exception):
        reply = urlopen(f"http://{os.environ['COLAB_JUPYTER_IP']}:9000/api/sessions")
        opened = unquote(reply.read().decode())
    with suppress(Exception):  # a copy in Drive says in its metadata where it is from
        from google.colab import _message

        opened += str(_message.blocking_request("get_ipynb")["ipynb"]["metadata"])
    opened += " " + os.environ.get("COURSE_REPO", "") + "/blob/HEAD/notebooks/x.ipynb"
    page = r"(https://github\.com/[\w.-]+/[\w.-]+?)/*(?:\.git)?/blob/([\w./-]+?)\.ipynb"
    found = re.search(page, opened)
    assert found, (
        "This copy does not say where it comes from: run %env COURSE_REPO=<address of "
        "the course on GitHub> in a cell of its own, then this cell again."
    )
    repository, path = found.groups()
    os.environ["GIT_TERMINAL_PROMPT"] = "0"  # git shall answer, not ask for a password
    ask = ["git", "ls-remote", repository]
    refs = subprocess.run(ask, capture_output=True, text=True)
    assert not re.search("resolve host|connect to|timed out", refs.stderr), (
        "GitHub cannot be reached: there is no network. Run this cell again later."
    )
    assert refs.returncode == 0, (
        f"{repository} is private, or gone: Colab cannot read it. Make it public, or "
        "upload the course's folder and run %pip install --no-deps <that folder>."
    )
    names = re.findall(r"\trefs/(?:heads|tags)/(\S+)|\t(HEAD)$", refs.stdout, re.M)
    known = [name for pair in names for name in pair if path.startswith(f"{name}/")]
    branch = max(known, key=len, default=path.partition("/")[0])
    folder = path.removeprefix(branch).rpartition("/")[0].rpartition("/")[0].strip("/")
    source = f"git+{repository}" + ("" if branch == "HEAD" else f"@{branch}")
    source += f"#subdirectory={folder}" if folder else ""
    %pip install --quiet --no-deps {source}
    importlib.invalidate_caches()
    assert find_spec("course_utils"), (
        f"No course was found in {repository}, branch {branch}, folder /{folder}: "
        "its notebooks must lie in a folder beside course_utils."
    )
assert find_spec("course_utils"), (
    "The course is not installed: run pip install -r requirements.txt in its folder."
)
""".strip()
