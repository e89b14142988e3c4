"""AdamW: exercise adamw_step and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _adamw_cases(rng):
    zeros = torch.zeros(3)
    yield tensor(rng, 3), tensor(rng, 3), zeros, zeros, 1, 0.1, 0.1
    for t, shape, scale in ((2, (2, 3), 1.0), (7, (4,), 1e-5), (30, (3, 2), 50.0)):
        weight, gradient = tensor(rng, *shape), tensor(rng, *shape, scale=scale)
        mean, noise = tensor(rng, *shape, scale=scale), tensor(rng, *shape, scale=scale)
        yield weight, gradient, mean, mean**2 + noise**2, t, 0.1, 0.2
    with_a_zero = tensor(rng, 3) * torch.tensor([1.0, 0.0, 1.0])  # nothing learnt there
    yield tensor(rng, 3), with_a_zero, zeros, zeros, 1, 0.03, 0.0


def adamw_step(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * gradient**2
    usual_size = (mean_square / (1 - 0.95**t)).sqrt() + 1e-8
    direction = mean / (1 - 0.9**t) / usual_size
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * direction, mean, mean_square


def _adamw(
    weight,
    gradient,
    mean,
    mean_square,
    t,
    learning_rate,
    weight_decay,
    betas=(0.9, 0.95),
    correct=(0, 0),
    epsilon=1e-8,
    power=0.5,
):
    """Make a step of AdamW in one of the wrong ways that are named below.

    ``correct``: how many steps off each correction is, None for no correction.
    """
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    mean_square = betas[1] * mean_square + (1 - betas[1]) * gradient**2
    shares = [
        1 if off is None else 1 - beta ** (t + off)
        for beta, off in zip(betas, correct, strict=True)
    ]
    direction = mean / shares[0] / ((mean_square / shares[1]) ** power + epsilon)
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * direction, mean, mean_square


adamw_step = Exercise(
    name="optimization.adamw_step",
    task="(weight, gradient, mean, mean_square, all of one shape; int t = 1, 2, ...; "
    "float learning_rate, float weight_decay) -> (weight, mean, mean_square) after "
    "step t of AdamW, with β₁ = 0.9, β₂ = 0.95, ε = 1e-8. Decay comes first. What is "
    "kept is not corrected.",
    reference=adamw_step,
    cases=_adamw_cases,
    hints=(
        "At t = 1 both averages started from 0. What is mean / (1 - 0.9 ** 1) then?",
        "Everything works entry by entry, in one shape. Return the averages as they "
        "are kept, without the correction.",
        "mean = 0.9 mean + 0.1 gradient\n"
        "mean_square = 0.95 mean_square + 0.05 gradient²\n"
        "direction = (mean / (1 - 0.9^t)) / (√(mean_square / (1 - 0.95^t)) + 1e-8)\n"
        "weight shrinks by learning_rate * weight_decay of itself\n"
        "weight moves by -learning_rate * direction",
    ),
    proves="Every weight moves at its own pace, and decay pulls all of them alike. "
    "torch.optim.AdamW does the same.",
)


@adamw_step.wrong
def bias_correction_forgotten(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """The averages are not corrected. Both start from 0, so after t steps they hold
    only 1 - β^t of an average: the first steps come out far too large or small."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(None, None))


@adamw_step.wrong
def only_the_mean_corrected(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """The mean is corrected, the mean square is not. Both started from 0."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(0, None))


@adamw_step.wrong
def correction_one_step_behind(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your correction counts from 0: at t = 1 it divides by 1 - β⁰ = 0. The first step
    is t = 1."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(-1, -1))


@adamw_step.wrong
def correction_one_step_ahead(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your correction uses t + 1. The step to be made is step t."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(1, 1))


@adamw_step.wrong
def corrected_averages_kept(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You return the corrected averages: the next step would correct them once more.
    Keep them as they are."""
    arguments = weight, gradient, mean, mean_square, t, learning_rate, weight_decay
    weight, mean, mean_square = adamw_step.reference(*arguments)
    return weight, mean / (1 - 0.9**t), mean_square / (1 - 0.95**t)


@adamw_step.wrong
def epsilon_inside_the_root(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your epsilon stands under the root, where it acts like 1e-4: weights with tiny
    gradients hardly move. It is added to the root."""
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * gradient**2
    root = (mean_square / (1 - 0.95**t) + 1e-8).sqrt()
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * mean / (1 - 0.9**t) / root, mean, mean_square


@adamw_step.wrong
def epsilon_left_out(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Without epsilon a weight that never had a gradient gets 0/0, not a number: the
    embedding of a token that was not read yet, for example."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, epsilon=0.0)


@adamw_step.wrong
def decay_in_the_gradient(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You add the decay to the gradient (L2, as in Adam). It is then divided by the
    usual size of the gradient, so weights with large gradients hardly decay. AdamW
    shrinks the weight itself."""
    gradient = gradient + weight_decay * weight
    return _adamw(weight, gradient, mean, mean_square, t, learning_rate, 0.0)


@adamw_step.wrong
def decay_without_the_learning_rate(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You shrink by weight_decay alone. In AdamW it is learning_rate * weight_decay, so
    that decay follows the schedule."""
    weight = weight * (1 - weight_decay)
    return _adamw(weight, gradient, mean, mean_square, t, learning_rate, 0.0)


@adamw_step.wrong
def decay_left_out(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """There is no decay: this is Adam."""
    return _adamw(weight, gradient, mean, mean_square, t, learning_rate, 0.0)


@adamw_step.wrong
def betas_swapped(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """Your betas are swapped: 0.9 belongs to the mean, 0.95 to the mean square."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, betas=(0.95, 0.9))


@adamw_step.wrong
def root_left_out(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """You divide by the mean square. Its root is the usual size: only then a gradient
    ten times as large gives the same step."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, power=1)


@adamw_step.wrong
def square_of_the_mean(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You average the square of the mean. The squares of the gradients are averaged:
    noise that cancels in the mean must count here."""
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * mean**2
    usual_size = (mean_square / (1 - 0.95**t)).sqrt() + 1e-8
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * mean / (1 - 0.9**t) / usual_size, mean, mean_square


@adamw_step.wrong
def gradient_in_place_of_its_mean(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You divide the gradient of this step alone. Adam moves by the running mean."""
    arguments = weight, gradient, mean, mean_square, t, learning_rate, weight_decay
    _, mean, mean_square = adamw_step.reference(*arguments)
    usual_size = (mean_square / (1 - 0.95**t)).sqrt() + 1e-8
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * gradient / usual_size, mean, mean_square


@adamw_step.wrong
def only_the_mean_square_corrected(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """The mean square is corrected, the mean is not. Both started from 0."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(None, 0))


@adamw_step.wrong
def correction_without_its_power(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You divide by 1 - β at every step. The share that an average holds grows with the
    steps: 1 - β^t."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, correct=(1 - t, 1 - t))


@adamw_step.wrong
def multiplied_by_the_correction(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You multiply by 1 - β^t. The averages are too small early on: divide."""
    new_mean = 0.9 * mean + 0.1 * gradient
    new_square = 0.95 * mean_square + 0.05 * gradient**2
    usual_size = (new_square * (1 - 0.95**t)).sqrt() + 1e-8
    weight = weight * (1 - learning_rate * weight_decay)
    moved = weight - learning_rate * new_mean * (1 - 0.9**t) / usual_size
    return moved, new_mean, new_square


@adamw_step.wrong
def averages_that_forget_at_once(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You keep 1 - β of the average and take β of what is new. It is the other way
    round: an average keeps 0.9 (0.95) of itself."""
    new_mean = 0.1 * mean + 0.9 * gradient
    new_square = 0.05 * mean_square + 0.95 * gradient**2
    usual_size = (new_square / (1 - 0.95**t)).sqrt() + 1e-8
    weight = weight * (1 - learning_rate * weight_decay)
    moved = weight - learning_rate * new_mean / (1 - 0.9**t) / usual_size
    return moved, new_mean, new_square


@adamw_step.wrong
def beta_2_of_the_paper(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your β₂ is 0.999, the paper's. Language models are mostly trained with 0.95,
    and so are ours."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, learning_rate, weight_decay, betas=(0.9, 0.999))


@adamw_step.wrong
def decay_after_the_step(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """You shrink the weight after it has moved, and the step with it. Decay comes
    first."""
    state = weight, gradient, mean, mean_square, t
    moved, *averages = _adamw(*state, learning_rate, 0.0)
    return moved * (1 - learning_rate * weight_decay), *averages


@adamw_step.wrong
def uphill_step(weight, gradient, mean, mean_square, t, learning_rate, weight_decay):
    """You add the direction. It is made of gradients, and they point to where the loss
    rises: subtract it."""
    state = weight, gradient, mean, mean_square, t
    moved, *averages = _adamw(*state, learning_rate, weight_decay)
    decayed = weight * (1 - learning_rate * weight_decay)
    return 2 * decayed - moved, *averages


@adamw_step.wrong
def learning_rate_missing_from_the_step(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your step has the full length: multiply the direction by the learning rate."""
    state = weight, gradient, mean, mean_square, t
    return _adamw(*state, 1.0, learning_rate * weight_decay)


@adamw_step.wrong
def the_gradient_not_squared(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your second average takes in the gradient, not its square. It may be negative,
    and its root is then NaN."""
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * gradient
    step = mean / (1 - 0.9**t) / ((mean_square / (1 - 0.95**t)).sqrt() + 1e-8)
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * step, mean, mean_square


@adamw_step.wrong
def absolute_values_in_place_of_squares(
    weight, gradient, mean, mean_square, t, learning_rate, weight_decay
):
    """Your second average takes in the gradient's absolute value. It averages squares:
    their root is then the gradient's usual size."""
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.95 * mean_square + 0.05 * gradient.abs()
    step = mean / (1 - 0.9**t) / ((mean_square / (1 - 0.95**t)).sqrt() + 1e-8)
    weight = weight * (1 - learning_rate * weight_decay)
    return weight - learning_rate * step, mean, mean_square
