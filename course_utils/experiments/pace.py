"""Pace: how long does an optimizer take to a loss? Runs that share everything else.

Same first weights, same stories in the same order, same shape of the learning rate;
only the optimizer, its peak and its warm-up differ. Each optimizer is tried in as many
ways, and is judged in the way that is best for it on the *other* seeds: so none is
tuned on the run that it is judged by. A time is a number of steps times what a step
costs: the median of its processor time, over all runs of the optimizer in the seed.

Floor: stands on ``training``, ``models`` (for its tokenizer) and the world.
"""

import random
import statistics
import time
from dataclasses import dataclass
from typing import NamedTuple

from course_utils import models, records
from course_utils.config import GPTConfig
from course_utils.data import DocumentBatches, evaluation_documents
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.training import Trainer, TrainingConfig, evaluate
from course_utils.world import World

OPTIMIZERS = ("muon", "adamw")
LOSSES = (1.3, 1.2, 1.1)  # nats per token: how long to each of them?

# Published: how many times as long (in FLOPs or tokens) AdamW takes to the same loss.
# Liu et al. 2025, "Muon is Scalable for LLM Training", arXiv 2502.16982: about 2;
# Wen et al. 2025, "Fantastic Pretraining Optimizers", arXiv 2509.02046.
PUBLISHED = {
    "Liu et al. 2025, compute-optimal": 2.0,
    "Wen et al. 2025, 0.1 billion parameters, all tuned": 1.4,
    "Wen et al. 2025, 1.2 billion parameters, all tuned": 1.1,
}


class Way(NamedTuple):
    """An optimizer, its peak learning rate and its warm-up (a share of the steps)."""

    optimizer: str
    peak: float
    warmup: float

    def __str__(self) -> str:
        return f"{self.optimizer}, peak {self.peak:g}, warm-up {self.warmup:.0%}"


@dataclass(frozen=True)
class Settings:
    """How long, on how many stories a step, and which peaks and warm-ups are tried."""

    steps: int = 600
    batch: int = 16
    every: int = 20  # steps between measurements
    held_out: int = 60  # stories
    muon: tuple[float, ...] = (0.01, 0.02, 0.04)
    adamw: tuple[float, ...] = (0.0035, 0.007, 0.014)
    warmups: tuple[float, ...] = (0.05, 0.2, 0.4)

    @property
    def ways(self) -> list[Way]:
        """All ways, Muon's first: as many for each optimizer."""
        return [
            Way(optimizer, peak, warmup)
            for optimizer in OPTIMIZERS
            for peak in getattr(self, optimizer)
            for warmup in self.warmups
        ]


QUICK = Settings(
    steps=8, every=4, held_out=20, muon=(0.02,), adamw=(0.007,), warmups=(0.05, 0.2)
)


def run(settings: Settings, seed: int) -> dict:
    """Train in every way; return the losses measured, and what a step costs."""
    tokenizer = models.load("story")[1]
    end, world, rng = tokenizer.end_of_text, World(), random.Random(2**20 + seed)
    n_read = settings.steps * settings.batch
    told = [world.sample(rng).text for _ in range(settings.held_out + n_read)]
    documents = [tokenizer.encode(text) for text in told]
    held_out = evaluation_documents(documents[: settings.held_out], 50, end)
    shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 1, "n_embd": 64}
    losses, costs = {}, {optimizer: [] for optimizer in OPTIMIZERS}
    for way in settings.ways:
        model = new_model(GPT, GPTConfig.preset("course", **shape), seed)
        batches = DocumentBatches(
            documents[settings.held_out :], settings.batch, end, seed, 256
        )
        config = TrainingConfig(
            steps=settings.steps,
            learning_rate=way.peak,
            warmup_steps=round(way.warmup * settings.steps),
            schedule="linear",
            final_fraction=0.0,
            optimizer=way.optimizer,
        )
        trainer, losses[str(way)] = Trainer(model, batches, config), []
        for step in range(1, settings.steps + 1):
            start = time.process_time()
            trainer.step()
            costs[way.optimizer].append(time.process_time() - start)
            if step % settings.every == 0:
                loss = evaluate(model, held_out)
                losses[str(way)].append(round(loss, 4))
    medians = {name: round(statistics.median(x), 5) for name, x in costs.items()}
    return {"losses": losses, "seconds per step": medians}


# --- What the record says


def recorded() -> Record:
    """Return the races that ship."""
    return records.read("pace")


def ways_of(record: Record, optimizer: str) -> list[str]:
    """Return the names of the ways in which an optimizer was tried."""
    return [way for way in record.results[0]["losses"] if way.startswith(optimizer)]


def tuned(record: Record, optimizer: str, judged: int | None = None) -> str:
    """Return the way with the lowest last loss, on all runs but the one ``judged``."""
    results = [r for i, r in enumerate(record.results) if i != judged]
    return min(
        ways_of(record, optimizer),
        key=lambda way: statistics.fmean(r["losses"][way][-1] for r in results),
    )


def steps_to(losses: list[float], every: int, target: float) -> float | None:
    """Return the steps to a loss, None if it is never reached.

    Between two measurements the loss is taken to fall along a line.
    """
    before = None
    for i, loss in enumerate(losses):
        if loss <= target:
            if before is None:
                return float(every * (i + 1))
            return every * (i + (before - target) / (before - loss))
        before = loss
    return None


def seconds_to(record: Record, optimizer: str, target: float) -> list[float]:
    """Return each seed's seconds to a loss, in the way tuned on the other seeds.

    Raises ValueError if a run never gets there.
    """
    found, every = [], record.settings["every"]
    for i, result in enumerate(record.results):
        way = tuned(record, optimizer, judged=i)
        steps = steps_to(result["losses"][way], every, target)
        if steps is None:
            raise ValueError(f"{way} must reach {target}, got {result['losses'][way]}")
        found.append(steps * result["seconds per step"][optimizer])
    return found


def time_ratios(record: Record, target: float) -> list[float]:
    """Return AdamW's time to a loss over Muon's, for each seed."""
    pairs = zip(*(seconds_to(record, o, target) for o in OPTIMIZERS), strict=True)
    return [adamw / muon for muon, adamw in pairs]
