"""Scaling: runs branch fairly, laws are found again, and the record is of this code."""

import itertools
import math

import numpy as np
import pytest
import torch

from course_utils import models
from course_utils.data import StreamBatches
from course_utils.experiments import scaling
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.planner import matrix_parameters


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


def test_a_branch_leaves_the_trunk_as_if_it_had_not_been(tiny):
    config = scaling.shape(16, 8)
    once = list(
        scaling.train(new_model(GPT, config, 0), tiny.batches(None), [40], 0.01)
    )
    both = scaling.train(new_model(GPT, config, 0), tiny.batches(None), [20, 40], 0.01)
    (_, early_tokens, early), (_, tokens, late) = both
    torch.testing.assert_close(weights(late), weights(once[0][2]), rtol=0, atol=1e-6)
    assert not torch.allclose(weights(early), weights(late), atol=1e-3)
    assert (early_tokens, tokens) == (20 * 32, 40 * 32)


def test_the_rate_warms_up_stays_and_falls_to_nothing(tiny, monkeypatch):
    rates = []
    monkeypatch.setattr(scaling, "_step", lambda m, o, b, rate: rates.append(rate) or 1)
    model = new_model(GPT, scaling.shape(8, 8), 0)
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
        steps * matrix_parameters(scaling.shape(channels, 8))
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


# --- the record


def test_the_record_holds_every_run_of_this_code():
    record = scaling.recorded()
    V = models.load("story")[1].vocab_size
    for result in record.results:
        for name, lengths in scaling.STEPS.items():
            rows = result[name]["rows"]
            made = [(row["channels"], row["steps"]) for row in rows]
            assert made == list(itertools.product(scaling.WIDTHS, lengths))
            for row in rows:
                assert row["flops"] == 6 * row["parameters"] * row["tokens"]
                if name == "stories":
                    config = scaling.shape(row["channels"], V)
                    assert row["parameters"] == matrix_parameters(config)
            assert list(result[name]["changes"]) == list(scaling.CHANGES)


def test_no_recorded_model_is_below_the_floor_and_longer_training_helps():
    for told in scaling.recorded().each("stories"):
        losses = np.array([row["loss"] for row in told["rows"]]).reshape(5, 5)
        assert losses.min() > told["floor"]
        assert (np.diff(losses, axis=1) < 0.01).all()
    first = scaling.recorded().results[0]["stories"]["floor"]
    assert math.isclose(first, scaling.stories(20).floor, abs_tol=1e-4)
