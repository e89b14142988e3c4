"""Scaling: runs branch fairly, laws are found again, and the record is of this code."""

import itertools
import json
import math

import numpy as np
import pytest
import torch

from course_utils import scaling
from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.scaling import PowerLaw, Surface

X = np.geomspace(1e3, 1e6, 6)
GRID = [np.ravel(axis) for axis in np.meshgrid(np.geomspace(1e4, 1e6, 5), X)]


@pytest.fixture
def tiny():
    """A corpus of eight tokens that anything learns in a moment."""
    tokens = list(range(8)) * 40
    batches = StreamBatches(tokens, 4, 8)
    validation = [batches.batch(10_000)]
    return scaling.Corpus(8, lambda n: batches, validation, few=3, floor=None)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


# --- runs


def test_parameters_are_those_of_all_matrices_that_multiply():
    config = GPTConfig.preset("course", vocab_size=300, n_layer=3)
    model = scaling.new_model(config)
    inside = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    head = model.token_embedding.weight.numel()
    assert scaling.matrix_parameters(config) == inside + head
    assert scaling.training_flops(config, 10) == 60 * (inside + head)


def test_gpt3s_published_compute_is_six_times_size_and_tokens():
    # Brown et al. 2020, tables 2.1 and D.1.
    config = GPTConfig(50257, 2048, n_layer=96, n_head=96, n_embd=12288)
    assert scaling.matrix_parameters(config) == pytest.approx(174.6e9, rel=1e-3)
    assert scaling.training_flops(config, 300e9) == pytest.approx(3.14e23, rel=2e-3)


def test_a_branch_leaves_the_trunk_as_if_it_had_not_been(tiny):
    config = scaling.shape(16, 8)
    once = list(
        scaling.train(scaling.new_model(config), tiny.batches(None), [40], 0.01)
    )
    both = scaling.train(scaling.new_model(config), tiny.batches(None), [20, 40], 0.01)
    (_, early_tokens, early), (_, tokens, late) = both
    torch.testing.assert_close(weights(late), weights(once[0][2]), rtol=0, atol=1e-6)
    assert not torch.allclose(weights(early), weights(late), atol=1e-3)
    assert (early_tokens, tokens) == (20 * 32, 40 * 32)


def test_the_rate_warms_up_stays_and_falls_to_nothing(tiny, monkeypatch):
    rates = []
    monkeypatch.setattr(scaling, "_step", lambda m, o, b, rate: rates.append(rate) or 1)
    model = scaling.new_model(scaling.shape(8, 8))
    list(scaling.train(model, tiny.batches(None), [40, 80], 1.0))
    assert rates[:20] == pytest.approx([k / 20 for k in range(1, 21)])
    assert rates[20:30] == [1.0] * 10
    assert rates[30:40] == pytest.approx([k / 10 for k in range(10, 0, -1)])
    assert rates[40:70] == [1.0] * 30  # the trunk goes on from step 30
    assert rates[-1] == pytest.approx(1 / 20)


def test_growing_gives_a_row_for_each_length_and_the_loss_falls(tiny):
    rows = [row for row, _ in scaling.grow(tiny, 8, [8, 40])]
    assert [row["steps"] for row in rows] == [8, 40]
    assert rows[1]["loss"] < rows[0]["loss"] - 0.1
    assert rows[1]["flops"] == 6 * rows[1]["parameters"] * rows[1]["tokens"]


def test_all_changes_cost_the_same(tiny):
    base = scaling.change(tiny, "as it was", 40, peaks=[0.01])
    wide = scaling.change(tiny, "a wider model", 40, peaks=[0.01])
    costs = [
        steps * scaling.matrix_parameters(scaling.shape(channels, 8))
        for steps, channels in ((base["steps"], 32), (wide["steps"], 64))
    ]
    assert costs[1] == pytest.approx(costs[0], rel=0.05)


def test_a_change_takes_the_peak_with_the_lowest_loss(tiny):
    both = scaling.change(tiny, "as it was", 30, peaks=[1e-6, 0.01])
    assert both["peak"] == 0.01
    assert both == scaling.change(tiny, "as it was", 30, peaks=[0.01])


def test_an_unknown_change_is_refused_by_name(tiny):
    with pytest.raises(ValueError, match=r"which must be one of .*, got 'magic'"):
        scaling.change(tiny, "magic")


def test_stories_of_a_corpus_begin_alike_however_many_there_are():
    few, more = scaling.stories(20), scaling.stories(40)
    assert few.floor == more.floor and 0.3 < few.floor < 0.8
    frames = more.batches(20).frames
    assert few.batches(None).frames == frames


# --- laws


@pytest.mark.parametrize("floor", [0.0, 1.7])
def test_an_exact_power_law_is_found_again(floor):
    law = PowerLaw(30.0, 0.4, floor)
    found = scaling.fit_power_law(X, law(X), floor)
    assert found == pytest.approx(law)


def test_a_floor_above_a_loss_is_refused():
    with pytest.raises(ValueError, match=r"y must be above the floor 2.0, got 1.5"):
        scaling.fit_power_law([1, 10], [3.0, 1.5], floor=2.0)


def test_a_hidden_floor_is_found_to_one_step_of_the_search():
    law = PowerLaw(30.0, 0.4, 1.7)
    found = scaling.fit_with_floor(X, law(X))
    assert found.floor == pytest.approx(1.7, abs=law(X).min() / 200)


def test_noise_makes_a_fitted_floor_far_more_uncertain_than_a_law_with_a_known_one():
    law, rng = PowerLaw(30.0, 0.3, 1.0), np.random.default_rng(0)
    y = 1 + (law(X) - 1) * np.exp(0.03 * rng.standard_normal(len(X)))

    def known(x, y):
        return scaling.fit_power_law(x, y, 1.0)

    spreads = []
    for fit in (known, scaling.fit_with_floor):
        laws = scaling.bootstrap(fit, [X], y, free=2, n=100)
        alphas = [drawn.alpha for drawn in laws]
        spreads.append(np.std(alphas))
        assert min(alphas) < 0.3 < max(alphas)
    assert spreads[1] > 3 * spreads[0]


def test_an_exact_law_has_no_uncertainty():
    law = PowerLaw(30.0, 0.4)
    for drawn in scaling.bootstrap(scaling.fit_power_law, [X], law(X), free=2, n=5):
        assert drawn == pytest.approx(law)


@pytest.mark.parametrize("floor", [None, 1.2])
def test_an_exact_surface_is_found_again(floor):
    true = Surface(1.2, 50.0, 200.0, 0.35, 0.45)
    found = scaling.fit_surface(*GRID, true(*GRID), floor=floor)
    assert found == pytest.approx(true, rel=1e-6)


def test_losses_that_rise_with_size_give_no_surface():
    with pytest.raises(ValueError, match="must fall with both sizes"):
        scaling.fit_surface(*GRID, 1 + GRID[0] / 1e5 + GRID[1] / 1e5)


def test_the_best_split_costs_the_budget_and_no_other_is_better():
    law = scaling.CHINCHILLA
    N, D = law.best_split(1e21)
    assert math.isclose(6 * N * D, 1e21, rel_tol=1e-9)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert law(N * factor, D / factor) > law(N, D)


# --- the record


def test_the_record_holds_every_run_of_this_code():
    record = scaling.recorded()
    assert record["command"] == "python -m course_utils.scaling"
    for name, lengths in scaling.STEPS.items():
        rows = record[name]["rows"]
        made = [(row["channels"], row["steps"]) for row in rows]
        assert made == list(itertools.product(scaling.WIDTHS, lengths))
        V = scaling.CORPORA[name]().vocab_size if name == "stories" else None
        for row in rows:
            assert row["flops"] == 6 * row["parameters"] * row["tokens"]
            if V:
                config = scaling.shape(row["channels"], V)
                assert row["parameters"] == scaling.matrix_parameters(config)
        changed = [change["change"] for change in record[name]["changes"]]
        assert changed == list(scaling.CHANGES)


def test_no_recorded_model_is_below_the_floor_and_longer_training_helps():
    stories = scaling.recorded()["stories"]
    losses = np.array([row["loss"] for row in stories["rows"]]).reshape(5, 5)
    assert losses.min() > stories["floor"]
    assert (np.diff(losses, axis=1) < 0.01).all()
    assert math.isclose(stories["floor"], scaling.stories(20).floor, abs_tol=1e-4)


def test_the_command_records_one_corpus_and_keeps_the_other(tmp_path, monkeypatch):
    path = tmp_path / "scaling.json"
    path.write_text('{"docstrings": "kept"}')
    monkeypatch.setattr(scaling, "record_runs", lambda name: f"made {name}")
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    scaling.main(["--only", "stories", "--out", str(path)])
    written = json.loads(path.read_text())
    assert (written["stories"], written["docstrings"]) == ("made stories", "kept")
