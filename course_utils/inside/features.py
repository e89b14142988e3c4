"""Sparse features: take states apart into many directions, few of them at work.

A sparse autoencoder writes a state as a sum of at most k of F directions, the
**features**, F much larger than C. Source: Cunningham et al. 2023 (arXiv:2309.08600);
the k largest in place of a penalty: Gao et al. 2024 (arXiv:2406.04093), section 2.3.
"""

import torch
from torch import nn


class SparseAutoencoder(nn.Module):
    """State (…, C) -> features (…, F), at most k of them above 0 -> state (…, C)."""

    def __init__(self, C: int, n_features: int, k: int):
        super().__init__()
        self.k = k
        self.encode = nn.Linear(C, n_features)
        self.decode = nn.Linear(n_features, C)  # its bias: the centre of all states
        with torch.no_grad():  # each feature begins by writing what it reads
            self.decode.weight /= self.decode.weight.norm(dim=0)
            self.encode.weight.copy_(self.decode.weight.T)
            self.encode.bias.zero_()

    def features(self, x):
        """(…, C) -> (…, F): the k largest, those below 0 as 0, all others 0."""
        activations = self.encode(x - self.decode.bias).relu()
        largest, which = activations.topk(self.k, dim=-1)
        return torch.zeros_like(activations).scatter(-1, which, largest)

    def forward(self, x):
        """(…, C) -> (…, C): the state again, from its features."""
        return self.decode(self.features(x))


def train_autoencoder(
    states: torch.Tensor, n_features: int, k: int, steps: int, seed: int = 0
) -> SparseAutoencoder:
    """Return an autoencoder fitted to states (N, C), centred, by Adam."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SparseAutoencoder(states.shape[1], n_features, k)
    with torch.no_grad():
        model.decode.bias.copy_(states.mean(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scale = (states - states.mean(0)).square().mean()
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
        batch = states[torch.randint(len(states), (256,), generator=generator)]
        loss = (model(batch) - batch).square().mean() / scale
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():  # directions of length 1: sizes stand in the features
            model.decode.weight /= model.decode.weight.norm(dim=0)
    return model.eval()


def marks(active: torch.Tensor, fact: torch.Tensor):
    """Return precision and recall (F,) of each feature as a sign of a fact.

    ``active`` is bool (N, F), ``fact`` bool (N,). A feature that is never active has
    precision 0.
    """
    both = (active & fact[:, None]).sum(0).float()
    return both / active.sum(0).clamp(min=1), both / fact.sum().clamp(min=1)
