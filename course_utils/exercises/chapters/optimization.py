"""Exercises on optimization: from a gradient to better weights.

Notebook 05. Among the inputs are gradients that are 0 or tiny, first and later steps,
and matrices that are wider than tall and taller than wide.
"""

import math

import torch

from course_utils.cross_entropy import IGNORE, cross_entropy
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- gradient descent -----------------------------------------------------------------


def bowl(w):
    return w


def ravine(w):
    return w * torch.tensor([1.0, 8.0])


def waves(w):
    return w + 2 * torch.sin(3 * w)


def _descent_cases(rng):
    yield bowl, tensor(rng, 1) + 3, 0.5, 2
    yield ravine, tensor(rng, 2) + 2, 0.1, 3
    yield waves, tensor(rng, 3), 0.05, 4
    yield bowl, tensor(rng, 2), 0.3, 0


def gradient_descent(gradient_of, start, learning_rate, n_steps):
    path = [start]
    for _ in range(n_steps):
        path.append(path[-1] - learning_rate * gradient_of(path[-1]))
    return torch.stack(path)


gradient_descent = Exercise(
    name="optimization.gradient_descent",
    task="(function gradient_of, start (n,), float learning_rate, int n_steps) -> "
    "(n_steps + 1, n): where the weights are at the start and after each step. A step "
    "goes learning_rate times the gradient downhill; gradient_of(w) gives the gradient "
    "at w.",
    reference=gradient_descent,
    cases=_descent_cases,
    hints=(
        "The gradient points to where the loss rises. Which way do you go?",
        "n_steps + 1 places of n numbers: torch.stack makes one tensor of a list.",
        "path = [start]\n"
        "n_steps times:\n"
        "    w = the last place of the path\n"
        "    append w - learning_rate * gradient_of(w)\n"
        "return the path, stacked",
    ),
    proves="Downhill, step by step, with a fresh gradient at each place.",
)


def _descent(move, gradient_of, start, n_steps):
    """Return the path of steps that ``move`` makes of a place and its gradient."""
    path = [start]
    for _ in range(n_steps):
        path.append(move(path[-1], gradient_of(path[-1])))
    return torch.stack(path)


@gradient_descent.wrong
def uphill(gradient_of, start, learning_rate, n_steps):
    """You add the gradient. It points to where the loss rises: subtract it."""
    return _descent(lambda w, g: w + learning_rate * g, gradient_of, start, n_steps)


@gradient_descent.wrong
def one_gradient_for_all_steps(gradient_of, start, learning_rate, n_steps):
    """You take the gradient once, at the start. The slope changes on the way: ask
    again at each place."""
    g = gradient_of(start)
    return torch.stack([start - i * learning_rate * g for i in range(n_steps + 1)])


@gradient_descent.wrong
def start_left_out(gradient_of, start, learning_rate, n_steps):
    """The start is missing: n_steps steps have n_steps + 1 places."""
    path = gradient_descent.reference(gradient_of, start, learning_rate, n_steps)
    return path[1:]


@gradient_descent.wrong
def only_the_last_place(gradient_of, start, learning_rate, n_steps):
    """You return where it ends. The whole path is asked for."""
    return gradient_descent.reference(gradient_of, start, learning_rate, n_steps)[-1]


@gradient_descent.wrong
def every_place_is_the_last_one(gradient_of, start, learning_rate, n_steps):
    """All rows of your path are equal: you changed one tensor in place and kept it
    several times. Make a new one at each step (w = w - ..., not w -= ...)."""
    w, path = start.clone(), []
    for i in range(n_steps + 1):
        w -= learning_rate * gradient_of(w) * (i > 0)
        path.append(w)
    return torch.stack(path)


@gradient_descent.wrong
def learning_rate_left_out(gradient_of, start, learning_rate, n_steps):
    """You subtract the whole gradient. How far to go is for the learning rate."""
    return _descent(lambda w, g: w - g, gradient_of, start, n_steps)


@gradient_descent.wrong
def steps_of_one_length(gradient_of, start, learning_rate, n_steps):
    """You divide the gradient by its length. In gradient descent a steep place makes a
    long step; here all are equally long, and the path never comes to rest."""
    return _descent(
        lambda w, g: w - learning_rate * g / g.norm(), gradient_of, start, n_steps
    )


@gradient_descent.wrong
def only_the_sign(gradient_of, start, learning_rate, n_steps):
    """You use the sign of the gradient. (Adam comes near to this.) Here the size
    counts too."""
    return _descent(
        lambda w, g: w - learning_rate * g.sign(), gradient_of, start, n_steps
    )


@gradient_descent.wrong
def every_step_from_the_start(gradient_of, start, learning_rate, n_steps):
    """Each of your steps begins at the start again. Begin it where the last one
    ended."""
    return _descent(lambda w, g: start - learning_rate * g, gradient_of, start, n_steps)


# --- momentum -------------------------------------------------------------------------


def _momentum_cases(rng):
    for shape in ((1,), (2, 3), (4,)):
        weight, gradient, velocity = (tensor(rng, *shape) for _ in range(3))
        yield weight, gradient, velocity, 0.1, 0.9
    yield tensor(rng, 3), tensor(rng, 3), torch.zeros(3), 0.5, 0.5


def momentum_step(weight, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity + gradient
    return weight - learning_rate * velocity, velocity


momentum_step = Exercise(
    name="optimization.momentum_step",
    task="(weight, gradient, velocity, all of one shape; float learning_rate, float "
    "momentum) -> (weight, velocity): the velocity loses all but the share momentum of "
    "itself, then gains the gradient; the weight goes learning_rate times the new "
    "velocity downhill.",
    reference=momentum_step,
    cases=_momentum_cases,
    hints=(
        "If the gradient stays the same for long, how large does the velocity grow?",
        "Both results have the shape of the weight. Which one do you need first?",
        "velocity = momentum * velocity + gradient\n"
        "return weight - learning_rate * velocity, velocity",
    ),
    proves="What points the same way step after step adds up, what changes sign does "
    "not. torch.optim.SGD with momentum does the same.",
)


@momentum_step.wrong
def velocity_forgotten(weight, gradient, velocity, learning_rate, momentum):
    """Your velocity is the gradient alone: this is plain gradient descent. Keep the
    share momentum of what was there."""
    return weight - learning_rate * gradient, gradient


@momentum_step.wrong
def a_mean_in_place_of_a_sum(weight, gradient, velocity, learning_rate, momentum):
    """You take (1 - momentum) of the gradient: a running mean, as Adam does. Here the
    whole gradient is added, so at 0.9 the velocity grows to ten times a steady one."""
    velocity = momentum * velocity + (1 - momentum) * gradient
    return weight - learning_rate * velocity, velocity


@momentum_step.wrong
def moved_by_the_old_velocity(weight, gradient, velocity, learning_rate, momentum):
    """The weight moves by the velocity as it came in: each gradient would act one step
    late. Renew the velocity first."""
    return weight - learning_rate * velocity, momentum * velocity + gradient


@momentum_step.wrong
def moved_by_the_gradient(weight, gradient, velocity, learning_rate, momentum):
    """You renew the velocity but move by the gradient: the velocity never acts."""
    return weight - learning_rate * gradient, momentum * velocity + gradient


@momentum_step.wrong
def learning_rate_inside_the_velocity(
    weight, gradient, velocity, learning_rate, momentum
):
    """Your velocity holds the learning rate. Then steps taken at an old rate go on
    acting when the schedule has lowered it. Multiply when you move."""
    velocity = momentum * velocity + learning_rate * gradient
    return weight - velocity, velocity


@momentum_step.wrong
def velocity_downhill(weight, gradient, velocity, learning_rate, momentum):
    """Your velocity points downhill: you subtract the gradient from it. One may, but
    here, as in torch, it gains the gradient and is subtracted from the weight."""
    velocity = momentum * velocity - gradient
    return weight + learning_rate * velocity, velocity


@momentum_step.wrong
def weight_goes_uphill(weight, gradient, velocity, learning_rate, momentum):
    """You add the velocity to the weight. It is made of gradients: subtract it."""
    velocity = momentum * velocity + gradient
    return weight + learning_rate * velocity, velocity


@momentum_step.wrong
def the_gradient_is_damped(weight, gradient, velocity, learning_rate, momentum):
    """You multiply the gradient by momentum. It is the old velocity that fades."""
    velocity = velocity + momentum * gradient
    return weight - learning_rate * velocity, velocity


@momentum_step.wrong
def look_ahead(weight, gradient, velocity, learning_rate, momentum):
    """This is Nesterov's form: the newest gradient is counted once more. Muon uses it;
    here the weight moves by the velocity itself."""
    velocity = momentum * velocity + gradient
    return weight - learning_rate * (gradient + momentum * velocity), velocity


@momentum_step.wrong
def results_exchanged(weight, gradient, velocity, learning_rate, momentum):
    """You return the velocity first. The weight comes first: (weight, velocity)."""
    velocity = momentum * velocity + gradient
    return velocity, weight - learning_rate * velocity


@momentum_step.wrong
def old_velocity_returned(weight, gradient, velocity, learning_rate, momentum):
    """The weight moves rightly, but you return the velocity that came in: nothing would
    ever add up."""
    moved = weight - learning_rate * (momentum * velocity + gradient)
    return moved, velocity


@momentum_step.wrong
def the_newest_gradient_fades_at_once(
    weight, gradient, velocity, learning_rate, momentum
):
    """You multiply old and new by momentum. Only what was there fades; the gradient is
    added whole."""
    velocity = momentum * (velocity + gradient)
    return weight - learning_rate * velocity, velocity


@momentum_step.wrong
def shares_exchanged(weight, gradient, velocity, learning_rate, momentum):
    """Your velocity keeps 1 - momentum of itself and gains momentum of the gradient. It
    keeps momentum of itself and gains the whole gradient."""
    velocity = (1 - momentum) * velocity + momentum * gradient
    return weight - learning_rate * velocity, velocity


# --- AdamW ----------------------------------------------------------------------------


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


# --- Muon's idea ----------------------------------------------------------------------


def _matrix_cases(rng):
    for rows, columns in ((2, 2), (2, 4), (5, 2), (3, 6)):
        left = torch.linalg.qr(tensor(rng, rows, rows))[0]
        right = torch.linalg.qr(tensor(rng, columns, columns))[0]
        sizes = torch.linspace(0.3, 4.0, min(rows, columns))
        yield (left[:, : len(sizes)] * sizes @ right[: len(sizes)],)


def orthogonal(matrix):
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right


orthogonal = Exercise(
    name="optimization.orthogonal",
    task="matrix (rows, columns) -> (rows, columns): the same matrix with all its "
    "singular values set to 1. torch.linalg.svd takes it apart as U S Vᵀ.",
    reference=orthogonal,
    cases=_matrix_cases,
    hints=(
        "M = U S Vᵀ. What is left of it when S is the identity?",
        "With full_matrices=False, U is (rows, r) and the third result, Vᵀ already, "
        "is (r, columns), r the smaller side.",
        "U, S, Vt = torch.linalg.svd(matrix, full_matrices=False)\nreturn U @ Vt",
    ),
    proves="The same directions, all with the same strength: this is Muon's step.",
    tolerance=1e-3,
)


@orthogonal.wrong
def put_together_as_it_was(matrix):
    """You get the matrix back: its singular values are still in it."""
    return matrix.clone()


@orthogonal.wrong
def divided_by_its_length(matrix):
    """You divide by the length of the whole matrix. All singular values shrink by one
    factor; they do not become equal."""
    return matrix / matrix.norm()


@orthogonal.wrong
def divided_by_the_largest_singular_value(matrix):
    """Only the largest singular value is 1 now. All shall be."""
    return matrix / torch.linalg.matrix_norm(matrix, 2)


@orthogonal.wrong
def rows_of_length_1(matrix):
    """Each row has length 1, but rows may still point the same way: the singular
    values differ."""
    return matrix / matrix.norm(dim=1, keepdim=True)


@orthogonal.wrong
def columns_of_length_1(matrix):
    """Each column has length 1, but columns may still point the same way: the singular
    values differ."""
    return matrix / matrix.norm(dim=0, keepdim=True)


@orthogonal.wrong
def signs_of_the_entries(matrix):
    """You set every entry to 1 or -1. Singular values belong to directions of the
    whole matrix, not to entries."""
    return matrix.sign()


@orthogonal.wrong
def full_matrices_left_on(matrix):
    """Unless told full_matrices=False, torch.linalg.svd returns square U and Vᵀ, which
    fit together only if the matrix is square."""
    left, _, right = torch.linalg.svd(matrix)
    return left @ right


@orthogonal.wrong
def transposed_once_too_often(matrix):
    """torch.linalg.svd returns Vᵀ, not V: its third result is not to be transposed."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right.T


@orthogonal.wrong
def singular_values_kept_as_roots(matrix):
    """You took the roots of the singular values. They come nearer to 1, and are not
    there."""
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    return left * sizes.sqrt() @ right


@orthogonal.wrong
def the_first_factor_alone(matrix):
    """You return U. It has the singular values 1, but without Vᵀ it says nothing about
    where each direction leads to."""
    return torch.linalg.svd(matrix, full_matrices=False)[0]


@orthogonal.wrong
def orthogonal_by_qr(matrix):
    """QR makes an orthogonal matrix too, but other directions: it goes column by
    column. Only U Vᵀ keeps the directions of the matrix."""
    return torch.linalg.qr(matrix)[0]


# --- the learning rate over time ------------------------------------------------------


def _schedule_cases(rng):
    yield 0, 1.0, 4, 10
    yield 3, 1.0, 4, 10
    for step in (4, 5, 7, 9):
        yield step, round(rng.uniform(0.5, 2), 2), 4, 10
    yield 0, 0.5, 0, 8
    yield rng.randint(20, 90), 0.3, 13, 100
    yield rng.randint(1, 10), 0.3, 13, 100


def cosine_schedule(step, peak, warmup, total):
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return peak * (1 + math.cos(math.pi * progress)) / 2


cosine_schedule = Exercise(
    name="optimization.cosine_schedule",
    task="(int step from 0, float peak, int warmup, int total) -> float: the learning "
    "rate of this step. In equal steps from peak/warmup at step 0 to peak at step "
    "warmup - 1; then down half a cosine to exactly 0 at step total - 1.",
    reference=cosine_schedule,
    cases=_schedule_cases,
    hints=(
        "Which share of the way down is done after step total - 1? And after step "
        "warmup - 1?",
        "A share from 0 to 1 becomes an angle from 0 to π. (1 + cos) / 2 goes from 1 "
        "to 0.",
        "if step < warmup: return peak * (step + 1) / warmup\n"
        "progress = (step + 1 - warmup) / (total - warmup)\n"
        "return peak * (1 + cos(π * progress)) / 2",
    ),
    proves="No step is wasted on a rate of 0, and the last one ends the way.",
)


def _schedule(step, peak, warmup, total, fall, first=1):
    """Rise from ``first`` shares of peak/warmup, then fall as ``fall(progress)``."""
    if step < warmup:
        return peak * (step + first) / warmup
    return peak * fall((step + 1 - warmup) / (total - warmup))


def _half_cosine(progress):
    return (1 + math.cos(math.pi * progress)) / 2


@cosine_schedule.wrong
def the_first_step_at_rate_0(step, peak, warmup, total):
    """Your warm-up starts at 0: the first step moves nothing, and the peak comes one
    step late. Step 0 has peak/warmup."""
    return _schedule(step, peak, warmup, total, _half_cosine, first=0)


@cosine_schedule.wrong
def no_warm_up(step, peak, warmup, total):
    """There is no warm-up: your rate starts at the peak's height and only falls."""
    return peak * _half_cosine((step + 1) / total)


@cosine_schedule.wrong
def warm_up_to_1(step, peak, warmup, total):
    """Your warm-up forgets the peak: it rises to 1."""
    if step < warmup:
        return (step + 1) / warmup
    return peak * _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def a_warm_up_that_does_not_rise(step, peak, warmup, total):
    """During the whole warm-up your rate is peak/warmup. It rises by that at each
    step."""
    if step < warmup:
        return peak / warmup
    return peak * _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def it_ends_above_0(step, peak, warmup, total):
    """At step total - 1 your rate is not 0 yet: that is the last step, and then the
    whole way is done."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup))


@cosine_schedule.wrong
def progress_counted_from_the_start(step, peak, warmup, total):
    """Your cosine has begun before the warm-up ended: the rate jumps down after it.
    Count the progress from the end of the warm-up."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step + 1) / total)


@cosine_schedule.wrong
def degrees(step, peak, warmup, total):
    """Your cosine takes degrees: math.cos expects radians, half a turn is π. The rate
    hardly falls."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 + math.cos(math.radians(p))) / 2
    )


@cosine_schedule.wrong
def a_quarter_of_a_cosine(step, peak, warmup, total):
    """You go a quarter of a turn, from cos 0 to cos π/2. That ends in a steep fall;
    half a turn ends gently."""
    return _schedule(step, peak, warmup, total, lambda p: math.cos(math.pi * p / 2))


@cosine_schedule.wrong
def a_whole_cosine(step, peak, warmup, total):
    """You go a whole turn: down and up again to the peak. Half a turn is π."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 + math.cos(2 * math.pi * p)) / 2
    )


@cosine_schedule.wrong
def down_in_a_line(step, peak, warmup, total):
    """Your rate falls in a straight line. That is a good schedule too; here half a
    cosine is asked for."""
    return _schedule(step, peak, warmup, total, lambda p: 1 - p)


@cosine_schedule.wrong
def it_rises_again(step, peak, warmup, total):
    """You use 1 - cos: it rises from 0 to the peak. 1 + cos falls."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 - math.cos(math.pi * p)) / 2
    )


@cosine_schedule.wrong
def everything_one_step_late(step, peak, warmup, total):
    """Your rate starts at 0 and ends above 0: the whole schedule is one step late, as
    in transformers. Count step + 1 in both halves."""
    if step < warmup:
        return peak * step / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup))


@cosine_schedule.wrong
def the_peak_twice(step, peak, warmup, total):
    """Step warmup has the peak's rate again. The peak was at step warmup - 1; from
    there every step goes down."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup - 1))


@cosine_schedule.wrong
def the_fall_forgets_the_peak(step, peak, warmup, total):
    """Your rate falls from 1, not from the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def not_halved(step, peak, warmup, total):
    """1 + cos goes from 2 to 0: halve it, or the rate jumps to twice the peak."""
    return _schedule(step, peak, warmup, total, lambda p: 2 * _half_cosine(p))


@cosine_schedule.wrong
def the_fall_spread_over_all_steps(step, peak, warmup, total):
    """You divide by all steps, so the way down is not done at the end. It has total -
    warmup steps."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step + 1 - warmup) / total)


# --- what decays ----------------------------------------------------------------------

_SHAPES = {
    "wte.weight": (7, 4),
    "wpe.weight": (5, 4),
    "h.0.ln_1.weight": (4,),
    "h.0.ln_1.bias": (4,),
    "h.0.attn.c_attn.weight": (4, 12),
    "h.0.attn.c_attn.bias": (12,),
    "h.0.mlp.c_fc.weight": (4, 16),
    "h.0.mlp.c_fc.bias": (16,),
    "ln_f.weight": (4,),
    "ln_f.bias": (4,),
}


def _parameter_cases(rng):
    yield ({"weight": tensor(rng, 2, 3), "bias": tensor(rng, 3)},)
    yield ({name: tensor(rng, *shape) for name, shape in _SHAPES.items()},)
    own = {"gain": (3,), "project": (3, 3), "token_embedding": (6, 3)}  # other names
    yield ({name: tensor(rng, *shape) for name, shape in own.items()},)


def decaying(parameters):
    return [name for name, parameter in parameters.items() if parameter.ndim >= 2]


decaying = Exercise(
    name="optimization.decaying",
    task="dict parameters, name -> tensor, -> list of the names that get weight decay, "
    "in their order: all matrices, embeddings too; no biases and no gains. Names "
    "differ from model to model: GPT-2 calls LayerNorm's gain ln_1.weight.",
    reference=decaying,
    cases=_parameter_cases,
    hints=(
        "What do biases and gains have in common that no name can hide?",
        "A bias has the shape (C,), a matrix (C, D). How many dimensions has each?",
        "go through parameters.items() and keep the names of tensors with ndim >= 2",
    ),
    proves="Shapes tell matrices from biases and gains; names do not.",
)


def _names_where(parameters, keep):
    return [name for name, parameter in parameters.items() if keep(name, parameter)]


@decaying.wrong
def everything_decays(parameters):
    """All parameters decay, biases and gains too. A gain pulled to 0 switches its
    channel off."""
    return list(parameters)


@decaying.wrong
def whatever_is_called_weight(parameters):
    """You go by the name. GPT-2's LayerNorm gains are called weight too, and other
    models use other names: look at the shape."""
    return _names_where(parameters, lambda name, p: name.endswith("weight"))


@decaying.wrong
def all_but_biases(parameters):
    """You leave out the biases by their name, but the gains of LayerNorm decay."""
    return _names_where(parameters, lambda name, p: not name.endswith("bias"))


@decaying.wrong
def biases_and_gains_decay(parameters):
    """It is the other way round: yours are those that must not decay."""
    return _names_where(parameters, lambda name, p: p.ndim < 2)


@decaying.wrong
def embeddings_left_out(parameters):
    """The embeddings are missing. Some recipes spare them; GPT-2's tied table is the
    head's matrix too, and here it decays."""
    tables = ("wte", "wpe", "embedding")
    return _names_where(
        parameters, lambda name, p: p.ndim >= 2 and not any(t in name for t in tables)
    )


@decaying.wrong
def tensors_in_place_of_names(parameters):
    """You return the tensors. Their names are asked for."""
    return [parameter for parameter in parameters.values() if parameter.ndim >= 2]


@decaying.wrong
def by_the_names_of_one_model(parameters):
    """You leave out what is called ln or bias: right for GPT-2, wrong where a gain is
    called gain. Look at the shape."""
    return _names_where(
        parameters, lambda name, p: "ln" not in name and "bias" not in name
    )


# --- clipping -------------------------------------------------------------------------


def _clip_cases(rng):
    yield [tensor(rng, 2, scale=3.0) + 2, tensor(rng, 2) - 2], 1.0
    yield [tensor(rng, 2, 3, scale=0.1), tensor(rng, 4, scale=0.05)], 1.5
    yield [tensor(rng, 3, 2, scale=20.0), tensor(rng, 3, scale=0.2)], 2.0
    yield [torch.zeros(2), torch.zeros(1)], 1.0


def clip_gradients(gradients, max_norm):
    norm = math.sqrt(sum(g.pow(2).sum().item() for g in gradients))
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in gradients]


clip_gradients = Exercise(
    name="optimization.clip_gradients",
    task="(list of tensors gradients, float max_norm) -> list of tensors: if the "
    "gradients, taken together as one long vector, are longer than max_norm, all are "
    "shortened by one factor, so that together they have that length.",
    reference=clip_gradients,
    cases=_clip_cases,
    hints=(
        "The direction of the long vector must not change. What may you multiply by?",
        "The length of two vectors end to end is the root of the sum of their squared "
        "lengths.",
        "norm = root of the sum of all squared entries of all gradients\n"
        "factor = max_norm / norm if norm > max_norm else 1\n"
        "return [g * factor for each g]",
    ),
    proves="The length is limited, the direction stays: one factor for all.",
    tolerance=1e-4,
)


def _norm(gradients):
    return math.sqrt(sum(g.pow(2).sum().item() for g in gradients))


def _shorten(gradients, norm, max_norm):
    """Shorten the gradients as if ``norm`` were their length."""
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in gradients]


@clip_gradients.wrong
def each_tensor_on_its_own(gradients, max_norm):
    """You limit each tensor by itself. The step then points somewhere else: long parts
    are shortened, short ones are not."""
    return [_shorten([g], g.norm().item(), max_norm)[0] for g in gradients]


@clip_gradients.wrong
def each_entry_on_its_own(gradients, max_norm):
    """You limit each number to ±max_norm. That bends the direction, and the whole may
    still be long."""
    return [g.clamp(-max_norm, max_norm) for g in gradients]


@clip_gradients.wrong
def short_ones_made_longer(gradients, max_norm):
    """You always bring the gradient to max_norm. A short gradient stays as it is: near
    the end of training it is short for a reason."""
    return [g * (max_norm / max(_norm(gradients), 1e-9)) for g in gradients]


@clip_gradients.wrong
def lengths_added_up(gradients, max_norm):
    """You add the lengths of the tensors. Squares add up: take the root of the sum of
    the squared lengths."""
    return _shorten(gradients, sum(g.norm().item() for g in gradients), max_norm)


@clip_gradients.wrong
def the_root_is_missing(gradients, max_norm):
    """Yours is the sum of squares: the root is missing."""
    return _shorten(gradients, _norm(gradients) ** 2, max_norm)


@clip_gradients.wrong
def the_longest_tensor_counts(gradients, max_norm):
    """You measure the longest tensor alone. All together are one vector."""
    return _shorten(gradients, max(g.norm().item() for g in gradients), max_norm)


@clip_gradients.wrong
def long_ones_thrown_away(gradients, max_norm):
    """You set a long gradient to zero: the batch would be wasted. Shorten it."""
    return [g * (_norm(gradients) <= max_norm) for g in gradients]


@clip_gradients.wrong
def never_clipped(gradients, max_norm):
    """Nothing is shortened: the comparison with max_norm never holds."""
    return [g.clone() for g in gradients]


@clip_gradients.wrong
def brought_to_length_1(gradients, max_norm):
    """A long gradient gets the length 1 in your answer. It shall get max_norm."""
    norm = _norm(gradients)
    return [g / norm if norm > max_norm else g.clone() for g in gradients]


@clip_gradients.wrong
def factor_upside_down(gradients, max_norm):
    """You multiply by norm / max_norm: the long gradient gets longer. Turn it round."""
    factor = max(_norm(gradients) / max_norm, 1.0)
    return [g * factor for g in gradients]


@clip_gradients.wrong
def the_largest_entry_counts(gradients, max_norm):
    """You measure the largest single number. The length is the root of the sum of all
    squares."""
    return _shorten(gradients, max(g.abs().max().item() for g in gradients), max_norm)


@clip_gradients.wrong
def absolute_values_added_up(gradients, max_norm):
    """You add up absolute values. The length is the root of the sum of squares."""
    return _shorten(gradients, sum(g.abs().sum().item() for g in gradients), max_norm)


# --- bug clinic -----------------------------------------------------------------------


def _joint_gradient(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def accumulate(model, batches):
    """Return the gradient of the mean loss over all targets of all batches."""
    counts = [int((targets != IGNORE).sum()) for _, targets in batches]
    model.zero_grad()
    for (inputs, targets), count in zip(batches, counts, strict=True):
        loss = cross_entropy(model(inputs), targets)
        (loss * count / sum(counts)).backward()
    return _joint_gradient(model)


def _accumulate_means(model, batches):
    model.zero_grad()
    for inputs, targets in batches:
        (cross_entropy(model(inputs), targets) / len(batches)).backward()
    return _joint_gradient(model)


unequal = Clinic(
    name="optimization.unequal",
    complaint="Four small batches are to give the gradient of one large batch. With "
    "batches of random windows, all of one length, they do, to the last digit. With "
    "stories the loss falls too, but a little differently from the large batch's.",
    patient=_accumulate_means,
    healthy=accumulate,
    suspects={
        "the sum is not divided by the number of batches": "the gradient would be "
        "several times too long, on windows of one length as well.",
        "gradients of the last step are not cleared": "a second call with the same "
        "batches would give another gradient than the first.",
        "each batch is clipped by itself": "on windows of one length the directions "
        "would already differ, as soon as one gradient is long.",
        "padding is counted": "a single batch of two stories of unequal length would "
        "already differ.",
        "every batch counts the same, however many targets it has": "batches with "
        "equally many targets would agree, and others not.",
    },
    fault="every batch counts the same, however many targets it has",
    evidence="With equally many targets in each batch the two agree; with unequal ones "
    "they part. The mean of the batches' means is not the mean over all targets: a "
    "token in a short batch weighs more. Weigh each batch by its number of targets.",
)

# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "Adam divides the mean gradient by its usual size. The loss is multiplied by "
        "10: how does the step change?",
        "Not at all: mean and usual size both grow tenfold (but for epsilon, and if "
        "nothing is clipped).",
        (
            "optimization.adamw_step: root left out",
            "optimization.adamw_step: square of the mean",
        ),
    ),
    Question(
        "Why does the first step of a warm-up not have a learning rate of 0?",
        "It would be wasted: nothing would move. Step 0 has peak/warmup.",
        ("optimization.cosine_schedule: the first step at rate 0",),
    ),
    Question(
        "You clip each weight's gradient on its own. What changes that must not?",
        "The direction of the step. One factor for all keeps it.",
        (
            "optimization.clip_gradients: each tensor on its own",
            "optimization.clip_gradients: each entry on its own",
        ),
    ),
    Question(
        "Four small batches of unequal length in place of one large batch: how do you "
        "weigh their losses?",
        "By their numbers of targets. The mean of means gives tokens of short batches "
        "too much weight.",
    ),
)
