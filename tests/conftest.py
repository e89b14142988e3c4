"""Settings of the whole test suite."""

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Tiny models: a second thread costs more than it brings, above all on a busy machine.
torch.set_num_threads(1)


if os.name == "posix":
    import resource

    @pytest.fixture(autouse=True)
    def process_as_before():
        """What is left ends the tests minutes later, or holds them up for ever."""
        limit = resource.getrlimit(resource.RLIMIT_CPU)
        # Whatever a test does about signals that end a program is undone: a handler
        # that stayed would keep a child alive.
        numbers = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT]
        before = {number: signal.getsignal(number) for number in numbers}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)
        left = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, limit)
        assert left == limit


def _path_from(variable: str) -> Path:
    path = os.environ.get(variable)
    if not path or not Path(path).exists():
        pytest.skip(f"{variable} does not name an existing file or folder")
    return Path(path)


@pytest.fixture(scope="session")
def gpt2_vocabulary() -> Path:
    """Folder with GPT-2's real vocab.json and merges.txt (not shipped)."""
    return _path_from("COURSE_TEST_GPT2")


@pytest.fixture(scope="session")
def shakespeare() -> Path:
    """Tiny Shakespeare as a text file (not shipped)."""
    return _path_from("COURSE_TEST_TEXT")
