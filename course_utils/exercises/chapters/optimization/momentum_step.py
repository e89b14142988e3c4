"""Momentum: exercise momentum_step and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


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


@momentum_step.wrong
def the_velocity_keeps_everything(weight, gradient, velocity, learning_rate, momentum):
    """Your velocity loses nothing: it only grows. The share momentum of the old one is
    kept: momentum * velocity + gradient."""
    velocity = velocity + gradient
    return weight - learning_rate * velocity, velocity


@momentum_step.wrong
def the_share_momentum_is_lost(weight, gradient, velocity, learning_rate, momentum):
    """Your velocity keeps the share 1 - momentum, so at 0.9 it forgets nearly all. The
    share momentum is what stays."""
    velocity = (1 - momentum) * velocity + gradient
    return weight - learning_rate * velocity, velocity
