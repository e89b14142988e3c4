"""A GPT-2 block: attention lets positions talk, the MLP lets each one think.

Floors: built on ``attention``; ``model`` stacks it. Both halves add to a stream that
runs straight through (He et al. 2015), and each reads the stream through a LayerNorm
*before* it works (pre-norm; GPT-2 paper, section 2.3).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import CausalSelfAttention, KVCache
from course_utils.config import GPTConfig


def layer_norm(x, gain, bias, epsilon: float = 1e-5) -> torch.Tensor:
    """Shift and scale each position's channels to mean 0 and variance 1, then to taste.

    (..., C) -> (..., C); ``gain`` and ``bias`` are (C,). Source: Ba et al., "Layer
    Normalization" (2016), equation 3.
    """
    mean = x.mean(dim=-1, keepdim=True)
    variance = x.var(dim=-1, keepdim=True, unbiased=False)
    return gain * (x - mean) / torch.sqrt(variance + epsilon) + bias


def gelu(x: torch.Tensor) -> torch.Tensor:
    """Let large values pass, stop very negative ones, smoothly between.

    GPT-2's tanh form of x·Φ(x), where Φ is the normal distribution function: Hendrycks
    & Gimpel, "Gaussian Error Linear Units" (2016), section 2.
    """
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class LayerNorm(nn.Module):
    """``layer_norm`` with a gain and a bias that are learnt. (..., C) -> (..., C)."""

    def __init__(self, C: int, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.gain = nn.Parameter(torch.ones(C))
        self.bias = nn.Parameter(torch.zeros(C))

    def forward(self, x):
        # layer_norm(x, self.gain, self.bias, self.epsilon) in one pass over memory.
        return F.layer_norm(x, self.gain.shape, self.gain, self.bias, self.epsilon)


class MLP(nn.Module):
    """Work on each position by itself: expand, GELU, contract. (B, T, C) -> same."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        C = config.n_embd
        self.expand = nn.Linear(C, 4 * C)
        self.contract = nn.Linear(4 * C, C)

    def forward(self, x):
        hidden = F.gelu(self.expand(x), approximate="tanh")  # gelu, in one pass
        return self.contract(hidden)  # (B, T, 4 * C) -> (B, T, C)


class Block(nn.Module):
    """Attention, then MLP, each normalised before and added after."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.norm_1 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attention = CausalSelfAttention(config)
        self.norm_2 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = MLP(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x, cache: KVCache | None = None, padding=None, return_weights=False
    ):
        """(B, T, C) -> (B, T, C), and the attention weights if asked for."""
        attended = self.attention(self.norm_1(x), cache, padding, return_weights)
        if return_weights:
            attended, weights = attended
        x = x + self.dropout(attended)  # positions exchange information
        x = x + self.dropout(self.mlp(self.norm_2(x)))  # each works on its own
        return (x, weights) if return_weights else x
