"""Activation patching: copy states from one run into another, and see what comes back.

A model reads the corrupted text, and gets one state of its run on the clean text. If
the clean text's answer comes back, the state carries what makes the difference.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch

from course_utils.inside.hooks import head_states, patched, patched_heads, states
from course_utils.inside.pairs import Pairs
from course_utils.model import GPT


def restored(clean, corrupted, patched):
    """Return how much of the answer a patch brings back: 0 nothing, 1 all of it. (N,)

    The three are logit differences (N,): on the clean texts, on the corrupted ones, and
    on the corrupted ones with the patch.
    """
    return (patched - corrupted) / (clean - corrupted)


def effect(model: GPT, pairs: Pairs, name: str, places: torch.Tensor) -> torch.Tensor:
    """Return what is restored (N,) by a module's clean output at one place of each."""
    where = pairs.rows, places
    value = states(model, pairs.clean, [name])[name][where]  # (N, C)
    return _restored(model, pairs, patched(model, name, value, where))


def heads_effect(
    model: GPT, pairs: Pairs, layer: int, heads: Sequence[int]
) -> torch.Tensor:
    """Return what is restored (N,) by heads' clean output at the last place."""
    where = pairs.rows, pairs.last
    value = head_states(model, pairs.clean, layer)[where]  # (N, H, D)
    return _restored(model, pairs, patched_heads(model, layer, heads, value, where))


def value_effect(
    model: GPT, pairs: Pairs, layer: int, heads: Sequence[int]
) -> torch.Tensor:
    """Return what is restored (N,) by one path: fact, values of some heads, last place.

    Only the values at the fact's place come from the clean run, and only what these
    heads make of them at the last place is handed on.
    """
    fact, last = (pairs.rows, pairs.fact), (pairs.rows, pairs.last)
    name, C = f"blocks.{layer}.attention.query_key_value", model.config.n_embd
    of_clean, mixed = (
        states(model, ids, [name])[name][fact] for ids in (pairs.clean, pairs.corrupted)
    )
    mixed[:, 2 * C :] = of_clean[:, 2 * C :]  # query, key, value: the last third
    with patched(model, name, mixed, fact):
        value = head_states(model, pairs.corrupted, layer)[last]  # (N, H, D)
    return _restored(model, pairs, patched_heads(model, layer, heads, value, last))


def grid(model: GPT, pair: Pairs, names: Sequence[str]) -> torch.Tensor:
    """Return (len(names), T): what each module's output restores at each place.

    ``pair`` is one pair: ``pairs[3:4]``.
    """
    T = int(pair.last) + 1
    copies = Pairs(*(part.expand(T, *part.shape[1:]) for part in vars(pair).values()))
    places = torch.arange(T)
    return torch.stack([effect(model, copies, name, places) for name in names])


def _restored(model: GPT, pairs: Pairs, patch: AbstractContextManager) -> torch.Tensor:
    clean = pairs.differences(model, pairs.clean)
    corrupted = pairs.differences(model, pairs.corrupted)
    with patch:
        return restored(clean, corrupted, pairs.differences(model, pairs.corrupted))
