"""Settings of the whole test suite."""

import os
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
    def no_limit_is_left():
        """A limit on processor time would end this process minutes later."""
        before = resource.getrlimit(resource.RLIMIT_CPU)
        yield
        left = resource.getrlimit(resource.RLIMIT_CPU)
        if left != before:
            resource.setrlimit(resource.RLIMIT_CPU, before)
        assert left == before


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
