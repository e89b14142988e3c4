"""Wrong answers to the exercises on speed."""

import torch

from .collection import to


def _scales(weight):
    scales = weight.abs().amax(dim=1, keepdim=True) / 127
    return torch.where(scales == 0, 1.0, scales)


@to("speed.quantize_rows", "one scale for the whole matrix")
def _(weight):
    """One scale for the whole matrix."""
    scale = weight.abs().max() / 127
    scales = scale.expand(len(weight), 1)
    return (weight / scale).round().to(torch.int8), scales


@to("speed.quantize_rows", "the sign is forgotten")
def _(weight):
    """The largest, not the furthest from 0."""
    scales = weight.amax(dim=1, keepdim=True) / 127
    scales = torch.where(scales == 0, 1.0, scales)
    return (weight / scales).round().to(torch.int8), scales


@to("speed.quantize_rows", "cut off in the place of rounded")
def _(weight):
    """Cut off, not rounded."""
    scales = _scales(weight)
    return (weight / scales).to(torch.int8), scales


@to("speed.quantize_rows", "the largest becomes 128")
def _(weight):
    """128 for 127: the largest overflows."""
    scales = weight.abs().amax(dim=1, keepdim=True) / 128
    scales = torch.where(scales == 0, 1.0, scales)
    return (weight / scales).round().to(torch.int8), scales


@to("speed.quantize_rows", "a scale of 128 steps with a clamp")
def _(weight):
    """128 for 127, with a clamp."""
    scales = weight.abs().amax(dim=1, keepdim=True) / 128
    scales = torch.where(scales == 0, 1.0, scales)
    return (weight / scales).round().clamp(-128, 127).to(torch.int8), scales


@to("speed.quantize_rows", "a row of zeros has scale 0")
def _(weight):
    """A row of zeros divides by 0."""
    scales = weight.abs().amax(dim=1, keepdim=True) / 127
    return (weight / scales).round().to(torch.int8), scales


@to("speed.quantize_rows", "scales of the columns")
def _(weight):
    """A scale for each column."""
    scales = weight.abs().amax(dim=0, keepdim=True) / 127
    scales = torch.where(scales == 0, 1.0, scales)
    return (weight / scales).round().to(torch.int8), scales


@to("speed.quantize_rows", "scales without their axis")
def _(weight):
    """scales without its last dimension: (R,)."""
    scales = _scales(weight)
    return (weight / scales).round().to(torch.int8), scales[:, 0]


@to("speed.quantize_rows", "scales upside down")
def _(weight):
    """127 / max is returned: the inverse of the scale."""
    scales = _scales(weight)
    return (weight / scales).round().to(torch.int8), 1 / scales


@to("speed.quantize_rows", "still in float32")
def _(weight):
    """Floats, rounded but never made int8."""
    scales = _scales(weight)
    return (weight / scales).round(), scales


@to("speed.training_days", "only the forward pass")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """2 N D: forward alone."""
    seconds = 2 * n_parameters * n_tokens / (flops * n_devices * utilisation)
    return seconds / 86400


@to("speed.training_days", "the data sheet believed")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Utilisation is overlooked."""
    return 6 * n_parameters * n_tokens / (flops * n_devices) / 86400


@to("speed.training_days", "low utilisation makes it faster")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Times utilisation."""
    return 6 * n_parameters * n_tokens / (flops * n_devices) * utilisation / 86400


@to("speed.training_days", "seconds not days")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Seconds."""
    return 6 * n_parameters * n_tokens / (flops * n_devices * utilisation)


@to("speed.training_days", "hours not days")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Hours."""
    return 6 * n_parameters * n_tokens / (flops * n_devices * utilisation) / 3600


@to("speed.training_days", "one device does it all")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """One device."""
    return 6 * n_parameters * n_tokens / (flops * utilisation) / 86400


@to("speed.training_days", "the 6 forgotten")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """The 6 is forgotten."""
    return n_parameters * n_tokens / (flops * n_devices * utilisation) / 86400


@to("speed.training_days", "days of one device")
def _(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Days times devices: device-days."""
    seconds = 6 * n_parameters * n_tokens / (flops * utilisation)
    return seconds / 86400 * n_devices


@to("speed.training_memory", "everything in 16 bits")
def _(n_parameters, n_activations):
    """Two bytes a number."""
    return 2 * n_parameters, 2 * n_parameters, 4 * n_parameters, 2 * n_activations


@to("speed.training_memory", "one average only")
def _(n_parameters, n_activations):
    """AdamW keeps one number a parameter."""
    return 4 * n_parameters, 4 * n_parameters, 4 * n_parameters, 4 * n_activations


@to("speed.training_memory", "numbers not bytes")
def _(n_parameters, n_activations):
    """Numbers, no bytes."""
    return n_parameters, n_parameters, 2 * n_parameters, n_activations


@to("speed.training_memory", "the averages forgotten")
def _(n_parameters, n_activations):
    """The optimizer's state is forgotten."""
    return 4 * n_parameters, 4 * n_parameters, 0, 4 * n_activations


@to("speed.training_memory", "in bits")
def _(n_parameters, n_activations):
    """Bits."""
    return 32 * n_parameters, 32 * n_parameters, 64 * n_parameters, 32 * n_activations


@to("speed.training_memory", "activations in numbers")
def _(n_parameters, n_activations):
    """Activations are left in numbers."""
    return 4 * n_parameters, 4 * n_parameters, 8 * n_parameters, n_activations


@to("speed.training_memory", "all added up")
def _(n_parameters, n_activations):
    """Their sum."""
    return 16 * n_parameters + 4 * n_activations


@to("speed.training_memory", "in mebibytes")
def _(n_parameters, n_activations):
    """Mebibytes."""
    M = 2**20
    return (
        4 * n_parameters / M,
        4 * n_parameters / M,
        8 * n_parameters / M,
        4 * n_activations / M,
    )


@to("speed.training_memory", "the optimizer copies the weights")
def _(n_parameters, n_activations):
    """AdamW keeps a copy of the weights as well: three numbers."""
    return 4 * n_parameters, 4 * n_parameters, 12 * n_parameters, 4 * n_activations


@to("speed.average_gradients", "every worker counts the same")
def _(gradients, counts):
    """The plain mean of the workers."""
    return sum(gradients) / len(gradients)


@to("speed.average_gradients", "summed not averaged")
def _(gradients, counts):
    """The sum."""
    return sum(gradients)


@to("speed.average_gradients", "weighed and divided by the workers")
def _(gradients, counts):
    """Weighted, but divided by the number of workers."""
    weighted = [g * n for g, n in zip(gradients, counts, strict=True)]
    return sum(weighted) / len(gradients)


@to("speed.average_gradients", "weighed but not divided")
def _(gradients, counts):
    """Weighted, never divided."""
    return sum(g * n for g, n in zip(gradients, counts, strict=True))


@to("speed.average_gradients", "divided by the own count")
def _(gradients, counts):
    """Divided by the own count."""
    total = sum(counts)
    return sum(g / n for g, n in zip(gradients, counts, strict=True)) * total


@to("speed.average_gradients", "divided by the tokens unweighed")
def _(gradients, counts):
    """Summed, divided by all tokens: as if they were sums."""
    return sum(gradients) / sum(counts)


@to("speed.average_gradients", "changes its input")
def _(gradients, counts):
    """Adds into the first worker's gradient, in place."""
    total = gradients[0]
    total *= counts[0]
    for g, n in zip(gradients[1:], counts[1:], strict=True):
        total += g * n
    return total / sum(counts)
