"""The block's pieces against their formulas, and how the block joins them."""

import math

import pytest
import torch
import torch.nn.functional as F

from course_utils.attention import KVCache
from course_utils.block import MLP, Block, LayerNorm, gelu, layer_norm
from course_utils.config import GPTConfig

CONFIG = GPTConfig(n_embd=24, n_head=3, dropout=0.0)


def randomized(module, seed=0):
    """Large random parameters: at GPT-2's start most faults are too small to see."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in module.named_parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
        parameter.data += float(name.endswith("gain"))
    return module


def test_layer_norm_is_its_formula_by_hand():
    x = torch.tensor([[1.0, 3.0, 5.0, 7.0]])  # mean 4, variance (9+1+1+9)/4 = 5
    expected = torch.tensor([[-3.0, -1.0, 1.0, 3.0]]) / math.sqrt(5)
    gain, bias = torch.ones(4), torch.zeros(4)
    torch.testing.assert_close(layer_norm(x, gain, bias, 1e-12), expected)
    shifted = layer_norm(x, 2 * gain, bias + 1, 1e-12)
    torch.testing.assert_close(shifted, 2 * expected + 1)


@pytest.mark.parametrize("size", [1.0, 1e-3, 100.0])
def test_the_layer_is_the_formula_and_torchs_layer_norm(size):
    # A size of 1e-3 gives a variance of 1e-6, below the epsilon: its place shows.
    layer = randomized(LayerNorm(24, epsilon=1e-4))
    x = size * torch.randn(2, 3, 24) + 0.5
    ours = layer_norm(x, layer.gain, layer.bias, 1e-4)
    torch.testing.assert_close(layer(x), ours, rtol=0, atol=1e-4)
    theirs = torch.nn.LayerNorm(24, eps=1e-4)
    theirs.weight, theirs.bias = layer.gain, layer.bias
    torch.testing.assert_close(layer(x), theirs(x), rtol=0, atol=1e-6)


def test_the_layer_starts_as_plain_normalisation():
    x = 3 * torch.randn(5, 24) + 2
    y = LayerNorm(24)(x)
    torch.testing.assert_close(y.mean(-1), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(y.var(-1, unbiased=False), torch.ones(5))


def test_gelu_is_the_tanh_form():
    x = torch.linspace(-6, 6, 201)
    torch.testing.assert_close(gelu(x), F.gelu(x, approximate="tanh"))
    assert (gelu(x) - F.gelu(x)).abs().max() > 1e-4  # not the exact form
    assert gelu(torch.tensor(1.0)).item() == pytest.approx(0.841192, abs=1e-6)


def test_the_mlp_expands_fourfold_bends_and_contracts():
    mlp, x = randomized(MLP(CONFIG)), torch.randn(2, 5, 24)
    assert mlp.expand.weight.shape == (96, 24)
    expected = mlp.contract(gelu(mlp.expand(x)))
    torch.testing.assert_close(mlp(x), expected, rtol=0, atol=1e-5)


def test_the_block_normalises_before_and_adds_after_each_half():
    block, x = randomized(Block(CONFIG)), torch.randn(2, 5, 24)
    middle = x + block.attention(block.norm_1(x))
    expected = middle + block.mlp(block.norm_2(middle))
    torch.testing.assert_close(block(x), expected)


def test_the_stream_runs_straight_through_a_block_that_adds_nothing():
    block, x = randomized(Block(CONFIG)), torch.randn(2, 5, 24)
    for layer in (block.attention.project, block.mlp.contract):
        layer.weight.data.zero_()
        layer.bias.data.zero_()
    assert torch.equal(block(x), x)


def test_the_block_hands_on_cache_padding_and_weights():
    block, x = randomized(Block(CONFIG)), torch.randn(2, 5, 24)
    padding = torch.tensor([[False, True, True, True, True], [True] * 5])
    y, weights = block(x, padding=padding, return_weights=True)
    torch.testing.assert_close(y, block(x, padding=padding), rtol=0, atol=1e-5)
    assert (weights[0, :, 1:, 0] == 0).all() and (weights[1, :, 1:, 0] > 0).all()
    cache = KVCache()
    with torch.no_grad():
        pieces = [block(x[:, :3], cache), block(x[:, 3:], cache)]
    torch.testing.assert_close(torch.cat(pieces, 1), block(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("branch", ["attention.project", "mlp.contract"])
def test_dropout_falls_on_each_branch_before_it_is_added(branch):
    block = Block(GPTConfig(n_embd=24, n_head=3, dropout=0.5)).train()
    for name in ("attention.project", "mlp.contract"):
        layer = block.get_submodule(name)
        layer.weight.data.zero_()
        layer.bias.data.fill_(float(name == branch))
    x = torch.randn(4, 50, 24)
    torch.manual_seed(0)
    added = block(x) - x  # 0 where dropped, 1 / (1 - 0.5) where kept
    assert (added.round(decimals=4).unique() == torch.tensor([0.0, 2.0])).all()
    assert added.mean().item() == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(block.eval()(x) - x, torch.ones_like(x))
