"""Low-rank adaptation: starts as the frozen model, trains few numbers, merges back."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils.config import GPTConfig
from course_utils.lora import (
    LowRankLinear,
    add_low_rank,
    count_trained,
    merge_low_rank,
)
from course_utils.model import GPT


def small_model():
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=50, n_positions=16, n_layer=2, n_head=2, n_embd=8)
    return GPT(config).eval()


IDS = torch.randint(50, (3, 9), generator=torch.Generator().manual_seed(1))


def randomize(model):
    """Give every trained number another value, as training would."""
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))


def test_before_training_nothing_has_changed():
    model = small_model()
    expected = model(IDS)
    assert torch.equal(add_low_rank(model, rank=2, alpha=4)(IDS), expected)


def test_merged_back_it_is_an_ordinary_gpt_with_the_same_outputs():
    original = small_model()
    model = add_low_rank(copy.deepcopy(original), rank=2, alpha=4)
    randomize(model)
    adapted = model(IDS)
    merged = merge_low_rank(model)
    assert (adapted - original(IDS)).abs().max() > 1e-2
    torch.testing.assert_close(merged(IDS), adapted, rtol=0, atol=1e-5)
    assert merged.state_dict().keys() == original.state_dict().keys()
    assert all(parameter.requires_grad for parameter in merged.parameters())


def test_only_the_thin_matrices_are_trained():
    model = add_low_rank(small_model(), rank=2, alpha=4)
    C, n_layer = 8, 2
    widths = [(C, 3 * C), (C, C), (C, 4 * C), (4 * C, C)]
    assert count_trained(model) == n_layer * sum(2 * (a + b) for a, b in widths)
    frozen = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    randomize(model)
    model(IDS).sum().backward()
    for name, parameter in model.named_parameters():
        if name in frozen:
            assert parameter.grad is None and torch.equal(parameter, frozen[name])
        else:
            assert parameter.grad.abs().max() > 0


@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 5), st.floats(0.1, 20))
@settings(max_examples=30)
def test_a_layer_adds_alpha_over_rank_times_b_times_a(n_in, n_out, rank, alpha):
    linear = nn.Linear(n_in, n_out)
    if rank > min(n_in, n_out):
        with pytest.raises(ValueError, match=rf"rank must be in 1\.\..*, got {rank}"):
            LowRankLinear(linear, rank, alpha)
        return
    layer = LowRankLinear(linear, rank, alpha)
    nn.init.normal_(layer.up)
    x = torch.randn(4, n_in)
    whole = linear.weight + alpha / rank * layer.up @ layer.down
    expected = x @ whole.T + linear.bias
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)


def test_a_rank_of_zero_is_refused():
    with pytest.raises(ValueError, match=r"rank must be in 1\.\.8, got 0"):
        add_low_rank(small_model(), rank=0, alpha=1)
