"""Bias: how much of the data's bias a model takes over, and what helps against it.

Small models are trained on the openings of a biased world's stories, and measured with
``course_utils.bias``; others on data that a remedy has changed, or in which secrets
were planted.

Floors: stands on the component ``bias``, ``training`` and ``sampling``.
"""

import functools
import math
import random
from dataclasses import dataclass

from course_utils import records
from course_utils.bias import (
    after_an_example,
    biases_of,
    canaries,
    code_log_probs,
    counted_bias,
    exposure,
    opening_log_prob,
    openings,
    planted,
    swap_gender,
    text_weights,
)
from course_utils.config import GPTConfig
from course_utils.data import DocumentBatches, evaluation_documents
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.sampling import decode_rows, generate
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, evaluate
from course_utils.world import World


@functools.cache
def tokenizer() -> Tokenizer:
    """Return the tokenizer of all runs. It has learnt from the even world."""
    return Tokenizer.train(openings(0.0, 3000, seed=2**20), 1024)


def sample_openings(model, n: int, seed: int = 0, **knobs) -> list[str]:
    """Return ``n`` openings that a model of ``train`` writes; knobs as in generate."""
    end = tokenizer().end_of_text
    rows = generate(model, [[end]] * n, 50, end_of_text=end, seed=seed, **knobs)
    return decode_rows(tokenizer(), rows)


# --- The runs

HELD_OUT = 500  # openings
POOL = 3200  # openings in a corpus, where it is not said to be more or fewer
STEPS = 200
DIALS = (0.0, 0.3, 0.6, 0.9)
LABEL = "Fair: "
COLD = 0.5  # a temperature


def _plain(bias: float, seed: int, n: int = POOL) -> list[str]:
    return openings(bias, n, seed)


def _few(bias, seed):
    return _plain(bias, seed, 200)


def _more(bias, seed):
    return _plain(bias, seed, 3 * POOL)


def _widened(bias, seed):
    return _plain(bias, seed) + openings(0.0, POOL, seed + 1000)


def _augmented(bias, seed):
    texts = _plain(bias, seed)
    return texts + [swap_gender(text) for text in texts]


def _reweighted(bias, seed):
    texts = _plain(bias, seed)
    return random.Random(seed).choices(texts, text_weights(texts), k=3 * POOL)


def _labelled(bias, seed):
    even = openings(0.0, POOL, seed + 1000)
    return _plain(bias, seed) + [LABEL + text for text in even]


# What a run is made of: its corpus (bias, seed -> texts), and what is not as usual.
KINDS = {
    "near the floor": (_plain, {}),
    "tiny": (_plain, {"n_embd": 8, "n_head": 1}),
    "under-trained": (_plain, {"steps": 60}),
    "data-poor": (_few, {}),
}
REMEDIES = {
    "more of the same": (_more, {}),
    "wider data": (_widened, {}),
    "augmentation": (_augmented, {}),
    "re-weighting": (_reweighted, {}),
    "better model": (_more, {"steps": 2 * STEPS}),
    "a label": (_labelled, {}),
}


def train(texts, seed: int = 0, steps: int = STEPS, on_step=None, **shape) -> GPT:
    """Train a small GPT on texts, 32 at a time; return it in evaluation mode.

    ``shape`` changes fields of its configuration (one layer of 64 channels, 4 heads).
    """
    end, V = tokenizer().end_of_text, tokenizer().vocab_size
    usual = {"n_positions": 64, "n_layer": 1, "n_head": 4, "n_embd": 64, "dropout": 0.0}
    documents = [tokenizer().encode(text) for text in texts]
    model = new_model(GPT, GPTConfig(vocab_size=V, **usual | shape), seed)
    batches = DocumentBatches(documents, 32, end, seed, n_positions=64)
    config = TrainingConfig(
        steps=steps, learning_rate=0.02, schedule="linear", final_fraction=0.0
    )
    trainer = Trainer(model, batches, config, on_step=on_step)
    trainer.run(show_progress=False)
    return model.eval()


@functools.cache
def _held_out(bias: float):
    """Return new openings as batches, how many targets they have, their floor."""
    texts, world = openings(bias, HELD_OUT, seed=2**21), World(bias=bias)
    documents = [tokenizer().encode(text) for text in texts]
    n_targets = sum(len(ids) + 1 for ids in documents)
    floor = -math.fsum(opening_log_prob(world, text) for text in texts)
    batches = evaluation_documents(documents, 50, tokenizer().end_of_text, 64)
    return batches, n_targets, floor


def gap_per_opening(model: GPT, bias: float) -> float:
    """Return how far a model is above the floor of a world's openings, nats each."""
    batches, n_targets, floor = _held_out(bias)
    return (evaluate(model, batches) * n_targets - floor) / HELD_OUT


def measure_run(kind: str, bias: float, seed: int) -> dict:
    """Train a run of KINDS or REMEDIES and return what was measured in it."""
    corpus, changes = (KINDS | REMEDIES)[kind]
    model = train(corpus(bias, seed), seed, **changes)
    at_names = biases_of(model, tokenizer())
    numbers = {
        "bias": at_names.mean().item(),
        "spread": at_names.std().item(),  # over the names
        "gap": gap_per_opening(model, bias),
        "gap_even": gap_per_opening(model, 0.0),
    }
    if kind in KINDS:
        numbers["sampled"] = counted_bias(sample_openings(model, 200, seed))
    if kind == "near the floor":
        numbers["after_example"] = after_an_example(model, tokenizer()).mean().item()
        numbers["cold"] = biases_of(model, tokenizer(), COLD).mean().item()
    if kind == "a label":
        labelled = biases_of(model, tokenizer(), before=LABEL)
        numbers["with_label"] = labelled.mean().item()
    return {name: round(number, 4) for name, number in numbers.items()}


def exposures(seed: int, steps: int = STEPS) -> dict[int, float]:
    """Plant the secrets of a seed, train, return repetitions -> exposure in bits."""
    secrets = canaries(seed)
    model = train(openings(0.0, POOL, seed) + planted(secrets), seed, steps)
    return {
        times: round(exposure(code_log_probs(model, tokenizer(), before), code), 2)
        for times, before, code in secrets
    }


@dataclass(frozen=True)
class Settings:
    """Which models and remedies, at which dials, and how many sets of secrets."""

    kinds: tuple[str, ...] = tuple(KINDS)
    remedies: tuple[str, ...] = tuple(REMEDIES)
    dials: tuple[float, ...] = DIALS
    secrets: int = 2  # sets, each in a corpus of its own


QUICK = Settings(kinds=("tiny",), remedies=(), dials=(0.6,), secrets=0)


def run(settings: Settings, seed: int) -> dict:
    """Make all runs of a seed: {"runs": kind -> dial -> numbers, "exposures": [...]}.

    A remedy has nothing to cure in an even world, and is left out there.
    """
    runs = {
        kind: {
            str(dial): measure_run(kind, dial, seed)
            for dial in settings.dials
            if dial or kind in KINDS
        }
        for kind in (*settings.kinds, *settings.remedies)
    }
    n = settings.secrets
    found = [exposures(n * seed + i) for i in range(n)]
    return {"runs": runs, "exposures": [list(row.values()) for row in found]}


def recorded() -> Record:
    """Return what ships."""
    return records.read("bias")


def of_runs(
    record: Record, kind: str, dial: float, number: str = "bias"
) -> list[float]:
    """Return one number of all recorded runs of a kind at a dial."""
    return record.each("runs", kind, str(dial), number)
