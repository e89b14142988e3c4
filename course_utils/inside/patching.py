"""Activation patching: copy states from one run into another, and see what comes back.

A model reads the corrupted text, and gets one state of its run on the clean text. If
the clean text's answer comes back, the state carries what makes the difference.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache

import torch

from course_utils.inside.hooks import head_states, patched, patched_heads, states
from course_utils.inside.pairs import Pairs
from course_utils.model import GPT


def share_restored(clean, corrupted, patched):
    """Return how much of the answer a patch brings back: 0 nothing, 1 all of it. (N,)

    The three are logit differences (N,): on the clean texts, on the corrupted ones, and
    on the corrupted ones with the patch.
    """
    return (patched - corrupted) / (clean - corrupted)


class Patching:
    """A model's runs on pairs, and what exchanges between them restore, (N,) each."""

    def __init__(self, model: GPT, pairs: Pairs):
        self.model, self.pairs = model, pairs
        self.clean = pairs.differences(model, pairs.clean)
        self.corrupted = pairs.differences(model, pairs.corrupted)
        self._states = cache(lambda name: states(model, pairs.clean, [name])[name])
        self._heads = cache(lambda layer: head_states(model, pairs.clean, layer))

    def effect(self, name: str, places: torch.Tensor) -> torch.Tensor:
        """Exchange what a module hands on at one place (N,) of each text."""
        where = self.pairs.rows, places
        return self.run(patched(self.model, name, self._states(name)[where], where))

    def heads(self, layer: int, heads: Sequence[int]) -> torch.Tensor:
        """Exchange what some heads hand on at the last place."""
        last = self.pairs.rows, self.pairs.last
        value = self._heads(layer)[last]  # (N, H, D)
        return self.run(patched_heads(self.model, layer, heads, value, last))

    def values(self, layer: int, heads: Sequence[int]) -> torch.Tensor:
        """Exchange one path: fact, then the values of some heads, then the last place.

        Only the values at the fact's place come from the clean run, and only what these
        heads make of them at the last place is handed on.
        """
        model, pairs = self.model, self.pairs
        fact, last = (pairs.rows, pairs.fact), (pairs.rows, pairs.last)
        name, C = f"blocks.{layer}.attention.query_key_value", model.config.n_embd
        mixed = states(model, pairs.corrupted, [name])[name][fact]
        mixed[:, 2 * C :] = self._states(name)[fact][:, 2 * C :]  # query, key, value
        with patched(model, name, mixed, fact):
            value = head_states(model, pairs.corrupted, layer)[last]  # (N, H, D)
        return self.run(patched_heads(model, layer, heads, value, last))

    def run(self, patch: AbstractContextManager) -> torch.Tensor:
        """Return what a patch restores."""
        with patch:
            now = self.pairs.differences(self.model, self.pairs.corrupted)
        return share_restored(self.clean, self.corrupted, now)


def grid(model: GPT, pair: Pairs, names: Sequence[str]) -> torch.Tensor:
    """Return (len(names), T): what each module's output restores at each place.

    ``pair`` is one pair: ``pairs[3:4]``.
    """
    T = int(pair.last) + 1
    copies = Pairs(*(part.expand(T, *part.shape[1:]) for part in vars(pair).values()))
    patching, places = Patching(model, copies), torch.arange(T)
    return torch.stack([patching.effect(name, places) for name in names])
