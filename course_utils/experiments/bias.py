"""Bias: how much of the data's bias a model takes over, and what helps against it.

Small models are trained on the openings of a biased world's stories, and measured with
``course_utils.bias``; others on data that a remedy has changed, or in which secrets
were planted. ``recorded`` returns the runs that ship, made by

    python -m course_utils.experiments.bias --seeds 3

Floors: stands on the component ``bias``, ``training`` and ``sampling``.
"""

import argparse
import functools
import itertools
import math
import multiprocessing
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from course_utils import records
from course_utils.bias import (
    REPETITIONS,
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
from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.sampling import decode_rows, generate
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, evaluate
from course_utils.world import World

RECORD = records.path("bias")


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
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = GPT(GPTConfig(vocab_size=V, **usual | shape))
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
    return {"kind": kind, "dial": bias, "seed": seed} | {
        name: round(number, 4) for name, number in numbers.items()
    }


def exposures(seed: int, steps: int = STEPS) -> dict[int, float]:
    """Plant the secrets of a seed, train, return repetitions -> exposure in bits."""
    secrets = canaries(seed)
    model = train(openings(0.0, POOL, seed) + planted(secrets), seed, steps)
    return {
        times: round(exposure(code_log_probs(model, tokenizer(), before), code), 2)
        for times, before, code in secrets
    }


# --- The record


def recorded() -> dict:
    """Return what ships: the command, the rows of ``measure_run``, the exposures."""
    return records.read("bias")


def of_runs(record: dict, kind: str, dial: float, number: str = "bias") -> list[float]:
    """Return one number of all recorded runs of a kind at a dial."""
    return [
        run[number]
        for run in record["runs"]
        if (run["kind"], run["dial"]) == (kind, dial)
    ]


def main(arguments=None) -> None:
    """Make all runs, each on one thread, and record them."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.experiments.bias")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="runs side by side")
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    seeds = range(given.seeds)
    # A remedy has nothing to cure in an even world.
    plan = [*itertools.product(KINDS, DIALS, seeds)]
    plan += itertools.product(REMEDIES, DIALS[1:], seeds)
    spawn = multiprocessing.get_context("spawn")
    start = functools.partial(torch.set_num_threads, 1)
    with ProcessPoolExecutor(given.workers, spawn, start) as pool:
        runs = []
        for run in pool.map(measure_run, *zip(*plan, strict=True)):
            print(run, flush=True)
            runs.append(run)
        found = list(pool.map(exposures, range(2 * given.seeds)))
    record = {
        "command": f"python -m course_utils.experiments.bias --seeds {given.seeds}",
        "torch": torch.__version__.split("+")[0],
        "runs": runs,
        "exposures": [[row[times] for times in REPETITIONS] for row in found],
    }
    write_json(given.out, record)


if __name__ == "__main__":
    main()
