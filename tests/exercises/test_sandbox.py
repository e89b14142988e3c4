"""What a submission cannot do, whatever it tries: harmless stand-ins, really run.

In these tests Python's own guard (the audit hook) is taken off, as code that gets past
it would find things: what holds is the operating system, and the judge.
"""

import contextlib
import os
import secrets
import shutil
import socket
from pathlib import Path

import pytest
from submitted import DEFINITION, IMPORTS, MASK, SPLIT, answer, right, write

from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.answers import answer_from, answers
from course_utils.exercises.grading import containment, sandbox
from course_utils.exercises.grading.command import main
from course_utils.exercises.grading.grade import grade
from course_utils.exercises.grading.processes import NoSandboxError, Sandboxed
from course_utils.exercises.grading.submissions import find_submissions

RIGHT = DEFINITION.partition("\n")[2].strip()
SECRET = "not for learners"
REFUSED = {MASK: "solved", SPLIT: "solved"}  # the stand-in was refused, and went on


def refused(attempt: str, errors: str = "OSError") -> str:
    """Return an answer that is right only where the attempt raises such an error."""
    lines = attempt.strip().replace("\n", "\n    ")
    return answer(MASK, f"import os\ntry:\n    {lines}\nexcept {errors}:\n    {RIGHT}")


def libc(call: str) -> str:
    """Return an answer that is right only where a call of the C library fails."""
    body = "import ctypes\nlibc = ctypes.CDLL(None)\nflag = libc." + call
    return answer(MASK, f"{body}\nassert flag == -1, flag\n{RIGHT}")


def stand_ins(outside: Path, secret: Path, port: int) -> dict[str, tuple[str, dict]]:
    """Return what is tried -> (the answer, what stands in its row)."""
    path = str(outside)
    course = str(Path(sandbox.__file__).parent / "marker")
    going_down = {MASK: "error: crashed", SPLIT: "solved"}
    return {
        "writes": (refused(f"open({path!r}, 'w')"), REFUSED),
        "writes into the course": (refused(f"open({course!r}, 'w')"), REFUSED),
        "writes below the system": (refused("open('/usr/marker', 'w')"), REFUSED),
        "writes settings": (
            refused("open('/proc/sys/kernel/domainname','w')"),
            REFUSED,
        ),
        "writes by libc": (libc(f"creat({path.encode()!r}, 0o644)"), REFUSED),
        "writes by torch": (
            refused(f"torch.from_file({path!r}, True, 4)", "RuntimeError"),
            REFUSED,
        ),
        "reads": (refused(f"open({str(secret)!r}).read()"), REFUSED),
        "reads its neighbours": (refused(f"os.listdir({path!r} + '/..')"), REFUSED),
        "reads the environment": (
            answer(
                MASK,
                "everything = open('/proc/self/environ').read() + str(__import__('os')"
                f".environ)\nassert {SECRET!r} not in everything\n{RIGHT}",
            ),
            REFUSED,
        ),
        "connects": (
            refused(
                f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)"
            ),
            REFUSED,
        ),
        "asks for more rights": (libc("unshare(0x10000000)"), REFUSED),
        "mounts": (libc("mount(b'/usr', b'/usr', 0, 4096 | 32, 0)"), REFUSED),
        "starts programs": (
            refused("os.posix_spawn('/bin/true', ['true'], {})"),
            REFUSED,
        ),
        "forks": (
            answer(
                MASK,
                "import os\nfor _ in range(100):\n    try:\n        os.fork()\n"
                f"    except OSError:\n        continue\n    os._exit(1)\n{RIGHT}",
            ),
            REFUSED,
        ),
        "ends its parent": (
            answer(
                MASK,
                "import os, time\n"
                "for process in (os.getppid() or 1, 1, 2, -1):\n    try:\n"
                "        os.kill(process, 9)\n    except OSError:\n        pass\n"
                # The kernel ends the rest of a namespace a moment later.
                f"time.sleep(2)\n{RIGHT}",
            ),
            going_down,
        ),
        "ends its group": (answer(MASK, "import os\nos.kill(0, 9)"), going_down),
        "takes memory": (
            refused("bytearray(8 << 30)", "MemoryError"),
            REFUSED,
        ),
        "fills its folder": (
            refused(
                "for i in range(64):\n"
                "    with open(str(i), 'wb') as file:\n"
                "        file.write(bytes(8 << 20))"
            ),
            REFUSED,
        ),
        "forges its result": (
            answer(
                MASK,
                "import json, os\nfrom multiprocessing.connection import Connection\n"
                "for fd in range(3, 64):\n    try:\n"
                "        for forged in ({'status': 'solved', 'label': 'solved'},\n"
                "            {'attempt': {'solved': True, 'outcomes': []}}):\n"
                "            text = json.dumps(forged).encode()\n"
                "            Connection(fd).send_bytes(text)\n"
                "    except OSError:\n        pass\nreturn T",
            ),
            going_down,
        ),
        "pickles": (
            answer(
                MASK,
                "class Trap:\n    def __reduce__(self):\n"
                f"        return open, ({path!r}, 'w')\n"
                "    def __eq__(self, other):\n        return True\nreturn Trap()",
            ),
            {MASK: "not yet: type", SPLIT: "solved"},
        ),
        "gives back far too much": (
            answer(MASK, "return torch.ones(T + 10**4, 10**4, dtype=torch.bool)"),
            {MASK: "not yet: type", SPLIT: "solved"},
        ),
        "gives back without end": (
            answer(MASK, "nest = []\nnest.append(nest)\nreturn nest"),
            {MASK: "not yet: type", SPLIT: "solved"},
        ),
    }


@pytest.fixture(scope="module")
def tried(tmp_path_factory, no_sandbox):
    """Grade all stand-ins in sandboxes: (learner -> its row, what was expected)."""
    if no_sandbox:
        pytest.skip(no_sandbox)
    folder = tmp_path_factory.mktemp("class")
    outside, secret = folder.parent / "outside", folder.parent / "secret"
    secret.write_text(SECRET)
    with (
        pytest.MonkeyPatch.context() as patch,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        patch.setattr(containment, "_guard", lambda scratch: lambda *event: None)
        patch.setenv("COURSE_TEST_SECRET", SECRET)
        server.settimeout(0.01)
        planted = stand_ins(outside, secret, server.getsockname()[1])
        for name, (cell, _) in planted.items():
            write(folder / f"{name}.ipynb", cell, right(SPLIT))
        with Sandboxed() as processes:
            rows = grade(find_submissions([folder]), 5, processes)
        with pytest.raises(TimeoutError):
            server.accept()
    assert not outside.exists() and secret.read_text() == SECRET
    assert not (Path(sandbox.__file__).parent / "marker").exists()
    return {row.learner: row for row in rows}, planted


def test_what_a_submission_tries_is_refused_and_costs_its_own_row_at_most(tried):
    rows, planted = tried
    got = {name: row.results for name, row in rows.items()}
    assert got == {name: expected for name, (_, expected) in planted.items()}


@pytest.mark.parametrize(
    "name", ["writes", "writes by libc", "writes by torch", "reads", "connects"]
)
def test_outside_a_sandbox_the_same_stand_ins_succeed(tmp_path, name):
    outside, secret = tmp_path / "outside", tmp_path / "secret"
    secret.write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as server:
        cell, _ = stand_ins(outside, secret, server.getsockname()[1])[name]
        function = answer_from(answers([IMPORTS, cell])[MASK], "<stand-in>")
        with contextlib.suppress(AssertionError):  # "the call did not fail"
            assert function(3) is None
        if name == "connects":
            server.settimeout(5.0)
            server.accept()[0].close()
    assert outside.exists() == name.startswith("writes")


def test_no_process_is_left_of_a_class_that_is_graded(tried):
    children = []
    for path in Path("/proc/self/task").glob("*/children"):
        children += path.read_text().split()
    commands = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in children]
    assert "bwrap" not in commands


def test_without_bubblewrap_the_command_asks_for_trust(tmp_path, monkeypatch, capsys):
    write(tmp_path / "ann.ipynb", right(MASK))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    options = ["--out", str(tmp_path / "grades.csv")]
    assert main(["grade", str(tmp_path), *options]) == 1
    said = capsys.readouterr().err
    assert "there is no sandbox" in said and "--trust" in said
    assert not (tmp_path / "grades.csv").exists()


@pytest.mark.skipif(not shutil.which("cat"), reason="a system with a shell")
def test_where_bubblewrap_may_not_its_own_words_are_shown(
    tmp_path, monkeypatch, capsys
):
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    words = f"no permission {secrets.token_hex(4)}"
    program.write_text(f"#!/bin/sh\necho {words} >&2\nexit 1\n")
    program.chmod(0o755)
    write(tmp_path / "class" / "ann.ipynb", right(MASK))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert main(["grade", str(tmp_path / "class")]) == 1
    said = capsys.readouterr().err
    assert words in said or "Linux" in said
    with pytest.raises(NoSandboxError):
        Sandboxed()


def test_every_machine_has_its_filter():
    for _, calls in sandbox.ARCHITECTURES.values():
        assert {"clone", "unshare", "setns"} <= set(calls)
    assert CATALOGUE.find(MASK).seconds > 0
