"""Scaling laws: fit what loss parameters, data and compute buy, and how surely.

A power law is a straight line on logarithmic axes; with a floor under it, a line after
the floor is taken off. ``fit_surface`` fits the loss over parameters and tokens at
once, ``bootstrap`` says how far a fit would have moved with other measurements.

Floors: numbers in, numbers out; needs nothing of the course.
Sources: Kaplan et al. 2020, "Scaling Laws for Neural Language Models"; Hoffmann et al.
2022, "Training Compute-Optimal Large Language Models".
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class PowerLaw(NamedTuple):
    """y = floor + a · x^-alpha."""

    a: float
    alpha: float
    floor: float = 0.0

    def __call__(self, x):
        return self.floor + self.a * np.asarray(x, float) ** -self.alpha


def fit_power_law(x, y, floor: float = 0.0) -> PowerLaw:
    """Fit a straight line to ln(y - floor) over ln x, by least squares.

    Raises ValueError if a y is not above the floor: then it has no logarithm.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not (y > floor).all():
        raise ValueError(f"y must be above the floor {floor}, got {y.min()}")
    slope, intercept = np.polyfit(np.log(x), np.log(y - floor), 1)
    return PowerLaw(float(np.exp(intercept)), float(-slope), float(floor))


def fit_with_floor(x, y, n: int = 200) -> PowerLaw:
    """Fit all three numbers: try ``n`` floors from 0 to just below the lowest y."""
    lowest = float(np.min(y))
    laws = [fit_power_law(x, y, lowest * k / n) for k in range(n)]

    def error(law):  # in logarithms of what is above the floor, as in each fit
        above = np.asarray(y, float) - law.floor
        return np.square(np.log(above / (law(x) - law.floor))).sum()

    return min(laws, key=error)


def bootstrap(
    fit: Callable, sizes: Sequence, y, free: int, n: int = 200, seed: int = 0
) -> list:
    """Return ``n`` laws, each fitted to points that might have been measured instead.

    ``fit(*sizes, y)`` gives a law. Each point is put on it and moved by the error,
    relative to y, of one that was drawn (Efron and Tibshirani 1993, chapter 9). Errors
    are widened for the ``free`` numbers fitted, which make them look too small.
    """
    on_law, rng = fit(*sizes, y)(*sizes), np.random.default_rng(seed)
    errors = np.log(np.asarray(y, float) / on_law)
    errors = errors * np.sqrt(len(errors) / max(1, len(errors) - free))
    draws = rng.choice(errors, size=(n, len(errors)))
    return [fit(*sizes, on_law * np.exp(moved)) for moved in draws]


class Surface(NamedTuple):
    """loss = floor + a / N^alpha + b / D^beta. Source: Hoffmann et al. 2022, eq. 2."""

    floor: float
    a: float
    b: float
    alpha: float
    beta: float

    def __call__(self, n_parameters, n_tokens):
        of_size = self.a / np.asarray(n_parameters, float) ** self.alpha
        return self.floor + of_size + self.b / np.asarray(n_tokens, float) ** self.beta

    def best_split(self, flops: float) -> tuple[float, float]:
        """Return (N, D) of the lowest loss with 6·N·D = flops (their eq. 4)."""
        ratio = self.alpha * self.a / (self.beta * self.b)
        N = (ratio * (flops / 6) ** self.beta) ** (1 / (self.alpha + self.beta))
        return float(N), float(flops / 6 / N)


# Hoffmann et al. 2022, section D.3: their fit to 400 models and more.
CHINCHILLA = Surface(1.69, 406.4, 410.7, 0.34, 0.28)


def fit_surface(n_parameters, n_tokens, losses, floor: float | None = None) -> Surface:
    """Fit a surface by least squares of relative errors; the floor too if it is None.

    Every pair of exponents from 0.05 to 1.5 is tried. For given exponents the rest is
    linear. Pairs that ask for a negative term are left out; ValueError if all do.
    """
    N, D, y = (np.asarray(v, float) for v in (n_parameters, n_tokens, losses))
    gaps = y - (floor or 0.0)
    steps = np.arange(2, 61) * 0.025
    alphas, betas = (axis.ravel() for axis in np.meshgrid(steps, steps))
    columns = [N ** -alphas[:, None], D ** -betas[:, None]]
    columns += [np.ones_like(columns[0])] * (floor is None)
    terms = np.stack(columns, axis=-1) / gaps[:, None]  # (pairs, points, 2 or 3)
    lengths = np.linalg.norm(terms, axis=1, keepdims=True)
    terms = terms / lengths  # else the normal equations would be badly conditioned
    normal = terms.swapaxes(1, 2) @ terms
    right = terms.sum(axis=1)[..., None]
    weights = np.linalg.solve(normal, right)
    errors = np.square(terms @ weights - 1).sum(axis=(1, 2))
    errors[(weights <= 0).any(axis=(1, 2))] = np.inf
    best = errors.argmin()
    if not np.isfinite(errors[best]):
        raise ValueError("losses must fall with both sizes, got some that do not")
    a, b, *rest = map(float, weights[best, :, 0] / lengths[best, 0])
    alpha, beta = float(alphas[best]), float(betas[best])
    return Surface(rest[0] if rest else float(floor), a, b, alpha, beta)
