"""Weak dial: is a weak association learnt as soon as a strong one?

Models of the openings of two worlds, one hardly biased and one clearly, are asked for
their bias again and again while they learn.

Floor: stands on ``experiments.bias``.
"""

from dataclasses import dataclass

from course_utils import records
from course_utils.bias import biases_of, openings
from course_utils.experiments import bias as usual
from course_utils.records import Record


@dataclass(frozen=True)
class Settings:
    """The worlds' dials; how long to learn on how many openings, how often to ask."""

    dials: tuple[float, ...] = (0.15, 0.6)
    texts: int = usual.POOL
    steps: int = 400
    every: int = 40


QUICK = Settings(dials=(0.6,), texts=100, steps=4, every=2)


def run(settings: Settings, seed: int) -> dict:
    """Train a model on each world; return its bias on the way, and its gap at the end.

    A seed draws the openings and the first weights. The gap is in nats a text.
    """
    found = {}
    for dial in settings.dials:
        steps, seen = [], []

        def ask(trainer, steps=steps, seen=seen):
            if trainer.steps_done % settings.every == 0:
                steps.append(trainer.steps_done)
                mean = biases_of(trainer.model, usual.tokenizer()).mean().item()
                seen.append(round(mean, 4))

        texts = openings(dial, settings.texts, seed)
        model = usual.train(texts, seed, settings.steps, on_step=ask)
        gap = round(usual.gap_per_opening(model, dial), 3)
        found[str(dial)] = {"steps": steps, "bias": seen, "gap": gap}
    return found


def recorded() -> Record:
    """Return the measurement that ships."""
    return records.read("weak_dial")
