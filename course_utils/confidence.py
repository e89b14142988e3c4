"""Confidence: what a few runs with different seeds say of a mean or a difference.

Runs differ only in their seed, so their spread is what chance alone does. An *interval*
holds the true mean in 95 of 100 such measurements. Two ways are compared *paired*: each
seed (same first weights, same texts) gives one difference, and what all runs of a seed
have in common cancels out.

Floors: numbers in, numbers out; needs nothing of the course.
Source: Student 1908, "The Probable Error of a Mean"; the finite sums for t are 26.7.3
and 26.7.4 in Abramowitz and Stegun 1964, "Handbook of Mathematical Functions".
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def within_t(t: float, n: int) -> float:
    """Return P(|T| <= t) of Student's t with ``n`` degrees of freedom."""
    angle = math.atan(t / math.sqrt(n))
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine, 0.0) if n % 2 else (1.0, 0.0)
    for k in range(1 + n % 2, n, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    if n % 2:
        return 2 / math.pi * (angle + sine * total)
    return sine * total


def t_for(level: float, n: int) -> float:
    """Inverse of ``within_t``: the t that |T| stays below with chance ``level``."""
    low, high = 0.0, 1.0
    while within_t(high, n) < level:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within_t(middle, n) < level else (low, middle)
    return high


def interval(values: Iterable[float], level: float = 0.95) -> tuple[float, float]:
    """Return mean and half width of the confidence interval over runs.

    Raises ValueError unless there are at least 2.
    """
    values = list(values)
    if len(values) < 2:
        raise ValueError(f"values must be of at least 2 runs, got {len(values)}")
    error = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values), t_for(level, len(values) - 1) * error


@dataclass(frozen=True)
class Difference:
    """A mean difference over seeds, half its 95% interval, and the p of "none"."""

    mean: float
    half: float
    p: float

    @property
    def shown(self) -> bool:
        """Whether these seeds show a difference: p below 0.05."""
        return self.p < 0.05

    def __str__(self) -> str:
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        found = f"{self.mean:+.3f} ± {self.half:.3f}, {p}"
        return found if self.shown else f"{found}: no difference shown"


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Test ours - theirs, one number of each for each seed (paired t-test, two-sided).

    Raises ValueError unless both have as many numbers, at least 2.
    """
    if len(ours) != len(theirs):
        raise ValueError(
            f"ours and theirs must be of the same seeds, got {len(ours)} and "
            f"{len(theirs)} numbers"
        )
    mean, half = interval(a - b for a, b in zip(ours, theirs, strict=True))
    n = len(ours) - 1
    if half == 0:  # the same difference every time
        return Difference(mean, half, float(mean == 0))
    return Difference(mean, half, 1 - within_t(abs(mean) / half * t_for(0.95, n), n))
