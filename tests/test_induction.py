"""Texts that repeat themselves, and the measure of the heads that notice."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course_utils import induction
from course_utils.config import GPTConfig
from course_utils.cross_entropy import IGNORE
from course_utils.model import GPT


@given(seed=st.integers(0, 2**31), n=st.integers(1, 8))
def test_a_text_repeats_itself_after_its_own_period(seed, n):
    ids, periods = induction.repeats(n, torch.Generator().manual_seed(seed))
    assert ids.shape == (n, induction.LENGTH) and ids.dtype == torch.int64
    for text, period in zip(ids, periods.flatten().tolist(), strict=True):
        assert induction.SHORTEST <= period <= induction.LENGTH // 2
        assert torch.equal(text[period:], text[:-period])
    targets = induction.targets_of(ids, periods)
    for text, wanted, period in zip(ids, targets, periods.flatten(), strict=True):
        assert (wanted[: period - 1] == IGNORE).all()
        assert torch.equal(wanted[period - 1 :], text[period:])


def random_model(n_layer=2, n_head=3) -> GPT:
    torch.manual_seed(0)
    model = GPT(GPTConfig(11, 40, n_layer, n_head, 12, dropout=0.0)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def test_stripes_are_the_weights_at_the_places_that_they_name():
    model, n = random_model(), 7
    ids = induction.twice(4, n, 11, seed=3)
    assert torch.equal(ids[:, :n], ids[:, n:])
    found = induction.stripes(model, ids)
    for layer, weights in enumerate(model.attention_weights(ids)):  # (B, H, T, T)
        for head in range(3):
            before = [weights[:, head, t, t - 1] for t in range(1, 2 * n)]
            followed = [weights[:, head, t, t - n + 1] for t in range(n, 2 * n)]
            for name, wanted in (
                ("the token before", before),
                ("what followed", followed),
            ):
                mean = torch.stack(wanted).mean()
                torch.testing.assert_close(found[name][layer, head], mean)


def test_the_loss_of_both_halves_leaves_out_what_comes_unexpected():
    model, n = random_model(), 6
    ids = induction.twice(5, n, 11)
    losses = F.cross_entropy(model(ids[:, :-1]).mT, ids[:, 1:], reduction="none")
    first, second = induction.loss_of_halves(model, ids)
    assert first == pytest.approx(losses[:, : n - 1].mean().item(), rel=1e-5)
    assert second == pytest.approx(losses[:, n:].mean().item(), rel=1e-5)


def test_training_is_repeatable_lowers_the_loss_and_leaves_global_chance_alone():
    runs = []
    for _ in range(2):
        losses = []
        torch.manual_seed(1)
        induction.train_on_repeats(30, 5, lambda step, loss, to=losses: to.append(loss))
        runs.append((losses, torch.rand(1).item()))
    assert runs[0] == runs[1]
    torch.manual_seed(1)
    assert runs[0][1] == torch.rand(1).item()
    assert losses[-1] < losses[0] - 0.2
