"""Weights in int8: near the original, small, and with clear errors for bad input."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from course_utils.config import GPTConfig
from course_utils.huggingface import randomize
from course_utils.model import GPT
from course_utils.quantization import (
    QuantizedLinear,
    quantize,
    quantize_rows,
    stored_bytes,
)


@pytest.fixture
def model():
    config = GPTConfig(50, 16, n_layer=2, n_head=2, n_embd=32, dropout=0.0)
    torch.manual_seed(0)
    return randomize(GPT(config)).eval()


def test_a_row_worked_by_hand():
    weight = torch.tensor([[0.5, -2.0, 0.01], [12.7, 0.06, 0.0]])
    q, scale = quantize_rows(weight)
    assert q.dtype == torch.int8
    assert q.tolist() == [[32, -127, 1], [127, 1, 0]]
    torch.testing.assert_close(scale, torch.tensor([[2 / 127], [0.1]]))


@pytest.mark.parametrize("bits", range(2, 9))
def test_no_weight_moves_by_more_than_half_a_scale(bits):
    weight = torch.randn(20, 30) * 10 ** torch.randn(20, 1)
    q, scale = quantize_rows(weight, bits)
    assert scale.shape == (20, 1)
    assert ((weight - q * scale).abs() <= 0.5001 * scale).all()
    assert (q.abs().amax(dim=-1) == 2 ** (bits - 1) - 1).all()


def test_a_row_of_zeros_stays_one():
    q, scale = quantize_rows(torch.tensor([[0.0, 0.0], [1.0, -1.0]]))
    assert q.tolist() == [[0, 0], [127, -127]]
    assert scale[0] == 1


@pytest.mark.parametrize("bits", [1, 9, 0])
def test_bits_that_int8_does_not_have_are_refused(bits):
    with pytest.raises(ValueError, match=rf"bits must be in 2\.\.8, got {bits}"):
        quantize_rows(torch.ones(2, 2), bits)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="weight must be finite"):
        quantize_rows(torch.tensor([[1.0, bad]]))


@pytest.mark.parametrize("bias", [True, False])
def test_the_layer_computes_with_the_weights_it_stands_for(bias):
    linear, x = nn.Linear(6, 4, bias=bias), torch.randn(2, 3, 6)
    layer = QuantizedLinear(linear)
    exact = nn.Linear(6, 4, bias=bias)
    exact.weight.data = layer.weight * layer.scale
    if bias:
        exact.bias.data = linear.bias.data
    torch.testing.assert_close(layer(x), exact(x), rtol=0, atol=1e-5)
    assert not list(layer.parameters())  # there is nothing to train


def test_the_layer_computes_in_the_type_of_its_input():
    layer = QuantizedLinear(nn.Linear(6, 4)).bfloat16()
    assert layer.weight.dtype == torch.int8
    assert layer(torch.randn(1, 6, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_a_model_in_int8_is_near_the_original_and_fewer_bits_are_further(model):
    ids = torch.randint(50, (3, 16))
    logits, error = model(ids), []
    for bits in (8, 5, 3):
        coarse = quantize(copy.deepcopy(model), partial(quantize_rows, bits=bits))
        error.append(((coarse(ids) - logits).norm() / logits.norm()).item())
    assert error[0] < 0.02
    assert error[0] < error[1] < error[2]


def test_one_scale_for_a_matrix_may_be_given_as_a_rule(model):
    def whole(weight):
        q, scale = quantize_rows(weight.reshape(1, -1))
        return q.view_as(weight), scale  # (1, 1)

    layer = quantize(model, whole).blocks[0].mlp.expand
    assert layer.scale.shape == (128, 1) and len(layer.scale.unique()) == 1


def test_every_linear_layer_of_the_blocks_is_replaced_and_nothing_else(model):
    others = {n for n, p in model.named_parameters() if "blocks" not in n}
    quantize(model)
    assert not [m for m in model.modules() if isinstance(m, nn.Linear)]
    assert sum(isinstance(m, QuantizedLinear) for m in model.modules()) == 2 * 4
    assert others <= {name for name, _ in model.named_parameters()}


def test_stored_bytes_counts_shared_weights_once(model):
    assert stored_bytes(model) == 4 * model.count_parameters()
    layer = nn.Linear(3, 5)
    both = nn.ModuleList([layer, nn.Linear(3, 5)])
    both[1].weight = layer.weight
    assert stored_bytes(both) == 4 * (15 + 5 + 5)
    assert stored_bytes(QuantizedLinear(layer)) == 15 + 4 * 5 + 4 * 5


def test_a_quantized_model_still_generates_with_a_cache(model):
    quantize(model)
    ids, cache = torch.randint(50, (1, 8)), model.new_cache()
    with torch.no_grad():
        steps = [model(ids[:, t : t + 1], cache) for t in range(8)]
        whole = model(ids)
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, rtol=0, atol=1e-4)
