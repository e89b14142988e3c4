"""A second set of wrong answers: primer."""

import torch
import torch.nn.functional as F

from ..collection import to_second as to


@to("primer.row_shares", "keepdim forgotten")
def _(counts):
    """Divides by the row sums without keeping the axis, so broadcasting uses them by
    column."""
    totals = counts.sum(1)
    return counts / totals


@to("primer.row_shares", "softmax of the counts")
def _(counts):
    """Softmax of the rows, not shares."""
    return F.softmax(counts, dim=-1)


@to("primer.row_shares", "the whole table sums to 1")
def _(counts):
    """Divides by the total of the whole table."""
    total = 0
    for row in counts:
        for number in row:
            total = total + number
    return counts / total


@to("primer.matrix_product", "only the last product kept")
def _(a, b):
    """Assigns in the inner loop in place of adding up, so only the last product
    stays."""
    N, K = a.shape
    M = b.shape[1]
    out = torch.zeros(N, M)
    for i in range(N):
        for j in range(M):
            for k in range(K):
                out[i, j] = a[i, k] * b[k, j]
    return out


@to("primer.matrix_product", "entry by entry")
def _(a, b):
    """Elementwise product."""
    return a * b


@to("primer.matrix_product")
def _(a, b):
    """Sums over the axis of the rows of a, not the shared one."""
    products = a[:, :, None] * b[None, :, :]
    return products.sum(0)


@to("primer.numerical_gradient", "divided by half the way")
def _(f, x, step):
    """Divides the two sided difference by one step."""
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        e = torch.zeros_like(x)
        e[i] = step
        gradient[i] = (f(x + e) - f(x - e)) / step
    return gradient


@to("primer.numerical_gradient", "changes its input", "entries of x stay moved")
def _(f, x, step):
    """Moves x in place and forgets to put it back."""
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        x[i] += step
        high = f(x)
        x[i] -= 2 * step
        low = f(x)
        gradient[i] = (high - low) / (2 * step)
    return gradient


@to("primer.numerical_gradient", "all entries moved at once")
def _(f, x, step):
    """Moves all the entries at once."""
    slope = (f(x + step) - f(x - step)) / (2 * step)
    return torch.full_like(x, float(slope))


@to("primer.gradient_step", "uphill")
def _(w, x, y, learning_rate):
    """Goes uphill: adds the gradient."""
    gradient = (2 * (w * x - y) * x).mean()
    return w + learning_rate * gradient


@to("primer.gradient_step", "inner derivative forgotten")
def _(w, x, y, learning_rate):
    """Forgets the factor x of the chain rule."""
    error = w * x - y
    gradient = 2 * error.mean()
    return w - learning_rate * gradient


@to("primer.gradient_step", "sum in place of the mean")
def _(w, x, y, learning_rate):
    """Takes the sum over the examples and not the mean."""
    p = w.detach().clone().requires_grad_()
    loss = ((p * x - y) ** 2).sum()
    loss.backward()
    return (p - learning_rate * p.grad).detach()


@to("primer.mean_surprise", "logarithm to base 2")
def _(probabilities, ids):
    """Uses log base 2."""
    p = probabilities[ids[:-1], ids[1:]]
    return -torch.log2(p).mean()


@to("primer.mean_surprise", "pairs turned round")
def _(probabilities, ids):
    """Looks up the pair the wrong way round, b then a."""
    total = 0.0
    for t in range(len(ids) - 1):
        total += -torch.log(probabilities[ids[t + 1], ids[t]])
    return total / (len(ids) - 1)


@to("primer.mean_surprise", "logarithm of the mean")
def _(probabilities, ids):
    """Log of the mean probability, not mean of the logs."""
    p = probabilities[ids[:-1], ids[1:]]
    return -p.mean().log()
