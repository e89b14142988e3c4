"""Scaling: what do parameters, data and compute buy? Small runs, and laws of them.

Five widths of one model learn the stories of the course's world, whose floor is known,
and the docstrings of the standard library, whose floor nobody knows. ``grow`` trains a
width and measures it after several numbers of steps; ``change`` trains one model with
one thing changed, at equal compute. ``recorded`` returns the runs that ship, made by

    python -m course_utils.scaling

which takes about twenty minutes on one core. ``PowerLaw``, ``Surface`` and the
functions around them fit laws to what was measured.

One run serves several numbers of steps: the learning rate stays constant, and where a
length's last quarter begins, a copy branches off whose rate falls to 0 (Hu et al. 2024,
"MiniCPM", section 4: warm-up, stable, decay). Kaplan et al. 2020 and Hoffmann et al.
2022 explain why a run that was stopped halfway would not do.

Floor 6: stands on ``training``, ``shipped`` (for its tokenizers) and the world.
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
from typing import NamedTuple

import numpy as np
import torch

from course_utils import shipped
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
from course_utils.training import count_targets, evaluate, frame, read_corpus
from course_utils.world import World

RECORD = Path(__file__).parent / "models" / "scaling.json"
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
    tokenizer, world = shipped.load("story")[1], World()
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
    tokenizer = shipped.load("docstrings")[1]
    # Split as for the shipped model, so that it has not seen what is held out.
    seed = shipped.figures("docstrings")["seed"]
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


def matrix_parameters(config: GPTConfig) -> int:
    """Return N: the parameters of the matrices that every token is multiplied by.

    12·C² in each block, and V·C in the head. The tables of tokens and positions are
    looked up, not multiplied; the head shares the table of tokens and counts once.
    """
    C = config.n_embd
    return 12 * config.n_layer * C**2 + config.vocab_size * C


def training_flops(config: GPTConfig, n_tokens: float) -> float:
    """Return 6·N·D: 2 for each parameter and token forward, 4 backward.

    Attention's own products, 4·T·C a layer and token forward, are left out.
    Source: Kaplan et al. 2020, section 2.1.
    """
    return 6 * matrix_parameters(config) * n_tokens


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
    runs = train(new_model(config), text.batches(None), lengths, PEAK)
    for steps, n_tokens, model in runs:
        yield (
            {
                "layers": layers,
                "channels": channels,
                "parameters": matrix_parameters(config),
                "steps": steps,
                "tokens": n_tokens,
                "flops": training_flops(config, n_tokens),
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


# --- Laws


class PowerLaw(NamedTuple):
    """y = floor + a · x^-alpha."""

    a: float
    alpha: float
    floor: float = 0.0

    def __call__(self, x):
        return self.floor + self.a * np.asarray(x, float) ** -self.alpha


def fit_power_law(x, y, floor: float = 0.0) -> PowerLaw:
    """Fit a straight line to ln(y - floor) over ln x, by least squares.

    Raises ValueError if a y is not above the floor: then it has no logarithm.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if not (y > floor).all():
        raise ValueError(f"y must be above the floor {floor}, got {y.min()}")
    slope, intercept = np.polyfit(np.log(x), np.log(y - floor), 1)
    return PowerLaw(float(np.exp(intercept)), float(-slope), float(floor))


def fit_with_floor(x, y, n: int = 200) -> PowerLaw:
    """Fit all three numbers: try ``n`` floors from 0 to just below the lowest y."""
    lowest = float(np.min(y))
    laws = [fit_power_law(x, y, lowest * k / n) for k in range(n)]

    def error(law):  # in logarithms of what is above the floor, as in each fit
        above = np.asarray(y, float) - law.floor
        return np.square(np.log(above / (law(x) - law.floor))).sum()

    return min(laws, key=error)


def bootstrap(
    fit: Callable, sizes: Sequence, y, free: int, n: int = 200, seed: int = 0
) -> list:
    """Return ``n`` laws, each fitted to points that might have been measured instead.

    ``fit(*sizes, y)`` gives a law. Each point is put on it and moved by the error,
    relative to y, of one that was drawn (Efron and Tibshirani 1993, chapter 9). Errors
    are widened for the ``free`` numbers fitted, which make them look too small.
    """
    on_law, rng = fit(*sizes, y)(*sizes), np.random.default_rng(seed)
    errors = np.log(np.asarray(y, float) / on_law)
    errors = errors * np.sqrt(len(errors) / max(1, len(errors) - free))
    draws = rng.choice(errors, size=(n, len(errors)))
    return [fit(*sizes, on_law * np.exp(moved)) for moved in draws]


class Surface(NamedTuple):
    """loss = floor + a / N^alpha + b / D^beta. Source: Hoffmann et al. 2022, eq. 2."""

    floor: float
    a: float
    b: float
    alpha: float
    beta: float

    def __call__(self, n_parameters, n_tokens):
        of_size = self.a / np.asarray(n_parameters, float) ** self.alpha
        return self.floor + of_size + self.b / np.asarray(n_tokens, float) ** self.beta

    def best_split(self, flops: float) -> tuple[float, float]:
        """Return (N, D) of the lowest loss with 6·N·D = flops (their eq. 4)."""
        ratio = self.alpha * self.a / (self.beta * self.b)
        N = (ratio * (flops / 6) ** self.beta) ** (1 / (self.alpha + self.beta))
        return float(N), float(flops / 6 / N)


# Hoffmann et al. 2022, section D.3: their fit to 400 models and more.
CHINCHILLA = Surface(1.69, 406.4, 410.7, 0.34, 0.28)


def fit_surface(n_parameters, n_tokens, losses, floor: float | None = None) -> Surface:
    """Fit a surface by least squares of relative errors; the floor too if it is None.

    Every pair of exponents from 0.05 to 1.5 is tried. For given exponents the rest is
    linear. Pairs that ask for a negative term are left out; ValueError if all do.
    """
    N, D, y = (np.asarray(v, float) for v in (n_parameters, n_tokens, losses))
    gaps = y - (floor or 0.0)
    steps = np.arange(2, 61) * 0.025
    alphas, betas = (axis.ravel() for axis in np.meshgrid(steps, steps))
    columns = [N ** -alphas[:, None], D ** -betas[:, None]]
    columns += [np.ones_like(columns[0])] * (floor is None)
    terms = np.stack(columns, axis=-1) / gaps[:, None]  # (pairs, points, 2 or 3)
    lengths = np.linalg.norm(terms, axis=1, keepdims=True)
    terms = terms / lengths  # else the normal equations would be badly conditioned
    normal = terms.swapaxes(1, 2) @ terms
    right = terms.sum(axis=1)[..., None]
    weights = np.linalg.solve(normal, right)
    errors = np.square(terms @ weights - 1).sum(axis=(1, 2))
    errors[(weights <= 0).any(axis=(1, 2))] = np.inf
    best = errors.argmin()
    if not np.isfinite(errors[best]):
        raise ValueError("losses must fall with both sizes, got some that do not")
    a, b, *rest = map(float, weights[best, :, 0] / lengths[best, 0])
    alpha, beta = float(alphas[best]), float(betas[best])
    return Surface(rest[0] if rest else float(floor), a, b, alpha, beta)


# --- The record


def recorded() -> dict:
    """Return the runs that ship. See ``main`` for what they are."""
    return json.loads(RECORD.read_text(encoding="utf-8"))


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
    return shipped.share_of_possible_stories(model, shipped.load("story")[1], 200)


def _shipped_docstrings(text: Corpus) -> dict:
    """Return the size of the shipped docstring model, and its loss on these texts."""
    model = shipped.load("docstrings")[0]
    loss = round(evaluate(model, text.validation), 4)
    return {"parameters": matrix_parameters(model.config), "loss": loss}


def main(arguments=None) -> None:
    """Make all runs, or those of one corpus anew, and record them."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.scaling")
    parser.add_argument("--only", choices=tuple(CORPORA))
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    record = json.loads(given.out.read_text("utf-8")) if given.out.exists() else {}
    record |= {
        "command": "python -m course_utils.scaling",
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),  # whose docstrings they are
    }
    for name in [given.only] if given.only else CORPORA:
        record[name] = record_runs(name)
    write_json(given.out, record)


if __name__ == "__main__":
    main()
