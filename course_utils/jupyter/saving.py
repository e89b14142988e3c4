"""What a page's file holds: the picture of a figure, and nothing of a dead widget.

A figure offers a live view and a picture of itself. The view belongs to one kernel. In
a file it would outlive it: JupyterLab and Notebook 7 prefer a view to a picture, and
where its kernel is gone they show "Error displaying widget: model not found". So views
are taken out of what is saved, and put back into what is opened while the kernel that
made them still runs (a browser's window was closed, the kernel was not).

Other front ends help themselves: VS Code takes the next kind of an output where a view
has no kernel (microsoft/vscode-jupyter, issue 12611), Google Colab stores the state of
widgets in the file. A view whose state is in the file stays.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

import nbformat

from course_utils.notebooks.places import FOLDER
from course_utils.notebooks.stamping import WIDGET_VIEW, without_volatile_parts

STATE = "application/vnd.jupyter.widget-state+json"


def keep_files_true(server) -> None:
    """Stand between Jupyter's pages and their files.

    Only pages of the course are touched: those that speak of its package.
    """
    manager = server.contents_manager
    if not asyncio.iscoroutinefunction(manager.get):
        return  # an old or unusual manager of files
    views, get, save = Views(), manager.get, manager.save

    async def get_with_views(path, *arguments, **settings):
        model = await get(path, *arguments, **settings)
        if _is_of_the_course(model):
            take_out_views(model["content"])
            views.put_back(path, model["content"], await _process(server, path))
        return model

    async def save_without_views(model, path="", *arguments, **settings):
        if _is_of_the_course(model):
            taken = take_out_views(model["content"])
            views.remember(path, taken, await _process(server, path))
            if (Path(manager.root_dir) / path.strip("/")).resolve().parent == FOLDER:
                # Looked at and not run, a shipped page keeps its bytes.
                notebook = nbformat.from_dict(model["content"])
                model["content"] = without_volatile_parts(notebook)
        return await save(model, path, *arguments, **settings)

    manager.get, manager.save = get_with_views, save_without_views


def _is_of_the_course(model: dict) -> bool:
    content = model.get("content")
    return (
        model.get("type") == "notebook"
        and content is not None
        and any("course_utils" in "".join(cell["source"]) for cell in content["cells"])
    )


async def _process(server, path: str):
    """Return what tells the kernel of a page from all others, None if it has none.

    The process counts: a kernel that was restarted keeps its name and loses its models.
    """
    with suppress(Exception):  # kernels may run elsewhere; a page is saved all the same
        for session in await server.session_manager.list_sessions():
            if session["path"].strip("/") == path.strip("/"):
                kernel = server.kernel_manager.get_kernel(session["kernel"]["id"])
                return session["kernel"]["id"], kernel.provisioner.pid
    return None


def take_out_views(notebook: dict) -> dict:
    """Take the views that no state in the file belongs to out of a notebook's outputs.

    Returns them by their place, (the cell's id, the output's number in the cell). A
    view that is all there is stays.
    """
    kept = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    taken = {}
    for number, cell in enumerate(notebook["cells"]):
        for place, output in enumerate(cell.get("outputs", [])):
            data = output.get("data", {})
            model_id = data.get(WIDGET_VIEW, {}).get("model_id")
            if WIDGET_VIEW in data and len(data) > 1 and model_id not in kept:
                taken[cell.get("id", number), place] = data.pop(WIDGET_VIEW)
    return taken


class Views:
    """Remembers, as long as the server runs, which views are not in the files."""

    def __init__(self):
        self.taken = {}  # a page's path -> its views by place
        self.born = {}  # a model's id -> the process in which it lives

    def remember(self, path: str, taken: dict, process) -> None:
        self.taken[path.strip("/")] = taken
        for view in taken.values():
            self.born.setdefault(view.get("model_id"), process)

    def put_back(self, path: str, notebook: dict, process) -> None:
        """Offer the views again whose models answer: their process is the page's."""
        if process is None:
            return
        taken = self.taken.get(path.strip("/"), {})
        for number, cell in enumerate(notebook["cells"]):
            for place, output in enumerate(cell.get("outputs", [])):
                view = taken.get((cell.get("id", number), place))
                if view and self.born.get(view.get("model_id")) == process:
                    output["data"][WIDGET_VIEW] = view
