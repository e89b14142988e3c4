"""A second set of wrong answers: optimization."""

import math

import torch

from ..collection import to_second as to


@to("optimization.gradient_descent", "start left out")
def _(gradient_of, start, learning_rate, n_steps):
    """The start is left out of the path."""
    w = start
    path = []
    for _ in range(n_steps):
        w = w - learning_rate * gradient_of(w)
        path.append(w)
    return torch.stack(path)


@to("optimization.gradient_descent", "changes its input", "every place is the last one")
def _(gradient_of, start, learning_rate, n_steps):
    """Moves w in place, so that all rows are the same tensor (and start is damaged)."""
    w = start
    path = [w]
    for _ in range(n_steps):
        w -= learning_rate * gradient_of(w)
        path.append(w)
    return torch.stack(path)


@to("optimization.gradient_descent", "one gradient for all steps")
def _(gradient_of, start, learning_rate, n_steps):
    """Always takes the gradient at the start."""
    g = gradient_of(start)
    steps = torch.arange(n_steps + 1)[:, None]
    return start - learning_rate * steps * g


@to("optimization.momentum_step", "a mean in place of a sum", "the gradient is damped")
def _(weight, gradient, velocity, learning_rate, momentum):
    """Gradient weighted by 1 - momentum (an average, as in Adam)."""
    velocity = momentum * velocity + (1 - momentum) * gradient
    return weight - learning_rate * velocity, velocity


@to("optimization.momentum_step", "moved by the old velocity")
def _(weight, gradient, velocity, learning_rate, momentum):
    """Moves with the old velocity."""
    new_weight = weight - learning_rate * velocity
    velocity = momentum * velocity + gradient
    return new_weight, velocity


@to("optimization.momentum_step", "look ahead")
def _(weight, gradient, velocity, learning_rate, momentum):
    """Nesterov: looks ahead one more step."""
    velocity = momentum * velocity + gradient
    step = gradient + momentum * velocity
    return weight - learning_rate * step, velocity


@to("optimization.adamw_step", "only the mean corrected")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """No bias correction of the mean square."""
    beta1, beta2, eps = 0.9, 0.95, 1e-8
    weight = weight * (1 - learning_rate * weight_decay)
    mean = beta1 * mean + (1 - beta1) * gradient
    mean_square = beta2 * mean_square + (1 - beta2) * gradient**2
    m = mean / (1 - beta1**t)
    v = mean_square
    return weight - learning_rate * m / (v.sqrt() + eps), mean, mean_square


@to("optimization.adamw_step", "decay in the gradient")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Decay as L2: added to the gradient (Adam, not AdamW)."""
    beta1, beta2, eps = 0.9, 0.95, 1e-8
    gradient = gradient + weight_decay * weight
    mean = beta1 * mean + (1 - beta1) * gradient
    mean_square = beta2 * mean_square + (1 - beta2) * gradient**2
    m = mean / (1 - beta1**t)
    v = mean_square / (1 - beta2**t)
    return weight - learning_rate * m / (v.sqrt() + eps), mean, mean_square


@to("optimization.adamw_step", "decay without the learning rate")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Decays by the weight decay alone, without the learning rate."""
    beta1, beta2, eps = 0.9, 0.95, 1e-8
    weight = weight * (1 - weight_decay)
    mean = beta1 * mean + (1 - beta1) * gradient
    mean_square = beta2 * mean_square + (1 - beta2) * gradient**2
    m = mean / (1 - beta1**t)
    v = mean_square / (1 - beta2**t)
    return weight - learning_rate * m / (v.sqrt() + eps), mean, mean_square


@to("optimization.orthogonal", "transposed once too often")
def _(matrix):
    """V is not transposed (torch gives Vh already, so transposes twice)."""
    U, S, V = torch.linalg.svd(matrix, full_matrices=False)
    return U @ V.T


@to("optimization.orthogonal", "divided by the largest singular value")
def _(matrix):
    """Divides the matrix by its largest singular value."""
    largest = torch.linalg.svdvals(matrix)[0]
    return matrix / largest


@to("optimization.orthogonal", "rows of length 1")
def _(matrix):
    """Makes each row length 1."""
    return matrix / matrix.norm(dim=1, keepdim=True)


@to("optimization.cosine_schedule", "the first step at rate 0")
def _(step, peak, warmup, total):
    """Warm-up begins at 0."""
    if step < warmup:
        return peak * step / warmup
    done = (step - warmup + 1) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


@to("optimization.cosine_schedule", "it ends above 0")
def _(step, peak, warmup, total):
    """The cosine starts at the step after warm-up and so never reaches 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * done))


@to("optimization.cosine_schedule", "down in a line")
def _(step, peak, warmup, total):
    """Down in a straight line."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total - 1 - step) / (total - warmup)


@to("optimization.decaying", "whatever is called weight")
def _(parameters):
    """Goes by the name .weight, so gains decay too."""
    return [name for name in parameters if name.endswith("weight")]


@to("optimization.decaying", "embeddings left out")
def _(parameters):
    """Leaves the embeddings out."""
    return [
        name
        for name, p in parameters.items()
        if p.ndim >= 2
        and "embed" not in name
        and "wte" not in name
        and "wpe" not in name
    ]


@to("optimization.decaying", "by the names of one model")
def _(parameters):
    """Excludes by names: anything with 'ln' or 'bias'."""
    keep = []
    for name in parameters:
        if "bias" in name or "ln" in name or "norm" in name:
            continue
        keep.append(name)
    return keep


@to("optimization.clip_gradients", "each tensor on its own")
def _(gradients, max_norm):
    """Clips each tensor by its own length."""
    out = []
    for g in gradients:
        n = g.norm()
        out.append(g * (max_norm / n) if n > max_norm else g)
    return out


@to("optimization.clip_gradients", "short ones made longer")
def _(gradients, max_norm):
    """Scales short gradients up too."""
    total = math.sqrt(sum((g**2).sum().item() for g in gradients))
    return [g * max_norm / total for g in gradients]


@to("optimization.clip_gradients", "lengths added up")
def _(gradients, max_norm):
    """Adds the lengths (not the squares)."""
    total = sum(g.norm() for g in gradients)
    if total <= max_norm:
        return gradients
    return [g * max_norm / total for g in gradients]
