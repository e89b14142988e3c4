"""What context buys: every place of a window has its own loss, and its own context."""

import pytest
import torch
import torch.nn.functional as F

from course_utils.confidence import paired
from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.experiments import context
from course_utils.model import GPT


def test_the_losses_by_place_average_to_the_loss_of_the_batches():
    torch.manual_seed(0)
    model = GPT(GPTConfig(20, 8, 1, 2, 16, dropout=0.0)).eval()
    batches = StreamBatches(torch.randint(20, (200,)), 4, 8, seed=0)
    losses = context.losses_by_place(model, batches, 3)
    assert losses.shape == (8,)
    with torch.no_grad():
        each = [
            F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
            for inputs, targets in map(batches.batch, range(3))
        ]
    assert losses.mean() == pytest.approx(torch.stack(each).mean().item(), abs=1e-5)


def test_a_model_that_needs_two_tokens_fails_at_the_first_place_alone():
    def repeat_the_token_before(ids):
        before = F.pad(ids, (1, 0), value=0)[:, :-1]
        return 50.0 * F.one_hot(before, 3).float()

    batches = StreamBatches([1, 2] * 50, 4, 6, seed=0)
    losses = context.losses_by_place(repeat_the_token_before, batches, 2)
    assert losses[0] > 10 and losses[1:].max() < 1e-5


def test_stretches_hold_the_places_since_the_length_before():
    losses = torch.tensor([8.0, 4.0, 2.0, 1.0])
    assert context.mean_up_to(losses, [1, 2, 4]) == {1: 8.0, 2: 4.0, 4: 1.5}


def test_more_context_is_worth_more_in_the_record_and_never_less_than_the_floor():
    record = context.recorded()
    for fewer, more, least in ((1, 8, 0.7), (8, 128, 0.4)):
        worth = paired(*(record.each("losses", str(n)) for n in (fewer, more)))
        assert worth.mean - worth.half > least and worth.p < 0.001
    for result in record.results:
        losses = list(result["losses"].values())
        assert list(result["losses"]) == list(map(str, context.LENGTHS))
        assert min(losses) > result["floor"] > 0
