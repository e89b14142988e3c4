"""Weights laid out for one new token after the other: a large model writes sooner.

A token reads every weight of the model once and computes little with it, so memory sets
the pace: 124 million weights are 500 MB a token. Two things help, each a layer in the
place of ``nn.Linear``: weights that lie in the order in which the product of a single
row reads them, and weights of one byte in place of four.

Floors: beside ``quantization``, whose rule it uses; copies a ``model``.
tests/benchmarks/bench_model.py measures what it buys.
"""

from dataclasses import replace

import torch
from torch import nn

from course_utils.edits import first_edit
from course_utils.model import GPT, as_configured, layers_in_blocks
from course_utils.quantization import quantize_rows


class PackedLinear(nn.Module):
    """A linear layer whose weights are stored (in, out). No gradients."""

    def __init__(self, linear: nn.Linear):
        super().__init__()
        weight = linear.weight.detach()
        self.register_buffer("weight", weight.t().contiguous())
        bias = weight.new_zeros(len(weight)) if linear.bias is None else linear.bias
        self.register_buffer("bias", bias.detach())

    def forward(self, x):
        """(..., in) -> (..., out)."""
        y = torch.addmm(self.bias, x.reshape(-1, x.shape[-1]), self.weight)
        return y.view(*x.shape[:-1], -1)


class PackedInt8Linear(nn.Module):
    """A linear layer whose weights stay int8 while they are multiplied. No gradients.

    One scale a row, as in ``quantization``. What is multiplied with them is rounded to
    bfloat16, 8 binary digits, as is the result.
    """

    def __init__(self, linear: nn.Linear):
        super().__init__()
        weight, scale = quantize_rows(linear.weight.detach())
        self.register_buffer("weight", weight)  # int8 (out, in)
        self.register_buffer("scale", scale[:, 0].bfloat16())  # (out,)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.data)

    def forward(self, x):
        """(..., in) -> (..., out), in x's own type."""
        rows = x.reshape(-1, x.shape[-1]).bfloat16()
        y = torch._weight_int8pack_mm(rows, self.weight, self.scale)
        y = y.view(*x.shape[:-1], -1).to(x.dtype)
        return y if self.bias is None else y + self.bias


@torch.no_grad()
def packed(model: GPT, layer: type = PackedLinear) -> GPT:
    """Return a model for writing: the same, with its weights laid out anew.

    ``layer`` takes the place of every linear layer, and of the head, which then has
    weights of its own. Embeddings and norms are shared with ``model``, which stays as
    it is. In evaluation mode; it cannot be trained or saved. Raises ValueError for a
    model that its configuration does not describe.
    """
    if edit := first_edit(model, as_configured(model.config)):
        raise ValueError(f"only a model as configured can be packed, but {edit}")
    weights = model.state_dict()
    weights.setdefault("own_head.weight", weights["token_embedding.weight"])
    with torch.device("meta"):  # shapes without numbers: those are the model's
        fast = GPT(replace(model.config, tie_word_embeddings=False))
    fast.load_state_dict(weights, assign=True)
    for part, name, linear in layers_in_blocks(fast, nn.Linear):
        setattr(part, name, layer(linear))
    fast.own_head = layer(fast.own_head)
    return fast.eval().requires_grad_(False)
