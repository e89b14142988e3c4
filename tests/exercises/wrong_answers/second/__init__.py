"""The second set of wrong answers, one module for each page."""

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
    rewards,
    sampling,
    speed,
    tokenization,
    training,
)

__all__ = [
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
    "rewards",
    "sampling",
    "speed",
    "tokenization",
    "training",
]
