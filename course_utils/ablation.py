"""Switch parts of a model off and see what it then cannot do.

A picture of attention shows where a head looks, not what the model does with it. To
take the head away and measure the loss answers that. Here "away" is zero: what the
head hands over is left out of the sum in the layer's output projection.

Floors: stands on ``model``. Source: Michel et al., "Are Sixteen Heads Really Better
than One?" (2019), section 2.3.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from course_utils.model import GPT


@contextmanager
def heads_off(model: GPT, heads: Iterable[tuple[int, int]]) -> Iterator[GPT]:
    """Silence these heads, (layer, head) counted from 0, inside the ``with`` block::

        with heads_off(model, [(0, 2), (3, 1)]):
            loss = evaluate(model, batches)

    The weights stay as they are, and afterwards the model is what it was, also if the
    block raised. Raises ValueError for a layer or head that the model does not have.
    """
    L, H, D = model.config.n_layer, model.config.n_head, model.config.head_size
    silent = defaultdict(list)
    for layer, head in heads:
        if not (0 <= layer < L and 0 <= head < H):
            raise ValueError(
                f"(layer, head) must be in 0..{L - 1} and 0..{H - 1}, "
                f"got ({layer}, {head})"
            )
        silent[layer].append(head)
    with ExitStack() as hooks:
        for layer, its_heads in silent.items():
            keep = torch.ones(H, D)
            keep[its_heads] = 0.0
            project = model.blocks[layer].attention.project  # sees all heads in a row
            hooks.enter_context(_multiplied(project, keep.flatten()))
        yield model


def _multiplied(module: torch.nn.Module, factors: torch.Tensor):
    """Multiply a module's input (..., C) by ``factors`` (C,); ends with the context."""

    def before(module, inputs):
        (x,) = inputs
        return x * factors.to(x)

    return module.register_forward_pre_hook(before)
