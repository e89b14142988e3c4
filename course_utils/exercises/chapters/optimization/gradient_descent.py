"""Gradient descent: exercise gradient_descent and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


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
    yield ravine, tensor(rng, 2) - 2, 0.1, 2


def gradient_descent(gradient_of, start, learning_rate, n_steps):
    path = [start]
    for _ in range(n_steps):
        path.append(path[-1] - learning_rate * gradient_of(path[-1]))
    return torch.stack(path)


def _descent(move, gradient_of, start, n_steps):
    """Return the path of steps that ``move`` makes of a place and its gradient."""
    path = [start]
    for _ in range(n_steps):
        path.append(move(path[-1], gradient_of(path[-1])))
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


@gradient_descent.wrong
def one_step_too_few(gradient_of, start, learning_rate, n_steps):
    """You have n_steps places. The start is one more: n_steps steps have n_steps + 1
    places."""
    path = gradient_descent.reference(gradient_of, start, learning_rate, n_steps)
    return path[: max(1, n_steps)]


@gradient_descent.wrong
def one_step_too_many(gradient_of, start, learning_rate, n_steps):
    """You have n_steps + 2 places. The start is one of them: n_steps steps have n_steps
    + 1 places."""
    return gradient_descent.reference(gradient_of, start, learning_rate, n_steps + 1)


@gradient_descent.wrong
def the_place_forgotten(gradient_of, start, learning_rate, n_steps):
    """Each of your places is the step alone. A step begins where the last one ended:
    add it to that place."""
    return _descent(lambda w, g: -learning_rate * g, gradient_of, start, n_steps)
