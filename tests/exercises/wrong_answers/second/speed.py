"""A second set of wrong answers: speed."""

import torch

from ..collection import to_second as to


@to("speed.quantize_rows", "cut off in the place of rounded")
def _(weight):
    """Cuts off (to int8) without rounding."""
    scales = weight.abs().amax(dim=1, keepdim=True) / 127
    scales[scales == 0] = 1
    return (weight / scales).to(torch.int8), scales


@to("speed.quantize_rows", "one scale for the whole matrix")
def _(weight):
    """One scale for the whole matrix."""
    scale = weight.abs().max() / 127
    if scale == 0:
        scale = torch.tensor(1.0)
    q = torch.round(weight / scale).to(torch.int8)
    return q, scale.expand(len(weight), 1)


@to("speed.quantize_rows", "the sign is forgotten")
def _(weight):
    """Max without abs."""
    top = weight.max(dim=1, keepdim=True).values
    scales = torch.where(top == 0, 1.0, top / 127)
    q = (weight / scales).round().clamp(-127, 127).to(torch.int8)
    return q, scales


@to("speed.training_memory", "one average only")
def _(n_parameters, n_activations):
    """Optimizer holds one number a parameter."""
    weights = 4 * n_parameters
    return weights, weights, weights, 4 * n_activations


@to("speed.training_memory", "numbers not bytes")
def _(n_parameters, n_activations):
    """Counts numbers, not bytes."""
    return n_parameters, n_parameters, 2 * n_parameters, n_activations


@to("speed.training_memory", "a gradient for each activation")
def _(n_parameters, n_activations):
    """Activations doubled, as they have gradients too."""
    return (
        4 * n_parameters,
        4 * n_parameters,
        8 * n_parameters,
        2 * 4 * n_activations,
    )


@to("speed.training_days", "hours not days")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Hours, divides by 3600 only."""
    operations = 6 * n_parameters * n_tokens
    seconds = operations / (flops * n_devices * utilisation)
    return seconds / 3600


@to("speed.training_days", "low utilisation makes it faster")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Multiplies by the utilisation where it should divide."""
    seconds = 6 * n_parameters * n_tokens / (flops * n_devices) * utilisation
    return seconds / (24 * 60 * 60)


@to("speed.training_days", "only the forward pass")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """2 N D: forgets the backward pass."""
    total = 2 * n_parameters * n_tokens
    speed = flops * utilisation * n_devices
    return total / speed / 86400


@to("speed.average_gradients", "every worker counts the same")
def _(gradients, counts):
    """Plain mean."""
    return torch.stack(gradients).mean(dim=0)


@to("speed.average_gradients", "weighed but not divided")
def _(gradients, counts):
    """Weighted sum, not divided."""
    total = torch.zeros_like(gradients[0])
    for g, n in zip(gradients, counts):
        total += n * g
    return total


@to("speed.average_gradients", "divided by the tokens unweighed")
def _(gradients, counts):
    """Divides by the counts: treats them as sums."""
    return sum(gradients) / sum(counts)
