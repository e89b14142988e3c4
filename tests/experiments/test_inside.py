"""What the inside of a model is measured with: labels, places, marks, the record."""

import pytest
import torch

from course_utils import models
from course_utils.experiments import inside
from course_utils.inside.pairs import place_pairs


def test_the_words_of_the_first_person_stand_where_they_are_read():
    _, tokenizer = models.load("story")
    pairs = place_pairs(tokenizer, 8)
    for ids in pairs.clean.tolist():
        words = [tokenizer.decode([i]).strip() for i in ids]
        assert words[inside.WORDS["who"]].istitle()
        assert words[inside.FULL_STOP] == "."
        assert words[inside.WORDS["where"] - 1] == "the"
    facts = inside.facts_of(pairs)
    same = pairs.clean[:, 5][:, None] == pairs.clean[:, 5]
    assert torch.equal(facts["who"][:, None] == facts["who"], same)
    assert torch.equal(inside.places_of(pairs, "answer")["its word"], pairs.fact)


def test_a_feature_is_chosen_on_some_states_and_marked_on_others():
    fact = torch.tensor([1, 1, 0, 0]).bool()
    learnt = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1]]).bool()
    tested = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 0]]).bool()
    assert inside.best_mark(learnt, tested, fact, fact) == [0.5, 0.5]


def test_channels_count_above_and_below():
    states = torch.tensor([[2.0, -3.0], [0.0, 1.0]])
    thresholds = torch.tensor([[1.0, 0.0, 1.0, 2.0]])  # two channels, their negatives
    found = inside.channels_on(states, thresholds)
    assert found.int().tolist() == [[1, 0, 0, 1], [0, 1, 0, 0]]


def test_a_probe_is_marked_on_states_that_it_has_not_seen():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(80, 60, generator=generator)
    labels = torch.arange(80) % 2
    assert inside.read(noise, labels, seed=0) < 0.85  # learnt by heart, of no use
    noise[:, 0] += 10 * labels
    assert inside.read(noise, labels, seed=0) >= 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_record_says_what_the_page_says(seed):
    result = inside.recorded().results[seed]
    probes = result["probes"]
    stop = {name: probes[name]["the full stop"] for name in probes}
    for fact in ("what", "where"):
        assert stop["untrained"][fact][0] > stop["trained"][fact][0] + 0.2
    assert probes["trained"]["the last place"]["answer"][0] > 0.95
    assert result["gender"]["trained"]["gender of new names"] > 0.9
    assert result["gender"]["untrained"]["gender of new names"] < 0.8
