"""Tests of course_utils.first_page: what `jupyter lab FOLDER` opens."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils import first_page
from course_utils.first_page import FIRST_PAGE, _load_jupyter_server_extension


def opened_with(folder, file_to_run="", default_url="/lab"):
    server = SimpleNamespace(
        root_dir=str(folder), file_to_run=file_to_run, default_url=default_url
    )
    _load_jupyter_server_extension(server)
    return server.default_url


@pytest.fixture
def course(tmp_path):
    (tmp_path / FIRST_PAGE).write_text("{}")
    return tmp_path


def test_a_folder_of_the_course_opens_on_its_first_page(course):
    assert opened_with(course) == f"/lab/tree/{FIRST_PAGE}"
    behind_a_proxy = opened_with(course, default_url="/user/mia/lab")
    assert behind_a_proxy == f"/user/mia/lab/tree/{FIRST_PAGE}"


def test_another_folder_opens_as_always(tmp_path):
    assert opened_with(tmp_path) == "/lab"


def test_whoever_asks_for_a_page_or_an_address_gets_it(course):
    assert opened_with(course, file_to_run="05_optimization.ipynb") == "/lab"
    assert opened_with(course, default_url="/lab/tree/x.txt") == "/lab/tree/x.txt"


def test_the_installed_setting_names_the_extension():
    module = first_page.__name__
    assert first_page._jupyter_server_extension_points() == [{"module": module}]
    setting = json.loads(Path(first_page.__file__).with_suffix(".json").read_text())
    assert setting == {"ServerApp": {"jpserver_extensions": {module: True}}}
