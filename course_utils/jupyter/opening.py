"""Which folder and which page a start of Jupyter opens.

The shipped pages are compared with their stored outputs, and reading a page already
changes its file: Jupyter saves by itself. So whoever starts it on them gets a copy of
their own, made or brought up to date on the way.
"""

import os
from pathlib import Path

from traitlets.config import Config

from course_utils.notebooks.copying import COPY_FOLDER, copy_course, pages_worked_on
from course_utils.notebooks.places import FOLDER
from course_utils.pages import PAGES

FIRST_PAGE = next(page.file_name for page in PAGES if page.name == "start_here")


def open_own_copy(server) -> None:
    """Lead a start on the shipped pages, or on one of them, to the learner's copy.

    Where no copy can be made (a folder that may only be read), the shipped pages are
    opened after all.
    """
    asked = Path(server.root_dir).resolve()
    if asked != FOLDER:
        return
    try:
        lines = copy_course(COPY_FOLDER, FOLDER)
    except OSError as error:
        server.log.warning(f"No copy of the course could be made: {error}")
        return
    nothing_new = (": copied", "already", "left it")
    news = [line for line in lines if not line.endswith(nothing_new)]
    own = os.path.relpath(COPY_FOLDER)
    server.log.info("\n".join([f"Your own copy of the course is open: {own}", *news]))
    instead = {"root_dir": str(COPY_FOLDER)}
    if server.file_to_run:
        instead["file_to_run"] = str(COPY_FOLDER / Path(server.file_to_run).name)
    # In its settings: what is only set on the server, the command line sets back.
    server.update_config(Config(ServerApp=instead))


def open_page(server) -> None:
    """Let the browser open the page that was worked on last, at first the first one.

    Whoever names a file, or an address of their own, gets that; so does a folder that
    is not the course's.
    """
    folder = Path(server.root_dir)
    asked_for_nothing = not server.file_to_run and server.default_url.endswith("/lab")
    if asked_for_nothing and (folder / FIRST_PAGE).is_file():
        pages = pages_worked_on(folder) or [folder / FIRST_PAGE]
        server.default_url += f"/tree/{pages[-1].name}"
