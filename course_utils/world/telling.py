"""Run one storytelling function in three ways: sample it, score a text, look ahead.

A *telling* is an ordinary generator function ``tell(choose)``. For each decision it
calls ``choose(options)``; it yields text piece by piece and returns what it told. The
handlers below differ only in what ``choose`` does:

- ``sample`` draws an option and adds up the log-probability;
- ``explore`` tries the options and drops every branch whose text leaves a given text.

One rule makes this exact and fast: **a choice must show at once**. The piece of text
that follows a choice has to begin with the text of the chosen option. A choice that is
drawn but never seen would make the source look harder to predict than it is (and a good
model would seem to beat the lowest possible loss), so every run checks the rule.

Writing a distribution as a program and interpreting that program in several ways is
probabilistic programming: van de Meent et al. 2018, "An Introduction to Probabilistic
Programming", chapters 3 and 4.
"""

import bisect
import itertools
import math
import random
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple


class Options:
    """The options of one decision: items, the texts they show, their probabilities."""

    def __init__(self, items, texts, weights=None):
        self.items = tuple(items)
        self.texts = tuple(texts)
        weights = tuple(weights or (1.0,) * len(self.items))
        total = math.fsum(weights)
        self.log_probs = tuple(math.log(weight / total) for weight in weights)
        self.cumulative = tuple(itertools.accumulate(w / total for w in weights))

    def draw(self, rng: random.Random) -> int:
        """Return the index of an option drawn with its probability."""
        index = bisect.bisect_right(self.cumulative, rng.random())
        return min(index, len(self.items) - 1)  # the last sum may round to below 1


Choose = Callable[[Options], Any]
Telling = Callable[[Choose], Generator[str, None, Any]]


class HiddenChoice(ValueError):
    """A telling broke the rule that a choice must show at once."""


class Branch(NamedTuple):
    """One way of telling: its log-probability (nats), text, and what it returned."""

    log_prob: float
    text: str
    ended: bool  # False: the branch was left as soon as it was longer than the target
    told: Any = None


class _LeftTheTarget(Exception):
    """The text written so far is not the beginning of the target any more."""


def run(tell: Telling, decide: Callable[[Options, str], int], check=None):
    """Run ``tell`` once; return its text and what it told.

    ``decide(options, text_so_far)`` returns the index of the option to take, and
    ``check(text_so_far)`` is called after every piece. Raises HiddenChoice if a choice
    does not show at once.
    """
    text, promise = "", ""

    def choose(options: Options):
        nonlocal promise
        if promise:
            raise HiddenChoice(f"chose {promise!r}, then chose again before showing it")
        index = decide(options, text)
        promise = options.texts[index]
        return options.items[index]

    telling = tell(choose)
    while True:
        try:
            piece = next(telling)
        except StopIteration as end:
            if promise:
                raise HiddenChoice(f"chose {promise!r}, then ended") from None
            return text, end.value
        if not piece.startswith(promise):
            raise HiddenChoice(f"chose {promise!r}, but then wrote {piece!r}")
        promise = ""
        text += piece
        if check:
            check(text)


def sample(tell: Telling, rng: random.Random) -> Branch:
    """Tell one story at random."""
    log_prob = 0.0

    def decide(options: Options, text: str) -> int:
        nonlocal log_prob
        index = options.draw(rng)
        log_prob += options.log_probs[index]
        return index

    text, told = run(tell, decide)
    return Branch(log_prob, text, True, told)


def explore(tell: Telling, target: str) -> Iterator[Branch]:
    """Yield every branch whose text agrees with ``target`` as far as both go.

    A branch is left as soon as it is longer than ``target``: by then it has shown how
    it goes on. Together the branches hold all the probability of texts that begin with
    ``target`` (and of texts that ``target`` begins with).
    """
    scripts = [()]  # choices to repeat before exploring on; usually one branch survives
    while scripts:
        yield from _explore_one(tell, target, scripts)


def _explore_one(tell: Telling, target: str, scripts: list) -> Iterator[Branch]:
    """Run the last script, add those of its sister branches, yield what ended."""
    script, taken, left = scripts.pop(), [], []
    log_prob = 0.0

    def decide(options: Options, text: str) -> int:
        nonlocal log_prob
        if len(taken) < len(script):
            index = script[len(taken)]
        else:
            inside = []
            for option, shown in enumerate(options.texts):
                if target.startswith(shown, len(text)):
                    inside.append(option)
                elif (text + shown).startswith(target):  # longer than the target: done
                    chance = log_prob + options.log_probs[option]
                    left.append(Branch(chance, text + shown, False))
            if not inside:
                raise _LeftTheTarget
            index = inside.pop()
            scripts.extend((*taken, other) for other in inside)
        taken.append(index)
        log_prob += options.log_probs[index]
        return index

    def check(text: str) -> None:
        if len(text) > len(target) and text.startswith(target):
            left.append(Branch(log_prob, text, False))
            raise _LeftTheTarget
        if not target.startswith(text):
            raise _LeftTheTarget

    try:
        text, told = run(tell, decide, check)
        left.append(Branch(log_prob, text, True, told))
    except _LeftTheTarget:
        pass
    yield from left
