"""The loss: its definition, its stability, and PyTorch's as the reference."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course_utils.cross_entropy import (
    IGNORE,
    bits_per_byte,
    cross_entropy,
    gap_to_floor,
    log_softmax,
    perplexity,
    softmax,
)


def compare_with_torch(logits, targets, atol=1e-6):
    """Assert that loss and gradient are torch's."""
    ours = logits.clone().requires_grad_()
    theirs = logits.clone().requires_grad_()
    loss = cross_entropy(ours, targets)
    n_classes = logits.shape[-1]
    expected = F.cross_entropy(theirs.reshape(-1, n_classes), targets.reshape(-1))
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=atol)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=atol)


@given(
    shape=st.lists(st.integers(1, 4), min_size=0, max_size=3),
    n_classes=st.integers(1, 9),
    scale=st.sampled_from([0.01, 1.0, 10.0, 100.0]),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradient_equal_torch_for_any_shape(shape, n_classes, scale, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*shape, n_classes, generator=generator) * scale
    targets = torch.randint(n_classes, tuple(shape), generator=generator)
    compare_with_torch(logits, targets)


def test_ignored_positions_count_neither_in_the_loss_nor_in_the_gradient():
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    targets[0, 2:] = IGNORE
    targets[2] = IGNORE
    compare_with_torch(logits, targets)
    changed = logits.clone()
    changed[2] += torch.randn(5, 7) * 100
    assert cross_entropy(changed, targets) == cross_entropy(logits, targets)


def test_another_ignore_index_can_be_a_token_of_the_vocabulary():
    torch.manual_seed(0)
    logits, targets = torch.randn(6, 4), torch.tensor([0, 3, 1, 0, 2, 2])
    expected = F.cross_entropy(logits, targets, ignore_index=0)
    torch.testing.assert_close(cross_entropy(logits, targets, ignore_index=0), expected)


@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_logits_give_finite_losses_and_gradients(size):
    logits = torch.tensor([[size, -size, 0.0], [-size, -size, -size]])
    compare_with_torch(logits, torch.tensor([0, 2]))


def test_a_class_that_is_ruled_out_does_no_harm():
    logits = torch.tensor([[0.0, -math.inf, 1.0]])
    compare_with_torch(logits, torch.tensor([2]))


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    loss = cross_entropy(torch.full((2, 3, 10), 7.0), torch.zeros(2, 3, dtype=int))
    assert loss.item() == pytest.approx(math.log(10), abs=1e-6)
    assert perplexity(loss) == pytest.approx(10, rel=1e-6)


def test_log_softmax_is_the_logarithm_of_probabilities_that_sum_to_one():
    torch.manual_seed(0)
    logits = torch.randn(4, 6) * 50
    result = log_softmax(logits)
    torch.testing.assert_close(result.exp().sum(-1), torch.ones(4))
    torch.testing.assert_close(result, logits.log_softmax(-1), rtol=0, atol=1e-5)


def test_log_softmax_has_torchs_gradient():
    torch.manual_seed(0)
    logits = torch.randn(4, 6, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(4, 6, dtype=torch.float64)
    (ours,) = torch.autograd.grad((log_softmax(logits) * weights).sum(), logits)
    (theirs,) = torch.autograd.grad((logits.log_softmax(-1) * weights).sum(), logits)
    torch.testing.assert_close(ours, theirs)


def test_no_counted_position_is_an_error_instead_of_nan():
    with pytest.raises(ValueError, match="at least one position that counts, got 2"):
        cross_entropy(torch.zeros(2, 3), torch.full((2,), IGNORE))
    with pytest.raises(ValueError, match="got 0 positions"):
        cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=int))


@pytest.mark.parametrize("wrong", [3, -1, 50257])
def test_a_target_outside_the_vocabulary_is_named(wrong):
    targets = torch.tensor([0, wrong, IGNORE])
    with pytest.raises(ValueError, match=rf"targets must be in 0\.\.2, got {wrong}$"):
        cross_entropy(torch.zeros(3, 3), targets)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"\(2, 3\), got \(3, 2\)"):
        cross_entropy(torch.zeros(2, 3, 5), torch.zeros(3, 2, dtype=int))


def test_targets_that_are_not_whole_numbers_are_a_type_error():
    with pytest.raises(TypeError, match=r"int64, got torch\.float32"):
        cross_entropy(torch.zeros(2, 3), torch.zeros(2))


def test_perplexity_of_a_hopeless_loss_is_infinite_instead_of_an_error():
    assert perplexity(0.0) == 1.0
    assert perplexity(1e6) == math.inf


def test_bits_per_byte_of_a_uniform_guess_over_256_bytes_is_8():
    n_bytes = 1000
    assert bits_per_byte(n_bytes * math.log(256), n_bytes) == pytest.approx(8)
    with pytest.raises(ValueError, match="n_bytes must be positive, got 0"):
        bits_per_byte(1.0, 0)


def test_the_gap_to_the_floor_is_the_divergence_from_source_to_model():
    source = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    model = torch.tensor([0.4, 0.4, 0.2], dtype=torch.float64)
    loss, entropy = -(source * model.log()).sum(), -(source * source.log()).sum()
    divergence = (source * (source / model).log()).sum()
    assert gap_to_floor(loss, entropy) == pytest.approx(divergence.item())
    assert gap_to_floor(entropy, entropy) == 0


@given(st.lists(st.floats(-(2.0**99), 2.0**99), min_size=1, max_size=9))
def test_softmax_is_torchs_for_logits_of_any_size(numbers):
    logits = torch.tensor([numbers])
    torch.testing.assert_close(softmax(logits), logits.softmax(-1), rtol=0, atol=1e-6)
