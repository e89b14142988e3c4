"""How to train: everything that shapes a run, except the model and the data."""

import math
from dataclasses import dataclass

from course_utils.config import whole_number
from course_utils.optimizers import cosine_schedule, linear_schedule

SCHEDULES = {"cosine": cosine_schedule, "linear": linear_schedule}
OPTIMIZERS = ("muon", "adamw")
DTYPES = ("float32", "bfloat16")
# What may change when a run goes on: how long it is and how often it looks up.
CHANGEABLE = ("steps", "eval_every", "checkpoint_every")


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: everything that shapes the run, except the model and the data.

    Raises ValueError for a number out of its range or an unknown name.
    """

    steps: int = 600  # optimization steps
    learning_rate: float = 1e-2  # the peak; AdamW wants about a third of it
    warmup_steps: int | None = None  # None: a twentieth of the steps
    schedule: str = "cosine"  # or "linear"
    final_fraction: float = 0.1  # of the peak, reached at the last step
    micro_steps: int = 1  # batches whose gradients are added up for one step
    clip: float = 1.0  # the longest gradient
    weight_decay: float = 0.1
    optimizer: str = "muon"  # or "adamw"
    dtype: str = "float32"  # of matrix products; "bfloat16" is faster on new machines
    eval_every: int = 100  # steps between evaluations; the last step always has one
    checkpoint_every: int = 500  # steps between checkpoints; the end always has one
    seed: int = 0  # of dropout

    def __post_init__(self):
        for name in ("steps", "micro_steps", "eval_every", "checkpoint_every"):
            number = whole_number(getattr(self, name))
            if number is None or number < 1:
                raise ValueError(
                    f"{name} must be a positive integer, got {getattr(self, name)!r}"
                )
            object.__setattr__(self, name, number)
        for name in ("learning_rate", "clip"):
            number = getattr(self, name)
            if not 0 < number < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {number}")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(
                f"warmup_steps must be in 0..{self.steps - 1} (steps={self.steps}), "
                f"got {self.warmup_steps}"
            )
        if not 0 <= self.final_fraction <= 1:
            raise ValueError(
                f"final_fraction must be in [0, 1], got {self.final_fraction}"
            )
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(
                f"weight_decay must be at least 0, got {self.weight_decay}"
            )
        words = {"schedule": SCHEDULES, "optimizer": OPTIMIZERS, "dtype": DTYPES}
        for name, choices in words.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, "
                    f"got {getattr(self, name)!r}"
                )

    @property
    def warmup(self) -> int:
        """Steps in which the learning rate rises."""
        return self.steps // 20 if self.warmup_steps is None else self.warmup_steps

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of ``step`` (from 0); past the end it stays."""
        peak, final = self.learning_rate, self.learning_rate * self.final_fraction
        schedule = SCHEDULES[self.schedule]
        return schedule(step, peak, self.warmup, self.steps, final)
