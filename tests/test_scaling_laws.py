"""Scaling laws: an exact law is found again, and noise shows in the bootstrap."""

import math

import numpy as np
import pytest

from course_utils.scaling_laws import (
    CHINCHILLA,
    PowerLaw,
    Surface,
    bootstrap,
    fit_power_law,
    fit_surface,
    fit_with_floor,
)

X = np.geomspace(1e3, 1e6, 6)
GRID = [np.ravel(axis) for axis in np.meshgrid(np.geomspace(1e4, 1e6, 5), X)]


@pytest.mark.parametrize("floor", [0.0, 1.7])
def test_an_exact_power_law_is_found_again(floor):
    law = PowerLaw(30.0, 0.4, floor)
    found = fit_power_law(X, law(X), floor)
    assert found == pytest.approx(law)


def test_a_floor_above_a_loss_is_refused():
    with pytest.raises(ValueError, match=r"y must be above the floor 2.0, got 1.5"):
        fit_power_law([1, 10], [3.0, 1.5], floor=2.0)


def test_a_hidden_floor_is_found_to_one_step_of_the_search():
    law = PowerLaw(30.0, 0.4, 1.7)
    found = fit_with_floor(X, law(X))
    assert found.floor == pytest.approx(1.7, abs=law(X).min() / 200)


def test_noise_makes_a_fitted_floor_far_more_uncertain_than_a_law_with_a_known_one():
    law, rng = PowerLaw(30.0, 0.3, 1.0), np.random.default_rng(0)
    y = 1 + (law(X) - 1) * np.exp(0.03 * rng.standard_normal(len(X)))

    def known(x, y):
        return fit_power_law(x, y, 1.0)

    spreads = []
    for fit in (known, fit_with_floor):
        laws = bootstrap(fit, [X], y, free=2, n=100)
        alphas = [drawn.alpha for drawn in laws]
        spreads.append(np.std(alphas))
        assert min(alphas) < 0.3 < max(alphas)
    assert spreads[1] > 3 * spreads[0]


def test_an_exact_law_has_no_uncertainty():
    law = PowerLaw(30.0, 0.4)
    for drawn in bootstrap(fit_power_law, [X], law(X), free=2, n=5):
        assert drawn == pytest.approx(law)


@pytest.mark.parametrize("floor", [None, 1.2])
def test_an_exact_surface_is_found_again(floor):
    true = Surface(1.2, 50.0, 200.0, 0.35, 0.45)
    found = fit_surface(*GRID, true(*GRID), floor=floor)
    assert found == pytest.approx(true, rel=1e-6)


def test_losses_that_rise_with_size_give_no_surface():
    with pytest.raises(ValueError, match="must fall with both sizes"):
        fit_surface(*GRID, 1 + GRID[0] / 1e5 + GRID[1] / 1e5)


def test_the_best_split_costs_the_budget_and_no_other_is_better():
    law = CHINCHILLA
    N, D = law.best_split(1e21)
    assert math.isclose(6 * N * D, 1e21, rel_tol=1e-9)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert law(N * factor, D / factor) > law(N, D)
