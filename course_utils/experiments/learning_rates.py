"""What if the learning rate were another one? Many short runs of one small model.

All runs start from the same weights and read the same stories, each story once. Only
the optimizer, the peak of the learning rate and the length of the warm-up differ.
``train`` makes one run; ``recorded`` returns the runs that ship, made by

    python -m course_utils.experiments.learning_rates

which takes about two minutes on one core.

Floor 6: stands on ``model``, ``data``, ``optimizers`` and the world.
"""

import functools
import json
import random
from statistics import fmean

import torch
from torch import nn

from course_utils import records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.data import DocumentBatches
from course_utils.files import atomic_path
from course_utils.model import GPT
from course_utils.optimizers import (
    AdamW,
    build_optimizer,
    clip_gradient_norm,
    cosine_schedule,
)
from course_utils.tokenization import Tokenizer
from course_utils.world import World

RECORD = records.path("learning_rates")
STEPS = 100
BATCH = 8  # stories a step
CLIP = 1.0
DECAY = 0.1
MEAN_OF = 5  # steps: the record holds one loss for each five

WARMUP = 5  # steps, where nothing else is said
WARMUPS = (0, 5, 20, 50)  # tried with AdamW
# Optimizer -> the peaks tried: a few steps to both sides of its best one.
PEAKS = {
    "gradient descent": (0.1, 0.3, 1.0, 3.0, 10.0),
    "momentum": (0.03, 0.1, 0.3, 1.0, 3.0),
    "adam": (0.001, 0.003, 0.01, 0.03, 0.1),
    "adamw": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
    "muon": (0.001, 0.003, 0.01, 0.03, 0.1),
}


@functools.cache
def stories() -> tuple[Tokenizer, list[list[int]]]:
    """Return a tokenizer, and as many stories in its tokens as a run reads."""
    world, rng = World(), random.Random(0)
    texts = [world.sample(rng).text for _ in range(BATCH * STEPS)]
    tokenizer = Tokenizer.train(texts, 1024)
    return tokenizer, [tokenizer.encode(text) for text in texts]


def start() -> tuple[GPT, DocumentBatches]:
    """Return the model before its first step, and its batches: always the same."""
    tokenizer, documents = stories()
    config = GPTConfig.preset(
        "course", vocab_size=tokenizer.vocab_size, n_layer=1, n_embd=64
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = GPT(config)
    return model, DocumentBatches(documents, BATCH, tokenizer.end_of_text)


def make_optimizers(name: str, model: nn.Module) -> list[torch.optim.Optimizer]:
    """Return the optimizers that together train all of ``model``. See ``PEAKS``."""
    if name not in PEAKS:
        raise ValueError(f"name must be one of {', '.join(PEAKS)}, got {name!r}")
    if name == "gradient descent":
        return [torch.optim.SGD(model.parameters())]
    if name == "momentum":
        return [torch.optim.SGD(model.parameters(), momentum=0.9)]
    if name == "adam":
        return [AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)]
    return build_optimizer(name, model, learning_rate=0.0, weight_decay=DECAY)


def train(
    name: str, peak: float, warmup: int = WARMUP, steps: int = STEPS
) -> list[float]:
    """Train the small model for the first ``steps`` of a run; return their losses.

    Nats per token, before each step, on stories that were not read yet. The learning
    rate follows a cosine over ``STEPS``, also where the run stops sooner.
    """
    model, batches = start()
    optimizers = make_optimizers(name, model)
    losses = []
    for step in range(steps):
        inputs, targets = batches.next_batch()
        loss = cross_entropy(model(inputs), targets)
        model.zero_grad()
        loss.backward()
        clip_gradient_norm(model.parameters(), CLIP)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = cosine_schedule(step, peak, warmup, STEPS)
            optimizer.step()
        losses.append(loss.item())
    return losses


def in_means(losses: list[float]) -> list[float]:
    """Return the mean of each ``MEAN_OF`` losses in a row, rounded for the record."""
    starts = range(0, len(losses), MEAN_OF)
    return [round(fmean(losses[i : i + MEAN_OF]), 3) for i in starts]


def settings() -> list[tuple[str, float, int]]:
    """Return (optimizer, peak, warm-up) of every run of the record."""
    return [
        (name, peak, warmup)
        for name, peaks in PEAKS.items()
        for peak in peaks
        for warmup in (WARMUPS if name == "adamw" else (WARMUP,))
    ]


def recorded() -> dict[tuple[str, float, int], list[float]]:
    """Return the runs that ship: (optimizer, peak, warm-up) -> losses in means."""
    runs = records.read("learning_rates")["runs"]
    return {
        (run["optimizer"], run["peak"], run["warmup"]): run["losses"] for run in runs
    }


def best_peak(name: str) -> float:
    """Return the peak at which this optimizer ended lowest, of those tried."""
    runs = recorded()
    return min(PEAKS[name], key=lambda peak: runs[name, peak, WARMUP][-1])


def main() -> None:
    """Make all runs, print how each ended, and record them."""
    runs = []
    for name, peak, warmup in settings():
        losses = in_means(train(name, peak, warmup))
        print(f"{name:17} peak {peak:<6} warm-up {warmup:<3} ends at {losses[-1]:.2f}")
        runs.append(dict(optimizer=name, peak=peak, warmup=warmup, losses=losses))
    head = {
        "command": "python -m course_utils.experiments.learning_rates",
        "torch": torch.__version__.split("+")[0],
        "losses": f"nats per token, means of {MEAN_OF} steps",
    }
    lines = ",\n".join(f"    {json.dumps(run)}" for run in runs)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "runs": [\n{lines}\n  ]\n}}\n'
    with atomic_path(RECORD) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
