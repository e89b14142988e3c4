"""Hooks: read what the parts of a model hand on, and let them hand on something else.

``where`` is an index into (B, T): ``slice(None)`` for everything, ``(rows, places)``
for one place of each row.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from course_utils.model import GPT


@torch.no_grad()
def states(model: GPT, ids: torch.Tensor, names: Iterable[str]) -> dict:
    """Return name -> what the module of this name hands on for ids (B, T)."""
    found = {}
    with ExitStack() as hooks:
        for name in names:

            def keep(module, inputs, output, name=name):
                found[name] = output

            hooks.enter_context(model.get_submodule(name).register_forward_hook(keep))
        model(ids)
    return found


@contextmanager
def patched(model: GPT, name: str, value: torch.Tensor, where=slice(None)) -> Iterator:
    """Let a module hand on ``value`` at ``where``, inside the ``with`` block."""

    def exchange(module, inputs, output):
        output = output.clone()
        output[where] = value
        return output

    with model.get_submodule(name).register_forward_hook(exchange):
        yield model


@torch.no_grad()
def head_states(model: GPT, ids: torch.Tensor, layer: int) -> torch.Tensor:
    """Return what a layer's heads hand to its projection: (B, T, H, D)."""
    found = []
    project = model.blocks[layer].attention.project
    with project.register_forward_pre_hook(lambda module, inputs: found.append(inputs)):
        model(ids)
    return found[0][0].unflatten(-1, (model.config.n_head, -1))


@contextmanager
def patched_heads(model: GPT, layer: int, heads, value, where=slice(None)) -> Iterator:
    """Let some heads hand on theirs of ``value`` (…, H, D) at ``where``."""

    def exchange(module, inputs):
        x = inputs[0].clone().unflatten(-1, (model.config.n_head, -1))  # (B, T, H, D)
        here = x[where]
        here[..., heads, :] = value[..., heads, :]
        x[where] = here
        return x.flatten(-2)

    with model.blocks[layer].attention.project.register_forward_pre_hook(exchange):
        yield model
