"""The record of learning rates: it belongs to this code, and it is complete."""

import pytest
import torch

from course_utils.experiments import learning_rates
from course_utils.experiments.learning_rates import MEAN_OF, PEAKS, STEPS


def test_every_run_starts_from_the_same_weights_and_stories():
    (one, batches), (other, again) = learning_rates.start(), learning_rates.start()
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert torch.equal(batches.next_batch()[0], again.next_batch()[0])


@pytest.mark.parametrize(
    ("name", "peak", "warmup"), [("adamw", 0.03, 20), ("momentum", 1.0, 5)]
)
def test_the_record_is_what_training_gives_again(name, peak, warmup):
    run = learning_rates.recorded()[name, peak, warmup]
    again = learning_rates.in_means(learning_rates.train(name, peak, warmup, steps=10))
    assert again == pytest.approx(run[:2], abs=0.02)


def test_the_record_holds_every_setting_to_its_last_step():
    runs = learning_rates.recorded()
    assert list(runs) == learning_rates.settings()
    assert {len(run) for run in runs.values()} == {STEPS // MEAN_OF}


def test_a_mean_is_taken_of_each_five_losses_in_a_row():
    assert learning_rates.in_means([1.0, 2, 3, 4, 5, 7, 7, 7, 7, 8]) == [3.0, 7.2]


def test_the_best_peak_is_one_between_the_lowest_and_the_highest_tried():
    for name, peaks in PEAKS.items():
        assert peaks[0] < learning_rates.best_peak(name) < peaks[-1]


def test_an_unknown_optimizer_is_refused_by_name():
    with pytest.raises(ValueError, match=r"name must be one of .*muon, got 'sgd'"):
        learning_rates.make_optimizers("sgd", torch.nn.Linear(2, 2))
