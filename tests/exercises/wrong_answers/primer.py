"""Wrong answers to the exercises of the primer."""

import torch

from .collection import to


@to("primer.row_shares", "the whole table sums to 1")
def _(counts):
    """Divides by the sum of the whole table, not of the row."""
    return counts / counts.sum()


@to("primer.row_shares", "columns sum to 1")
def _(counts):
    """Sums along dimension 0, so that columns sum to 1."""
    return counts / counts.sum(dim=0)


@to("primer.row_shares", "keepdim forgotten")
def _(counts):
    """Forgets keepdim: row sums meet columns (or fit nothing)."""
    return counts / counts.sum(dim=1)


@to("primer.row_shares", "softmax of the counts")
def _(counts):
    """Softmax in the place of a share: also sums to 1, other numbers."""
    return torch.softmax(counts, dim=1)


@to("primer.row_shares", "divided by the largest")
def _(counts):
    """Divides by the row's largest number."""
    return counts / counts.max(dim=1, keepdim=True).values


@to("primer.row_shares", "in percent")
def _(counts):
    """Gives percent."""
    return 100 * counts / counts.sum(dim=1, keepdim=True)


@to("primer.row_shares", "changes its input")
def _(counts):
    """Divides the argument itself, in place."""
    counts /= counts.sum(dim=1, keepdim=True)
    return counts


@to("primer.matrix_product", "entry by entry")
def _(a, b):
    """Multiplies entry by entry."""
    return a * b


@to("primer.matrix_product", "rows with rows")
def _(a, b):
    """Uses rows of b where its columns are meant: a times b transposed."""
    n, m = a.shape[0], b.shape[0]
    result = torch.zeros(n, m)
    for i in range(n):
        for j in range(m):
            result[i, j] = (a[i] * b[j]).sum()
    return result


@to("primer.matrix_product", "only the last product kept")
def _(a, b):
    """Overwrites instead of adding up: only the last product is left."""
    result = torch.zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1]):
                result[i, j] = a[i, k] * b[k, j]
    return result


@to("primer.matrix_product", "the last product left out")
def _(a, b):
    """Stops one short in the sum over k."""
    result = torch.zeros(a.shape[0], b.shape[1])
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            for k in range(a.shape[1] - 1):
                result[i, j] += a[i, k] * b[k, j]
    return result


@to("primer.matrix_product", "summed over the columns of b")
def _(a, b):
    """Broadcasts rightly but sums over the wrong dimension."""
    return (a[:, :, None] * b[None]).sum(2)


@to("primer.matrix_product", "mean in place of the sum")
def _(a, b):
    """Takes the mean in the place of the sum."""
    return (a[:, :, None] * b[None, :, :]).mean(1)


@to("primer.matrix_product", "factors swapped")
def _(a, b):
    """The product in the other order, b times a."""
    return torch.matmul(b, a)


@to("primer.numerical_gradient", "measured to one side")
def _(f, x, step):
    """One-sided: from x to x + step."""
    result = torch.zeros_like(x)
    for i in range(len(x)):
        moved = x.clone()
        moved[i] += step
        result[i] = (f(moved) - f(x)) / step
    return result


@to("primer.numerical_gradient", "divided by half the way")
def _(f, x, step):
    """Divides by step, though the way is two steps long."""
    result = torch.zeros_like(x)
    for i in range(len(x)):
        up, down = x.clone(), x.clone()
        up[i] += step
        down[i] -= step
        result[i] = (f(up) - f(down)) / step
    return result


@to("primer.numerical_gradient", "all entries moved at once")
def _(f, x, step):
    """Moves all entries at once."""
    slope = (f(x + step) - f(x - step)) / (2 * step)
    return slope * torch.ones_like(x)


@to("primer.numerical_gradient", "entries of x stay moved")
def _(f, x, step):
    """`moved = x` is no copy: x is changed and never set back."""
    result = torch.zeros_like(x)
    for i in range(len(x)):
        moved = x
        moved[i] += step
        above = f(moved)
        moved[i] -= 2 * step
        result[i] = (above - f(moved)) / (2 * step)
    return result


@to("primer.numerical_gradient", "rise not divided")
def _(f, x, step):
    """The difference of the two values, never divided."""
    result = torch.zeros_like(x)
    for i in range(len(x)):
        up, down = x.clone(), x.clone()
        up[i] += step
        down[i] -= step
        result[i] = f(up) - f(down)
    return result


@to("primer.numerical_gradient", "turned round")
def _(f, x, step):
    """Down minus up: the sign is wrong."""
    result = torch.zeros_like(x)
    for i in range(len(x)):
        e = torch.zeros_like(x)
        e[i] = step
        result[i] = (f(x - e) - f(x + e)) / (2 * step)
    return result


@to("primer.gradient_step", "uphill")
def _(w, x, y, learning_rate):
    """Adds the gradient: uphill."""
    gradient = (2 * (w * x - y) * x).mean()
    return w + learning_rate * gradient


@to("primer.gradient_step", "factor 2 forgotten")
def _(w, x, y, learning_rate):
    """Forgets the factor 2 of the square's slope."""
    return w - learning_rate * ((w * x - y) * x).mean()


@to("primer.gradient_step", "inner derivative forgotten")
def _(w, x, y, learning_rate):
    """Forgets the inner slope x."""
    return w - learning_rate * (2 * (w * x - y)).mean()


@to("primer.gradient_step", "sum in place of the mean")
def _(w, x, y, learning_rate):
    """Sums where the loss is a mean."""
    return w - learning_rate * (2 * (w * x - y) * x).sum()


@to("primer.gradient_step", "the gradient returned")
def _(w, x, y, learning_rate):
    """Returns the gradient, not the new w."""
    return (2 * (w * x - y) * x).mean()


@to("primer.gradient_step", "the loss taken off")
def _(w, x, y, learning_rate):
    """Subtracts the loss instead of its gradient."""
    return w - learning_rate * ((w * x - y) ** 2).mean()


@to("primer.gradient_step", "one step for each example")
def _(w, x, y, learning_rate):
    """One w for each example: the mean is forgotten."""
    return w - learning_rate * 2 * (w * x - y) * x


@to("primer.mean_surprise", "logarithm to base 2")
def _(probabilities, ids):
    """log2 where the natural logarithm is asked for."""
    return -probabilities[ids[:-1], ids[1:]].log2().mean()


@to("primer.mean_surprise", "minus forgotten")
def _(probabilities, ids):
    """The minus is missing."""
    return probabilities[ids[:-1], ids[1:]].log().mean()


@to("primer.mean_surprise", "pairs turned round")
def _(probabilities, ids):
    """Row and column exchanged."""
    return -probabilities[ids[1:], ids[:-1]].log().mean()


@to("primer.mean_surprise", "divided by the tokens")
def _(probabilities, ids):
    """Divides by T instead of T - 1."""
    return -probabilities[ids[:-1], ids[1:]].log().sum() / len(ids)


@to("primer.mean_surprise", "logarithm of the mean")
def _(probabilities, ids):
    """The logarithm of the mean in the place of the mean of the logarithms."""
    return -probabilities[ids[:-1], ids[1:]].mean().log()


@to("primer.mean_surprise", "sum of all pairs")
def _(probabilities, ids):
    """The sum, not the mean."""
    return -probabilities[ids[:-1], ids[1:]].log().sum()


@to("primer.mean_surprise", "every token with itself")
def _(probabilities, ids):
    """A token with itself: p = probabilities[a, a]."""
    return -probabilities[ids, ids].log().mean()
