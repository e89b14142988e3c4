"""Wrong answers to the exercises on optimization."""

import math

import torch

from .collection import to


@to("optimization.gradient_descent", "uphill")
def _(gradient_of, start, learning_rate, n_steps):
    """Uphill."""
    path = [start]
    for _ in range(n_steps):
        path.append(path[-1] + learning_rate * gradient_of(path[-1]))
    return torch.stack(path)


@to("optimization.gradient_descent", "start left out")
def _(gradient_of, start, learning_rate, n_steps):
    """The start is left out."""
    path, w = [], start
    for _ in range(n_steps):
        w = w - learning_rate * gradient_of(w)
        path.append(w)
    return torch.stack(path)


@to("optimization.gradient_descent", "one gradient for all steps")
def _(gradient_of, start, learning_rate, n_steps):
    """The gradient at the start, in every step."""
    gradient, path = gradient_of(start), [start]
    for _ in range(n_steps):
        path.append(path[-1] - learning_rate * gradient)
    return torch.stack(path)


@to("optimization.gradient_descent", "every place is the last one")
def _(gradient_of, start, learning_rate, n_steps):
    """In place: the same tensor n times in the list."""
    w, path = start.clone(), []
    path.append(w)
    for _ in range(n_steps):
        w -= learning_rate * gradient_of(w)
        path.append(w)
    return torch.stack(path)


@to("optimization.gradient_descent", "only the last place")
def _(gradient_of, start, learning_rate, n_steps):
    """Only where it ends."""
    w = start
    for _ in range(n_steps):
        w = w - learning_rate * gradient_of(w)
    return w


@to("optimization.gradient_descent", "one step too few")
def _(gradient_of, start, learning_rate, n_steps):
    """One step too few."""
    path = [start]
    for _ in range(n_steps - 1):
        path.append(path[-1] - learning_rate * gradient_of(path[-1]))
    return torch.stack(path)


@to("optimization.gradient_descent", "type")
def _(gradient_of, start, learning_rate, n_steps):
    """A list of tensors, not one tensor."""
    path = [start]
    for _ in range(n_steps):
        path.append(path[-1] - learning_rate * gradient_of(path[-1]))
    return path


@to("optimization.gradient_descent", "learning rate left out")
def _(gradient_of, start, learning_rate, n_steps):
    """The learning rate is forgotten."""
    path = [start]
    for _ in range(n_steps):
        path.append(path[-1] - gradient_of(path[-1]))
    return torch.stack(path)


@to("optimization.momentum_step", "a mean in place of a sum")
def _(weight, gradient, velocity, learning_rate, momentum):
    """The gradient is weighted by 1 - momentum."""
    velocity = momentum * velocity + (1 - momentum) * gradient
    return weight - learning_rate * velocity, velocity


@to("optimization.momentum_step", "learning rate inside the velocity")
def _(weight, gradient, velocity, learning_rate, momentum):
    """The learning rate goes into the velocity."""
    velocity = momentum * velocity + learning_rate * gradient
    return weight - velocity, velocity


@to("optimization.momentum_step", "moved by the old velocity")
def _(weight, gradient, velocity, learning_rate, momentum):
    """The weight moves by the old velocity."""
    new = momentum * velocity + gradient
    return weight - learning_rate * velocity, new


@to("optimization.momentum_step", "weight goes uphill")
def _(weight, gradient, velocity, learning_rate, momentum):
    """Uphill."""
    velocity = momentum * velocity + gradient
    return weight + learning_rate * velocity, velocity


@to("optimization.momentum_step", "the velocity keeps everything")
def _(weight, gradient, velocity, learning_rate, momentum):
    """The velocity keeps all of itself."""
    velocity = velocity + gradient
    return weight - learning_rate * velocity, velocity


@to("optimization.momentum_step", "velocity forgotten")
def _(weight, gradient, velocity, learning_rate, momentum):
    """No velocity: plain gradient descent."""
    return weight - learning_rate * gradient, gradient


@to("optimization.momentum_step", "the share momentum is lost")
def _(weight, gradient, velocity, learning_rate, momentum):
    """The velocity loses the share momentum."""
    velocity = (1 - momentum) * velocity + gradient
    return weight - learning_rate * velocity, velocity


@to("optimization.momentum_step", "results exchanged")
def _(weight, gradient, velocity, learning_rate, momentum):
    """(velocity, weight)."""
    velocity = momentum * velocity + gradient
    return velocity, weight - learning_rate * velocity


@to("optimization.momentum_step", "changes its input")
def _(weight, gradient, velocity, learning_rate, momentum):
    """In place."""
    velocity.mul_(momentum).add_(gradient)
    weight.sub_(learning_rate * velocity)
    return weight, velocity


def _adamw(w, g, m, v, t, lr, decay, b1=0.9, b2=0.95, epsilon=1e-8):
    w = w * (1 - lr * decay)
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    m_hat, v_hat = m / (1 - b1**t), v / (1 - b2**t)
    return w - lr * m_hat / (v_hat.sqrt() + epsilon), m, v


@to("optimization.adamw_step", "bias correction forgotten")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """No bias correction."""
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * gradient**2
    weight = weight * (1 - learning_rate * weight_decay)
    step = mean / (mean_square.sqrt() + 1e-8)
    return weight - learning_rate * step, mean, mean_square


@to("optimization.adamw_step", "decay in the gradient")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """L2: the decay goes into the gradient."""
    gradient = gradient + weight_decay * weight
    return _adamw(weight, gradient, mean, mean_square, t, learning_rate, 0)


@to("optimization.adamw_step", "beta 2 of the paper")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """β₂ = 0.999, torch's default."""
    args = weight, gradient, mean, mean_square, t, learning_rate, weight_decay
    return _adamw(*args, b2=0.999)


@to("optimization.adamw_step", "decay left out")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """No decay."""
    return _adamw(weight, gradient, mean, mean_square, t, learning_rate, 0)


@to("optimization.adamw_step", "correction one step ahead")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Corrects with t + 1, as if t began at 0."""
    args = weight, gradient, mean, mean_square, t + 1, learning_rate, weight_decay
    return _adamw(*args)


@to("optimization.adamw_step", "corrected averages kept")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Gives the corrected averages back."""
    args = weight, gradient, mean, mean_square, t, learning_rate, weight_decay
    weight, mean, square = _adamw(*args)
    return weight, mean / (1 - 0.9**t), square / (1 - 0.95**t)


@to("optimization.adamw_step", "root left out")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """The root is forgotten."""
    weight = weight * (1 - learning_rate * weight_decay)
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.95 * mean_square + 0.05 * gradient**2
    step = mean / (1 - 0.9**t) / (square / (1 - 0.95**t) + 1e-8)
    return weight - learning_rate * step, mean, square


@to("optimization.adamw_step", "the gradient not squared")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """The gradient is not squared in the second average."""
    weight = weight * (1 - learning_rate * weight_decay)
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.95 * mean_square + 0.05 * gradient
    step = mean / (1 - 0.9**t) / ((square / (1 - 0.95**t)).sqrt() + 1e-8)
    return weight - learning_rate * step, mean, square


@to("optimization.adamw_step", "decay without the learning rate")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """The decay without the learning rate."""
    args = weight, gradient, mean, mean_square, t, learning_rate
    new, mean, square = _adamw(*args, 0)
    return new - weight_decay * weight, mean, square


@to("optimization.adamw_step", "decay after the step")
def _(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Decay last, on the weight that has moved."""
    args = weight, gradient, mean, mean_square, t, learning_rate
    new, mean, square = _adamw(*args, 0)
    return new * (1 - learning_rate * weight_decay), mean, square


@to("optimization.orthogonal", "transposed once too often")
def _(matrix):
    """torch.svd gives V, not its transpose."""
    u, _, v = torch.svd(matrix)
    return u @ v


@to("optimization.orthogonal", "transposed once too often")
def _(matrix):
    """Vᵀ transposed once more."""
    u, _, vt = torch.linalg.svd(matrix, full_matrices=False)
    return u @ vt.T


@to("optimization.orthogonal", "full matrices left on")
def _(matrix):
    """full_matrices: U and Vᵀ do not fit."""
    u, _, vt = torch.linalg.svd(matrix)
    return u @ vt


@to("optimization.orthogonal", "divided by the largest singular value")
def _(matrix):
    """Divides by the largest singular value."""
    return matrix / torch.linalg.matrix_norm(matrix, 2)


@to("optimization.orthogonal", "orthogonal by qr")
def _(matrix):
    """The Q of QR."""
    return torch.linalg.qr(matrix)[0]


@to("optimization.orthogonal", "divided by its length")
def _(matrix):
    """Divides by the norm of the whole."""
    return matrix / matrix.norm()


@to("optimization.orthogonal", "put together as it was")
def _(matrix):
    """Puts the matrix together again as it was."""
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    return u @ torch.diag(s) @ vt


@to("optimization.orthogonal", "rows of length 1")
def _(matrix):
    """Each row gets length 1."""
    return matrix / matrix.norm(dim=1, keepdim=True)


@to("optimization.cosine_schedule", "a cosine from the first step")
def _(step, peak, warmup, total):
    """No warm-up."""
    return peak * 0.5 * (1 + math.cos(math.pi * step / (total - 1)))


@to("optimization.cosine_schedule", "the first step at rate 0")
def _(step, peak, warmup, total):
    """Starts at 0."""
    if step < warmup:
        return peak * step / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


@to("optimization.cosine_schedule", "it ends above 0")
def _(step, peak, warmup, total):
    """Off by one at the end: never quite 0."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


@to("optimization.cosine_schedule", "the whole run is the cosine")
def _(step, peak, warmup, total):
    """The cosine runs over all steps, the warm-up too."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1 + math.cos(math.pi * step / (total - 1)))


@to("optimization.cosine_schedule", "down in a line")
def _(step, peak, warmup, total):
    """A straight line down."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (total - 1 - step) / (total - warmup)


@to("optimization.cosine_schedule", "a quarter of a cosine")
def _(step, peak, warmup, total):
    """A quarter of a wave: cos(π/2 · progress)."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * math.cos(math.pi / 2 * progress)


@to("optimization.cosine_schedule", "radians of 180")
def _(step, peak, warmup, total):
    """Degrees."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(180 * progress))


@to("optimization.cosine_schedule", "not halved")
def _(step, peak, warmup, total):
    """The half is forgotten: starts at twice the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * (1 + math.cos(math.pi * progress))


@to("optimization.cosine_schedule", "down to a tenth")
def _(step, peak, warmup, total):
    """Down to a tenth, as many recipes have it."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


@to("optimization.cosine_schedule", "a whole cosine")
def _(step, peak, warmup, total):
    """A full wave: up again at the end."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup + 1) / (total - warmup)
    return peak * 0.5 * (1 + math.cos(2 * math.pi * progress))


@to("optimization.decaying", "all but biases")
def _(parameters):
    """All but biases, by name: gains decay."""
    return [name for name in parameters if not name.endswith("bias")]


@to("optimization.decaying", "by the names of one model")
def _(parameters):
    """By name: no bias, no ln; other models' norms slip through."""
    return [n for n in parameters if "bias" not in n and "ln_" not in n]


@to("optimization.decaying", "what ends in e weight left out")
def _(parameters):
    """Embeddings left out."""
    return [n for n, t in parameters.items() if t.ndim == 2 and "e.weight" not in n]


@to("optimization.decaying", "tensors in place of names")
def _(parameters):
    """The tensors, not their names."""
    return [tensor for tensor in parameters.values() if tensor.ndim >= 2]


@to("optimization.decaying", "biases and gains decay")
def _(parameters):
    """Those that do not decay."""
    return [name for name, tensor in parameters.items() if tensor.ndim < 2]


@to("optimization.decaying", "everything decays")
def _(parameters):
    """All of them."""
    return list(parameters)


@to("optimization.decaying", "type")
def _(parameters):
    """A set: the order is lost."""
    return {name for name, tensor in parameters.items() if tensor.ndim >= 2}


def _length(gradients):
    return torch.sqrt(sum((g**2).sum() for g in gradients))


@to("optimization.clip_gradients", "each tensor on its own")
def _(gradients, max_norm):
    """Each tensor on its own."""
    return [g * min(1.0, float(max_norm / g.norm())) for g in gradients]


@to("optimization.clip_gradients", "short ones made longer")
def _(gradients, max_norm):
    """Always brought to max_norm, short ones lengthened."""
    return [g * max_norm / _length(gradients) for g in gradients]


@to("optimization.clip_gradients", "each entry on its own")
def _(gradients, max_norm):
    """Each number clamped."""
    return [g.clamp(-max_norm, max_norm) for g in gradients]


@to("optimization.clip_gradients", "lengths added up")
def _(gradients, max_norm):
    """The lengths added up, not their squares."""
    length = sum(g.norm() for g in gradients)
    return [g * max_norm / length if length > max_norm else g for g in gradients]


@to("optimization.clip_gradients", "the root is missing")
def _(gradients, max_norm):
    """The root is forgotten."""
    length = sum((g**2).sum() for g in gradients)
    return [g * max_norm / length if length > max_norm else g for g in gradients]


@to("optimization.clip_gradients", "changes its input")
def _(gradients, max_norm):
    """In place."""
    length = _length(gradients)
    if length > max_norm:
        for g in gradients:
            g *= max_norm / length
    return gradients


@to("optimization.clip_gradients", "brought to length 1")
def _(gradients, max_norm):
    """Divided by the length, max_norm forgotten."""
    length = _length(gradients)
    return [g / length if length > max_norm else g for g in gradients]


@to("optimization.clip_gradients", "long ones thrown away")
def _(gradients, max_norm):
    """Too long ones become 0."""
    long = _length(gradients) > max_norm
    return [torch.zeros_like(g) if long else g for g in gradients]


@to("optimization.clip_gradients", "the largest entry counts")
def _(gradients, max_norm):
    """The norm is that of the largest number."""
    length = max(g.abs().max() for g in gradients)
    return [g * max_norm / length if length > max_norm else g for g in gradients]
