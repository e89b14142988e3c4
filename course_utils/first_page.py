"""JupyterLab opens on the course's first page, where it is started in a folder of it.

A small extension of Jupyter's server that the installation switches on (``shared-data``
in pyproject.toml). ``jupyter lab notebooks`` would otherwise open an empty launcher.

Floor 1: stands on ``pages``.
Source: Jupyter Server's documentation, "Server extensions".
"""

from pathlib import Path

from course_utils.pages import PAGES

FIRST_PAGE = next(page.file_name for page in PAGES if page.name == "start_here")


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": "course_utils.first_page"}]


def _load_jupyter_server_extension(server) -> None:
    """Let the browser open the first page, unless the command asks for something else.

    Whoever names a file, or an address of their own, gets that; so does a folder that
    is not the course's.
    """
    asked_for_nothing = not server.file_to_run and server.default_url.endswith("/lab")
    if asked_for_nothing and (Path(server.root_dir) / FIRST_PAGE).is_file():
        server.default_url += f"/tree/{FIRST_PAGE}"
