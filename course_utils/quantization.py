"""Quantization: weights as small whole numbers, so that there is less to read.

A row of a weight matrix is divided by one number, its scale, so that its entry furthest
from 0 becomes 127 or -127; then it is rounded. Each weight takes one byte instead of
four. What is lost is at most half a scale a weight.

Floors: changes a ``model`` in place, needs nothing else.
Source: Dettmers et al. 2022, "LLM.int8(): 8-bit Matrix Multiplication for Transformers
at Scale", section 2 (absmax quantization; one scale a row is its vector-wise form).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.model import GPT, layers_in_blocks


def quantize_rows(weight, bits: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """(R, C) -> int8 (R, C) and scales (R, 1): weight is nearly their product.

    ``bits`` of each number are used: with 8, -127 to 127. Raises ValueError for bits
    outside 2..8 and for a weight that is not finite.
    """
    if not 2 <= bits <= 8:
        raise ValueError(f"bits must be in 2..8, got {bits}")
    if not weight.isfinite().all():
        raise ValueError("weight must be finite, got NaN or infinity")
    largest = 2 ** (bits - 1) - 1
    scale = weight.abs().amax(dim=-1, keepdim=True) / largest  # (R, 1)
    scale = torch.where(scale > 0, scale, 1.0)  # a row of zeros has none of its own
    return (weight / scale).round().to(torch.int8), scale


class QuantizedLinear(nn.Module):
    """A linear layer whose weights are int8, with one scale a row. No gradients."""

    def __init__(self, linear: nn.Linear, rule: Callable = quantize_rows):
        super().__init__()
        weight, scale = rule(linear.weight.detach())
        self.register_buffer("weight", weight)  # int8 (out, in)
        self.register_buffer("scale", scale.expand(len(weight), 1))  # (out, 1)
        self.register_buffer("bias", None if linear.bias is None else linear.bias.data)

    def forward(self, x):
        """(..., in) -> (..., out)."""
        y = F.linear(x, self.weight.to(x.dtype))
        y = y * self.scale.T  # one scale an output: cheaper than on all weights
        return y if self.bias is None else y + self.bias


def quantize(model: GPT, rule: Callable = quantize_rows) -> GPT:
    """Make every linear layer in the model's blocks int8, in place; return the model.

    ``rule`` maps a weight (out, in) to int8 (out, in) and scales that fit (out, 1).
    Embeddings and norms stay as they are.
    """
    for part, name, layer in layers_in_blocks(model, nn.Linear):
        setattr(part, name, QuantizedLinear(layer, rule))
    return model


def stored_bytes(module: nn.Module) -> int:
    """Return the bytes of a module's parameters and buffers, shared ones once."""
    tensors = {t.data_ptr(): t for t in (*module.parameters(), *module.buffers())}
    return sum(t.numel() * t.element_size() for t in tensors.values())
