"""Scoring: a word's or a text's probability is that of all its tokens."""

import math

import pytest
import torch

from course_utils.bias import JOB_WORDS, openings
from course_utils.experiments import bias as experiment
from course_utils.sampling import next_word_log_probs, next_words, sentence_log_prob


@pytest.fixture(scope="module")
def model():
    """A model that has read some texts: its tokens are far from equally likely."""
    return experiment.train(openings(0.5, 200, seed=3), steps=8)


def test_the_probability_of_a_word_is_that_of_the_general_search(model):
    prompt = "One cold morning, Mia the"
    words = [" nurse", " pilot", " a"]
    found = next_word_log_probs(model, experiment.tokenizer(), [prompt], words)
    general = next_words(model, experiment.tokenizer(), prompt, n=400, min_mass=1e-9)
    for word, log_prob in zip(words, found[0].tolist(), strict=True):
        assert math.exp(log_prob) == pytest.approx(general[word], rel=1e-3)


def test_prompts_of_different_lengths_are_scored_as_if_alone(model):
    prompts = ["One", "One cold morning, Mia the"]
    args = JOB_WORDS[:3]
    both = next_word_log_probs(model, experiment.tokenizer(), prompts, args)
    for row, prompt in zip(both, prompts, strict=True):
        alone = next_word_log_probs(model, experiment.tokenizer(), [prompt], args)
        torch.testing.assert_close(row, alone[0], rtol=0, atol=1e-4)


def test_a_lower_temperature_moves_probability_to_the_likelier_word(model):
    ask = ["One cold morning,"], [" Mia", " nurse"]
    at = {
        t: next_word_log_probs(model, experiment.tokenizer(), *ask, temperature=t)[0]
        for t in (0.5, 1.0)
    }
    gap = {t: (x[0] - x[1]).item() for t, x in at.items()}
    assert abs(gap[0.5]) > 1.5 * abs(gap[1.0]) > 0


def test_the_log_probability_of_a_sentence_is_the_sum_of_its_words(model):
    tokenizer = experiment.tokenizer()
    whole = sentence_log_prob(model, tokenizer, "One cold morning")
    more = sentence_log_prob(model, tokenizer, "One cold morning, Mia")
    assert more < whole < 0
