"""A head that is off adds nothing, and afterwards everything is as it was."""

import pytest
import torch

from course_utils.ablation import heads_off
from course_utils.config import GPTConfig
from course_utils.model import GPT

CONFIG = GPTConfig(
    vocab_size=17, n_positions=12, n_layer=3, n_head=2, n_embd=6, dropout=0.0
)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 2, 8]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = GPT(CONFIG)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@torch.no_grad()
def logits(model):
    return model(IDS)


def off(model, *heads):
    with heads_off(model, heads):
        return logits(model)


@pytest.mark.parametrize("head", [0, 1])
def test_a_head_that_is_off_counts_as_if_its_rows_of_the_projection_were_zero(
    model, head
):
    expected, D = off(model, (1, head)), CONFIG.head_size
    assert not torch.allclose(expected, logits(model), atol=1e-3)
    model.blocks[1].attention.project.weight.data[:, head * D : (head + 1) * D] = 0
    torch.testing.assert_close(logits(model), expected)


def test_several_heads_of_one_layer_and_of_others_can_be_off_together(model):
    together = off(model, (0, 0), (2, 1), (0, 1))
    model.blocks[0].attention.project.weight.data.zero_()
    torch.testing.assert_close(together, off(model, (2, 1)))
    assert not torch.allclose(together, logits(model), atol=1e-3)


def test_contexts_may_be_nested(model):
    with heads_off(model, [(0, 0)]):
        nested = off(model, (1, 1))
    torch.testing.assert_close(nested, off(model, (0, 0), (1, 1)))


def test_afterwards_the_model_is_as_before_also_after_an_error(model):
    before = logits(model)
    off(model, (0, 1))
    assert torch.equal(logits(model), before)
    with pytest.raises(RuntimeError, match="stop"), heads_off(model, [(0, 1)]):
        raise RuntimeError("stop")
    assert torch.equal(logits(model), before)


def test_no_head_off_changes_nothing(model):
    assert torch.equal(off(model), logits(model))


@torch.no_grad()
def test_a_head_is_off_with_a_cache_and_where_weights_are_asked_for_too(model):
    expected = off(model, (2, 0))
    with heads_off(model, [(2, 0)]):
        cache = model.new_cache()
        steps = [model(IDS[:, t : t + 1], cache) for t in range(IDS.shape[1])]
        torch.testing.assert_close(torch.cat(steps, dim=1), expected)
    with heads_off(model, [(0, 0), (0, 1)]):  # the next layer sees no other token
        x, _ = model.blocks[0](model.embed(IDS), return_weights=True)
        other, _ = model.blocks[0](model.embed(IDS.flip(0)), return_weights=True)
    same = IDS.flip(0) == IDS
    torch.testing.assert_close(x[same], other[same])


def test_gradients_flow_through_what_is_left(model):
    with heads_off(model, [(1, 0)]):
        model(IDS).sum().backward()
    gradient, D = model.blocks[1].attention.project.weight.grad, CONFIG.head_size
    assert (gradient[:, :D] == 0).all() and (gradient[:, D:] != 0).any()


@pytest.mark.parametrize("head", [(3, 0), (0, 2), (-1, 0), (0, -1)])
def test_a_head_that_the_model_lacks_is_refused_before_anything_changes(model, head):
    with (
        pytest.raises(ValueError, match=r"must be in 0\.\.2 and 0\.\.1, got \("),
        heads_off(model, [(0, 0), head]),
    ):
        pass
    assert not model.blocks[0].attention.project._forward_pre_hooks
