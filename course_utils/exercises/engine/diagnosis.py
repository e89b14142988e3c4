"""Check an answer, and name the misconception behind a wrong one.

The learner's function and the reference run on the same inputs, twice, with different
states of the global random generators. If they do not agree, every misconception is run
on these inputs too: one that behaves like the learner's function on *all* of them (same
values, same kind of error, same changes to the arguments, same dependence on chance) is
the diagnosis. If none does, less will do: a mistake that fits where nothing breaks
down, then two mistakes at once (``matching``). What matches none is described by its
symptom and its first difference.
"""

import contextlib
import dis
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .definition import Exercise, Misconception
from .forbidden import Forbidden, used
from .limits import TimeLimit, time_limit
from .matching import Matcher, is_whole
from .outcomes import (
    FIRST,
    SECOND,
    Difference,
    Outcome,
    counted,
    difference,
    random_state_kept,
    run,
    same,
)
from .properties import broken_property, broken_under_change, extent
from .symptoms import sizes, symptom

STATUSES = ("solved", "not yet", "error", "not started")


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    ``fault`` names what is wrong where no misconception fits: "time limit", "changes
    its input", "depends on chance", "type", "shape", "dtype", "NaN", "values", "error".
    ``case``, ``expected`` and ``got`` are the first input on which the answer fails;
    they stay empty where all results are right and something forbidden made them.
    """

    status: str
    n_cases: int = 0
    fault: str = ""
    misconception: Misconception | Forbidden | None = None
    case: tuple = ()
    expected: Outcome | None = None
    got: Outcome | None = None
    difference: Difference | None = None
    line: str = ""  # the learner's own line at which it stopped
    beside: str = ""  # what else is wrong, where the misconception is not all of it
    symptom: str = ""  # by what the results differ, where no misconception fits
    second: Misconception | None = None  # where two together explain the answer

    @property
    def label(self) -> str:
        """The verdict in a few words: "not yet: mask transposed"."""
        why = self.misconception.title if self.misconception else self.fault
        why = f"{why}, and {self.second.title}" if self.second else why
        if self.status == "error" and self.got is not None:
            why = type(self.got.error).__name__
        return f"{self.status}: {why}" if why else self.status


@dataclass(frozen=True)
class Attempt:
    """What a function did on the cases: all once, then all again.

    ``stopped`` is where time ran out: the case, and the learner's own line. ``used``
    has the titles of what the task forbids and the function uses.
    """

    outcomes: tuple[Outcome, ...] = ()
    not_started: bool = False
    stopped: tuple[tuple, str] | None = None
    used: tuple[str, ...] = ()


def check(exercise: Exercise, function: Callable, seed: int = 0) -> Verdict:
    """Compare a function with the exercise's reference on the inputs of this seed."""
    cases = list(exercise.cases(random.Random(seed)))
    attempt = try_on(exercise, function, cases)
    return judge(exercise, cases, attempt, function)


def try_on(exercise: Exercise, function: Callable, cases: Sequence[tuple]) -> Attempt:
    """Run a function on the cases: nothing is judged yet."""
    if not callable(function):
        raise TypeError(f"function must be callable, got {type(function).__name__}")
    case, got = cases[0], []
    with random_state_kept():
        try:
            with time_limit(exercise.seconds):
                first = run(exercise.observe, function, case, FIRST)
                if is_not_started(function, first):
                    return Attempt(not_started=True)
                got.append(first)
                for case in cases[1:]:
                    got.append(run(exercise.observe, function, case, FIRST))
                for case in cases:
                    got.append(run(exercise.observe, function, case, SECOND))
                found = used(exercise.without, exercise.observe, function, cases, FIRST)
        except TimeLimit as limit:
            return Attempt(stopped=(case, own_line(limit, function)))
    return Attempt(tuple(got), used=found)


def judge(
    exercise: Exercise,
    cases: Sequence[tuple],
    attempt: Attempt,
    function: Callable | None = None,
    expected: Sequence[Outcome] | None = None,
) -> Verdict:
    """Return the verdict on an attempt.

    The function is asked for its lines only; ``expected`` are the reference's outcomes,
    where they are known already.
    """
    if attempt.not_started:
        return Verdict("not started", len(cases))
    if attempt.stopped:
        case, line = attempt.stopped
        return Verdict("not yet", len(cases), "time limit", case=case, line=line)
    with random_state_kept():
        expected = expected or reference_outcomes(exercise, cases)
        verdict = _judge(exercise, function, cases, list(attempt.outcomes), expected)
    return _held(exercise, verdict, attempt.used)


def _held(exercise: Exercise, verdict: Verdict, used: Sequence[str]) -> Verdict:
    """Return the verdict that minds what the task forbids.

    A right answer that uses it is not yet one; a wrong one hears of it beside its
    mistake.
    """
    broken = [rule for rule in exercise.without if rule.title in used]
    if not broken:
        return verdict
    if verdict.status == "solved":
        return Verdict("not yet", verdict.n_cases, "forbidden", broken[0])
    words = (verdict.beside, *(rule.explanation for rule in broken))
    return replace(verdict, beside=" ".join(filter(None, words)))


def reference_outcomes(exercise: Exercise, cases: Sequence[tuple]) -> list[Outcome]:
    """Return what the exercise's reference gives on the cases."""
    return [run(exercise.observe, exercise.reference, case, FIRST) for case in cases]


def is_not_started(function: Callable, outcome: Outcome) -> bool:
    """Return whether an answer is still the stub.

    A stub has no body at all, or gives ``...`` back, or computes with ``...``, or
    raises NotImplementedError. A function with a body that gives None is no stub: it
    forgot its return.
    """
    if has_no_body(function):
        return True
    error, value = outcome.error, outcome.value
    if error is not None:
        unfinished = isinstance(error, TypeError | AttributeError)
        return isinstance(error, NotImplementedError) or (
            unfinished and "ellipsis" in str(error).lower()
        )
    first = value[0] if isinstance(value, tuple | list) and value else value
    return value is ... or first is ...


def is_stub(function: Callable) -> bool:
    """Return whether a function is the stub as it was, without calling it.

    Its body is empty, gives ``...`` back or raises NotImplementedError.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    raises = code is not None and code.co_names == ("NotImplementedError",)
    return has_no_body(function, (None, ...)) or (
        raises and not code.co_varnames[code.co_argcount :]
    )


def has_no_body(function: Callable, gives: tuple = (None,)) -> bool:
    """Return whether a function holds nothing but a docstring, ``...`` or ``pass``.

    What it may give back stands in ``gives``. Of a class: whether one of its methods
    holds no more.
    """
    if isinstance(function, type):
        return any(
            map(has_no_body, filter(inspect.isfunction, vars(function).values()))
        )
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and all(
        step.opname in ("RESUME", "NOP", "RETURN_VALUE")
        or (step.opname in ("LOAD_CONST", "RETURN_CONST") and step.argval in gives)
        for step in dis.get_instructions(code)
    )


def own_line(error: BaseException, function: Callable) -> str:
    """Return "line 3: scores = query @ key", the last line of the learner's own.

    Frames of the engine, of torch and of the standard library do not share the
    namespace that the learner's function lives in. Empty if no frame does.
    """
    function = inspect.unwrap(function)
    module = sys.modules.get(getattr(function, "__module__", None))
    own = getattr(function, "__globals__", None) or vars(module or object)
    last = None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_globals is own:
            last = frame, number
    if last is None:
        return ""
    summary = traceback.StackSummary.extract([last])[0]
    return f"line {last[1]}: {summary.line}" if summary.line else f"line {last[1]}"


def _judge(
    exercise: Exercise,
    function: Callable | None,
    cases: Sequence[tuple],
    got: list[Outcome],
    expected: Sequence[Outcome],
) -> Verdict:
    """Return the verdict on outcomes of all cases, twice over."""
    n = len(cases)
    agree = [same(expected[i % n], got[i], exercise.tolerance) for i in range(2 * n)]
    if all(agree):
        return Verdict("solved", n)
    which = agree.index(False)
    i = which % n
    want, came = expected[i], got[which]
    found = None
    if want.error is None and came.error is None:
        found = difference(want.value, came.value, exercise.tolerance)
    status, fault, line = "not yet", found.kind if found else "", ""
    if came.error is not None:
        status, fault = "error", "error"
        line = own_line(came.error, function) if function else ""
    elif want.error is not None:
        fault = "no error"
    elif came.changed and not want.changed:
        fault = "changes its input"
    if _chance(got, exercise.tolerance):
        status, fault = "not yet", "depends on chance"
    by_chance = fault == "depends on chance"
    matcher = Matcher(exercise, cases, got, expected)
    misconception, beside, seen = matcher.one(by_chance), "", ""
    second = None
    if misconception is None and not by_chance:
        misconception = matcher.one_at_most()
        beside = _odd_ones(got[:n]) if misconception else ""
    if misconception is None and not by_chance:
        misconception, second = matcher.two() or (None, None)
    if misconception is not None:
        status = "not yet"
    elif fault in ("values", "shape", "length"):
        seen = _in_words(exercise, function, cases, got[:n], expected)
        if fault == "values":
            seen = seen or extent(expected, got[:n], exercise.tolerance)
    return Verdict(
        status,
        n,
        fault,
        misconception,
        cases[i],
        want,
        came,
        found,
        line,
        beside,
        seen,
        second,
    )


def _chance(outcomes: list[Outcome], tolerance: float) -> bool:
    """Return whether the second run gave something else than the first."""
    n = len(outcomes) // 2
    pairs = zip(outcomes[:n], outcomes[n:], strict=True)
    return not all(same(one, other, tolerance) for one, other in pairs)


def _odd_ones(got: Sequence[Outcome]) -> str:
    """Return what an answer does on the inputs on which it breaks down."""
    errors = [type(came.error).__name__ for came in got if came.error is not None]
    if errors:
        return f"On {counted(len(errors), 'input')} it raises {errors[0]}."
    n_nan = sum(not is_whole(came) for came in got)
    return f"On {counted(n_nan, 'input')} it gives NaN." if n_nan else ""


def _in_words(exercise, function, cases, got, expected) -> str:
    """Return what is wrong where no mistake's name fits.

    By the shape of the difference, else by what should hold of every result, else by
    what should change nothing.
    """
    usable = [
        (want.value, came.value, sizes(exercise.reference, case))
        for want, came, case in zip(expected, got, cases, strict=True)
        if want.error is None and is_whole(came)
    ]
    seen, tolerance = "", exercise.tolerance
    if len(usable) > 1:
        wants, values, named = zip(*usable, strict=True)
        seen = symptom(wants, values, tolerance, named)
        seen = seen or broken_property(wants, values, tolerance)
    if not seen and function is not None:
        with contextlib.suppress(TimeLimit), time_limit(exercise.seconds):
            seen = broken_under_change(
                exercise.observe, exercise.reference, function, cases, tolerance
            )
    return seen
