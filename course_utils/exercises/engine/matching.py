"""Find the known mistakes that behave as a wrong answer does, in stages.

1. One mistake that gives the same on *all* inputs: the same values, the same kind of
   error, the same changes to the arguments, the same dependence on chance.
2. One that does so wherever neither it nor the answer breaks down (an error, NaN).
3. Two mistakes at once. What two together give is computed in two ways:

   - *one on top of the other*: the second, as the catalogue has it, calls the solution
     and changes what goes in or comes out; in the solution's place stands the first;
   - *side by side*: each number, text or part of a result is as the one has it or as
     the other has it, where they differ from the right one; numbers that both change
     are changed by the sum of both differences.

Two of a thousand mistakes meet somewhere by accident, so two must explain three wrong
results or more, and must not work against each other: what the one adds and the other
takes off again is a third mistake. (Products of two factors are not tried: between
numbers there are too many.)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations, permutations

import torch

from .definition import Exercise, Misconception
from .outcomes import FIRST, SECOND, Outcome, alike, has_nan, run, same

LEAST_EXPLAINED = 3  # wrong results that two mistakes must explain
OPPOSED = -0.2  # cosine of the angle between two changes that work against each other


class Matcher:
    """Holds an answer's outcomes against the catalogue's mistakes.

    ``got`` are its outcomes on all cases, twice over; ``expected`` the reference's.
    What a mistake gives on a case is computed once.
    """

    def __init__(
        self,
        exercise: Exercise,
        cases: Sequence[tuple],
        got: Sequence[Outcome],
        expected: Sequence[Outcome],
    ):
        self.exercise, self.cases = exercise, cases
        self.got, self.expected = got, expected
        self._known: dict[tuple, Outcome] = {}

    def theirs(self, wrong: Misconception, i: int, seed: int = FIRST) -> Outcome:
        """Return what a mistake gives on case ``i``."""
        key = id(wrong), i, seed
        if key not in self._known:
            self._known[key] = run(
                self.exercise.observe, wrong.function, self.cases[i], seed
            )
        return self._known[key]

    def one(self, by_chance: bool) -> Misconception | None:
        """Return the mistake that fits on all cases.

        Where chance plays a part, both must throw the same from the same random state.
        """
        n = len(self.cases)
        runs = [(i, FIRST, self.got[i]) for i in range(n)]
        if by_chance:
            runs += [(i, SECOND, self.got[n + i]) for i in range(n)]
        for wrong in self.exercise.misconceptions:
            a_value_agrees = False  # errors agree by type alone: too little by itself
            for i, seed, came in runs:
                if not self._alike(self.theirs(wrong, i, seed), came):
                    break
                a_value_agrees = a_value_agrees or came.error is None
            else:
                if a_value_agrees:
                    return wrong
        return None

    def one_at_most(self) -> Misconception | None:
        """Return the mistake that fits where neither it nor the answer breaks down.

        It must explain two wrong results or more, on at least half of the inputs.
        """
        n = len(self.cases)
        whole = [i for i in range(n) if is_whole(self.got[i])]
        if 2 * len(whole) < n:
            return None
        for wrong in self.exercise.misconceptions:
            n_compared = n_explained = 0
            for i in whole:
                theirs = self.theirs(wrong, i)
                if not is_whole(theirs):
                    continue
                if not self._alike(theirs, self.got[i]):
                    break
                n_compared += 1
                n_explained += not self._right(self.got[i], i)
            else:
                if 2 * n_compared >= n and n_explained >= 2:
                    return wrong
        return None

    def two(self) -> tuple[Misconception, Misconception] | None:
        """Return two mistakes that fit together on all cases."""
        n = len(self.cases)
        wrong_ones = [i for i in range(n) if not self._right(self.got[i], i)]
        if len(wrong_ones) < min(LEAST_EXPLAINED, n):
            return None
        if not all(is_whole(self.got[i]) for i in range(n)):
            return None
        order = wrong_ones + [i for i in range(n) if i not in wrong_ones]
        for pair in combinations(self.exercise.misconceptions, 2):
            if self._fit(pair, order, self._side(pair)):
                return pair
        for pair in permutations(self.exercise.misconceptions, 2):
            stackable = _calls_the_solution(pair[1].function)
            if stackable and self._fit(pair, order, self._stacked(pair)):
                return pair
        return None

    def _fit(self, pair, order: Sequence[int], both: Callable) -> bool:
        """Return whether what both give is what came, and each of them matters."""
        for i in order:
            together = both(i)
            if together is None or not self._alike(together, self.got[i]):
                return False
        return not self._opposed(pair) and all(
            any(not self._alike(self.theirs(wrong, i), self.got[i]) for i in order)
            and any(not self._right(self.theirs(wrong, i), i) for i in order)
            for wrong in pair
        )

    def _side(self, pair) -> Callable[[int], Outcome | None]:
        """Return what gives a case's outcome of two side by side, None if unknown."""

        def outcome(i: int) -> Outcome | None:
            one, other = (self.theirs(wrong, i) for wrong in pair)
            right = self.expected[i]
            if self._right(one, i):
                return other
            if self._right(other, i):
                return one
            if not all(map(is_whole, (right, one, other))):
                return None
            if one.changed or other.changed:
                return None
            value = merged(right.value, one.value, other.value)
            return None if value is UNKNOWN else Outcome(value)

        return outcome

    def _opposed(self, pair) -> bool:
        """Return whether two mistakes' changes of the numbers cancel each other."""
        changes = [[], []]
        for i, right in enumerate(self.expected):
            rights = _flat(right.value)
            for change, wrong in zip(changes, pair, strict=True):
                change.append(_flat(self.theirs(wrong, i).value))
                if change[-1].shape != rights.shape:
                    return False
                change[-1] = change[-1] - rights
        one, other = (torch.cat(change) for change in changes)
        return bool(one @ other < OPPOSED * one.norm() * other.norm())

    def _stacked(self, pair) -> Callable[[int], Outcome]:
        """Return what gives a case's outcome of the second on top of the first."""
        first, second = pair

        def outcome(i: int) -> Outcome:
            with _in_place_of_the_solution(self.exercise, first.function):
                return run(self.exercise.observe, second.function, self.cases[i], FIRST)

        return outcome

    def _alike(self, one: Outcome, other: Outcome) -> bool:
        return alike(one, other, self.exercise.tolerance)

    def _right(self, outcome: Outcome, i: int) -> bool:
        return same(self.expected[i], outcome, self.exercise.tolerance)


def _flat(value) -> torch.Tensor:
    """Return all numbers of a result, one after the other."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().flatten()
    if isinstance(value, int | float):
        return torch.tensor([value], dtype=torch.float64)
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, list | tuple | Mapping):
        return torch.cat([torch.zeros(0).double(), *map(_flat, parts)])
    return torch.zeros(0).double()


def is_whole(outcome: Outcome) -> bool:
    """Return whether a call gave a value without NaN."""
    return outcome.error is None and not has_nan(outcome.value)


def _calls_the_solution(function: Callable) -> bool:
    return "reference" in function.__code__.co_names


@contextmanager
def _in_place_of_the_solution(exercise: Exercise, function: Callable) -> Iterator[None]:
    """Let mistakes that call the exercise's solution call this function.

    While it runs the solution is itself again: the function may call it too.
    """
    solution = exercise.reference

    def inner(*arguments):
        exercise.reference = solution
        try:
            return function(*arguments)
        finally:
            exercise.reference = inner

    exercise.reference = inner
    try:
        yield
    finally:
        exercise.reference = solution


# --- two results side by side ---------------------------------------------------------

UNKNOWN = object()


def merged(right, one, other):
    """Return the result that differs from the right one as both others do.

    ``UNKNOWN`` where they cannot be joined: other lengths, other shapes, two texts.
    """
    kinds = {type(value) for value in (right, one, other)}
    if all(isinstance(value, torch.Tensor) for value in (right, one, other)):
        return _merged_tensors(right, one, other)
    if len(kinds) == 1 and isinstance(right, bool | str | bytes):
        return _chosen(right, one, other)
    if kinds <= {int, float}:
        return one + other - right
    if len(kinds) > 1 or not isinstance(right, list | tuple | Mapping):
        return UNKNOWN
    if not len(right) == len(one) == len(other):
        return UNKNOWN
    if isinstance(right, Mapping):
        if not right.keys() == one.keys() == other.keys():
            return UNKNOWN
        parts = {k: merged(right[k], one[k], other[k]) for k in right}
        return UNKNOWN if UNKNOWN in parts.values() else parts
    parts = [merged(*three) for three in zip(right, one, other, strict=True)]
    return UNKNOWN if any(part is UNKNOWN for part in parts) else type(right)(parts)


def _chosen(right, one, other):
    if one in (right, other):
        return other
    return one if other == right else UNKNOWN


def _merged_tensors(right, one, other):
    if not right.shape == one.shape == other.shape:
        return UNKNOWN
    if not right.dtype == one.dtype == other.dtype:
        return UNKNOWN
    right, one, other = right.detach(), one.detach(), other.detach()
    if right.dtype is torch.bool:
        return torch.where(one != right, one, other)
    joined = one + other - right
    joined = torch.where(one == right, other, torch.where(other == right, one, joined))
    return joined.to(right.dtype)
