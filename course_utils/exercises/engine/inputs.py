"""Inputs to try an answer on: drawn from one generator, so that a seed repeats them."""

import random

import torch

# Letters of one to four bytes, digits, punctuation, white space of several kinds.
WORDS = (
    "the", "cat", "cats", "sees", "Ann's", "a", "aaa", "aaaa", "banana", "mississippi",
    "naïve", "café", "Übung", "中文", "分词", "猫", "🙂", "👩‍🚀", "42", "2024", "x1",
    "_name_", "!=", "...", "don't", "low", "lower", "lowest", "newest", "widest",
)  # fmt: skip


def tensor(rng: random.Random, *shape: int, scale: float = 1.0) -> torch.Tensor:
    """Return normal numbers of this shape and standard deviation."""
    generator = torch.Generator().manual_seed(rng.getrandbits(32))
    return torch.randn(*shape, generator=generator) * scale


def text(rng: random.Random, n_words: int, spaces=(" ",)) -> str:
    """Return words of several scripts with one of ``spaces`` between them."""
    words = [rng.choice(WORDS) for _ in range(n_words)]
    return "".join(word + rng.choice(spaces) for word in words[:-1]) + words[-1]
