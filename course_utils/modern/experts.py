"""A mixture of experts: many MLPs, of which each token uses the two best.

Sources: Shazeer et al. 2017, "Outrageously Large Neural Networks" (arXiv:1701.06538);
Fedus et al. 2021, "Switch Transformers", equations 4-6 for the balance
(arXiv:2101.03961); Jiang et al. 2024, "Mixtral of Experts" (arXiv:2401.04088).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.modern.config import ModernConfig
from course_utils.modern.parts import build_mlp


def route(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each token's k best experts and their shares, both (N, k).

    ``scores`` is (N, E). The shares are softmax over all experts, then scaled so that
    those of the chosen sum to 1.
    """
    shares, chosen = F.softmax(scores, dim=-1).topk(k, dim=-1)
    return chosen, shares / shares.sum(dim=-1, keepdim=True)


def balance_loss(scores: torch.Tensor, k: int) -> torch.Tensor:
    """Return how unevenly the experts are used: k if evenly, up to E if k are alone.

    E · sum over experts of (share of tokens sent there) · (mean probability of it). The
    first factor has no gradient; the second carries it.
    """
    N, E = scores.shape
    chosen, _ = route(scores, k)
    sent = torch.bincount(chosen.flatten(), minlength=E) / N  # (E,): sums to k
    return E * (sent * F.softmax(scores, dim=-1).mean(dim=0)).sum()


class MixtureOfExperts(nn.Module):
    """E MLPs and a router that sends every token to k of them. (B, T, C) -> same."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.k = config.n_active
        self.router = nn.Linear(config.n_embd, config.n_experts, bias=False)
        self.experts = nn.ModuleList(build_mlp(config) for _ in range(config.n_experts))

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])  # (N, C)
        chosen, shares = route(self.router(tokens), self.k)  # (N, k) each
        total = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows, places = (chosen == number).nonzero(as_tuple=True)
            made = expert(tokens[rows]) * shares[rows, places, None]
            total = total.index_add(0, rows, made)
        return total.view_as(x)


@contextmanager
def noted_scores(model: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Yield a list that gets the scores (N, E) of every router that works meanwhile."""
    noted: list[torch.Tensor] = []
    handles = [
        part.router.register_forward_hook(lambda _, __, scores: noted.append(scores))
        for part in model.modules()
        if isinstance(part, MixtureOfExperts)
    ]
    try:
        yield noted
    finally:
        for handle in handles:
            handle.remove()
