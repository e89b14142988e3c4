"""Attention: against its definition, and one path against the other."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.attention import (
    CausalSelfAttention,
    KVCache,
    causal_mask,
    merge_heads,
    scaled_dot_product_attention,
    split_heads,
    visible,
)
from course_utils.config import GPTConfig


def attention_by_loop(query, key, value, mask):
    """The definition for one head: (T, D) and (T_keys, D), one score at a time."""
    output, weights = torch.zeros(len(query), value.shape[1]), torch.zeros(mask.shape)
    for i in range(len(query)):
        seen = [j for j in range(len(key)) if mask[i, j]]
        powers = {j: math.exp(query[i] @ key[j] / len(query[i]) ** 0.5) for j in seen}
        for j in seen:
            weights[i, j] = powers[j] / sum(powers.values())
            output[i] += weights[i, j] * value[j]
    return output, weights


def random_attention(n_embd=24, n_head=3, dropout=0.0, seed=0):
    """A layer whose weights are large enough for every fault to show."""
    config = GPTConfig(n_embd=n_embd, n_head=n_head, dropout=dropout)
    layer = CausalSelfAttention(config).eval()
    generator = torch.Generator().manual_seed(seed)
    for parameter in layer.parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
    return layer


def test_the_mask_lets_a_query_see_itself_and_what_came_before():
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert causal_mask(2, past=2).int().tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@given(past=st.integers(0, 6), T=st.integers(1, 6))
def test_with_a_past_the_mask_is_the_last_rows_of_the_whole_mask(past, T):
    assert torch.equal(causal_mask(T, past), causal_mask(past + T)[past:])


def test_attention_is_its_definition():
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 3, 4, 5), *torch.randn(2, 2, 3, 7, 5)
    mask = causal_mask(4, past=3)
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    for b in range(2):
        for h in range(3):
            expected = attention_by_loop(query[b, h], key[b, h], value[b, h], mask)
            torch.testing.assert_close(output[b, h], expected[0], rtol=0, atol=1e-6)
            torch.testing.assert_close(weights[b, h], expected[1], rtol=0, atol=1e-6)


def test_no_mask_means_that_everything_is_seen():
    query, key, value = torch.randn(3, 1, 2, 4, 5)
    everything = torch.ones(4, 4, dtype=torch.bool)
    ours = scaled_dot_product_attention(query, key, value, None)
    theirs = scaled_dot_product_attention(query, key, value, everything)
    assert torch.equal(ours[0], theirs[0]) and torch.equal(ours[1], theirs[1])


def test_scores_far_beyond_the_range_of_exp_are_no_problem():
    query, key, value = 1e3 * torch.ones(3, 1, 1, 4, 5)
    output, weights = scaled_dot_product_attention(query, key, value, causal_mask(4))
    assert output.isfinite().all()
    torch.testing.assert_close(weights[0, 0, 3], torch.full((4,), 0.25))


def test_heads_are_neighbouring_channels_and_merging_undoes_splitting():
    x = torch.arange(2 * 3 * 8).view(2, 3, 8)
    heads = split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 2)
    assert torch.equal(heads[1, 2, 0], x[1, 0, 4:6])
    assert torch.equal(merge_heads(heads), x)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    B=st.integers(1, 3),
)
def test_the_cache_returns_all_that_was_put_in_in_order(lengths, B):
    cache, parts = KVCache(), []
    for T in lengths:
        parts.append(torch.randn(2, B, 2, T, 3))
        keys, values = cache.append(*parts[-1])
        together = torch.cat(parts, dim=3)
        assert torch.equal(keys, together[0]) and torch.equal(values, together[1])
        assert cache.length == together.shape[3]


def test_the_cache_moves_its_contents_only_a_few_times():
    cache, places = KVCache(), set()
    for _ in range(1000):
        cache.append(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 2))
        places.add(cache.keys.shape[2])
    assert len(places) <= math.log2(1000) + 1


def test_a_reordered_cache_goes_on_from_the_chosen_rows():
    cache = KVCache()
    cache.reorder(torch.tensor([0, 0]))  # nothing to reorder yet
    first, second = torch.randn(2, 2, 3, 2, 5, 4)
    cache.append(first[0], first[1])
    cache.reorder(torch.tensor([2, 0, 2]))
    keys, values = cache.append(second[0], second[1])
    assert torch.equal(keys, torch.cat([first[0][[2, 0, 2]], second[0]], dim=2))
    assert torch.equal(values, torch.cat([first[1][[2, 0, 2]], second[1]], dim=2))


@given(
    n_head=st.sampled_from([1, 2, 3, 6]),
    B=st.integers(1, 3),
    T=st.integers(1, 9),
    past=st.integers(0, 5),
    hidden=st.none() | st.integers(0, 4),
    seed=st.integers(0, 1000),
)
def test_the_fused_and_the_explicit_path_agree(n_head, B, T, past, hidden, seed):
    layer = random_attention(n_head=n_head, seed=seed)
    torch.manual_seed(seed)
    before, x = torch.randn(B, past, 24), torch.randn(B, T, 24)
    padding = None
    if hidden is not None:
        padding = torch.ones(B, past + T, dtype=torch.bool)
        padding[0, :hidden] = False
    results = []
    for return_weights in (False, True):
        cache = KVCache()
        with torch.no_grad():
            if past:
                layer(before, cache)
            results.append(layer(x, cache, padding, return_weights))
    fused, (explicit, weights) = results
    torch.testing.assert_close(fused, explicit, rtol=0, atol=1e-5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, n_head, T))


def test_attention_is_the_chain_of_its_pieces():
    layer, x = random_attention(), torch.randn(2, 5, 24)
    query, key, value = layer.query_key_value(x).split(24, dim=-1)
    heads = [split_heads(part, 3) for part in (query, key, value)]
    mixed, weights = scaled_dot_product_attention(*heads, causal_mask(5))
    y, returned = layer(x, return_weights=True)
    torch.testing.assert_close(y, layer.project(merge_heads(mixed)))
    torch.testing.assert_close(returned, weights)


def test_padding_is_not_seen_and_never_makes_nan():
    mask = visible(4, padding=torch.tensor([[False, False, True, True], [True] * 4]))
    assert mask.shape == (2, 1, 4, 4)
    assert torch.equal(mask[1, 0], causal_mask(4))
    assert not mask[0, 0, 2:, :2].any()  # no real token sees a padding token
    layer = random_attention().train()
    x = torch.randn(1, 4, 24, requires_grad=True)
    y = layer(x, padding=torch.tensor([[False, False, True, True]]))
    alone = layer(x[:, 2:])
    torch.testing.assert_close(y[:, 2:], alone, rtol=0, atol=1e-5)
    y.sum().backward()
    assert y.isfinite().all() and x.grad.isfinite().all()


def test_with_a_past_a_padding_token_sees_itself_only():
    mask = visible(2, past=2, padding=torch.tensor([[True, False, False, True]]))
    assert mask[0, 0].int().tolist() == [[1, 0, 1, 0], [1, 0, 0, 1]]


def test_dropout_zeroes_weights_while_training_and_only_then():
    layer = random_attention(dropout=0.25).train()
    x = torch.randn(1, 60, 24)
    torch.manual_seed(0)
    _, weights = layer(x, return_weights=True)
    kept = weights[:, :, causal_mask(60)]
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert weights.sum(-1).mean().item() == pytest.approx(1, abs=0.1)
    assert not torch.equal(layer(x), layer(x))  # the fused path drops too
    layer.eval()
    assert torch.equal(layer(x), layer(x))
    assert (layer(x, return_weights=True)[1][:, :, causal_mask(60)] > 0).all()
