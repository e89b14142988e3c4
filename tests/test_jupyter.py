"""Tests of course_utils.jupyter: what a start opens, and what a saved page holds."""

import asyncio
import copy
import json
import logging
import os
import tomllib
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from traitlets import Unicode
from traitlets.config import Config, Configurable

from course_utils import jupyter
from course_utils.jupyter import opening, saving
from course_utils.jupyter.opening import FIRST_PAGE, open_own_copy, open_page
from course_utils.jupyter.saving import STATE, keep_files_true, take_out_views
from course_utils.notebooks import FOLDER, ROOT, WIDGET_VIEW, copy_course, reading_order

LATER = reading_order(FOLDER)[3].name


class ServerApp(Configurable):
    """A server as it is before it opens anything, with Jupyter's names."""

    root_dir = Unicode(config=True)
    file_to_run = Unicode(config=True)
    default_url = Unicode("/lab")
    log = logging.getLogger("server")


def started(folder, **settings):
    """As from the command line, whose settings are applied again and again."""
    names = {name: str(value) for name, value in settings.items()}
    return ServerApp(config=Config(ServerApp={"root_dir": str(folder)} | names))


def opens(server):
    """Go on as the server does: its settings are applied once more."""
    open_own_copy(server)
    server.update_config(Config())
    return server


def opened_with(folder, **settings):
    server = started(folder)
    server.set_trait("default_url", settings.pop("default_url", "/lab"))
    server.update_config(Config(ServerApp=settings))
    open_page(server)
    return server.default_url


# --- What a start opens


@pytest.fixture
def own_copy(tmp_path, monkeypatch):
    folder = tmp_path / "my-course"
    monkeypatch.setattr(opening, "COPY_FOLDER", folder)
    return folder


def test_a_start_on_the_shipped_pages_opens_a_copy_which_it_makes(own_copy):
    server = opens(started(FOLDER))
    assert server.root_dir == str(own_copy)
    copied = [path.name for path in reading_order(own_copy)]
    assert copied == [path.name for path in reading_order(FOLDER)]
    open_page(server)
    assert server.default_url == f"/lab/tree/{FIRST_PAGE}"


def test_a_start_on_one_shipped_page_opens_its_copy(own_copy):
    server = opens(started(FOLDER, file_to_run=FOLDER / LATER))
    assert server.file_to_run == str(own_copy / LATER)


def test_another_folder_is_opened_as_it_is(own_copy, tmp_path):
    server = opens(started(tmp_path))
    assert server.root_dir == str(tmp_path) and not own_copy.exists()


def test_where_no_copy_can_be_made_the_shipped_pages_are_opened(
    own_copy, caplog, monkeypatch
):
    def read_only(*folders):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(opening, "copy_course", read_only)
    server = opens(started(FOLDER))
    assert server.root_dir == str(FOLDER)
    assert "Read-only file system" in caplog.text


def test_a_later_start_opens_the_page_that_was_worked_on_last(own_copy):
    copy_course(own_copy, FOLDER)
    assert opened_with(own_copy) == f"/lab/tree/{FIRST_PAGE}"
    for seconds, name in enumerate((LATER, "primer.ipynb", FIRST_PAGE)):
        page = own_copy / name
        page.write_text(page.read_text("utf-8") + "\n", "utf-8")
        os.utime(page, (seconds, seconds))
        assert opened_with(own_copy) == f"/lab/tree/{name}"
    (own_copy / FIRST_PAGE).rename(own_copy / "elsewhere.ipynb")
    (own_copy / "primer.ipynb").unlink()
    assert opened_with(own_copy) == "/lab", "a folder without its first page is no copy"


def test_behind_a_proxy_the_address_keeps_its_beginning(own_copy):
    copy_course(own_copy, FOLDER)
    address = opened_with(own_copy, default_url="/user/mia/lab")
    assert address == f"/user/mia/lab/tree/{FIRST_PAGE}"


def test_whoever_asks_for_a_page_or_an_address_gets_it(own_copy):
    copy_course(own_copy, FOLDER)
    assert opened_with(own_copy, file_to_run=LATER) == "/lab"
    assert opened_with(own_copy, default_url="/lab/tree/x.txt") == "/lab/tree/x.txt"


def test_the_installed_setting_names_the_extension():
    module = jupyter.__name__
    assert jupyter._jupyter_server_extension_points() == [{"module": module}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    (file,) = [name for name in wheel["shared-data"] if name.endswith(".json")]
    setting = json.loads((ROOT / file).read_text("utf-8"))
    assert setting == {"ServerApp": {"jpserver_extensions": {module: True}}}


# --- What a saved page holds


def page_with(*bundles, source="from course_utils import figures"):
    outputs = [new_output("display_data", bundle) for bundle in bundles]
    return new_notebook(cells=[new_code_cell(source, outputs=outputs)])


def view(model_id):
    return {"version_major": 2, "version_minor": 0, "model_id": model_id}


def figure(model_id):
    return {WIDGET_VIEW: view(model_id), "image/png": "AAAA", "text/plain": "A figure."}


def kinds(notebook):
    return [set(output["data"]) for output in notebook["cells"][0]["outputs"]]


STILL = {"image/png", "text/plain"}


def test_a_view_is_taken_out_where_something_else_can_be_shown():
    page = page_with(figure("a"), {WIDGET_VIEW: view("b")}, {"text/plain": "3"})
    page.metadata.widgets = {STATE: {"state": {}, "version_major": 2}}
    taken = take_out_views(page)
    assert list(taken.values()) == [view("a")]
    assert kinds(page) == [STILL, {WIDGET_VIEW}, {"text/plain"}]
    nbformat.validate(page)


def test_a_view_whose_state_is_in_the_file_stays():
    page = page_with(figure("a"), figure("b"))
    page.metadata.widgets = {STATE: {"state": {"a": {}}}}
    take_out_views(page)
    assert kinds(page) == [STILL | {WIDGET_VIEW}, STILL]


class Server:
    """Files in memory, and one page with a kernel, as Jupyter's server gives them."""

    def __init__(self, folder):
        self.files, self.pid = {}, 1
        self.contents_manager = SimpleNamespace(
            get=self.get, save=self.save, root_dir=str(folder)
        )
        self.session_manager = SimpleNamespace(list_sessions=self.sessions)
        self.kernel_manager = SimpleNamespace(
            get_kernel=lambda name: SimpleNamespace(
                provisioner=SimpleNamespace(pid=self.pid)
            )
        )

    async def get(self, path, content=True):
        model = {"type": "notebook", "content": None}
        return model | ({"content": copy.deepcopy(self.files[path])} if content else {})

    async def save(self, model, path):
        self.files[path] = copy.deepcopy(model["content"])
        return {"type": "notebook", "content": None}

    async def sessions(self):
        return [{"path": "a.ipynb", "kernel": {"id": "k"}}] if self.pid else []


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    keep_files_true(server)
    return server


def save(server, page, path="a.ipynb"):
    model = {"type": "notebook", "content": json.loads(json.dumps(page))}
    asyncio.run(server.contents_manager.save(model, path))


def reopened(server, path="a.ipynb"):
    return asyncio.run(server.contents_manager.get(path))["content"]


def test_the_file_holds_the_picture_and_an_open_page_its_view_while_it_lives(server):
    save(server, page_with(figure("a")))
    assert kinds(server.files["a.ipynb"]) == [STILL]
    assert kinds(reopened(server)) == [STILL | {WIDGET_VIEW}]
    server.pid = 2  # the kernel was restarted under its name
    assert kinds(reopened(server)) == [STILL]
    save(server, page_with(figure("a"), figure("b")))  # still shown, dead, by the page
    assert kinds(reopened(server)) == [STILL, STILL | {WIDGET_VIEW}]
    server.pid = None  # shut down
    assert kinds(reopened(server)) == [STILL, STILL]


def test_a_page_is_saved_wherever_its_kernel_runs(server):
    server.kernel_manager.get_kernel = lambda name: 1 / 0
    save(server, page_with(figure("a")))
    assert kinds(server.files["a.ipynb"]) == kinds(reopened(server)) == [STILL]


def test_dead_views_in_a_file_that_came_from_elsewhere_are_not_shown(server):
    server.files["a.ipynb"] = page_with(figure("a"))
    assert kinds(reopened(server)) == [STILL]
    assert asyncio.run(server.contents_manager.get("a.ipynb", content=False)) == {
        "type": "notebook",
        "content": None,
    }


def test_other_peoples_notebooks_and_files_are_left_alone(server):
    save(server, page_with(figure("a"), source="import theirs"))
    assert kinds(server.files["a.ipynb"]) == [STILL | {WIDGET_VIEW}]
    asyncio.run(server.contents_manager.save({"type": "file", "content": "x"}, "b.txt"))
    assert server.files["b.txt"] == "x"


def test_a_manager_of_files_of_an_older_kind_is_left_alone():
    manager = SimpleNamespace(get=lambda path: None, save=lambda model, path: None)
    before = manager.get
    keep_files_true(SimpleNamespace(contents_manager=manager))
    assert manager.get is before


def test_a_shipped_page_that_was_only_looked_at_keeps_its_bytes(monkeypatch, tmp_path):
    shipped = page_with({"text/plain": "3"})
    monkeypatch.setattr(saving, "FOLDER", tmp_path / "notebooks")
    server = Server(tmp_path)
    keep_files_true(server)
    before = saving.without_volatile_parts(copy.deepcopy(shipped))
    shipped.metadata["language_info"] = {"name": "python", "version": "3.99.1"}
    shipped.cells[0].metadata["trusted"] = True
    save(server, shipped, "notebooks/a.ipynb")
    assert nbformat.from_dict(server.files["notebooks/a.ipynb"]) == before
    save(server, shipped, "my-course/a.ipynb")
    assert "version" in server.files["my-course/a.ipynb"]["metadata"]["language_info"]
