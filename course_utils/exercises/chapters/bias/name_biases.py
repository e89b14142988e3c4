"""The bias at each name: exercise name_biases and its mistakes."""

import torch

from course_utils import bias as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _typical(rng, N, J):
    """Return bool (N, J): from 2 to J - 2 typical jobs in each row, never half."""
    rows = []
    for _ in range(N):
        n = rng.choice([n for n in range(2, J - 1) if 2 * n != J])
        row = [True] * n + [False] * (J - n)
        rng.shuffle(row)
        rows.append(row)
    return torch.tensor(rows)


def _log_probs(rng, N, J, scale=1.0):
    """Return log P of J words that are not all words: they sum to less than 1."""
    return (tensor(rng, N, J + 3) * scale).log_softmax(dim=-1)[:, :J]


def _name_cases(rng):
    for N, J in ((2, 5), (3, 6), (4, 9)):
        yield _log_probs(rng, N, J), _typical(rng, N, J)


def _signed(shares, typical):
    return torch.where(typical, shares, -shares).sum(dim=-1)


name_biases = Exercise(
    name="bias.name_biases",
    task="(log_probs (N, J), typical bool (N, J)) -> (N,): of J job words after each "
    "of N names, the share of the typical ones minus the share of the others. Shares "
    "are of the J words alone: whatever else could come next is left out.",
    reference=component.name_biases,
    cases=_name_cases,
    hints=(
        "The J probabilities sum to 0.6, say. To what must the shares sum?",
        "(N, J) log-probabilities -> (N, J) shares, each row sums to 1 -> (N,).",
        "shares = softmax of the log-probabilities over the jobs\n"
        "count shares of typical jobs as plus, the others as minus\n"
        "sum over the jobs",
    ),
    proves="A model's bias is a number now, on the scale of the world's own dial.",
)


@name_biases.wrong
def all_other_words_count_too(log_probs, typical):
    """Your shares do not sum to 1: part of the probability is on words that are no
    jobs. Scale over the J words, as softmax over log-probabilities does."""
    return _signed(log_probs.exp(), typical)


@name_biases.wrong
def softmax_over_the_names(log_probs, typical):
    """Your columns sum to 1, not your rows. A name has its own distribution over jobs:
    softmax runs over the last dimension."""
    return _signed(log_probs.softmax(dim=0), typical)


@name_biases.wrong
def the_share_of_typical_jobs_alone(log_probs, typical):
    """You return the share of typical jobs. In an even world that is one half, not 0:
    take the share of the others off."""
    return torch.where(typical, log_probs.softmax(dim=-1), 0.0).sum(dim=-1)


@name_biases.wrong
def the_other_way_round(log_probs, typical):
    """Your sign is the other way round: typical jobs count as plus."""
    return -_signed(log_probs.softmax(dim=-1), typical)


@name_biases.wrong
def a_mean_over_each_group(log_probs, typical):
    """You compare the average typical job with the average other one. Shares are sums:
    a group of more jobs may well have more of the probability."""
    shares = log_probs.softmax(dim=-1)
    plus = torch.where(typical, shares, 0.0).sum(dim=-1) / typical.sum(dim=-1)
    return plus - torch.where(typical, 0.0, shares).sum(dim=-1) / (~typical).sum(dim=-1)


@name_biases.wrong
def a_ratio_in_place_of_a_difference(log_probs, typical):
    """You divide the two shares. Then an even name gives 1, and one with typical jobs
    only gives infinity. The dial is a difference."""
    shares = log_probs.softmax(dim=-1)
    plus = torch.where(typical, shares, 0.0).sum(dim=-1)
    return plus / (1 - plus)


@name_biases.wrong
def the_likeliest_job_decides(log_probs, typical):
    """You look at the likeliest job only: plus or minus 1. That is the bias of greedy
    writing. Here every job counts with its share."""
    best = log_probs.argmax(dim=-1, keepdim=True)
    return 2.0 * typical.gather(1, best)[:, 0] - 1


@name_biases.wrong
def log_probabilities_added(log_probs, typical):
    """You add log-probabilities. Their sum is the probability that all happen; for one
    *or* the other, add probabilities."""
    return _signed(log_probs, typical)


@name_biases.wrong
def one_number_for_all_names(log_probs, typical):
    """You return the mean over the names. Keep one number for each: a mean can hide
    that half of them lean one way and half the other."""
    return _signed(log_probs.softmax(dim=-1), typical).mean()


@name_biases.wrong
def in_percent(log_probs, typical):
    """You give percent. A share is a part of 1."""
    return 100 * name_biases.reference(log_probs, typical)


@name_biases.wrong
def logarithms_shared_out(log_probs, typical):
    """You divide log-probabilities by their sum. Shares are made of probabilities: exp
    first, or softmax, which does both."""
    return _signed(log_probs / log_probs.sum(dim=-1, keepdim=True), typical)
