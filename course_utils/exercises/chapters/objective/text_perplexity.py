"""A number for people, and one for comparing: text_perplexity and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _perplexity_cases(rng):
    yield (torch.tensor([math.log(4), math.log(4)]),)
    for n in (1, 3, 40):
        yield (tensor(rng, n, scale=2.0).abs() + 0.1,)


def text_perplexity(losses):
    return math.exp(losses.mean())


text_perplexity = Exercise(
    name="objective.text_perplexity",
    task="(losses (N,)) -> float: the perplexity of N tokens whose surprises, in nats, "
    "are given.",
    reference=text_perplexity,
    cases=_perplexity_cases,
    hints=(
        "A model that hesitates between 4 equal tokens has a loss of ln 4 at each of "
        "them. Its perplexity is 4. Which function undoes ln?",
        "One number: the mean comes first, or the exponential?",
        "exp of the mean of the losses",
    ),
    proves="Among how many equal tokens the model hesitates, on average.",
)


@text_perplexity.wrong
def mean_of_the_exponentials(losses):
    """You average exp(loss). One surprise of 10 nats would outweigh 20,000 tokens
    without any: average first."""
    return losses.exp().mean().item()


@text_perplexity.wrong
def two_in_place_of_e(losses):
    """You raise 2, but the losses are in nats. 2 belongs to bits, e to nats."""
    return 2.0 ** losses.mean().item()


@text_perplexity.wrong
def exponential_of_the_sum(losses):
    """You take the exponential of the sum: 1 over the probability of the whole text.
    Per token: of the mean."""
    return losses.sum().exp().item()


@text_perplexity.wrong
def the_mean_loss_itself(losses):
    """This is the loss. Perplexity is its exponential."""
    return losses.mean().item()


@text_perplexity.wrong
def one_over_the_perplexity(losses):
    """exp(-loss) is the (geometric) mean probability of a token; perplexity is 1 over
    it."""
    return (-losses.mean()).exp().item()


@text_perplexity.wrong
def one_for_each_token(losses):
    """You return a number for each token. A text has one perplexity: of the mean."""
    return losses.exp()


@text_perplexity.wrong
def ten_in_place_of_e(losses):
    """You take 10 to the power of the mean. The surprises are in nats, made with the
    natural logarithm: exp undoes it."""
    return 10 ** losses.mean().item()
