"""Log-softmax: exercise log_softmax and its mistakes."""

import math

import torch

from course_utils import cross_entropy as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _logit_cases(rng):
    yield (torch.tensor([1.0, 2.0, 3.0]),)
    yield (tensor(rng, 3, 5, scale=2.0),)
    yield (tensor(rng, 4, 4, scale=3.0),)
    yield (tensor(rng, 2, 3, 5) + 1000.0,)  # exp overflows
    yield (tensor(rng, 2, 4) - torch.tensor([[0.0], [500.0]]),)  # rows far apart
    yield (torch.tensor([[0.0, -300.0, -1.0], [2.0, 200.0, 0.0]]),)  # exp is 0


def _naive_log_softmax(logits, dim=-1):
    return logits - logits.exp().sum(dim=dim, keepdim=True).log()


log_softmax = Exercise(
    name="objective.log_softmax",
    task="(logits (..., V)) -> (..., V): log-probabilities, logit minus log(sum of "
    "exp(logits)) over the last dimension. It must hold for logits of any size: 1000, "
    "or 300 apart.",
    reference=component.log_softmax,
    cases=_logit_cases,
    hints=(
        "What is exp(1000) on a computer? Which number may you take off all logits of "
        "a row without changing any probability?",
        "The maximum of each row is (..., 1): keepdim=True.",
        "shifted = logits - each row's maximum\n"
        "return shifted - log(sum of exp(shifted))",
    ),
    proves="No size of logits breaks it: no overflow, and no log of 0.",
    tolerance=3e-4,  # of logits near 1000 only the fourth decimal is exact
)


@log_softmax.wrong
def exponentials_of_large_logits(logits):
    """exp(1000) is infinite, and your result with it. Take each row's maximum off
    first: it changes no probability."""
    return _naive_log_softmax(logits)


@log_softmax.wrong
def logarithm_of_the_overflowing_softmax(logits):
    """You divide exponentials and take the logarithm after. exp(1000) is infinite, and
    infinite over infinite is NaN. Take each row's maximum off first."""
    powers = logits.exp()
    return (powers / powers.sum(dim=-1, keepdim=True)).log()


@log_softmax.wrong
def logarithm_of_the_finished_softmax(logits):
    """log(softmax(x)): a probability below 1e-45 is rounded to 0, and its logarithm is
    -inf: an infinite loss. Stay with logarithms: logit - log(sum of exp)."""
    return logits.softmax(dim=-1).log()


@log_softmax.wrong
def softmax_without_logarithm(logits):
    """These are probabilities. Their logarithms are asked for."""
    return logits.softmax(dim=-1)


@log_softmax.wrong
def the_wrong_dimension(logits):
    """You normalise over the first dimension, texts or positions. Each row shares out
    its probability over the V tokens: dim=-1."""
    return logits.log_softmax(dim=0)


@log_softmax.wrong
def one_maximum_for_all_rows(logits):
    """You take the maximum of the whole tensor off. A row far below it is rounded to 0,
    and its logarithm is -inf. Each row needs its own maximum."""
    shifted = logits - logits.max()
    return _naive_log_softmax(shifted)


@log_softmax.wrong
def only_the_maximum_taken_off(logits):
    """The maximum is off, but nothing is normalised: the probabilities of a row must
    sum to 1."""
    return logits - logits.amax(dim=-1, keepdim=True)


@log_softmax.wrong
def sum_of_logits_in_place_of_exponentials(logits):
    """You sum the shifted logits, not their exponentials."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.sum(dim=-1, keepdim=True)


@log_softmax.wrong
def exponentials_not_logged(logits):
    """The logarithm of the sum is missing: you take the sum of exponentials off."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True)


@log_softmax.wrong
def maximum_not_put_back(logits):
    """You take the maximum off on one side only: logit - log(sum of exp(shifted)). What
    comes off inside the sum must come off the logit too, and not be added again."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return logits - shifted.exp().sum(dim=-1, keepdim=True).log()


@log_softmax.wrong
def logarithm_of_base_2(logits):
    """These are bits: base 2. The course, and PyTorch, count in nats: base e."""
    return logits.log_softmax(dim=-1) / math.log(2)


@log_softmax.wrong
def a_small_number_added_before_the_logarithm(logits):
    """You add a small number, so that the logarithm finds no 0. Then -200 becomes -21:
    finite, and wrong. Stay with logarithms: logit - log(sum of exp)."""
    return (logits.softmax(dim=-1) + 1e-9).log()


@log_softmax.wrong
def the_mean_taken_off(logits):
    """You take the mean off. Any number may be taken off, but only the maximum makes
    sure that no exponential overflows."""
    return _naive_log_softmax(logits - logits.mean(dim=-1, keepdim=True))


@log_softmax.wrong
def sign_turned_to_surprise(logits):
    """Yours are the surprises, -log p. Log-probabilities are never positive."""
    return -logits.log_softmax(dim=-1)


@log_softmax.wrong
def sums_lined_up_with_the_columns(logits):
    """Without keepdim=True the sums are (...), and broadcasting lines them up with the
    columns: each row gets another row's sum, or an error."""
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1).log()


@log_softmax.wrong
def maximum_taken_off_twice(logits):
    """The maximum is taken off twice: from the logits, and once more with the logarithm
    of the sum. Shifted logits minus the log of *their* sum is the result."""
    return logits.log_softmax(dim=-1) - logits.amax(dim=-1, keepdim=True)
