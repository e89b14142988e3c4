"""Probes: what can be read out of a state, beside what a probe learns by heart.

A probe is a small classifier on frozen states. A **control task** (Hewitt & Liang 2019,
arXiv:1909.03368) gives each kind of text a random label: nothing but memory solves it.
**Selectivity** is the accuracy on the real labels minus that on the control's.
"""

import torch
import torch.nn.functional as F
from torch import nn


def control_labels(kinds: torch.Tensor, n_labels: int, seed: int = 0) -> torch.Tensor:
    """Give each kind of text one random label: kinds (N,) -> labels (N,)."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randint(n_labels, (int(kinds.max()) + 1,), generator=generator)
    return table[kinds]


def train_probe(
    states: torch.Tensor,
    labels: torch.Tensor,
    n_labels: int,
    hidden: int = 0,
    decay: float = 1e-3,
    steps: int = 60,
    seed: int = 0,
) -> nn.Sequential:
    """Return a probe (…, C) -> logits (…, n_labels), fitted to states (N, C).

    Linear, or with ``hidden`` units in between. States are standardised first.
    """
    mean, spread = states.mean(0), states.std(0) + 1e-6
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        C = states.shape[1]
        parts = [nn.Linear(hidden or C, n_labels)]
        if hidden:
            parts = [nn.Linear(C, hidden), nn.ReLU(), *parts]
    probe = nn.Sequential(Standardise(mean, spread), *parts)
    weights = [p for p in probe.parameters() if p.dim() == 2]
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=steps)

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(probe(states), labels)
        loss = loss + decay * sum(w.square().sum() for w in weights)
        loss.backward()
        return loss

    optimizer.step(closure)
    return probe


class Standardise(nn.Module):
    """Take off the mean and divide by the spread that training states had."""

    def __init__(self, mean: torch.Tensor, spread: torch.Tensor):
        super().__init__()
        self.mean, self.spread = mean, spread

    def forward(self, x):
        return (x - self.mean) / self.spread


@torch.no_grad()
def accuracy(probe: nn.Module, states: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the share of states (N, C) whose label a probe names."""
    return (probe(states).argmax(-1) == labels).float().mean().item()
