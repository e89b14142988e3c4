"""What a head looks at: each thing shown, and the model left as it was."""

import re

import numpy as np
import pytest

from course_utils import models
from course_utils.figures import attention
from course_utils.figures.attention import HeadView


def head_view(**changes):
    given = dict(
        pieces=[b"One", b" day", b",", " 中".encode()],
        weights=np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None],
        chosen=1,
        guesses={"on": {" a": 0.75, "": 0.25}, "off": {" a": 0.5, " b": 0.5}},
        losses={"on": 1.0, "off": 2.5},
        title="Layer 0, head 1",
    )
    return attention.head_view(**(given | changes))


def test_the_view_of_a_head_tells_where_it_looks_and_the_losses():
    picture = head_view()
    assert "It looks most at One 50%, ·day 50%" in picture.alt
    assert "loss 1.00 with the head on; loss 2.50 with the head off" in picture.alt
    assert head_view(chosen=3, losses={"on": 0, "off": 0}).text == picture.text


@pytest.mark.parametrize(
    "change",
    [
        {"chosen": 2},
        {"weights": np.eye(4)},
        {"guesses": {"on": {" a": 1.0}}},
        {"losses": {"on": 1.0, "off": 3.0}},
    ],
)
def test_the_view_of_a_head_shows_each_thing_that_it_is_given(change):
    assert head_view(**change).to_html() != head_view().to_html()


def test_the_view_of_a_head_holds_a_text_of_any_length():
    n = 300
    picture = head_view(pieces=[b" word"] * n, weights=np.eye(n), chosen=n - 1)
    assert "·word 100%" in picture.alt


@pytest.fixture
def heads():
    model, tokenizer = models.load("story")
    return HeadView(model, tokenizer, "One cold morning, Mia the baker", 1, 2)


def test_a_head_is_shown_and_the_model_without_it(heads):
    assert "Layer 1, head 2" in heads.picture.alt
    assert "with the head on" in heads.picture.alt
    assert "off" not in heads.picture.alt
    heads.controls["off"].value = True
    on, off = (float(n) for n in re.findall(r"loss ([\d.]+) with", heads.picture.alt))
    assert on > 0 and off > 0
    text = "controls: Text (then Enter), layer, head, tokens back from the end"
    assert text in heads.text


def test_the_token_that_looks_is_counted_from_the_end(heads):
    heads.controls["back"].value = 60  # further back than the text is long
    assert "It looks most at <|endoftext|> 100%" in heads.picture.alt


def test_a_text_without_a_word_is_answered_in_words(heads):
    heads.controls["prompt"].value = " "
    assert "write at least one word" in heads.heading.value


def test_looking_at_a_head_leaves_the_model_as_it_was(heads):
    before = heads.picture.alt
    heads.controls["off"].value = True
    heads.controls["off"].value = False
    assert heads.picture.alt == before
