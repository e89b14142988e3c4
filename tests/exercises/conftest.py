"""Every test of the exercises starts as a new learner."""

import pytest

from course_utils.exercises.course import LEARNER
from course_utils.exercises.engine import store
from course_utils.exercises.engine.learner import Session
from course_utils.exercises.grading import worker
from course_utils.exercises.grading.processes import NoSandboxError, Sandboxed


@pytest.fixture(autouse=True)
def own_session(tmp_path, monkeypatch):
    """Give every test a new session and an empty progress file."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(LEARNER, "session", Session())
    store._unsaved.clear()


@pytest.fixture
def no_limit_on_processor_time(monkeypatch):
    """For tests that do a worker's work in their own process: a limit is for good."""
    monkeypatch.setattr(worker, "limit_processor_time", lambda seconds: None)


@pytest.fixture(scope="session")
def no_sandbox():
    """Why there can be no sandbox on this machine, "" if there can."""
    try:
        with Sandboxed():
            return ""
    except NoSandboxError as error:
        return str(error)
