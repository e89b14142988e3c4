"""Where the loss of a text sits: what is told, shown and refused."""

import random

import pytest
import torch
import torch.nn.functional as F

from course_utils import models
from course_utils.figures import cross_entropy
from course_utils.figures.cross_entropy import StoryLosses, TokenSurprises, word_losses
from course_utils.figures.shapes import Words
from course_utils.world import WORD, World

from .geometry import faults


def story_losses(**changes):
    given = dict(
        pieces=[b"One", b" cold", b" day"],
        model=[0.0, 2.5, 0.5],
        truth=[0.0, 2.0, 0.25],
        chosen=1,
        guesses={"model": {" cold": 0.5, " hot": 0.5}, "truth": {" cold": 1.0}},
        title="Word 2",
    )
    return cross_entropy.story_losses(**(given | changes))


def test_the_losses_of_a_story_tell_what_the_framed_word_costs():
    picture = story_losses()
    assert "The framed word ·cold costs the model 2.50 nats, the truth 2.00" in (
        picture.alt
    )
    assert story_losses(chosen=2).text == picture.text


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": [b"One", b" hot", b" day"]},
        {"model": [0.0, 2.5, 1.5]},
        {"truth": [0.0, 2.0, 1.0]},
        {"chosen": 2},
        {"guesses": {"model": {" cold": 1.0}, "truth": {" cold": 1.0}}},
        {"title": "Another word"},
    ],
)
def test_the_losses_of_a_story_show_each_thing_that_they_are_given(change):
    assert story_losses(**change).to_html() != story_losses().to_html()


def test_the_losses_of_a_text_can_be_shown_where_no_truth_is_known():
    picture = story_losses(truth=None, guesses={"model": {" cold": 0.5, " hot": 0.5}})
    assert "true" not in picture.text and "truth" not in picture.alt
    assert "costs the model 2.50 nats" in picture.alt
    assert picture.to_html() != story_losses().to_html()


def test_the_losses_of_words_sum_to_the_loss_of_their_tokens():
    model, tokenizer = models.load("story")
    text = World().sample(random.Random(0)).text + " Xylophone."
    nats = word_losses(model, tokenizer, WORD.findall(text))
    ids = torch.tensor([tokenizer.end_of_text, *tokenizer.encode(text)])
    with torch.no_grad():
        loss = F.cross_entropy(model(ids[None, :-1])[0], ids[1:], reduction="sum")
    assert len(nats) == len(WORD.findall(text)) < len(ids) - 1
    assert sum(nats) == pytest.approx(loss.item(), rel=1e-5)


def test_story_losses_follow_the_word_and_refuse_a_text_that_the_world_cannot_tell():
    model, tokenizer = models.load("story")
    world = World()
    text = world.sample(random.Random(0)).text
    figure = StoryLosses(model, tokenizer, world, text, word=3)
    before, words = figure.picture.to_html(), WORD.findall(text)
    figure.controls["word"].value = 4
    assert figure.picture.to_html() != before
    assert f"Word 4, “{words[3].strip()}”" in figure.picture.alt
    for place in (figure.controls["word"].min, figure.controls["word"].max):
        figure.controls["word"].value = place
        assert f"Word {place}, “{words[place - 1].strip()}”" in figure.picture.alt
    assert (place, figure.controls["word"].min) == (len(words), 1)
    with pytest.raises(ValueError, match="text must be a story of the world"):
        StoryLosses(model, tokenizer, world, "One day.")


def test_surprises_of_a_text_of_ones_own_follow_the_token_and_the_text():
    model, tokenizer = models.load("story")
    figure = TokenSurprises(model, tokenizer, "One cold morning, Mia", token=2)
    assert "Token 2, “cold”" in figure.picture.alt
    figure.controls["token"].value = 60
    assert "“Mia”" in figure.picture.alt
    figure.controls["text"].value = "Mia wrote 中文."
    assert figure.picture.text in figure.text
    assert "framed token ." in figure.picture.alt
    figure.controls["text"].value = " "
    assert "write at least one word" in figure.heading.value


def test_surprises_are_drawn_and_told_and_only_of_probabilities():
    picture = cross_entropy.surprises([1, 0.5, 0.25])
    assert not faults(picture)
    assert "0, 0.69, 1.39" in repr(picture)
    assert picture.to_html() != cross_entropy.surprises([1, 0.5, 0.125]).to_html()
    for wrong in (0.0, 1.5, -0.5):
        with pytest.raises(ValueError, match=r"probabilities must be in \(0, 1\]"):
            cross_entropy.surprises([0.5, wrong])


def test_the_shifted_tokens_tell_which_targets_count():
    pieces = [b" Where", b"?", b" At", b" home", b"<end>"]
    picture = cross_entropy.shifted(pieces, n_prompt=2)
    assert not faults(picture)
    assert picture.text.endswith("Counted: ·At ·home <end>.")
    labels = [shape.text for shape in picture.shapes if isinstance(shape, Words)]
    assert labels.count("−100") == 1 and labels.count("?") == 1  # an input only
    whole = cross_entropy.shifted(pieces, n_prompt=0)
    assert whole.text.endswith("Counted: ? ·At ·home <end>.")
