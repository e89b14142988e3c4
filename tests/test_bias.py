"""Bias: what is measured is what the world's dial says.

The models here are made up or hardly trained: a test takes no long run.
"""

import math
import random

import pytest
import torch

from course_utils import bias
from course_utils.experiments import bias as experiment
from course_utils.sampling import sentence_log_prob
from course_utils.world import World
from course_utils.world.lexicon import NAMES, PRONOUNS


@pytest.fixture(scope="module")
def model():
    """A model that has read some texts: its tokens are far from equally likely."""
    return experiment.train(bias.openings(0.5, 200, seed=3), steps=8)


def true_log_probs(world):
    """Log P(job | name) of the world itself, a row for each name."""
    rows = []
    for name in NAMES:
        after = world.next_words(f"One cold morning, {name.english} the")
        rows.append([after.get(job, 0.0) for job in bias.JOB_WORDS])
    return torch.tensor(rows).log()


@pytest.mark.parametrize("dial", [0.0, 0.6, 1.0])
def test_the_bias_of_the_world_itself_is_its_dial_at_every_name(dial):
    found = bias.name_biases(true_log_probs(World(bias=dial)), bias.TYPICAL)
    assert found.tolist() == pytest.approx([dial] * len(NAMES), abs=1e-6)


def test_counting_in_the_worlds_texts_gives_its_dial():
    texts = bias.openings(0.6, 2000, seed=1)
    assert bias.counted_bias(texts) == pytest.approx(0.6, abs=0.06)
    assert bias.counted_bias([bias.swap_gender(t) for t in texts]) == pytest.approx(
        -bias.counted_bias(texts)
    )


def test_what_is_no_job_or_nobodys_does_not_count():
    assert bias.counted_bias(["Mia the nurse and Tom the nurse, Anna the cat"]) == 0
    assert bias.people("Mia the nurse sat in the garden") == [("she", "nurse")]
    with pytest.raises(ValueError, match="people with jobs, got 1 texts"):
        bias.counted_bias(["the garden"])


def test_an_opening_is_the_first_two_sentences_and_its_probability_is_exact():
    world, rng = World(bias=0.4), random.Random(5)
    story = world.sample(rng).text
    text = bias.opening(story)
    assert story.startswith(text) and text.count(".") == 2
    step = {word: bias.opening_log_prob(world, "One" + word) for word in (" cold",)}
    assert math.exp(step[" cold"]) == pytest.approx(world.next_words("One")[" cold"])
    assert bias.opening_log_prob(world, text) > world.log_prob(story)
    assert bias.opening_log_prob(world, "One") == pytest.approx(0.0, abs=1e-12)


def test_a_mirror_image_swaps_all_people_once_and_is_a_text_of_the_world():
    world = World(bias=0.3)
    for text in bias.openings(0.3, 40, seed=4):
        mirror = bias.swap_gender(text)
        assert bias.swap_gender(mirror) == text != mirror
        assert bias.opening_log_prob(world, mirror) > -math.inf
        jobs = [[job for _, job in bias.people(t)] for t in (text, mirror)]
        assert jobs[0] == jobs[1]
        assert all(
            a != b
            for (a, _), (b, _) in zip(*map(bias.people, (text, mirror)), strict=True)
        )


def test_every_name_and_pronoun_has_a_counterpart_of_the_other_gender():
    genders = {name.english: name.gender for name in NAMES}
    for name, gender in genders.items():
        assert genders[bias.SWAPS[name]] != gender
    she, he = PRONOUNS["she"], PRONOUNS["he"]
    assert bias.SWAPS[she.subject] == he.subject
    assert bias.SWAPS[he.Possessive] == she.Possessive


def test_weighted_counts_are_independent_and_keep_their_sums():
    counts = torch.tensor([[30.0, 10.0, 5.0], [6.0, 40.0, 9.0]])
    weighted = counts * bias.independence_weights(counts)
    torch.testing.assert_close(weighted.sum(dim=0), counts.sum(dim=0))
    torch.testing.assert_close(weighted.sum(dim=1), counts.sum(dim=1))
    assert torch.linalg.matrix_rank(weighted, rtol=1e-4) == 1
    zero = bias.independence_weights(torch.tensor([[0.0, 3.0], [2.0, 1.0]]))
    assert zero[0, 0] == 0 and zero.isfinite().all()


def test_texts_drawn_by_their_weights_have_no_bias():
    texts = bias.openings(0.6, 3000, seed=6)
    weights = bias.text_weights(texts)
    drawn = random.Random(0).choices(texts, weights, k=4000)
    assert bias.counted_bias(texts) > 0.5
    assert abs(bias.counted_bias(drawn)) < 0.1


def test_the_price_of_evenness_is_the_divergence():
    assert bias.cost_of_evenness(0.0) == 0
    assert bias.cost_of_evenness(1.0) == pytest.approx(math.log(2))
    even, biased = (true_log_probs(World(bias=b))[0].double() for b in (0.0, 0.6))
    divergence = (biased.exp() * (biased - even)).sum()
    assert bias.cost_of_evenness(0.6) == pytest.approx(divergence.item(), abs=1e-6)


def test_exposure_goes_from_nothing_to_the_first_guess():
    scores = torch.tensor([-4.0, -1.0, -3.0, -2.0])
    found = [bias.exposure(scores, secret) for secret in range(4)]
    assert found == pytest.approx([0.0, 2.0, 2 - math.log2(3), 1.0])


def test_all_codes_are_scored_as_one_by_one(model):
    tokenizer, before = experiment.tokenizer(), "The code of the safe is"
    scores = bias.code_log_probs(model, tokenizer, before)
    assert scores.shape == (10_000,)
    for code in (0, 7, 4719, 9999):
        alone = sentence_log_prob(model, tokenizer, f"{before} {code:04d}")
        start = sentence_log_prob(model, tokenizer, before)
        assert scores[code].item() == pytest.approx(alone - start, abs=1e-3)


def test_secrets_are_planted_as_often_as_they_say():
    secrets = bias.canaries(seed=1)
    assert [times for times, _, _ in secrets] == list(bias.REPETITIONS)
    assert len({before for _, before, _ in secrets}) == len(secrets)
    texts = bias.planted(secrets)
    for times, before, code in secrets:
        assert texts.count(f"{before} {code:04d}.") == times
    assert bias.canaries(2) != secrets == bias.canaries(1)
