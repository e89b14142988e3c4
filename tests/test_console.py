"""What a command prints reaches any console, or is lost without harm."""

import doctest
import io
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils
from course_utils import console
from course_utils.console import prepare_console, quoted, stop_like_control_c

ANYTHING = "± √ 中文 � 👩‍👧 café"


def test_the_examples_in_the_docstrings_are_true():
    failed, tried = doctest.testmod(console)
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "utf-8"])
def test_any_text_is_written_in_any_encoding(encoding, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding))
    prepare_console()
    prepare_console()  # once more changes nothing
    print(ANYTHING)
    expected = ANYTHING.encode(encoding, "backslashreplace") + os.linesep.encode()
    assert raw.getvalue() == expected
    assert sys.stdout.encoding == encoding


def test_streams_of_a_notebook_and_missing_ones_are_left_alone(monkeypatch):
    kept = io.StringIO()
    monkeypatch.setattr(sys, "stdout", kept)
    monkeypatch.setattr(sys, "stderr", None)  # pythonw, or a closed descriptor
    prepare_console()
    print(ANYTHING)
    print(ANYTHING, file=sys.stderr)
    assert kept.getvalue().startswith(ANYTHING)
    assert sys.stderr is None


MAINS = sorted(Path(course_utils.__file__).parent.rglob("__main__.py"))


@pytest.mark.parametrize("path", MAINS, ids=lambda path: path.parent.name)
def test_every_command_prepares_the_console(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("if __name__"))
    assert lines[begin + 1].strip() == "prepare_console()"


AFTER_THE_READER = """
import sys
from course_utils.console import prepare_console
prepare_console()
for i in range(20_000):
    print("more than a pipe holds", i)
print("at work until the end", file=sys.stderr)
sys.exit(3)
"""


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise on Windows")
def test_a_program_outlives_the_reader_of_its_output():
    process = subprocess.Popen(
        [sys.executable, "-c", AFTER_THE_READER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "more than a pipe holds 0\n"
    process.stdout.close()
    assert process.stderr.read() == "at work until the end\n"
    assert process.wait() == 3


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_signals_that_end_a_program_interrupt_it_once():
    stop_like_control_c()
    for number in (signal.SIGHUP, signal.SIGTERM):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.raise_signal(number)  # what follows must not cut the saving short


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    stop_like_control_c()
    signal.raise_signal(signal.SIGHUP)


@pytest.mark.skipif(os.name == "nt", reason="another shell")
@pytest.mark.parametrize("path", ["plain", "two words", "it's", "$HOME", "a;b", "中"])
def test_a_printed_path_can_be_copied_into_a_shell(path):
    assert shlex.split(f"command --out {quoted(path)} --resume")[2] == path
    assert quoted("plain/run-1") == "plain/run-1"
