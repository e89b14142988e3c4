"""What can be read out of the story model, beside controls and an untrained model?

Linear probes for facts of a story, after block 0 and at three places, each with a
control task; a probe for the gender of names that it has not seen; a sparse autoencoder
whose features are marked against what the world knows, beside single channels. All of
it also on a model of the same shape with random weights. A seed draws the stories, the
controls' labels, the untrained weights and the first weights of what is trained.

Floor: stands on ``inside`` and the shipped models.
"""

from dataclasses import dataclass

import torch

from course_utils import models, records
from course_utils.experiments.running import new_model
from course_utils.inside.features import SparseAutoencoder, marks, train_autoencoder
from course_utils.inside.hooks import states
from course_utils.inside.labels import WOMEN, Labelled, label_stories
from course_utils.inside.pairs import Pairs, place_pairs
from course_utils.inside.probes import accuracy, control_labels, train_probe
from course_utils.model import GPT
from course_utils.records import Record

AFTER = "blocks.0"  # where all that carries an answer has been done
WORDS = {"who": 5, "what": 12, "where": 15}  # where a story tells of the first person
FULL_STOP = 16  # of the sentence that tells it


@dataclass(frozen=True)
class Settings:
    """How many stories, and how large an autoencoder."""

    stories: int = 600  # for probes: three quarters to learn from
    labelled: int = 100  # for features, and half as many to mark them with
    n_features: int = 256
    k: int = 8
    steps: int = 300


QUICK = Settings(stories=40, labelled=8, n_features=32, k=4, steps=10)


def numbered(values: torch.Tensor) -> torch.Tensor:
    """Number the different values from 0: (N,) -> (N,)."""
    return values.unique(return_inverse=True)[1]


def facts_of(pairs: Pairs) -> dict[str, torch.Tensor]:
    """Return fact -> labels (N,): who, what, where, and the answer that is due."""
    facts = {fact: numbered(pairs.clean[:, at]) for fact, at in WORDS.items()}
    return facts | {"answer": numbered(pairs.answer)}


def places_of(pairs: Pairs, fact: str) -> dict[str, torch.Tensor]:
    """Return name -> place (N,) to read a fact at: word, full stop, last place."""
    word = pairs.fact if fact == "answer" else torch.full_like(pairs.fact, WORDS[fact])
    stop = torch.full_like(word, FULL_STOP)
    return {"its word": word, "the full stop": stop, "the last place": pairs.last}


def read(states: torch.Tensor, labels: torch.Tensor, seed: int) -> float:
    """Return the accuracy of a linear probe on the last quarter of states (N, C)."""
    n, n_labels = len(states) * 3 // 4, int(labels.max()) + 1
    probe = train_probe(states[:n], labels[:n], n_labels, seed=seed)
    return accuracy(probe, states[n:], labels[n:])


def probe_all(model: GPT, pairs: Pairs, seed: int) -> dict:
    """Return place -> fact -> [accuracy, accuracy on the control task]."""
    facts = facts_of(pairs)
    kinds = numbered(facts["who"] * 1000 + facts["where"])  # a name with a place
    after, found = states(model, pairs.clean, [AFTER])[AFTER], {}
    for fact, labels in facts.items():
        control = control_labels(kinds, int(labels.max()) + 1, seed)
        for place, at in places_of(pairs, fact).items():
            here = after[pairs.rows, at]
            both = [round(read(here, each, seed), 3) for each in (labels, control)]
            found.setdefault(place, {})[fact] = both
    return found


def gender_of_names(model: GPT, tokenizer, pairs: Pairs, seed: int) -> dict[str, float]:
    """Read a name's gender at the full stop, after block 0; and a random bit a name.

    "new names" are those that the probe has not been trained on.
    """
    names = pairs.clean[:, WORDS["who"]]
    women = [tokenizer.encode(f" {name.english}")[0] for name in WOMEN]
    gender = torch.isin(names, torch.tensor(women)).long()
    bits = control_labels(numbered(names), 2, seed)
    here = states(model, pairs.clean, [AFTER])[AFTER][:, FULL_STOP]
    seen = control_labels(numbered(names), 2, seed + 1).bool()  # half of the names
    probe = train_probe(here[seen], gender[seen], 2, seed=seed)
    found = {
        "gender": read(here, gender, seed),
        "a random bit": read(here, bits, seed),
        "gender of new names": accuracy(probe, here[~seen], gender[~seen]),
    }
    return {name: round(value, 3) for name, value in found.items()}


def best_mark(learnt: torch.Tensor, tested: torch.Tensor, fact, new_fact) -> list:
    """Choose the feature with the best F1 and return [precision, recall] on new ones.

    ``learnt`` and ``tested`` are bool (N, F), the facts bool (N,).
    """
    precision, recall = marks(learnt, fact)
    f1 = precision * recall / (precision + recall).clamp(min=1e-9)
    best = f1.argmax()
    return [round(m.item(), 3) for m in marks(tested[:, [best]], new_fact)]


def channels_on(states: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """(N, C) -> bool (N, 2C · n): channels and their negatives above n thresholds."""
    both = torch.cat([states, -states], dim=1)
    return (both[:, None] > thresholds).flatten(1)


@torch.no_grad()
def mark_features(
    model: GPT, autoencoder: SparseAutoencoder, learnt: Labelled, tested: Labelled
) -> dict:
    """Return the explained share, and fact -> [precision, recall] of the best feature.

    The same of the best channel. Both are chosen on some stories, marked on others.
    """
    here, there = (
        states(model, each.ids, [AFTER])[AFTER][each.real] for each in (learnt, tested)
    )
    error = (autoencoder(there) - there).square().sum()
    features = [autoencoder.features(x) > 0 for x in (here, there)]
    both = torch.cat([here, -here], dim=1)[:16_000]
    thresholds = torch.stack([both.quantile(q, dim=0) for q in (0.5, 0.8, 0.9, 0.97)])
    channels = [channels_on(x, thresholds) for x in (here, there)]
    found = {
        "explained": round(
            1 - (error / (there - there.mean(0)).square().sum()).item(), 3
        ),
        "features": {},
        "channels": {},
    }
    for fact in learnt.facts:
        truth = learnt.facts[fact][learnt.real], tested.facts[fact][tested.real]
        found["features"][fact] = best_mark(*features, *truth)
        found["channels"][fact] = best_mark(*channels, *truth)
    return found


def run(settings: Settings, seed: int) -> dict:
    """Measure probes and features with a seed, on a trained and an untrained model."""
    trained, tokenizer = models.load("story")
    pairs = place_pairs(tokenizer, settings.stories, seed)
    learnt = label_stories(tokenizer, settings.labelled, seed)
    tested = label_stories(tokenizer, settings.labelled // 2, 1000 + seed)
    untrained = new_model(GPT, trained.config, seed).eval()
    found = {"probes": {}, "gender": {}, "features": {}}
    for name, model in (("trained", trained), ("untrained", untrained)):
        found["probes"][name] = probe_all(model, pairs, seed)
        found["gender"][name] = gender_of_names(model, tokenizer, pairs, seed)
        here = states(model, learnt.ids, [AFTER])[AFTER][learnt.real]
        autoencoder = train_autoencoder(
            here, settings.n_features, settings.k, settings.steps, seed
        )
        found["features"][name] = mark_features(model, autoencoder, learnt, tested)
    every = {fact: tested.facts[fact][tested.real].float() for fact in tested.facts}
    found["share"] = {fact: round(t.mean().item(), 3) for fact, t in every.items()}
    return found


def recorded() -> Record:
    """Return the measurement that ships: five seeds."""
    return records.read("inside")
