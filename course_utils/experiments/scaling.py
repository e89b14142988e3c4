"""Scaling: what do parameters, data and compute buy? Small runs, and laws of them.

Five widths of one model learn the stories of the course's world, whose floor is known,
and the docstrings of the standard library, whose floor nobody knows. ``grow`` trains a
width and measures it after several numbers of steps; ``change`` trains one model with
one thing changed, at equal compute. ``scaling_laws`` fits laws to what was measured.

One run serves several numbers of steps: the learning rate stays constant, and where a
length's last quarter begins, a copy branches off whose rate falls to 0 (Hu et al. 2024,
"MiniCPM", section 4: warm-up, stable, decay). Kaplan et al. 2020 and Hoffmann et al.
2022 explain why a run that was stopped halfway would not do.

Floor 6: stands on ``training``, ``models`` (for its tokenizers) and the world.
"""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from course_utils import models, records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.data import (
    Batch,
    Batches,
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
)
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, take_step
from course_utils.planner import matrix_parameters, training_flops
from course_utils.records import Record
from course_utils.training import count_targets, evaluate, frame, read_corpus
from course_utils.world import World

WIDTHS = (8, 16, 32, 64, 128)  # channels, in 2 layers with heads of 8
STEPS = {"stories": (100, 200, 400, 800, 1600), "docstrings": (100, 200, 400, 800)}
BATCH = 16  # stories a step
PEAK = 0.02  # Muon's learning rate for every width
WARMUP = 20  # steps

# --- The two corpora


@dataclass(frozen=True)
class Corpus:
    """A text to learn: ``batches(n)`` are of its first ``n`` documents (None: of all).

    ``few``: how many documents are little data. ``floor``: the entropy in nats per
    token on the validation texts; None where nobody knows it.
    """

    vocab_size: int
    batches: Callable[[int | None], Batches]
    validation: list[Batch]
    few: int
    floor: float | None


@cache
def stories(n: int = BATCH * 1600, seed: int = 0) -> Corpus:
    """Return ``n`` stories of the world, and 300 more held out."""
    tokenizer, world = models.load("story")[1], World()
    end, rng = tokenizer.end_of_text, random.Random(11 + seed)
    held_out = [world.sample(rng).text for _ in range(300)]
    documents = [tokenizer.encode(world.sample(rng).text) for _ in range(n)]
    validation = evaluation_documents([tokenizer.encode(t) for t in held_out], 50, end)

    def batches(n=None):
        return DocumentBatches(documents[:n], BATCH, end, seed, n_positions=256)

    floor = -sum(map(world.log_prob, held_out)) / count_targets(validation)
    return Corpus(tokenizer.vocab_size, batches, validation, 300, floor)


@cache
def docstrings(seed: int = 0) -> Corpus:
    """Return the docstrings in windows of 128 tokens, 8 a batch; 40,000 held out."""
    tokenizer = models.load("docstrings")[1]
    # Split as for the shipped model, so that it has not seen what is held out.
    split = models.figures("docstrings")["seed"]
    training, held_out = read_corpus({"data": "python-docs", "seed": split})
    tokens = list(frame(held_out, tokenizer))[:40_000]

    def batches(n=None):
        return StreamBatches(list(frame(training[:n], tokenizer)), 8, 128, seed)

    validation = evaluation_windows(tokens, 16, 128)
    return Corpus(tokenizer.vocab_size, batches, validation, 400, None)


CORPORA = {"stories": stories, "docstrings": docstrings}

# --- Runs


def shape(channels: int, vocab_size: int, layers: int = 2) -> GPTConfig:
    """Return the configuration of a width."""
    sizes = {"n_layer": layers, "n_embd": channels, "n_head": channels // 8}
    return GPTConfig.preset("course", vocab_size=vocab_size, **sizes)


def train(
    model: GPT,
    batches: Batches,
    lengths: Sequence[int],
    peak: float,
    optimizer: str = "muon",
) -> Iterator[tuple[int, int, GPT]]:
    """Yield (steps, tokens read, the model finished after so many) for each length.

    ``lengths`` ascend. The model itself is trained on to the last branch.
    """
    optimizers = build_optimizer(optimizer, model, peak)
    done = n_tokens = 0
    for steps in lengths:
        fall = steps // 4  # steps in which the branch's rate falls
        while done < steps - fall:
            rate = peak * min(1, (done + 1) / WARMUP)
            n_tokens += _step(model, optimizers, batches.batch(done), rate)
            done += 1
        # In one call, so that the copied optimizers hold the copied parameters.
        branch, of_branch = copy.deepcopy((model, optimizers))
        n_branch = n_tokens
        for k in range(done, steps):
            rate = peak * (steps - k) / fall
            n_branch += _step(branch, of_branch, batches.batch(k), rate)
        yield steps, n_branch, branch.eval()


def _step(model: GPT, optimizers, batch: Batch, rate: float) -> int:
    """Take one optimization step; return how many tokens it read."""
    inputs, targets = batch
    loss = cross_entropy(model(inputs), targets)
    take_step(model, optimizers, loss, rate)
    return count_targets([batch])


def grow(
    text: Corpus,
    channels: int,
    lengths: Sequence[int],
    layers: int = 2,
    seed: int = 0,
) -> Iterator[tuple[dict, GPT]]:
    """Yield a row of figures and the model, for each number of steps in ``lengths``."""
    config = shape(channels, text.vocab_size, layers)
    N = matrix_parameters(config)
    runs = train(new_model(GPT, config, seed), text.batches(None), lengths, PEAK)
    for steps, n_tokens, model in runs:
        yield (
            {
                "layers": layers,
                "channels": channels,
                "parameters": N,
                "steps": steps,
                "tokens": n_tokens,
                "flops": training_flops(N, n_tokens),
                "loss": round(evaluate(model, text.validation), 4),
            },
            model,
        )


# --- One change at a time, at equal compute

CHANGE_STEPS = 240
PEAKS = {"adamw": (0.003, 0.01, 0.03), "muon": (0.01, 0.02, 0.04)}
AS_IT_WAS = {"more_data": False, "channels": 32, "optimizer": "adamw"}
CHANGES = {
    "as it was": {},
    "more data": {"more_data": True},
    "a wider model": {"channels": 64},
    "a better optimizer": {"optimizer": "muon"},
    "all three": {"more_data": True, "channels": 64, "optimizer": "muon"},
}


def change(
    text: Corpus,
    which: str,
    steps: int = CHANGE_STEPS,
    peaks: Sequence[float] | None = None,
    seed: int = 0,
) -> dict:
    """Train with one of ``CHANGES``; return its figures at the best of the peaks.

    All changes have the training FLOPs of the first one's ``steps``: a wider model
    takes fewer. Raises ValueError for an unknown change.
    """
    if which not in CHANGES:
        raise ValueError(f"which must be one of {', '.join(CHANGES)}, got {which!r}")
    given = AS_IT_WAS | CHANGES[which]
    base = shape(AS_IT_WAS["channels"], text.vocab_size)
    config = shape(given["channels"], text.vocab_size)
    steps = round(steps * matrix_parameters(base) / matrix_parameters(config))
    batches = text.batches(None if given["more_data"] else text.few)
    losses = {}
    for peak in peaks or PEAKS[given["optimizer"]]:
        runs = train(
            new_model(GPT, config, seed), batches, [steps], peak, given["optimizer"]
        )
        ((_, _, model),) = runs
        losses[peak] = round(evaluate(model, text.validation), 4)
    best = min(losses, key=losses.get)
    return {"steps": steps, "peak": best, "loss": losses[best]}


# --- Runs for the record


@dataclass(frozen=True)
class Settings:
    """The widths and lengths of the runs on each corpus; how long a change learns."""

    widths: tuple[int, ...] = WIDTHS
    stories: tuple[int, ...] = STEPS["stories"]
    docstrings: tuple[int, ...] = STEPS["docstrings"]
    # One more model of stories, that is larger and not longer trained.
    larger_layers: int = 4
    larger_channels: int = 128
    larger_steps: int = 800
    change_steps: int = CHANGE_STEPS
    sampled: int = 200  # stories of a model, to ask of each if it is possible


QUICK = Settings(
    widths=(8,),
    stories=(8, 16),
    docstrings=(8,),
    larger_layers=1,
    larger_channels=16,
    larger_steps=8,
    change_steps=6,
    sampled=4,
)


def run(settings: Settings, seed: int) -> dict:
    """Make all runs of a seed: for each corpus its rows, its changes and its floor.

    A seed draws the stories and the first weights, and cuts the docstrings' windows.
    """
    text = stories(BATCH * max(settings.stories), seed)
    told = []
    for channels in settings.widths:
        *grown, (row, model) = grow(text, channels, settings.stories, seed=seed)
        told += [row for row, _ in grown]
        told.append(row | {"valid": _valid(model, settings.sampled, seed)})
    larger = settings.larger_channels, [settings.larger_steps], settings.larger_layers
    ((row, model),) = grow(text, *larger, seed=seed)
    found = {
        "stories": {
            "rows": told,
            "floor": round(text.floor, 4),
            "larger": row | {"valid": _valid(model, settings.sampled, seed)},
            "changes": _changes(text, settings, seed),
        }
    }
    text, read = docstrings(seed), []
    for channels in settings.widths:
        grown = grow(text, channels, settings.docstrings, seed=seed)
        read += [row for row, _ in grown]
    found["docstrings"] = {
        "rows": read,
        "shipped": _shipped_docstrings(text),
        "changes": _changes(text, settings, seed),
    }
    return found


def _changes(text: Corpus, settings: Settings, seed: int) -> dict:
    return {
        which: change(text, which, settings.change_steps, seed=seed)
        for which in CHANGES
    }


def _valid(model: GPT, n: int, seed: int) -> float:
    """Return the share of ``n`` sampled stories that the world could have told."""
    tokenizer = models.load("story")[1]
    return models.share_of_possible_stories(model, tokenizer, n, seed)


def _shipped_docstrings(text: Corpus) -> dict:
    """Return the size of the shipped docstring model, and its loss on these texts."""
    model = models.load("docstrings")[0]
    loss = round(evaluate(model, text.validation), 4)
    return {"parameters": matrix_parameters(model.config), "loss": loss}


def recorded() -> Record:
    """Return the runs that ship."""
    return records.read("scaling")
