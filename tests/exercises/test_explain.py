"""What a tutor is told: every mistake by its name, and no line of a solution."""

import ast
import json
import random

import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook, writes

from course_utils import commands
from course_utils.exercises import explain
from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine import store
from course_utils.exercises.engine.diagnosis import Verdict, check
from course_utils.exercises.engine.outcomes import run

EXERCISES = CATALOGUE.exercises()
find = CATALOGUE.find
TRANSPOSED = """import torch

def causal_mask(T):
    print("not part of the answer")
    return torch.ones(T, T).triu().bool()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "answer.py"
    path.write_text(TRANSPOSED, "utf-8")
    return path


def asked(capsys, path, name="attention.causal_mask", *more):
    assert commands.main(["explain", str(path), name, "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def lines_of(source):
    """Return what a source consists of, without its blanks: statements that say much.

    Names alone that are returned, or a definition's head, give nothing away.
    """
    said = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            text = "".join(ast.unparse(node).removeprefix("return").split())
            value = getattr(node, "value", None)
            names = getattr(value, "elts", [value])
            bare = all(isinstance(x, ast.Constant | ast.Name) for x in names)
            if len(text) > 12 and not (bare and "=" not in text):
                said.add(text)
    return said


@pytest.mark.parametrize("task", EXERCISES, ids=lambda task: task.name)
def test_every_mistake_is_named_and_no_line_of_the_solution_is_told(task):
    case = next(iter(task.cases(random.Random(0))))
    right = run(task.observe, task.reference, case, 1)
    secret = lines_of(task.solution())
    assert secret
    for wrong in task.misconceptions:
        came = run(task.observe, wrong.function, case, 1)
        verdict = Verdict("not yet", 1, "values", wrong, case, right, came)
        for n_seen in range(len(task.hints) + 1):
            found = explain.explanation(task, verdict, n_seen)
            assert found["mistake"]["name"] == wrong.title
            told = "".join(json.dumps(found, ensure_ascii=False).split())
            assert not [line for line in secret if line in told]


def test_the_sieve_for_lines_of_the_solution_finds_one():
    secret = lines_of("def f(x):\n    total = x.cumsum(dim=1)\n    return total\n")
    assert secret == {"total=x.cumsum(dim=1)"}


def test_a_script_is_explained_without_its_decorator(script, capsys):
    found = asked(capsys, script)
    assert found["verdict"] == "not yet"
    assert found["mistake"]["name"] == "mask transposed"
    case = found["first_failing_case"]
    assert case["called_with"] == {"T": "2"}
    assert case["expected"] == "tensor (2, 2) bool"
    assert case["came"] == "(2, 2) bool\nT T\nF T"
    assert found["next_hint"]["number"] == 1
    assert explain.main([str(script), "attention.causal_mask"]) == 0
    assert "mask transposed. Your row 0" in capsys.readouterr().out


def test_the_last_answer_of_a_notebook_counts(tmp_path, capsys):
    head = '@exercise("attention.causal_mask")\n'
    cells = [
        "import torch\nfrom course_utils.exercises import exercise",
        head + "def causal_mask(T):\n    ...",
        head + "def causal_mask(T):\n    return torch.ones(T, T).tril().bool()",
    ]
    path = tmp_path / "page.ipynb"
    path.write_text(writes(new_notebook(cells=[*map(new_code_cell, cells)])), "utf-8")
    found = asked(capsys, path)
    assert found["verdict"] == "solved"
    assert found["mistake"] is found["next_hint"] is None


@pytest.mark.parametrize(
    ("body", "verdict", "told"),
    [
        ("...", "not started", {"first_failing_case": None}),
        ("return T.shape", "error", {"message": "'int' object has no attribute"}),
        ("while True: pass", "not yet", {"what_is_wrong": "Does a loop never end?"}),
        ("return [T]", "not yet", {"what_is_wrong": "a list came"}),
    ],
)
def test_every_verdict_is_told(tmp_path, capsys, body, verdict, told):
    path = tmp_path / "answer.py"
    path.write_text(f"def causal_mask(T):\n    {body}\n", "utf-8")
    found = asked(capsys, path)
    assert found["verdict"] == verdict
    for key, text in told.items():
        assert found[key] is None if text is None else text in found[key]


def test_what_stands_above_an_answer_may_fail(tmp_path, capsys):
    path = tmp_path / "answer.py"
    path.write_text("import no_such_module as m\n\ndef causal_mask(T):\n    m.f(T)\n")
    found = asked(capsys, path)
    assert found["verdict"] == "error"
    assert "no_such_module" in found["message"]


def test_nothing_is_recorded_but_a_hint_that_is_passed_on(script, capsys):
    numbers = []
    for more in ([], ["--hint"], ["--hint"], []):
        hint = asked(capsys, script, "attention.causal_mask", *more)["next_hint"]
        numbers.append(hint and hint["number"])
    n_hints = len(find("attention.causal_mask").hints)
    assert n_hints == 3
    assert numbers == [1, 1, 2, None]  # the last is for the learner to ask for
    assert store.load()["attention.causal_mask"]["hints"] == 2


def test_no_answer_and_no_exercise_are_said(script, capsys):
    for arguments, message in (
        ([str(script), "block.gelu"], "no answer to block.gelu"),
        ([str(script), "attention.causal"], "attention.causal_mask"),
        ([str(script.with_name("none.py")), "block.gelu"], "No such file"),
        ([str(script.with_suffix(".ipynb")), "block.gelu"], "No such file"),
    ):
        assert explain.main(arguments) == 1
        assert message in capsys.readouterr().err


def test_the_form_of_a_result_says_nothing_of_its_values():
    task = find("attention.scaled_dot_product_attention")
    query = torch.zeros(1, 2, 3, 4)
    case = query, query, query, torch.ones(3, 3).bool()
    right = run(task.observe, task.reference, case, 1)
    pair = "(tensor (1, 2, 3, 4) float32, tensor (1, 2, 3, 3) float32)"
    assert explain.form(right) == pair
    words = find("tokenization.byte_ids")
    assert explain.form(run(words.observe, words.reference, ("aé",), 1)) == (
        "list of length 3"
    )
    found = explain.explanation(words, check(words, lambda text: [0, 0, 0]))
    assert found["first_failing_case"]["expected"] == "list of length 1"
