"""The bug clinic speed.echo: patient, healthy twin, suspects."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.clinics import Clinic


def _train_with(rows_of, n_workers, steps):
    """Train a small classifier on several workers; record all that they exchange."""
    chance = torch.Generator().manual_seed(3)
    x = torch.randn(64, 6, generator=chance)
    targets = (x @ torch.randn(6, 5, generator=chance)).argmax(dim=-1)
    weights = [torch.zeros(6, 5) for _ in range(n_workers)]
    record = {"losses": [], "gradients": [], "averages": []}
    for step in range(steps):
        losses, gradients = [], []
        for rank in range(n_workers):
            rows = rows_of(rank, n_workers, step)
            own = weights[rank].clone().requires_grad_()
            loss = F.cross_entropy(x[rows] @ own, targets[rows])
            gradients += torch.autograd.grad(loss, own)
            losses.append(loss.item())
        average = torch.stack(gradients).mean(dim=0)
        weights = [own - average for own in weights]
        record["losses"].append(losses)
        record["gradients"].append(gradients)
        record["averages"].append(average)
    return record | {"weights": weights}


def _own_rows(rank, n_workers, step):
    """Return 8 rows: all workers shuffle alike, and each takes every n-th."""
    order = torch.randperm(64, generator=torch.Generator().manual_seed(step))
    return order[rank::n_workers][:8]


def _echo(n_workers, steps):
    """The seed does not know the rank, and neither does the slice."""
    return _train_with(lambda *place: _own_rows(0, *place[1:]), n_workers, steps)


def _shared_out(n_workers, steps):
    return _train_with(_own_rows, n_workers, steps)


echo = Clinic(
    name="speed.echo",
    complaint="A training run moved from one worker to two. Nothing is reported, the "
    "loss falls, both workers agree. But after the same number of steps it is no "
    "better than with one worker: the second one seems to be of no use.",
    patient=_echo,
    healthy=_shared_out,
    suspects={
        "the workers began with different weights": "their weights would still differ "
        "at the end, by as much as at the beginning.",
        "gradients are not exchanged": "each worker would go its own way, and the "
        "weights would differ after the first step.",
        "gradients are added up, not averaged": "what is exchanged would be twice the "
        "mean of the two gradients.",
        "both workers read the same rows": "the two gradients would be the same, and "
        "so would be the losses, in every step.",
        "the learning rate is too low": "the loss would hardly fall, with one worker "
        "as with two.",
    },
    fault="both workers read the same rows",
    evidence="The loss falls, the weights agree and the average is the mean, in both "
    "runs. But the patient's two gradients are equal in every step: the mean of a "
    "thing and itself is the thing. Both workers seeded their shuffling alike and "
    "forgot to take their own share of it. Nothing looks wrong from outside, and half "
    "of the money is wasted.",
)
