"""What if the learning rate were another one? Many short runs of one small model.

All runs of a seed start from the same weights and read the same stories, each story
once. Only the optimizer, the peak of the learning rate and the length of the warm-up
differ.
"""

import functools
import random
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import torch
from torch import nn

from course_utils import records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.data import DocumentBatches
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.optimizers import (
    AdamW,
    build_optimizer,
    cosine_schedule,
    take_step,
)
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.world import World

STEPS = 100
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


class Way(NamedTuple):
    """One of the ways to train that are tried."""

    optimizer: str
    peak: float
    warmup: int = WARMUP

    def __str__(self) -> str:
        return f"{self.optimizer}, peak {self.peak:g}, warm-up {self.warmup}"


WAYS = tuple(
    Way(name, peak, warmup)
    for name, peaks in PEAKS.items()
    for peak in peaks
    for warmup in (WARMUPS if name == "adamw" else (WARMUP,))
)


@dataclass(frozen=True)
class Settings:
    """The ways tried, for how many steps, with how many stories in each."""

    ways: tuple[Way, ...] = WAYS
    steps: int = STEPS  # of the cosine's, so many are taken
    batch: int = 8


QUICK = Settings(ways=(Way("adamw", 0.03), Way("momentum", 1.0)), steps=10)


@functools.cache
def stories(seed: int = 0, n: int = 8 * STEPS) -> tuple[Tokenizer, list[list[int]]]:
    """Return a tokenizer, and as many stories in its tokens as a run reads."""
    world, rng = World(), random.Random(seed)
    texts = [world.sample(rng).text for _ in range(n)]
    tokenizer = Tokenizer.train(texts, 1024)
    return tokenizer, [tokenizer.encode(text) for text in texts]


def start(seed: int = 0, batch: int = 8) -> tuple[GPT, DocumentBatches]:
    """Return a seed's model before its first step, and its batches: always the same."""
    tokenizer, documents = stories(seed, batch * STEPS)
    config = GPTConfig.preset(
        "course", vocab_size=tokenizer.vocab_size, n_layer=1, n_embd=64
    )
    model = new_model(GPT, config, seed)
    return model, DocumentBatches(documents, batch, tokenizer.end_of_text, seed)


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


def train(way: Way, settings: Settings, seed: int = 0) -> list[float]:
    """Train the small model for the settings' steps in one way; return their losses.

    Nats per token, before each step, on stories that were not read yet. The learning
    rate follows a cosine over ``STEPS``, also where the run stops sooner.
    """
    model, batches = start(seed, settings.batch)
    optimizers = make_optimizers(way.optimizer, model)
    losses = []
    for step in range(settings.steps):
        inputs, targets = batches.next_batch()
        loss = cross_entropy(model(inputs), targets)
        rate = cosine_schedule(step, way.peak, way.warmup, STEPS)
        take_step(model, optimizers, loss, rate, CLIP)
        losses.append(loss.item())
    return losses


def in_means(losses: list[float]) -> list[float]:
    """Return the mean of each ``MEAN_OF`` losses in a row, rounded for the record."""
    starts = range(0, len(losses), MEAN_OF)
    return [round(fmean(losses[i : i + MEAN_OF]), 3) for i in starts]


def run(settings: Settings, seed: int) -> dict:
    """Train in all ways from one start: way -> losses, in means."""
    return {str(way): in_means(train(way, settings, seed)) for way in settings.ways}


def recorded() -> Record:
    """Return the runs that ship."""
    return records.read("learning_rates")


def mean_losses(way: Way) -> list[float]:
    """Return the recorded losses of a way, in means, averaged over the seeds."""
    return [fmean(losses) for losses in zip(*recorded().each(str(way)), strict=True)]


def best_peak(name: str) -> float:
    """Return the peak at which this optimizer ended lowest, of those tried."""
    return min(PEAKS[name], key=lambda peak: mean_losses(Way(name, peak))[-1])
