"""Bias: what is measured is what the world's dial says, and the record is of this code.

The models here are made up or hardly trained: a test takes no long run.
"""

import itertools
import math
import random
import shlex

import pytest
import torch

from course_utils import bias
from course_utils.sampling import next_words
from course_utils.world import World
from course_utils.world.lexicon import JOBS, NAMES, PRONOUNS


@pytest.fixture(scope="module")
def model():
    """A model that has read some texts: its tokens are far from equally likely."""
    return bias.train(bias.openings(0.5, 200, seed=3), steps=8)


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


def test_the_probability_of_a_word_is_that_of_the_general_search(model):
    prompt = "One cold morning, Mia the"
    words = [" nurse", " pilot", " a"]
    found = bias.next_word_log_probs(model, bias.tokenizer(), [prompt], words)
    general = next_words(model, bias.tokenizer(), prompt, n=400, min_mass=1e-9)
    for word, log_prob in zip(words, found[0].tolist(), strict=True):
        assert math.exp(log_prob) == pytest.approx(general[word], rel=1e-3)


def test_prompts_of_different_lengths_are_scored_as_if_alone(model):
    prompts = ["One", "One cold morning, Mia the"]
    args = bias.JOB_WORDS[:3]
    both = bias.next_word_log_probs(model, bias.tokenizer(), prompts, args)
    for row, prompt in zip(both, prompts, strict=True):
        alone = bias.next_word_log_probs(model, bias.tokenizer(), [prompt], args)
        torch.testing.assert_close(row, alone[0], rtol=0, atol=1e-4)


def test_a_lower_temperature_moves_probability_to_the_likelier_word(model):
    ask = ["One cold morning,"], [" Mia", " nurse"]
    at = {
        t: bias.next_word_log_probs(model, bias.tokenizer(), *ask, temperature=t)[0]
        for t in (0.5, 1.0)
    }
    gap = {t: (x[0] - x[1]).item() for t, x in at.items()}
    assert abs(gap[0.5]) > 1.5 * abs(gap[1.0]) > 0


def test_the_log_probability_of_a_sentence_is_the_sum_of_its_words(model):
    tokenizer = bias.tokenizer()
    whole = bias.sentence_log_prob(model, tokenizer, "One cold morning")
    more = bias.sentence_log_prob(model, tokenizer, "One cold morning, Mia")
    assert more < whole < 0


def test_the_interval_is_students(model):
    mean, half = bias.interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.30 / math.sqrt(3))
    for values in ([1.0], [1.0] * 10):
        with pytest.raises(ValueError, match="2 to 9 runs, got"):
            bias.interval(values)


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
    tokenizer, before = bias.tokenizer(), "The code of the safe is"
    scores = bias.code_log_probs(model, tokenizer, before)
    assert scores.shape == (10_000,)
    for code in (0, 7, 4719, 9999):
        alone = bias.sentence_log_prob(model, tokenizer, f"{before} {code:04d}")
        start = bias.sentence_log_prob(model, tokenizer, before)
        assert scores[code].item() == pytest.approx(alone - start, abs=1e-3)


def test_secrets_are_planted_as_often_as_they_say():
    secrets = bias.canaries(seed=1)
    assert [times for times, _, _ in secrets] == list(bias.REPETITIONS)
    assert len({before for _, before, _ in secrets}) == len(secrets)
    texts = bias.planted(secrets)
    for times, before, code in secrets:
        assert texts.count(f"{before} {code:04d}.") == times
    assert bias.canaries(2) != secrets == bias.canaries(1)


def test_each_corpus_has_the_bias_that_it_is_made_for():
    expected = {"augmentation": 0.0, "wider data": 0.4, "more of the same": 0.8}
    for remedy, dial in expected.items():
        make, _ = bias.REMEDIES[remedy]
        assert bias.counted_bias(make(0.8, 7)) == pytest.approx(dial, abs=0.05)
    labelled = bias.REMEDIES["a label"][0](0.8, 7)
    marked = [text for text in labelled if text.startswith(bias.LABEL)]
    assert 0 < len(marked) < len(labelled)
    assert abs(bias.counted_bias(marked)) < 0.05


def test_a_run_is_repeatable(monkeypatch):
    monkeypatch.setattr(bias, "sample_openings", lambda *_: ["Mia the nurse"])
    monkeypatch.setitem(bias.KINDS, "tiny", (bias.KINDS["data-poor"][0], {"steps": 4}))
    one, again = (bias.measure_run("tiny", 0.6, 1) for _ in range(2))
    assert one["sampled"] == 1.0
    for name, number in one.items():
        assert number == again[name] or number == pytest.approx(again[name], abs=1e-3)


def test_the_record_holds_every_run_of_its_command():
    record = bias.recorded()
    module, option, seeds = shlex.split(record["command"])[2:]
    assert module == "course_utils.bias" and option == "--seeds"
    plan = {*itertools.product(bias.KINDS, bias.DIALS, range(int(seeds)))}
    plan |= {*itertools.product(bias.REMEDIES, bias.DIALS[1:], range(int(seeds)))}
    made = [(run["kind"], run["dial"], run["seed"]) for run in record["runs"]]
    assert set(made) == plan and len(made) == len(plan)
    assert len(record["exposures"]) == 2 * int(seeds)
    assert all(len(row) == len(bias.REPETITIONS) for row in record["exposures"])
    assert all(0 <= x <= 13.3 for row in record["exposures"] for x in row)


def test_the_record_keeps_what_the_page_says_of_it():
    record = bias.recorded()

    def mean(kind, number="bias"):
        return bias.interval(bias.of_runs(record, kind, 0.6, number))[0]

    assert abs(mean("near the floor") - 0.6) < 0.1
    assert abs(mean("augmentation")) < 0.05 and abs(mean("a label", "with_label")) < 0.1
    assert mean("wider data") == pytest.approx(0.3, abs=0.1)
    assert mean("data-poor", "spread") > 5 * mean("near the floor", "spread")
    assert mean("augmentation", "gap") > mean("augmentation", "gap_even")


def test_the_command_writes_a_record_that_can_be_read_again(tmp_path, monkeypatch):
    class Here:
        """Runs things in this process, at once."""

        def __init__(self, *_): ...
        def __enter__(self):
            return self

        def __exit__(self, *_): ...

        map = staticmethod(map)

    row = dict.fromkeys(bias.REPETITIONS, 1.0)
    monkeypatch.setattr(bias, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(bias, "exposures", lambda seed: row)
    monkeypatch.setattr(
        bias,
        "measure_run",
        lambda kind, dial, seed: {"kind": kind, "dial": dial, "seed": seed},
    )
    monkeypatch.setattr(bias, "RECORD", tmp_path / "bias.json")
    bias.main(["--seeds", "1", "--out", str(bias.RECORD)])
    record = bias.recorded()
    assert record["command"] == "python -m course_utils.bias --seeds 1"
    n_runs = len(bias.KINDS) * len(bias.DIALS) + len(bias.REMEDIES) * 3
    assert len(record["runs"]) == n_runs and len(JOBS) == 24
    assert record["exposures"] == [[1.0] * len(bias.REPETITIONS)] * 2
