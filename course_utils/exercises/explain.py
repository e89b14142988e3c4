"""For whoever helps a learner: what is wrong with an answer, and never how it is right.

    python -m course_utils.exercises explain NOTEBOOK|FILE.py EXERCISE [--json] [--hint]

Checks the learner's latest answer to EXERCISE and says what a tutor needs to ask the
next question: the verdict, the mistake by its name, the first input on which the answer
fails, of what form the right result is and what came in its place, and the next hint.
No line of the solution is ever part of it: the last hint, which is nearly one, is for
the learner to ask for.

Nothing is recorded, unless ``--hint`` says that the hint is passed on: then it counts
as seen, and the next call has the one after it. The answer runs here, as it does on the
page: explain answers of people whom you trust.
"""

import argparse
import contextlib
import inspect
import io
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from .course import CATALOGUE
from .engine import store
from .engine.answers import answer_from, answers, importing_from
from .engine.cards import outcome_text, value_text, verdict_card
from .engine.definition import Exercise
from .engine.diagnosis import Verdict, check
from .engine.limits import TimeLimit, time_limit
from .engine.outcomes import Outcome, dtype_name, type_name
from .grading.worker import PAGE_SECONDS, code_cells

CELL = re.compile(r"^# ?%%.*$", re.MULTILINE)  # between the cells of a script


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 whatever the verdict is."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.exercises explain",
        description="Say what is wrong with an answer, without giving the solution.",
    )
    parser.add_argument("file", type=Path, metavar="NOTEBOOK|FILE.py")
    parser.add_argument("exercise", help="such as attention.causal_mask")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--hint", action="store_true", help="count the hint as seen by the learner"
    )
    options = parser.parse_args(arguments)
    try:
        task = CATALOGUE.find(options.exercise)
        verdict = judge(task, options.file)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    n_seen = store.load().get(task.name, {}).get("hints", 0)
    found = explanation(task, verdict, n_seen)
    if options.hint and found["next_hint"]:
        store.record(task.name, hints=found["next_hint"]["number"])
    print(
        json.dumps(found, indent=1, ensure_ascii=False)
        if options.json
        else _text(found)
    )
    return 0


def judge(task: Exercise, path: Path) -> Verdict:
    """Check the last answer to an exercise in a notebook or script.

    In a script the function may also stand there undecorated, by the exercise's name.
    ``ValueError`` if there is no answer.
    """
    found = answers(_cells(path, task))
    if task.name not in found:
        others = ", ".join(sorted(found)) or "no exercise"
        raise ValueError(f"no answer to {task.name} in {path}; it answers {others}")
    folder = path.absolute().parent
    with (
        contextlib.chdir(folder),  # as the page's kernel
        importing_from(folder),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            with time_limit(PAGE_SECONDS):
                function = answer_from(found[task.name], f"<{task.name}>")
            return check(task, function)
        except TimeLimit:
            return Verdict("not yet", fault="time limit")
        except BaseException as error:  # what stands above it, exit() as well
            return Verdict("error", fault="error", got=Outcome(error=error))


def explanation(task: Exercise, verdict: Verdict, n_hints_seen: int = 0) -> dict:
    """Return the verdict as a tutor may know it, of what JSON can hold.

    ``first_failing_case`` has the inputs by name, of the right result its form alone,
    and what came. ``next_hint`` comes after those seen; it is None when only the last
    is left, which is the learner's to ask for, and where nothing is to be mended.
    """
    parts = {part.label: part.text for part in verdict_card(task, verdict).parts}
    wrong = verdict.misconception
    return {
        "exercise": task.name,
        "task": task.task,
        "verdict": verdict.status,
        "mistake": wrong and {"name": wrong.title, "explanation": wrong.explanation},
        "what_is_wrong": parts.get("What is wrong"),
        "beside_that": parts.get("Beside that"),
        "own_line": verdict.line or None,
        "message": parts.get("Message"),
        "first_failing_case": _case(task, verdict) if verdict.case else None,
        "next_hint": None
        if verdict.status == "solved"
        else _next_hint(task, n_hints_seen),
    }


def _case(task: Exercise, verdict: Verdict) -> dict:
    names = list(inspect.signature(task.reference).parameters)
    names += [f"argument {i + 1}" for i in range(len(names), len(verdict.case))]
    called = zip(names, verdict.case, strict=False)
    return {
        "called_with": {name: value_text(value) for name, value in called},
        "expected": verdict.expected and form(verdict.expected),
        "came": verdict.got and outcome_text(verdict.got),
    }


def form(outcome: Outcome) -> str:
    """Return what a result is, without its values: "tensor (2, 3) float32"."""
    if outcome.error is not None:
        return type(outcome.error).__name__
    return _form_of(outcome.value)


def _form_of(value) -> str:
    if isinstance(value, torch.Tensor):
        return f"tensor {tuple(value.shape)} {dtype_name(value)}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_form_of, value))})"
    if isinstance(value, list | dict | set | str | bytes):
        return f"{type_name(value)} of length {len(value)}"
    return type_name(value)


def _next_hint(task: Exercise, n_seen: int) -> dict | None:
    """Return the first hint that was not seen, but never the last: it is pseudocode."""
    if n_seen >= len(task.hints) - 1:
        return None
    number = n_seen + 1
    return {"number": number, "of": len(task.hints), "text": task.hints[n_seen]}


def _text(found: dict) -> str:
    """Return an explanation for people."""
    lines = [f"{found['exercise']}: {found['verdict']}"]
    if found["mistake"]:
        lines.append("{name}. {explanation}".format(**found["mistake"]))
    more = "what_is_wrong", "beside_that", "own_line", "message"
    lines += filter(None, (found[key] for key in more))
    case = found["first_failing_case"]
    if case:
        lines += [f"{name} = {text}" for name, text in case["called_with"].items()]
        lines += [f"a {case['expected']} is wanted"] if case["expected"] else []
        lines += [f"it gave {case['came']}"] if case["came"] else []
    if found["next_hint"]:
        lines.append("hint {number} of {of}: {text}".format(**found["next_hint"]))
    return "\n".join(lines)


def _cells(path: Path, task: Exercise) -> list[str]:
    """Return the code cells of a notebook, or the parts of a script between # %%."""
    if path.suffix != ".py":
        try:
            return code_cells(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    source = path.read_text(encoding="utf-8")
    if f'exercise("{task.name}")' not in source.replace("'", '"'):
        name = task.name.rpartition(".")[2]
        start = re.compile(rf"^(?=(def|class) {name}\b)", re.MULTILINE)
        source = start.sub(f'@exercise("{task.name}")\n', source)
    return CELL.split(source)
