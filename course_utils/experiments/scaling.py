"""Scaling: what do parameters, data and compute buy? Small runs, and laws of them.

Five widths of one model learn the stories of the course's world, whose floor is known,
and the docstrings of the standard library, whose floor nobody knows. ``grow`` trains a
width and measures it after several numbers of steps; ``change`` trains one model with
one thing changed, at equal compute. ``recorded`` returns the runs that ship, made by

    python -m course_utils.experiments.scaling

which takes about twenty minutes on one core. ``PowerLaw``, ``Surface`` and the
functions around them fit laws to what was measured.

One run serves several numbers of steps: the learning rate stays constant, and where a
length's last quarter begins, a copy branches off whose rate falls to 0 (Hu et al. 2024,
"MiniCPM", section 4: warm-up, stable, decay). Kaplan et al. 2020 and Hoffmann et al.
2022 explain why a run that was stopped halfway would not do.

Floor 6: stands on ``training``, ``models`` (for its tokenizers) and the world.
"""

import argparse
import copy
import json
import platform
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

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
from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, clip_gradient_norm
from course_utils.planner import matrix_parameters, training_flops
from course_utils.training import count_targets, evaluate, frame, read_corpus
from course_utils.world import World

RECORD = records.path("scaling")
WIDTHS = (8, 16, 32, 64, 128)  # channels, in 2 layers with heads of 8
STEPS = {"stories": (100, 200, 400, 800, 1600), "docstrings": (100, 200, 400, 800)}
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
def stories(n: int = 16 * 1600) -> Corpus:
    """Return ``n`` stories of the world, 16 a batch, and 300 more held out."""
    tokenizer, world = models.load("story")[1], World()
    end, rng = tokenizer.end_of_text, random.Random(11)
    held_out = [world.sample(rng).text for _ in range(300)]
    documents = [tokenizer.encode(world.sample(rng).text) for _ in range(n)]
    validation = evaluation_documents([tokenizer.encode(t) for t in held_out], 50, end)

    def batches(n=None):
        return DocumentBatches(documents[:n], 16, end, n_positions=256)

    floor = -sum(map(world.log_prob, held_out)) / count_targets(validation)
    return Corpus(tokenizer.vocab_size, batches, validation, 300, floor)


@cache
def docstrings() -> Corpus:
    """Return the docstrings in windows of 128 tokens, 8 a batch; 40,000 held out."""
    tokenizer = models.load("docstrings")[1]
    # Split as for the shipped model, so that it has not seen what is held out.
    seed = models.figures("docstrings")["seed"]
    training, held_out = read_corpus({"data": "python-docs", "seed": seed})
    tokens = list(frame(held_out, tokenizer))[:40_000]

    def batches(n=None):
        return StreamBatches(list(frame(training[:n], tokenizer)), 8, 128)

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
    model.zero_grad()
    loss.backward()
    clip_gradient_norm(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    return count_targets([batch])


def new_model(config: GPTConfig) -> GPT:
    """Return a model with the same first weights whenever it is asked for."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GPT(config)


def grow(
    text: Corpus, channels: int, lengths: Sequence[int], layers: int = 2
) -> Iterator[tuple[dict, GPT]]:
    """Yield a row of figures and the model, for each number of steps in ``lengths``."""
    config = shape(channels, text.vocab_size, layers)
    N = matrix_parameters(config)
    runs = train(new_model(config), text.batches(None), lengths, PEAK)
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
        runs = train(new_model(config), batches, [steps], peak, given["optimizer"])
        ((_, _, model),) = runs
        losses[peak] = round(evaluate(model, text.validation), 4)
    best = min(losses, key=losses.get)
    return {"change": which, "steps": steps, "peak": best, "loss": losses[best]}


# --- The record


def recorded() -> dict:
    """Return the runs that ship. See ``main`` for what they are."""
    return records.read("scaling")


def record_runs(name: str) -> dict:
    """Make a corpus's runs; return its rows, its changes and its floor."""
    text, rows = CORPORA[name](), []
    for channels in WIDTHS:
        grown = list(grow(text, channels, STEPS[name]))
        if name == "stories":
            row, model = grown[-1]
            row["valid"] = _valid(model)
        rows += [row for row, _ in grown]
        print(name, *rows[-1].values(), flush=True)
    record = {"floor": None if text.floor is None else round(text.floor, 4)}
    if name == "stories":  # and one that is larger, not longer trained
        ((row, model),) = grow(text, 128, [800], layers=4)
        record["larger"] = row | {"valid": _valid(model)}
    else:
        record["shipped"] = _shipped_docstrings(text)
    record["changes"] = [change(text, which) for which in CHANGES]
    print(*record["changes"], sep="\n", flush=True)
    return {"rows": rows} | record


def _valid(model: GPT) -> float:
    """Return the share of 200 sampled stories that the world could have told."""
    return models.share_of_possible_stories(model, models.load("story")[1], 200)


def _shipped_docstrings(text: Corpus) -> dict:
    """Return the size of the shipped docstring model, and its loss on these texts."""
    model = models.load("docstrings")[0]
    loss = round(evaluate(model, text.validation), 4)
    return {"parameters": matrix_parameters(model.config), "loss": loss}


def main(arguments=None) -> None:
    """Make all runs, or those of one corpus anew, and record them."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.experiments.scaling")
    parser.add_argument("--only", choices=tuple(CORPORA))
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    record = json.loads(given.out.read_text("utf-8")) if given.out.exists() else {}
    record |= {
        "command": "python -m course_utils.experiments.scaling",
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),  # whose docstrings they are
    }
    for name in [given.only] if given.only else CORPORA:
        record[name] = record_runs(name)
    write_json(given.out, record)


if __name__ == "__main__":
    main()
