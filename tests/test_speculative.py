"""Speculative decoding writes with the model's own distribution, whatever the draft."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.config import GPTConfig
from course_utils.model import GPT
from course_utils.sampling.speculative import (
    NGramDraft,
    Remembering,
    acceptance,
    judge,
    speculate,
)

V = 5


@pytest.fixture(scope="module")
def model():
    """A small GPT whose every parameter is random, so that nothing hides."""
    config = GPTConfig(vocab_size=V, n_positions=32, n_layer=1, n_head=2, n_embd=8)
    randomized, generator = GPT(config).eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in randomized.named_parameters():
            mean = 1.0 if name.endswith("gain") else 0.0
            parameter.normal_(mean, 0.5, generator=generator)
    return randomized


def distribution(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(*shape, generator=generator)).softmax(dim=-1)


def biased(ids):
    """A draft that never proposes token 0 and has its own idea of the others."""
    row = torch.tensor([0.0, 0.6, 0.1, 0.1, 0.2])
    return row.roll(ids[-1] % 2)


def rows_after(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]))[0].softmax(dim=-1)


@given(st.integers(0, 10**6), st.integers(2, 30))
def test_kept_guesses_and_replacements_add_up_to_the_models_probabilities(seed, V):
    p, q = distribution(seed, 2, 3, V)
    keep, rest = acceptance(p, q)
    refused = 1 - (q * keep).sum(dim=-1, keepdim=True)
    torch.testing.assert_close(q * keep + refused * rest, p, rtol=0, atol=1e-6)
    assert bool((keep >= 0).all() and (keep <= 1).all())
    torch.testing.assert_close(rest.sum(dim=-1), torch.ones(3))


def test_an_equal_draft_is_never_refused_and_a_token_of_chance_0_never_kept():
    p = distribution(1, 4, V)
    keep, rest = acceptance(p, p)
    assert keep.eq(1).all() and rest.equal(p)
    p = torch.tensor([0.0, 1.0])
    keep, rest = acceptance(p, torch.tensor([1.0, 0.0]))
    assert keep.tolist() == [0, 1] and rest.tolist() == [0, 1]


def test_guesses_are_kept_up_to_the_first_refused_one():
    sure = torch.eye(V)  # the model wants 0, then 1, then 2, then 3
    q = torch.full((3, V), 1 / V)
    assert judge(sure[:4], q, [0, 1, 2]) == [0, 1, 2, 3]
    assert judge(sure[:4], q, [0, 4, 2]) == [0, 1]
    assert judge(sure[:4], q, [4, 1, 2]) == [0]
    assert judge(sure[:1], q[:0], []) == [0]


def test_the_texts_have_the_models_distribution_by_a_chi_square_test(model):
    start, n = [1, 2], 700
    first = rows_after(model, start)[-1]
    expected = n * torch.cat(
        [first[a] * rows_after(model, [*start, a])[-1] for a in range(V)]
    )
    counts = torch.zeros(V * V)
    for seed in range(n):
        a, b = speculate(model, biased, start, 2, n_draft=3, seed=seed).ids[2:]
        counts[a * V + b] += 1
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 51.2  # 24 degrees of freedom: once in a thousand by chance


def test_a_remembering_model_says_what_the_model_says_also_after_a_step_back(model):
    remembering = Remembering(model)
    for ids, n in (
        ([1, 2, 3], 1),
        ([1, 2, 3, 4, 0], 3),
        ([1, 2, 3, 4, 0], 2),
        ([1, 2, 0], 2),
        ([4], 1),
    ):
        with torch.inference_mode():
            torch.testing.assert_close(
                remembering(ids, n), rows_after(model, ids)[-n:], rtol=0, atol=1e-6
            )
    with torch.inference_mode():
        assert Remembering(model)([1, 2]).shape == (V,)


def test_a_perfect_draft_saves_passes_and_a_bad_one_costs_no_token(model):
    alike = speculate(model, Remembering(model), [1], 20, n_draft=4)
    assert len(alike.ids) == 21 and alike.kept == alike.judged == 16
    assert alike.passes == 4

    def nonsense(ids):
        return torch.eye(V)[ids[-1]]

    poor = speculate(model, nonsense, [1], 20, n_draft=4)
    assert len(poor.ids) == 21 and poor.kept < poor.judged <= 4 * poor.passes
    assert speculate(model, nonsense, [1], 6, n_draft=0).passes == 6


def test_it_stops_at_the_end_of_text_and_repeats_itself_for_a_seed(model):
    ended = [
        speculate(model, biased, [1], 25, end_of_text=3, seed=seed).ids
        for seed in range(20)
    ]
    assert any(len(ids) < 26 for ids in ended)
    for ids in ended:
        assert 3 not in ids[:-1] and (ids[-1] == 3 or len(ids) == 26)
    again = speculate(model, biased, [1], 25, end_of_text=3, seed=0).ids
    assert again == ended[0]
    with pytest.raises(ValueError, match="n_draft must be at least 0, got -1"):
        speculate(model, biased, [1], 3, n_draft=-1)


@pytest.mark.parametrize("documents", [[], [[]]])
def test_an_n_gram_draft_of_no_tokens_is_refused(documents):
    with pytest.raises(ValueError, match="documents must hold at least one token"):
        NGramDraft(documents, V)


def test_an_n_gram_draft_counts_and_falls_back_to_shorter_contexts():
    draft = NGramDraft([[0, 1, 2, 0, 1, 3], [0, 1, 2]], V, order=3)
    assert draft([4, 0, 1]).tolist() == pytest.approx([0, 0, 2 / 3, 1 / 3, 0])
    assert draft([3, 1]).tolist() == draft([4, 0, 1]).tolist()  # after 1 alone
    shares = [3 / 9, 3 / 9, 2 / 9, 1 / 9, 0]
    assert draft([4]).tolist() == pytest.approx(shares)
