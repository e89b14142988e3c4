"""Pace: how long does an optimizer take to a loss? Runs that share everything else.

Same first weights, same stories in the same order, same shape of the learning rate;
only the optimizer and its peak differ. The runs take their steps in turn, so whatever
else the machine does slows all of them alike, and the cost of a step is its median
processor time. AdamW may choose among several peaks: the ratio is taken to its best.

``recorded`` returns the long race that ships, made by

    python -m course_utils.experiments.pace --steps 600

Floor 6: stands on ``training``, ``models`` (for its tokenizer) and the world.
"""

import argparse
import json
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from course_utils import models, records
from course_utils.config import GPTConfig
from course_utils.data import DocumentBatches, evaluation_documents
from course_utils.files import atomic_path
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig, evaluate
from course_utils.world import World

RECORD = records.path("pace")
PEAKS = {"muon": (0.02,), "adamw": (0.00175, 0.0035, 0.007, 0.014)}
HELD_OUT = 60  # stories
BATCH = 32  # stories a step


@dataclass
class Run:
    """One optimizer's way: held-out losses after ``steps``, and what a step costs."""

    optimizer: str
    learning_rate: float
    steps: list[int]
    losses: list[float]  # nats per token
    seconds_per_step: float  # of processor time

    def steps_to(self, loss: float) -> int | None:
        """Return the first measured step with a loss that low, None if none is."""
        reached = (s for s, x in zip(self.steps, self.losses, strict=True) if x <= loss)
        return next(reached, None)


def race(steps: int, every: int = 10) -> list[Run]:
    """Train with every optimizer and peak for ``steps`` steps; return their runs."""
    tokenizer = models.load("story")[1]
    end, world, rng = tokenizer.end_of_text, World(), random.Random(2**20)
    told = [world.sample(rng).text for _ in range(HELD_OUT + steps * BATCH)]
    documents = [tokenizer.encode(text) for text in told]
    held_out = evaluation_documents(documents[:HELD_OUT], BATCH, end)
    trainers, runs, costs = [], [], []
    for optimizer, peaks in PEAKS.items():
        for peak in peaks:
            torch.manual_seed(0)
            shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 1, "n_embd": 64}
            model = GPT(GPTConfig.preset("course", **shape))
            batches = DocumentBatches(documents[HELD_OUT:], BATCH, end, n_positions=256)
            config = TrainingConfig(
                steps=steps,
                learning_rate=peak,
                schedule="linear",
                final_fraction=0.0,
                optimizer=optimizer,
            )
            trainers.append(Trainer(model, batches, config))
            runs.append(Run(optimizer, peak, [], [], 0.0))
            costs.append([])
    for step in range(1, steps + 1):
        for trainer, run, cost in zip(trainers, runs, costs, strict=True):
            start = time.process_time()
            trainer.step()
            cost.append(time.process_time() - start)
            if step % every == 0:
                run.steps.append(step)
                run.losses.append(evaluate(trainer.model, held_out))
    for run, cost in zip(runs, costs, strict=True):
        run.seconds_per_step = statistics.median(cost)
    return runs


def time_ratio(runs: list[Run]) -> tuple[float, float]:
    """Return (loss, ratio): AdamW's time to it, at its best peak, over Muon's.

    The loss is where the best AdamW ends. ValueError if Muon never gets there.
    """
    best = min((run for run in runs if run.optimizer == "adamw"), key=_last_loss)
    muon = min((run for run in runs if run.optimizer == "muon"), key=_last_loss)
    target = best.losses[-1]
    if (steps := muon.steps_to(target)) is None:
        raise ValueError(f"muon must reach {target:.3f}, got {_last_loss(muon):.3f}")
    theirs = best.steps_to(target) * best.seconds_per_step
    return target, theirs / (steps * muon.seconds_per_step)


def _last_loss(run: Run) -> float:
    return run.losses[-1]


def recorded() -> dict:
    """Return the race that ships: its command, torch's version, and its runs."""
    record = records.read("pace")
    return record | {"runs": [Run(**run) for run in record["runs"]]}


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(prog="python -m course_utils.experiments.pace")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, default=RECORD)
    given = parser.parse_args(arguments)
    runs = race(given.steps)
    target, ratio = time_ratio(runs)
    record = {
        "command": f"python -m course_utils.experiments.pace --steps {given.steps}",
        "torch": torch.__version__.split("+")[0],
        "loss_nats_per_token": round(target, 4),
        "time_ratio": round(ratio, 2),
        "runs": [
            vars(run)
            | {
                "losses": [round(loss, 4) for loss in run.losses],
                "seconds_per_step": round(run.seconds_per_step, 4),
            }
            for run in runs
        ],
    }
    with atomic_path(given.out) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"to {target:.3f} nats per token, AdamW takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
