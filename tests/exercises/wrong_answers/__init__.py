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
    second,
    speed,
    tokenization,
    training,
)
from .collection import SECOND, WRONG_ANSWERS, WrongAnswer

__all__ = [
    "SECOND",
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
    "second",
    "speed",
    "tokenization",
    "training",
]
