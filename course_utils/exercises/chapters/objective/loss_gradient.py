"""Its gradient: exercise loss_gradient and its mistakes."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _gradient_cases(rng):
    for N, V in ((1, 3), (2, 4), (5, 3), (4, 4)):
        ids = torch.tensor([rng.randrange(V) for _ in range(N)])
        yield tensor(rng, N, V, scale=1.5), ids


def loss_gradient(logits, targets):
    N, V = logits.shape
    probabilities = logits.softmax(dim=-1)
    one_hot = torch.eye(V)[targets]  # (N, V)
    return (probabilities - one_hot) / N


def _one_hot(logits, targets):
    return F.one_hot(targets, logits.shape[-1]).to(logits.dtype)


loss_gradient = Exercise(
    name="objective.loss_gradient",
    task="(logits (N, V), targets (N,)) -> (N, V): the slope of the mean cross-entropy "
    "along each logit, by formula, without autograd. Every position counts.",
    reference=loss_gradient,
    without=(AUTOGRAD,),
    cases=_gradient_cases,
    hints=(
        "Loss of one position: log(sum of exp(z)) - z[target]. What is the slope of "
        "each of the two parts?",
        "The first part's slopes are a row you know, (V,); the second's are 0 but for "
        "one. And the mean over N positions?",
        "p = softmax(logits)\none_hot = 1 at each row's target, else 0\n"
        "return (p - one_hot) / N",
    ),
    proves="The slope is what the model said minus what came. No autograd needed.",
)


@loss_gradient.wrong
def direction_turned_round(logits, targets):
    """This is one-hot minus softmax: the way downhill. The gradient points uphill; the
    optimiser turns it round."""
    return (_one_hot(logits, targets) - logits.softmax(dim=-1)) / len(targets)


@loss_gradient.wrong
def number_of_positions_forgotten(logits, targets):
    """This is the gradient of the sum. The loss is the mean: divide by N."""
    return logits.softmax(dim=-1) - _one_hot(logits, targets)


@loss_gradient.wrong
def divided_by_all_numbers(logits, targets):
    """You divide by N·V. The mean is over N positions; each has V logits."""
    return (logits.softmax(dim=-1) - _one_hot(logits, targets)) / logits.numel()


@loss_gradient.wrong
def only_the_targets_logit_moves(logits, targets):
    """Only the target's logit has a slope in your answer. All logits do: each one feeds
    the sum under the logarithm, so every other token is pushed down by its p."""
    one_hot = _one_hot(logits, targets)
    return (logits.softmax(dim=-1) - one_hot) * one_hot / len(targets)


@loss_gradient.wrong
def softmax_over_the_positions(logits, targets):
    """Your softmax runs down the columns, over the N positions. Each position shares
    out its probability over the V tokens: dim=-1."""
    return (logits.softmax(dim=0) - _one_hot(logits, targets)) / len(targets)


@loss_gradient.wrong
def softmax_alone(logits, targets):
    """The target is missing: softmax alone is the slope of log(sum of exp). Take 1 off
    at the token that came."""
    return logits.softmax(dim=-1) / len(targets)


@loss_gradient.wrong
def slope_along_the_probability(logits, targets):
    """-1/p is the slope along the target's *probability*. Along the logits it must
    still be followed through the softmax."""
    one_hot = _one_hot(logits, targets)
    return -one_hot / logits.softmax(dim=-1) / len(targets)


@loss_gradient.wrong
def logits_minus_one_hot(logits, targets):
    """The softmax is missing: you take the one-hot row off the logits."""
    return (logits - _one_hot(logits, targets)) / len(targets)


@loss_gradient.wrong
def slope_of_the_square(logits, targets):
    """This is the slope of ½(p - one-hot)² through the softmax: another loss. It goes
    flat where the model is sure and wrong; cross-entropy does not."""
    p = logits.softmax(dim=-1)
    error = p - _one_hot(logits, targets)
    return p * (error - (error * p).sum(dim=-1, keepdim=True)) / len(targets)


@loss_gradient.wrong
def one_taken_off_in_every_row(logits, targets):
    """p[:, targets] -= 1 takes 1 off in every row at every target. Row n has one target
    only: index both, [arange(N), targets]."""
    p = logits.softmax(dim=-1)
    p[:, targets] -= 1
    return p / len(targets)


@loss_gradient.wrong
def divided_by_the_vocabulary(logits, targets):
    """You divide by V. The loss is a mean over the N positions."""
    return (logits.softmax(dim=-1) - _one_hot(logits, targets)) / logits.shape[-1]


@loss_gradient.wrong
def log_softmax_minus_one_hot(logits, targets):
    """You take one-hot off the *log*-probabilities. The slope of log(sum of exp) is the
    softmax itself."""
    return (logits.log_softmax(dim=-1) - _one_hot(logits, targets)) / len(targets)
