"""Knobs and beams: each thing that they are given is shown."""

import pytest
import torch

from course_utils.config import GPTConfig
from course_utils.figures import sampling
from course_utils.figures.sampling import Twig
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer

from .geometry import faults


def knob_bars(**changes):
    given = dict(
        tokens=[b" the", b" a", b"\n"],
        before=[0.5, 0.3, 0.1],
        after=[0.7, 0.3, 0.0],
        title="Two are left",
        samples=["It writes this."],
    )
    return sampling.knob_bars(**(given | changes))


def test_the_bars_of_the_knobs_tell_what_is_cut_and_what_is_written():
    picture = knob_bars()
    assert "Two are left; 1 of the 3 shown are cut off. It writes this." in picture.alt
    assert picture.text == knob_bars(after=[1.0, 0.0, 0.0], samples=[]).text


@pytest.mark.parametrize(
    "change",
    [
        {"before": [0.5, 0.3, 0.2]},
        {"after": [0.6, 0.3, 0.1]},
        {"tokens": [b" the", b" a", b"."]},
        {"samples": ["It writes that."]},
    ],
)
def test_the_bars_of_the_knobs_show_each_thing_that_they_are_given(change):
    assert knob_bars(**change).to_html() != knob_bars().to_html()


def beam_tree(**changes):
    last = dict(parent=1, label=b" c", log_prob=-2.5, kept=True) | changes
    first = [Twig(0, b" a", -1.0, True), Twig(0, b" b", -2.0, True)]
    return sampling.beam_tree([first, [Twig(**last)]], "Two steps")


def test_a_beam_tree_names_the_last_texts_and_shows_each_thing():
    picture = beam_tree()
    assert picture.alt.endswith("Last step: ·c -2.5;")
    for change in ({"parent": 0}, {"label": b"d"}, {"log_prob": -3.0}, {"kept": False}):
        assert beam_tree(**change).to_html() != picture.to_html()


def test_the_knobs_draw_what_is_left_and_three_texts_at_each_setting():
    tokenizer = Tokenizer.train(["one two three four"] * 2, 260)
    torch.manual_seed(0)
    model = GPT(GPTConfig(tokenizer.vocab_size, 64, 1, 1, 8)).eval()
    knobs = sampling.Knobs(model, tokenizer, "one", top_p=1.0)
    assert f"tokens left: {tokenizer.vocab_size}" in knobs.picture.alt
    knobs.controls["top_k"].value = 1
    assert "tokens left: 1;" in knobs.picture.alt


def test_what_a_draft_shares_with_the_model_and_what_is_missing():
    picture = sampling.kept_and_missing(["a", "b"], [0.75, 0.25], [0.25, 0.75])
    assert not faults(picture)
    assert "shared: min(p, q) 0.25, 0.25" in picture.numbers
    assert "Shared 0.50, missing 0.50, too much 0.50" in picture.to_html()
