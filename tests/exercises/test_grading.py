"""Grading a class: exactly what was planted comes out, and no row costs another."""

import csv
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from course_utils.exercises import mine, progress
from course_utils.exercises.course import CATALOGUE, LEARNER
from course_utils.exercises.engine import store
from course_utils.exercises.engine.learner import Session
from course_utils.exercises.grading.command import main
from course_utils.exercises.grading.containment import _guard
from course_utils.exercises.grading.grade import (
    Row,
    columns,
    find_submissions,
    grade,
    recompute,
)
from course_utils.exercises.grading.worker import code_cells

find = CATALOGUE.find

MASK, SPLIT, WORDS = (
    "attention.causal_mask",
    "attention.split_heads",
    "tokenization.byte_ids",
)
HEAD = "import torch\nfrom course_utils.exercises import *\n%matplotlib inline"


def answer(name, body, arguments=None):
    """Return an exercise cell with this body."""
    stub = find(name).stub_cell()
    return stub.replace("...  # your turn", body.replace("\n", "\n    "))


def right(name):
    return find(name).solution_cell()


def write(path: Path, *cells: str) -> Path:
    cells = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": []}
        for cell in (HEAD, *cells)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


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
            {WORDS: "not yet: shape", MASK: "solved"},
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
def graded(tmp_path_factory):
    """Grade 30 submissions once, as a teacher would, with the command."""
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
        assert main(["grade", str(folder), "--out", str(out)]) == 0
        with pytest.raises(TimeoutError):
            server.accept()
    assert not outside.exists()
    with out.open(encoding="utf-8") as file:
        table = {line["learner"]: line for line in csv.DictReader(file)}
    with out.with_name("grades_misconceptions.csv").open(encoding="utf-8") as file:
        return rows, table, list(csv.DictReader(file))


@pytest.mark.skipif(sys.platform == "win32", reason="limits need POSIX")
def test_thirty_submissions_get_exactly_the_grades_that_were_planted(graded):
    rows, table, _ = graded
    assert list(table) == sorted([*rows, "letter.txt", "empty"])
    for name, (_, expected) in rows.items():
        line = table[name]
        given = {
            column: value
            for column, value in line.items()
            if "." in column and value != "missing"
        }
        assert given == expected, name
        assert line["solved"] == str(list(expected.values()).count("solved"))
        assert line["problems"] == "", name
    for name in ("letter.txt", "empty"):
        assert table[name]["solved"] == "0"
        assert "not a notebook" in table[name]["problems"]


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
    expected = {"ann": [ann, ann_2], "bob": [bob]}
    assert find_submissions([tmp_path]) == expected
    assert find_submissions([tmp_path / "ann", tmp_path / "bob"]) == expected
    assert find_submissions([ann, bob]) == {"ann/01": [ann], "bob/01": [bob]}
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
    assert main(["grade", str(tmp_path / "nowhere")]) == 1
    assert "no such file or folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["grade", str(tmp_path)])
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


def test_a_formula_in_a_learners_name_does_not_reach_the_spreadsheet(tmp_path):
    from course_utils.exercises.grading.grade import write_tables

    write_tables([Row("=1+1"), Row("ann")], tmp_path / "grades.csv")
    lines = (tmp_path / "grades.csv").read_text().splitlines()
    assert lines[1].startswith("'=1+1,") and lines[2].startswith("ann,")


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
