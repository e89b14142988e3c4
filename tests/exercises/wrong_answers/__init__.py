"""Wrong answers to every exercise, written without knowing the catalogue."""

from . import (
    applications,
    attention,
    backward,
    bias,
    block,
    choosing_models,
    huggingface,
    modern,
    objective,
    optimization,
    primer,
    sampling,
    speed,
    tokenization,
    training,
)
from .collection import WRONG_ANSWERS, WrongAnswer

__all__ = [
    "WRONG_ANSWERS",
    "WrongAnswer",
    "applications",
    "attention",
    "backward",
    "bias",
    "block",
    "choosing_models",
    "huggingface",
    "modern",
    "objective",
    "optimization",
    "primer",
    "sampling",
    "speed",
    "tokenization",
    "training",
]
