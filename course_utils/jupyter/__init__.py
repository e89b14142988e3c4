"""What Jupyter's server does for the course: an extension that installing switches on.

``opening`` says which folder and which page ``jupyter lab notebooks`` opens, ``saving``
what a page's file holds when it is saved. JupyterLab and Notebook 7 share the server.
The setting is ``config.json`` here (``shared-data`` in pyproject.toml installs it).

Floors: stands on ``notebooks`` and ``pages``.
Source: Jupyter Server's documentation, "Server extensions".
"""

from tornado.ioloop import IOLoop

from course_utils.jupyter.opening import open_own_copy, open_page
from course_utils.jupyter.saving import keep_files_true


def _jupyter_server_extension_points() -> list[dict]:
    return [{"module": __name__}]


def _link_jupyter_server_extension(server) -> None:
    """Called before the server has a folder: it may still be another one."""
    open_own_copy(server)


def _load_jupyter_server_extension(server) -> None:
    """Called when everything is there, right before the browser opens."""
    open_page(server)
    # Later: another extension (jupytext is one) may still exchange what manages files.
    IOLoop.current().add_callback(keep_files_true, server)
