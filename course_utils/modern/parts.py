"""Norm, positions and MLP as GPT-2's successors have them.

Sources: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization"
(arXiv:1910.07467); Su et al. 2021, "RoFormer" (arXiv:2104.09864); Shazeer 2020, "GLU
Variants Improve Transformer" (arXiv:2002.05202); So et al. 2021, "Primer"
(arXiv:2109.08668).
"""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.block import LayerNorm
from course_utils.modern.config import ModernConfig


class RMSNorm(nn.Module):
    """Divide by the root mean square: LayerNorm without the mean and the bias.

    (..., C) -> (..., C).
    """

    def __init__(self, C: int, epsilon: float = 1e-6):
        super().__init__()
        self.epsilon = epsilon
        self.gain = nn.Parameter(torch.ones(C))

    def forward(self, x):
        mean_square = x.square().mean(dim=-1, keepdim=True)  # (..., 1)
        return self.gain * (x * torch.rsqrt(mean_square + self.epsilon))


def build_norm(config: ModernConfig) -> nn.Module:
    """Return the norm of C channels that the configuration asks for."""
    kind = {"layer": LayerNorm, "rms": RMSNorm}[config.norm]
    return kind(config.n_embd, config.norm_epsilon)


def rotary_angles(
    positions: torch.Tensor, D: int, base: float = 10_000.0, scale: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the cosines and sines, (T, D/2) each, of the angles at these positions.

    Pair i of the D channels turns by base**(-2i / D) radians a position: the first
    by one radian, the last so slowly that it has hardly moved at the end of the text.
    ``scale`` divides the positions (interpolation): at 2, a text of twice the length
    uses the angles of the old one.
    """
    speeds = base ** (-torch.arange(0, D, 2, device=positions.device) / D)  # (D/2,)
    angles = positions[:, None] / scale * speeds  # (T, D/2)
    return angles.cos(), angles.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn each pair of channels (i, i + D/2) as a point of the plane. (.., T, D)."""
    first, second = x.chunk(2, dim=-1)  # (..., T, D/2) each
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


class SwiGLU(nn.Module):
    """An MLP with a gate: what goes through is multiplied by a second projection.

    (..., C) -> (..., C); three matrices where GPT-2's MLP has two.
    """

    def __init__(self, config: ModernConfig):
        super().__init__()
        C, inner = config.n_embd, config.mlp_size
        self.gate = nn.Linear(C, inner, bias=config.bias)
        self.expand = nn.Linear(C, inner, bias=config.bias)
        self.contract = nn.Linear(inner, C, bias=config.bias)

    def forward(self, x):
        return self.contract(F.silu(self.gate(x)) * self.expand(x))  # silu(z) = z σ(z)


class PlainMLP(nn.Module):
    """GPT-2's MLP: expand, GELU or the square of ReLU, contract. (..., C) -> same."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.squared = config.mlp == "relu2"
        self.expand = nn.Linear(config.n_embd, config.mlp_size, bias=config.bias)
        self.contract = nn.Linear(config.mlp_size, config.n_embd, bias=config.bias)

    def forward(self, x):
        x = self.expand(x)
        x = F.relu(x).square() if self.squared else F.gelu(x, approximate="tanh")
        return self.contract(x)


def build_mlp(config: ModernConfig) -> nn.Module:
    """Return one MLP of the kind that the configuration asks for."""
    return SwiGLU(config) if config.mlp == "swiglu" else PlainMLP(config)
