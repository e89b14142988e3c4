"""Low-rank adaptation: learn a task by moving a few numbers beside frozen weights.

A frozen linear layer W gets two thin matrices of its own, A (rank, in) and B (out,
rank), and computes W x + (alpha / rank) B A x. Only A and B are trained. B begins at
zero, so that at first nothing changes; and at the end B A can be added to W for good.

Floors: changes a ``model`` in place, needs nothing else.
Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.
"""

import torch
from torch import nn

from course_utils.model import GPT, layers_in_blocks


class LowRankLinear(nn.Module):
    """A frozen linear layer with a low-rank change that can be learnt."""

    def __init__(self, linear: nn.Linear, rank: int, alpha: float):
        super().__init__()
        if not 1 <= rank <= min(linear.weight.shape):
            raise ValueError(
                f"rank must be in 1..{min(linear.weight.shape)}, got {rank}"
            )
        self.linear = linear.requires_grad_(False)
        n_out, n_in = linear.weight.shape
        like = {"dtype": linear.weight.dtype, "device": linear.weight.device}
        self.down = nn.Parameter(torch.randn(rank, n_in, **like) / n_in**0.5)  # A
        self.up = nn.Parameter(torch.zeros(n_out, rank, **like))  # B
        self.scale = alpha / rank

    def forward(self, x):
        """(..., in) -> (..., out)."""
        change = (x @ self.down.T) @ self.up.T  # never the full (out, in) matrix
        return self.linear(x) + self.scale * change

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return the linear layer with the change added to its weights."""
        self.linear.weight += self.scale * (self.up @ self.down)
        return self.linear.requires_grad_(True)


def add_low_rank(model: GPT, rank: int, alpha: float) -> GPT:
    """Freeze the model and give every linear layer in its blocks a low-rank change.

    Changes the model in place and returns it.
    """
    model.requires_grad_(False)
    for part, name, linear in layers_in_blocks(model, nn.Linear):
        setattr(part, name, LowRankLinear(linear, rank, alpha))
    return model


def merge_low_rank(model: GPT) -> GPT:
    """Add all changes to the weights: again an ordinary GPT, with the same outputs."""
    for part, name, layer in layers_in_blocks(model, LowRankLinear):
        setattr(part, name, layer.merged())
    return model.requires_grad_(True)


def count_trained(model: nn.Module) -> int:
    """Return how many numbers training may change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
