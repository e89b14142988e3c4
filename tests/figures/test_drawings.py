"""Every drawing of the course: it can be read, in all its states, and says its numbers.

What a drawing works out for itself is compared with torch or with the course's parts.
"""

import math

import pytest
import torch
import torch.nn.functional as F

from course_utils.config import PRESETS, GPTConfig
from course_utils.figures import applications, attention, block, sampling, speed
from course_utils.figures.drawing import number
from course_utils.figures.optimization import run_among_others
from course_utils.figures.start_here import writing_loop
from course_utils.figures.tokenization import merge_tree, segmentation
from course_utils.figures.training import training_loop, written_at
from course_utils.lora import add_low_rank, count_trained
from course_utils.model import GPT
from course_utils.planner import Plan
from course_utils.tokenization import Tokenizer

from .geometry import faults

PIECES = [b"Mia", b" found", b" the", b" cat"]
QUERIES = [[1, 0], [0, 1], [1, 1], [2, 1]]
KEYS = [[1, 0], [0, 2], [-1, 1], [2, 0]]
VALUES = [[1, 0], [0, 1], [1, 1], [2, -1]]
SMALL = GPTConfig(vocab_size=300, n_positions=16, n_layer=3, n_head=2, n_embd=8)
ROUND = dict(
    guesses=[b" the", b" old", b" cat", b" sat"],
    draft=[0.6, 0.5, 0.4, 0.3],
    model=[0.7, 0.2, 0.1, 0.2],
    draws=[0.9, 0.3, 0.5, 0.1],
    then=b" dog",
)


def one_query(chosen=-1, **changes):
    given = dict(pieces=PIECES, queries=QUERIES, keys=KEYS, values=VALUES)
    return attention.one_query(**(given | changes), chosen=chosen)


def walk(step, token="baker"):
    values = {name: [0.1 * i for i in range(12)] for name in block._STATIONS}
    return block.block_walk(values, step, token)


DRAWINGS = {
    **{f"query {t}": one_query(t) for t in range(4)},
    **{f"{h} heads": attention.heads_split(4, 12, h) for h in (1, 2, 3, 4)},
    **{
        f"cache {step}": attention.cache_filling([b" morning"] * 6, step)
        for step in (1, 3, 6)
    },
    **{f"block {step}": walk(step) for step in range(1, 10)},
    **{f"model {name}": block.whole_model(c, 8, 1024) for name, c in PRESETS.items()},
    "small model": block.whole_model(SMALL),
    "merges": merge_tree(b" that", [(97, 116), (104, 256), (32, 116), (258, 257)]),
    "merges of bytes": merge_tree("é ab".encode(), [(97, 98), (195, 169)]),
    "writing": writing_loop(
        ["One", " cold", " morning", ",", " Mia"],
        [335, 991, 825, 11, 555],
        {" the": 0.5, " and": 0.25, " a": 0.125, " carpenter": 0.1},
        124_439_808,
    ),
    "loop": training_loop(64, 1024, 50257, 1_557_611_200),
    "round": sampling.speculative_round(**ROUND),
    "whole round": sampling.speculative_round(**ROUND | {"draws": [0.0] * 4}),
    "LoRA wide": applications.low_rank(768, 3072, 8),
    "LoRA flat": applications.low_rank(3072, 768, 64),
    "LoRA small": applications.low_rank(128, 128, 4),
    "two processes": speed.data_parallel_step(2, 8),
    "five processes": speed.data_parallel_step(5, 10, [2.25] * 5),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_word_lies_over_another_or_leaves_its_box(name):
    assert not faults(DRAWINGS[name])


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_says_in_words_and_numbers_what_it_shows(name):
    picture = DRAWINGS[name]
    assert picture.text.startswith("Drawing of") and picture.alt.startswith(
        picture.text
    )
    assert any(digit in picture.numbers for digit in "0123456789")


def test_the_check_sees_words_that_cannot_be_read():
    drawing = attention.Drawing("Title", width=200, height=100)
    drawing.box("a", "a wide label", (60, 50), size=(30, 20))
    drawing.box("b", "b", (190, 90))
    drawing.words((199, 95), "off the edge")
    drawing.words((60, 54), "over it")
    drawing.arrow("a", "b")
    drawing.words((120, 66), "struck through")
    found = " ".join(faults(drawing.picture("A drawing with faults.")))
    for fault in ("does not fit", "leaves the drawing", "lies over", "runs through"):
        assert fault in found


# --- What they work out


@pytest.mark.parametrize("chosen", range(4))
def test_one_querys_numbers_are_attentions(chosen):
    q, k, v = (torch.tensor(x, dtype=torch.float64) for x in (QUERIES, KEYS, VALUES))
    scores, weights, mix = attention._attend(QUERIES, KEYS, VALUES, chosen)
    expected = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True)
    torch.testing.assert_close(torch.tensor(mix), expected[0, chosen])
    torch.testing.assert_close(torch.tensor(scores), k @ q[chosen] / math.sqrt(2))
    assert weights.sum() == pytest.approx(1) and not weights[chosen + 1 :].any()


def test_one_query_writes_each_number_that_it_is_given():
    assert "Query (2, 1)" in one_query().numbers and "·cat 2.83 0.66" in one_query().alt
    assert "the" not in one_query(1).numbers.split("score")[1]
    changes = (
        {"queries": [*QUERIES[:3], [2, 2]]},
        {"keys": [[1, 1], *KEYS[1:]]},
        {"values": [[1, 1], *VALUES[1:]]},
        {"pieces": [b"Max", *PIECES[1:]]},
    )
    for change in changes:
        assert one_query(**change).to_html() != one_query().to_html()
        assert one_query(**change).numbers != one_query().numbers


@pytest.mark.parametrize("change", [{"keys": [[1, 0]] * 3}, {"values": [[1]] * 4}])
def test_one_query_needs_as_many_keys_as_values(change):
    with pytest.raises(ValueError, match="must all be"):
        one_query(**change)


def test_a_slider_chooses_who_asks_and_which_token_is_read():
    figure = attention.OneQuery(PIECES, QUERIES, KEYS, VALUES)
    assert "cat asks" in figure.picture.alt
    figure.controls["asks"].value = 2
    assert "found asks" in figure.picture.alt
    cache = attention.CacheFilling(PIECES, 2)
    cache.controls["step"].value = 4
    assert "4 query · key products here, 10 so far" in cache.frame.value


def test_drawings_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="n_head must divide C=12, got 5"):
        attention.heads_split(4, 12, 5)
    with pytest.raises(ValueError, match="step must be 1 to 4, got 5"):
        attention.cache_filling(PIECES, 5)
    with pytest.raises(ValueError, match="step must be 1 to 9, got 0"):
        walk(0)
    with pytest.raises(ValueError, match=r"rank must be in 1..8, got 9"):
        applications.low_rank(8, 16, 9)
    with pytest.raises(ValueError, match="must be as many, got 4, 4, 4, 3"):
        sampling.speculative_round(**ROUND | {"draws": [0.1] * 3})
    for wrong in ((1, 8), (3, 8), (2, 8, [1.0])):
        with pytest.raises(ValueError, match="B must be a multiple of n"):
            speed.data_parallel_step(*wrong)


def test_the_stations_of_a_block_end_in_its_output():
    torch.manual_seed(0)
    model = GPT(SMALL).eval()
    x = torch.randn(1, 5, 8)
    seen = block.stations(model.blocks[0], x)
    assert list(seen) == list(block._STATIONS)
    torch.testing.assert_close(seen["+ MLP"], model.blocks[0](x), rtol=0, atol=1e-5)


def test_one_token_walks_through_the_block_of_a_model():
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["a cat sat"], 300)
    config = GPTConfig(tokenizer.vocab_size, 16, n_layer=2, n_head=2, n_embd=12)
    model = GPT(config).eval()
    figure = block.BlockWalk(model, tokenizer, "a cat", layer=1, token=1)
    ids = torch.tensor([[tokenizer.end_of_text, *tokenizer.encode("a cat")]])
    with torch.no_grad():
        out = model.blocks[1](model.blocks[0](model.embed(ids)))
    figure.controls["step"].value = 9
    size = out[0, 1].pow(2).mean().sqrt().item()
    assert f"size (root mean square): {number(size)}" in figure.picture.alt
    assert "Step 9, + MLP" in figure.picture.numbers
    seen = {figure.picture.to_html()}
    for step in range(1, 9):
        figure.controls["step"].value = step
        seen.add(figure.picture.to_html())
    assert len(seen) == 9


@pytest.mark.parametrize("config", [SMALL, PRESETS["gpt2"]], ids=["small", "gpt2"])
def test_the_whole_models_parts_are_counted_as_the_model_counts_them(config):
    with torch.device("meta"):
        model = GPT(config)
    assert f"in all {model.count_parameters():,} learnt" in (
        block.whole_model(config).alt
    )
    each = sum(p.numel() for p in model.blocks[0].parameters())
    assert block.part_sizes(config)["each block"] == each


def test_a_round_ends_with_the_first_guess_that_is_refused():
    assert "4 guessed, 2 kept, 3 written" in sampling.speculative_round(**ROUND).alt
    whole = sampling.speculative_round(**ROUND | {"draws": [0.0] * 4})
    assert "4 guessed, 4 kept, 5 written" in whole.alt


def test_loras_numbers_are_those_that_training_may_change():
    model = add_low_rank(GPT(SMALL), rank=2, alpha=4)
    layer = model.blocks[0].mlp.expand
    n_out, n_in = layer.linear.weight.shape
    trained = count_trained(layer)
    assert f" {trained}, " in applications.low_rank(n_in, n_out, 2).numbers


def test_the_bars_of_a_shape_tell_what_it_costs():
    shares = {"embeddings": 39_000_000, "attention": 28_000_000, "MLPs": 57_000_000}
    picture = block.size_bars(shares, flops=2.8e8, memory=1.984e9)
    assert "124 million parameters; a token costs 0.28 billion FLOPs" in picture.text
    assert picture.numbers == "bars 39, 28, 57" and not faults(picture)


def test_the_charts_of_the_chapters_can_be_read():
    pieces = [b" the", b" a", b"\n", b" longest"] * 6
    shares = [0.3 / (i + 1) for i in range(24)]
    pictures = [
        sampling.knob_bars(
            pieces, shares, shares[:3] + [0.0] * 21, "Cut", ["It writes."]
        ),
        speed.draw_plan(Plan(174.6e9, 3e11, n_devices=1024)),
        segmentation(pieces * 3, [0, 1, 2, 4, 8], [99, 80, 60, 50, 40], 4),
        run_among_others("A run", [5, 4, 3], [[6, 5, 4]] * 9, [1, 0.5, 0.0]),
        written_at([4.0, 2.0, 1.0], 0.5, 2, "It was a cold day. " * 30, "possible"),
    ]
    assert not [fault for picture in pictures for fault in faults(picture)]


def test_writing_shows_the_last_tokens_and_takes_the_likeliest():
    shares = {" the": 0.5, " and": 0.25}
    picture = writing_loop(["One", " cold", " day"], [335, 991, 825], shares, 1000)
    said = " ".join(words.text for words in picture.shapes if hasattr(words, "text"))
    assert all(part in said for part in (" day 825", "1,000", "50.0%"))
    assert "next token: the" in said
    assert picture.numbers == (
        "ids 335, 991, 825; next: the 50.0%, and 25.0%; chosen: the"
    )


def test_merges_are_drawn_in_the_order_learnt_wherever_they_fit():
    unused = (120, 121)
    picture = merge_tree(b"abab", [(97, 98), unused, (256, 256)])
    said = "merge 1 makes ab; merge 1 makes ab; merge 3 makes abab"
    assert picture.numbers == said
