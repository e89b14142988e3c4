"""The record of learning rates: it belongs to this code, and it is complete."""

import pytest
import torch

from course_utils.experiments import learning_rates
from course_utils.experiments.learning_rates import MEAN_OF, PEAKS, STEPS, WAYS, Way


def test_every_run_starts_from_the_same_weights_and_stories():
    (one, batches), (other, again) = learning_rates.start(), learning_rates.start()
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(batches.next_batch()[0], again.next_batch()[0])
    other, others = learning_rates.start(seed=1)
    assert not torch.equal(one.token_embedding.weight, other.token_embedding.weight)
    assert others.next_batch()[0].shape != batches.next_batch()[0].shape


def test_the_record_holds_every_way_to_its_last_step():
    for result in learning_rates.recorded().results:
        assert list(result) == list(map(str, WAYS))
        assert {len(losses) for losses in result.values()} == {STEPS // MEAN_OF}


def test_the_mean_over_seeds_is_taken_step_by_step():
    way = Way("adamw", 0.03, 20)
    each = learning_rates.recorded().each(str(way))
    losses = learning_rates.mean_losses(way)
    assert len(losses) == len(each[0])
    assert losses[3] == pytest.approx(sum(run[3] for run in each) / len(each))


def test_a_mean_is_taken_of_each_five_losses_in_a_row():
    assert learning_rates.in_means([1.0, 2, 3, 4, 5, 7, 7, 7, 7, 8]) == [3.0, 7.2]


def test_the_best_peak_is_one_between_the_lowest_and_the_highest_tried():
    for name, peaks in PEAKS.items():
        assert peaks[0] < learning_rates.best_peak(name) < peaks[-1]


def test_an_unknown_optimizer_is_refused_by_name():
    with pytest.raises(ValueError, match=r"name must be one of .*muon, got 'sgd'"):
        learning_rates.make_optimizers("sgd", torch.nn.Linear(2, 2))
