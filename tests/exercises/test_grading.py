"""Grading a class: exactly what was planted comes out, and no row costs another."""

import csv
import json
import multiprocessing
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest
from submitted import (
    ANSWER,
    DEFINITION,
    IMPORTS,
    MASK,
    SPLIT,
    WORDS,
    answer,
    find,
    right,
    write,
)

from course_utils.exercises import mine, progress
from course_utils.exercises.course import LEARNER
from course_utils.exercises.engine import store
from course_utils.exercises.engine.learner import Session
from course_utils.exercises.grading.command import main
from course_utils.exercises.grading.containment import _guard
from course_utils.exercises.grading.grade import (
    _quota,
    grade,
    n_processors,
    recompute,
)
from course_utils.exercises.grading.submissions import (
    Submission,
    find_submissions,
    passed_over,
)
from course_utils.exercises.grading.tables import Row, columns, write_tables
from course_utils.exercises.grading.worker import code_cells

TRANSPOSED = answer(MASK, "return torch.ones(T, T).triu().bool()")
NO_DIAGONAL = answer(MASK, "return torch.ones(T, T).tril(-1).bool()")
VIEWED = answer(SPLIT, "B, T, C = x.shape\nreturn x.reshape(B, n_head, T, C // n_head)")
CODE_POINTS = answer(WORDS, "return [ord(character) for character in text]")

SOLVED = {WORDS: "solved", MASK: "solved", SPLIT: "solved"}


def planted(outside: Path, port: int) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return submission -> (its cells, what must stand in its row)."""
    good = [right(WORDS), right(MASK), right(SPLIT)]
    never = answer(MASK, "while True:\n    pass")
    in_c = answer(MASK, "import itertools\nreturn sum(itertools.count())")
    swallows = answer(
        MASK,
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
    )
    by_heart = answer(
        WORDS,
        "known = {'a': [97], '': [], '🙂': [240, 159, 153, 130]}\n"
        "return known.get(text, [])",
    )
    memory = answer(MASK, "return torch.ones(10**10).bool()")
    calls = answer(
        MASK,
        "import socket\n"
        f"try:\n    socket.create_connection(('127.0.0.1', {port}), 1)\n"
        "except PermissionError:\n    return torch.ones(T, T).tril().bool()\n",
    )
    writes = answer(
        MASK,
        "import os\n"
        f"try:\n    open({str(outside)!r}, 'w')\n"
        "except PermissionError:\n"
        f"    try:\n        os.system('touch ' + {str(outside)!r})\n"
        "    except PermissionError:\n"
        "        return torch.ones(T, T).tril().bool()\n",
    )
    nonsense = answer(
        MASK,
        "import os\n"
        "for number in range(3, 64):\n"
        "    try:\n        os.write(number, b'\\x00\\x00\\x00\\x05junk!' * 3)\n"
        "    except OSError:\n        pass\n"
        "os._exit(0)",
    )
    wrong_twice = {WORDS: "solved", SPLIT: "solved"}
    rows = {
        **{f"right{i:02}": (good, SOLVED) for i in range(8)},
        **{
            f"transposed{i}": (
                [right(WORDS), TRANSPOSED, right(SPLIT)],
                SOLVED | {MASK: "not yet: mask transposed"},
            )
            for i in range(3)
        },
        **{
            f"viewed{i}": (
                [right(WORDS), right(MASK), VIEWED],
                SOLVED | {SPLIT: "not yet: viewed as B H T D at once"},
            )
            for i in range(2)
        },
        "three_wrong": (
            [CODE_POINTS, NO_DIAGONAL, VIEWED],
            {
                WORDS: "not yet: characters instead of bytes",
                MASK: "not yet: diagonal hidden",
                SPLIT: "not yet: viewed as B H T D at once",
            },
        ),
        "stubs": (
            [find(name).stub_cell() for name in (WORDS, MASK, SPLIT)],
            dict.fromkeys((WORDS, MASK, SPLIT), "not started"),
        ),
        "only_one": ([right(MASK)], {MASK: "solved"}),
        "syntax_error": (
            [right(WORDS), "def broken(:", right(SPLIT)],
            wrong_twice,
        ),
        "raises": (
            [right(WORDS), answer(MASK, "return T.nothing"), right(SPLIT)],
            wrong_twice | {MASK: "error: AttributeError"},
        ),
        "exits": (
            [right(WORDS), "exit_code = exit(1)\n" + answer(MASK, "return exit_code")],
            {WORDS: "solved", MASK: "error: SystemExit"},
        ),
        "by_heart": (
            [by_heart, right(MASK)],
            {WORDS: "not yet: length", MASK: "solved"},
        ),
        "hangs": (
            [never, right(SPLIT)],
            {MASK: "not yet: time limit", SPLIT: "solved"},
        ),
        "hangs_in_c": (
            [in_c, right(SPLIT)],
            {MASK: "not yet: time limit", SPLIT: "solved"},
        ),
        "swallows_the_limit": (
            [swallows, right(SPLIT)],
            {MASK: "not yet: time limit", SPLIT: "solved"},
        ),
        "crashes": (
            [answer(MASK, "import os\nos.abort()"), right(SPLIT)],
            {MASK: "error: crashed", SPLIT: "solved"},
        ),
        "memory": (
            [memory, right(SPLIT)],
            {MASK: "error: RuntimeError", SPLIT: "solved"},
        ),
        "calls_home": ([calls, right(SPLIT)], {MASK: "solved", SPLIT: "solved"}),
        "writes": ([writes, right(SPLIT)], {MASK: "solved", SPLIT: "solved"}),
        "talks_nonsense": (
            [nonsense, right(SPLIT)],
            {MASK: "error: crashed", SPLIT: "solved"},
        ),
    }
    return rows


@pytest.fixture(scope="module")
def graded(tmp_path_factory, no_sandbox):
    """Grade 30 submissions once, as a teacher would, with the command."""
    trust = ["--trust"] if no_sandbox else []
    folder = tmp_path_factory.mktemp("class")
    outside = folder.parent / "outside.txt"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        rows = planted(outside, server.getsockname()[1])
        for name, (cells, _) in rows.items():
            write(folder / f"{name}.ipynb", *cells)
        (folder / "letter.txt").write_text("Dear teacher, my dog ate it.")
        (folder / "empty.ipynb").write_text("")
        assert len(list(folder.iterdir())) == 30
        out = folder.parent / "grades.csv"
        assert main(["grade", str(folder), "--out", str(out), *trust]) == 0
        with pytest.raises(TimeoutError):
            server.accept()
    assert not outside.exists()
    with out.open(encoding="utf-8-sig") as file:
        table = {line["learner"]: line for line in csv.DictReader(file)}
    with out.with_name("grades_misconceptions.csv").open(encoding="utf-8-sig") as file:
        return rows, table, list(csv.DictReader(file))


@pytest.mark.skipif(sys.platform == "win32", reason="limits need POSIX")
def test_thirty_submissions_get_exactly_the_grades_that_were_planted(graded):
    rows, table, _ = graded
    assert list(table) == sorted([*rows, "empty"])
    for name, (_, expected) in rows.items():
        line = table[name]
        given = {
            column: value
            for column, value in line.items()
            if "." in column and value != "missing"
        }
        assert given == expected, name
        assert line["solved"] == str(list(expected.values()).count("solved"))
        broken = "syntax_error.ipynb, code cell 3: SyntaxError"
        assert line["problems"].startswith(broken if name == "syntax_error" else "")
        assert bool(line["problems"]) == (name == "syntax_error"), name
    assert table["empty"]["solved"] == "0"
    assert "not a notebook" in table["empty"]["problems"]


def test_the_misconceptions_of_the_class_are_ranked_exactly(graded):
    _, _, ranked = graded
    assert [
        (line["learners"], line["exercise"], line["misconception"]) for line in ranked
    ] == [
        ("3", MASK, "mask transposed"),
        ("3", SPLIT, "viewed as B H T D at once"),
        ("1", MASK, "diagonal hidden"),
        ("1", WORDS, "characters instead of bytes"),
    ]
    assert "row 0 sees the future" in ranked[0]["explanation"]


def test_columns_are_the_exercises_of_the_chapters_that_occur(graded):
    _, table, _ = graded
    columns = list(next(iter(table.values())))
    assert columns[:2] == ["learner", "solved"] and columns[-1] == "problems"
    assert columns.index(WORDS) < columns.index(MASK) < columns.index(SPLIT)
    assert "attention.multi_head" in columns


def test_learners_are_files_or_folders_or_the_entries_of_a_single_folder(tmp_path):
    ann = write(tmp_path / "ann" / "01.ipynb")
    ann_2 = write(tmp_path / "ann" / "deep" / "02.ipynb")
    write(tmp_path / "ann" / ".ipynb_checkpoints" / "01-checkpoint.ipynb")
    bob = write(tmp_path / "bob" / "01.ipynb")
    (tmp_path / ".hidden").touch()
    expected = {
        "ann": Submission((ann, ann_2), tmp_path / "ann"),
        "bob": Submission((bob,), tmp_path / "bob"),
    }
    assert find_submissions([tmp_path]) == expected
    assert find_submissions([tmp_path / "ann", tmp_path / "bob"]) == expected
    assert find_submissions([ann, bob]) == {
        "ann/01": Submission((ann,)),
        "bob/01": Submission((bob,)),
    }
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        find_submissions([tmp_path / "eve"])


def test_answers_in_several_notebooks_of_a_learner_share_a_row_and_their_functions(
    tmp_path,
):
    uses_mine = answer(
        "attention.multi_head",
        "split = mine('attention.split_heads')\n"
        "assert split.__module__ != 'course_utils.attention'\n"
        "q, k, v = (split(p, n_head) for p in (x @ qkv_weight + qkv_bias).chunk(3, -1))"
        "\nF = torch.nn.functional.scaled_dot_product_attention\n"
        "mixed = F(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)\n"
        "return mixed @ out_weight + out_bias",
    )
    write(tmp_path / "ann" / "01.ipynb", right(WORDS))
    write(tmp_path / "ann" / "02.ipynb", right(SPLIT), uses_mine)
    write(tmp_path / "=cmd" / "02.ipynb", '@exercise("no.such")\ndef f(): pass')
    (tmp_path / "empty").mkdir()
    odd, ann, empty = grade(find_submissions([tmp_path]), seed=5)
    assert ann.results == {
        WORDS: "solved",
        SPLIT: "solved",
        "attention.multi_head": "solved",
    }
    assert odd.results == {} and "no exercise is called 'no.such'" in odd.problems[0]
    assert empty.problems == ["no notebook in this folder"]


def test_a_lost_progress_file_is_made_anew_from_the_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(LEARNER, "session", Session())
    own = answer(MASK, "return torch.ones(T, T).tril() > 0.5")
    write(tmp_path / "notebooks" / "02.ipynb", own, VIEWED, right(WORDS))
    text = str(progress(tmp_path / "notebooks"))
    assert "1 of" in text.split("attention")[1]
    entries = store.load()
    assert entries[MASK]["solved"] and entries[WORDS]["solved"]
    assert SPLIT not in entries
    assert mine(MASK)(1).tolist() == [[True]]
    assert "tril() > 0.5" in entries[MASK]["source"]
    with pytest.raises(NotADirectoryError, match="no such folder"):
        recompute(tmp_path / "nowhere")


def test_the_command_refuses_what_it_cannot_do(tmp_path, capsys):
    assert main(["grade", str(tmp_path / "nowhere"), "--trust"]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    assert main(["grade", str(tmp_path), "--trust"]) == 1
    assert "no submissions" in capsys.readouterr().err
    notebook = write(tmp_path / "a.ipynb")
    with pytest.raises(SystemExit):
        main(["grade", str(notebook), "--out", str(tmp_path / "no" / "grades.csv")])
    assert "no such folder" in capsys.readouterr().err


def test_an_exercise_that_no_page_asks_has_a_column_only_if_somebody_answers_it():
    extra = "attention.merge_heads"
    assert not find(extra).asked
    row = Row("Mia", {MASK: "solved"})
    assert MASK in columns([row]) and extra not in columns([row])
    assert extra in columns([row, Row("Tom", {extra: "not yet"})])


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=1", "\u00a0=1", "＝1"]
)
def test_a_spreadsheet_runs_nothing_that_comes_from_a_learner(tmp_path, name):
    rows = [Row(name), Row("安", problems=[name, "x" * 10_000])]
    write_tables(rows, tmp_path / "grades.csv")
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        _, first, second = csv.reader(file)
    assert first[0] == f"'{name}"
    assert second[0] == "安" and second[-1].startswith("'") and len(second[-1]) < 600


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "[" * 100_000, '{"cells": 3}', '{"cells": [{}]}',
                '{"cells": [{"cell_type": "code", "source": 5}]}', "\x00"],
)  # fmt: skip
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, content):
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    with pytest.raises(ValueError, match="not a notebook"):
        code_cells(path)


@pytest.mark.parametrize(
    ("event", "arguments", "allowed"),
    [
        ("open", ("/etc/hosts", "r", os.O_RDONLY), True),
        ("open", ("{scratch}/a", "w", os.O_WRONLY | os.O_CREAT), True),
        ("open", ("{scratch}/../a", "w", os.O_WRONLY | os.O_CREAT), False),
        ("open", ("/tmp/a", "a", os.O_APPEND), False),
        ("open", (os.devnull, "w", os.O_WRONLY), True),
        ("open", (7, "w", os.O_WRONLY), True),
        ("os.remove", ("/tmp/a", -1), False),
        ("os.remove", ("{scratch}/a", -1), True),
        ("os.rename", ("{scratch}/a", "/tmp/a", -1, -1), False),
        ("shutil.rmtree", ("/home",), False),
        ("socket.connect", (None, ("127.0.0.1", 80)), False),
        ("socket.getaddrinfo", ("example.org", 80), False),
        ("subprocess.Popen", ("ls", ["ls"], None, None), False),
        ("os.system", (b"ls",), False),
        ("os.kill", (1, 9), False),
        ("os.fork", (), False),
        ("ctypes.dlopen", ("libc.so.6",), False),
        ("import", ("json", None, None, None, None), True),
        ("exec", (None,), True),
    ],
)
def test_the_guard_lets_pass_what_is_harmless_and_nothing_else(
    tmp_path, event, arguments, allowed
):
    hook = _guard(tmp_path)
    arguments = tuple(
        a.replace("{scratch}", str(tmp_path)) if isinstance(a, str) else a
        for a in arguments
    )
    if allowed:
        hook(event, arguments)
    else:
        with pytest.raises(PermissionError, match="a submission may not do this"):
            hook(event, arguments)


# --- what a learner's page does in Jupyter, it does in grading ------------------------

STUB = f'@exercise("{MASK}")\ndef causal_mask(T):\n    ...  # your turn'


def using(expression):
    return f'@exercise("{MASK}")\ndef causal_mask(T):\n    return {expression}'


SHIFTED = using("torch.ones(T, T).triu(shift).logical_not()")
BROKEN = [
    "def f(x, x):\n    return x",
    "def f(x):\n    global x",
    "def f():\n    nonlocal x",
    "def f():\n    from math import *",
    "def f():\n    print(x)\n    global x",
    "[x := 0 for x in range(3)]",
    "return 5",
    "def broken(:",
    "\x00",
]
PAGES = {
    "time": ["%%time\n" + ANSWER],
    "capture": ["%%capture out\n" + ANSWER],
    "nested magics": ["%%capture\n%%time\n" + ANSWER],
    "indented": ["    " + ANSWER.replace("\n", "\n    ").rstrip(" ")],
    "in a with": ["with torch.no_grad():\n    " + ANSWER.replace("\n", "\n    ")],
    "shell": ["here = !pwd\n?torch.tril\n%time n = 1", ANSWER],
    "line magic binds": ["%time shift = 1", SHIFTED],
    "file written": ["%%writefile low.py\nshift = 1", "from low import shift", SHIFTED],
    "file run": ["%%writefile low.py\nshift = 1", "%run low.py", SHIFTED],
    "operator first": [using("(torch.ones(T, T).triu(1)\n!= True)")],
    "carriage return": ["# pasted\rshift = 1\r" + ANSWER.replace("\n", "\r\n")],
    "called, not decorated": [f'{DEFINITION}exercise("{MASK}")(causal_mask)'],
    "a lambda": [f'exercise("{MASK}")(lambda T: torch.ones(T, T).tril().bool())'],
    "filled": [
        "masks = {}\nfor T in range(1, 99):\n    masks[T] = torch.ones(T, T) > 0\n"
        "    masks[T].tril_()",
        using("masks[T]"),
    ],
    "attribute": [
        "class Box: pass\nbox = Box()\nbox.shift = 1\nshift = box.shift",
        SHIFTED,
    ],
    "in place": [
        "whole = torch.ones(99, 99)",
        "whole.tril_()",
        using("whole[:T, :T] > 0"),
    ],
    "by another name": [
        "whole = torch.ones(99, 99)\nview = whole[:]\nview.tril_()",
        using("whole[:T, :T] > 0"),
    ],
    "by a function": [
        "whole = torch.ones(99, 99)\ndef lower(x):\n    x.tril_()\nlower(whole)",
        using("whole[:T, :T] > 0"),
    ],
    "method of a list": [
        "shifts = []",
        "shifts.append(1)\nshift = shifts.pop()",
        SHIFTED,
    ],
    "plus": ["shift = 0", "shift += 1", SHIFTED],
    "global": ["def set_up():\n    global shift\n    shift = 1", "set_up()", SHIFTED],
    "deleted": ["torch_ = torch\nshift = 1\nrange = 3\ndel range", SHIFTED],
    "future": ["from __future__ import annotations", ANSWER.replace("(T)", "(T: No)")],
    "submodules": [
        "import xml.dom.minidom\nimport xml.sax.saxutils",
        using("xml.dom.minidom and torch.ones(T, T).tril().bool()"),
    ],
    "a cell that fails": ["shift = 1\nshift += not_there", SHIFTED],
    "await": ["import asyncio\nshift = await asyncio.sleep(0, 1)", SHIFTED],
    "main": ["if __name__ == '__main__':\n    shift = 1", SHIFTED],
    "its own variables": [
        "import time\nrows = []\nwhile not rows:\n    time.sleep(9)",
        f'@exercise("{MASK}")\ndef causal_mask(T):\n    rows = []\n'
        "    for i in range(T):\n        rows += [[j <= i for j in range(T)]]\n"
        "    return torch.tensor(rows)",
    ],
    "a module's setting": [
        "import sys\nsys.setrecursionlimit(777)",
        using("torch.ones(T, T).tril() > (0 if sys.getrecursionlimit() == 777 else 9)"),
    ],
}


@pytest.fixture(scope="module")
def as_on_the_page(tmp_path_factory):
    """Grade all these pages at once: page -> row."""
    folder = tmp_path_factory.mktemp("pages")
    for i, cell in enumerate(BROKEN):
        write(folder / f"broken {i}.ipynb", IMPORTS, cell, ANSWER)
    for name, cells in PAGES.items():
        write(folder / f"{name}.ipynb", IMPORTS, *cells)
    write(folder / "two" / "01.ipynb", IMPORTS, ANSWER)
    write(folder / "two" / "02.ipynb", BROKEN[0])
    for name, other in (
        ("updated", "02.new"),
        ("downloaded twice", "02 (1)"),
        ("copied", "02-Copy1"),
    ):
        write(folder / name / "02.ipynb", IMPORTS, ANSWER)
        write(folder / name / f"{other}.ipynb", IMPORTS, STUB)
        write(folder / f"{name}, other way" / "02.ipynb", IMPORTS, STUB)
        write(folder / f"{name}, other way" / f"{other}.ipynb", IMPORTS, ANSWER)
    write(folder / "stub below.ipynb", IMPORTS, ANSWER, STUB)
    write(folder / "clash.ipynb", IMPORTS, ANSWER)
    write(folder / "clash" / "02.ipynb", IMPORTS, STUB)
    write(folder / "helper" / "02.ipynb", IMPORTS, "from helpers import shift", SHIFTED)
    (folder / "helper" / "helpers.py").write_text("shift = 1")
    reads = "with open('data/shift.txt') as file:\n    shift = int(file.read())"
    write(folder / "reads" / "02.ipynb", IMPORTS, reads, SHIFTED)
    (folder / "reads" / "data").mkdir()
    (folder / "reads" / "data" / "shift.txt").write_text("1")
    return {row.learner: row for row in grade(find_submissions([folder]), seed=5)}


def test_pages_are_graded_as_they_run_in_jupyter(as_on_the_page):
    rows = as_on_the_page
    wrong = {
        name: (row.results, row.problems)
        for name, row in rows.items()
        if row.results != {MASK: "solved"} and name != "clash"
    }
    assert wrong == {}
    assert len(rows) == len(BROKEN) + len(PAGES) + 1 + 6 + 1 + 2 + 2


def test_what_cannot_be_read_is_named_in_the_row(as_on_the_page):
    for i in range(len(BROKEN)):
        (problem,) = as_on_the_page[f"broken {i}"].problems
        assert problem.startswith(f"broken {i}.ipynb, code cell 3: ")
    assert all(as_on_the_page[name].problems == [] for name in PAGES)


def test_a_file_and_a_folder_of_one_name_are_two_learners(as_on_the_page):
    assert as_on_the_page["clash.ipynb"].results == {MASK: "solved"}
    assert as_on_the_page["clash"].results == {MASK: "not started"}


def test_other_files_in_a_class_folder_are_passed_over_with_a_line(tmp_path, capsys):
    write(tmp_path / "ann.ipynb", IMPORTS, using("torch.ones(T, T).tril() # √"))
    (tmp_path / "read me.txt").write_text("")
    for _ in range(2):  # the second time its own tables lie there
        out = str(tmp_path / "grades.csv")
        options = ["--out", out, "--seed", "5", "--trust"]
        assert main(["grade", str(tmp_path), *options]) == 0
    printed = capsys.readouterr().out
    assert "passed over, no notebook: read me.txt" in printed
    assert "passed over, no notebook: grades_misconceptions.csv" in printed
    assert printed.count("1 learners") == 2


def test_a_file_that_cannot_be_read_is_named_and_costs_nothing_else(
    tmp_path, monkeypatch
):
    write(tmp_path / "class" / "ann" / "02.ipynb", IMPORTS, ANSWER)
    (tmp_path / "class" / "ann" / "data.txt").write_text("mine")
    copy = shutil.copyfile

    def refuse(source, target):
        if source.name == "data.txt":
            raise PermissionError(13, "Permission denied")
        copy(source, target)

    monkeypatch.setattr("shutil.copyfile", refuse)
    (row,) = grade(find_submissions([tmp_path / "class"]), seed=5)
    assert row.results == {MASK: "solved"}
    assert row.problems == ["data.txt: Permission denied"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_link_in_a_class_folder_is_not_followed(tmp_path):
    write(tmp_path / "class" / "ann.ipynb", IMPORTS, ANSWER)
    write(tmp_path / "private" / "notes.ipynb", IMPORTS)
    (tmp_path / "class" / "bob.ipynb").symlink_to("ann.ipynb")
    (tmp_path / "class" / "eve").symlink_to(tmp_path / "private")
    assert list(find_submissions([tmp_path / "class"])) == ["ann"]
    assert passed_over([tmp_path / "class"]) == ["a link: bob.ipynb", "a link: eve"]


class Says:
    """A place whose processes say the same, whatever they are asked."""

    def __init__(self, *messages):
        self.messages = messages

    def start(self, handed_in):
        self.connection, theirs = multiprocessing.Pipe()
        for message in self.messages:
            theirs.send_bytes(message)
        self._theirs = theirs
        threading.Timer(0.2, theirs.close).start()
        return self

    def exit_code(self, patience):
        return 1

    def kill(self):
        pass

    def end(self):
        self.connection.close()


START_MASK = json.dumps({"start": MASK, "answer": "a", "source": ""}).encode()
DEEP = b'{"attempt": {"outcomes": [' + b"[" * 900 + b"]" * 900 + b"]}}"


@pytest.mark.parametrize(
    "message",
    [
        b"", b"[]", b"5", b"null", b"{}", b"\xff\xfe", DEEP,
        b'{"start": "attention.causal_mask"}',
        b'{"start": "no.such", "answer": "b", "source": ""}',
        b'{"start": ["attention.causal_mask"], "answer": "b", "source": ""}',
        b'{"start": null, "answer": "b", "source": ""}',
        b'{"status": "solved", "label": "solved"}',
        b'{"attempt": "solved"}', b'{"attempt": {"solved": true}}',
        b'{"attempt": {"outcomes": []}}', b'{"attempt": {"outcomes": {"a": 1}}}',
        b'{"attempt": {"failed": 5}}', b'{"attempt": {"outcomes": [1e999]}}',
        b'{"problems": 5}', b'{"problems": [5]}', b'{"problems": {"a": "b"}}',
    ],
)  # fmt: skip
def test_whatever_a_process_says_costs_its_row_at_most(tmp_path, message):
    write(tmp_path / "ann.ipynb", IMPORTS, ANSWER)
    submissions = find_submissions([tmp_path])
    for messages in ([message], [START_MASK, message]):
        (row,) = grade(submissions, 5, Says(*messages))
        assert set(row.results) <= {MASK} and row.n_solved == 0
        assert row.results.get(MASK, "error: crashed") in ("error: crashed", "error: ?")
    assert all(isinstance(problem, str) for problem in row.problems)


def test_a_process_may_not_talk_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("course_utils.exercises.grading.grade.LONGEST_TALK", 4096)
    write(tmp_path / "ann.ipynb", IMPORTS, ANSWER)
    done = [b'{"problems": []}'] * 9 + [b'{"done": true}']
    for messages, problems in ((done[-2:], []), (done, ["error: crashed"])):
        (row,) = grade(find_submissions([tmp_path]), 5, Says(*messages))
        assert row.problems == problems


def test_a_stub_above_stands_for_the_courses_own(tmp_path):
    stub = find(SPLIT).stub_cell()
    uses = answer(SPLIT, "return split_heads_again(x, n_head)")
    again = "def split_heads_again(x, n_head):\n    return first(x, n_head)"
    cells = [IMPORTS, stub + "\nfirst = split_heads", again, uses]
    write(tmp_path / "ann.ipynb", *cells)
    (row,) = grade(find_submissions([tmp_path]), seed=5)
    assert row.results == {SPLIT: "solved"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu.max": "max 100000"}, float("inf")),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "1"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_no_more_workers_than_processors_that_may_be_used(
    tmp_path, monkeypatch, files, expected
):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert _quota(tmp_path) == expected
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3})
        assert n_processors() == 1
