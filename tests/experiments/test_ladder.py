"""The ladder: its rungs are fair to compare, and its record belongs to this code."""

from itertools import pairwise

import pytest
import torch

from course_utils.attention import CausalSelfAttention
from course_utils.confidence import paired
from course_utils.config import GPTConfig
from course_utils.experiments import ladder

SMALL = GPTConfig(
    vocab_size=50, n_positions=12, n_layer=2, n_head=4, n_embd=32, dropout=0.0
)


@pytest.mark.parametrize("name", ladder.RUNGS)
def test_no_rung_sees_the_future(name):
    torch.manual_seed(0)
    model = ladder.RUNGS[name](SMALL).eval()
    ids = torch.randint(50, (2, 12))
    changed = ids.clone()
    changed[:, 9] = (ids[:, 9] + 1) % 50
    before, after = model(ids), model(changed)
    assert before.shape == (2, 12, 50)
    torch.testing.assert_close(before[:, :9], after[:, :9], rtol=0, atol=1e-6)
    assert not torch.allclose(before[:, 9], after[:, 9])


def test_a_bigram_sees_one_token_and_every_other_rung_sees_them_all():
    torch.manual_seed(0)
    ids = torch.randint(50, (1, 12))
    changed = ids.clone()
    changed[:, 0] = (ids[:, 0] + 1) % 50
    for name, make in ladder.RUNGS.items():
        model = make(SMALL).eval()
        same = torch.equal(model(ids)[:, -1], model(changed)[:, -1])
        assert same == (name == "bigram"), name


def test_the_mean_of_the_past_is_that_of_a_loop():
    part, x = ladder.MeanOfThePast(8), torch.randn(2, 5, 8)
    looped = [part.value(x)[:, : t + 1].mean(dim=1) for t in range(5)]
    torch.testing.assert_close(part(x), torch.stack(looped, dim=1), rtol=0, atol=1e-6)


def test_one_head_of_all_channels_is_attention_with_a_single_head():
    config = GPTConfig(50, 12, 1, 1, 32, dropout=0.0)
    attention, head = CausalSelfAttention(config), ladder.OneHead(32, 32)
    head.load_state_dict(attention.state_dict())
    x = torch.randn(2, 7, 32)
    torch.testing.assert_close(head(x), attention(x), rtol=0, atol=1e-6)


def test_climbing_reports_each_rung_and_again_gives_the_same_gaps():
    seen, few = {}, ladder.Settings(("bigram", "one head"), steps=3, held_out=20)
    gaps = ladder.climb(few, on_rung=seen.__setitem__)
    assert tuple(gaps) == few.rungs and gaps == seen
    assert gaps == pytest.approx(ladder.climb(few), abs=1e-4)
    assert gaps != pytest.approx(ladder.climb(few, seed=1), abs=1e-4)


def test_an_unknown_rung_is_refused_by_name():
    with pytest.raises(ValueError, match=r"names must be among .* got \['two heads'\]"):
        ladder.climb(ladder.Settings(("two heads",)))


def test_the_record_shows_what_the_pages_say_of_it():
    gaps = {rung: ladder.recorded().each("gaps", rung) for rung in ladder.RUNGS}
    ascending = ("bigram", "mean of the past", "one head", "several heads", "one block")
    for low, high in pairwise(ascending):
        buys = paired(gaps[low], gaps[high])
        assert buys.shown and buys.mean > 0.1, f"{high} after {low}: {buys}"
    depth = paired(gaps["the whole model"], gaps["one block"])
    assert depth.shown and depth.mean > 0  # in this world, after so few steps
    bare = gaps["layers without residual and norm"]
    assert paired(bare, gaps["mean of the past"]).mean > 0.5
