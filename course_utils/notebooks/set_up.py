"""The first code cell of every page. On Google Colab it installs the course."""

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
