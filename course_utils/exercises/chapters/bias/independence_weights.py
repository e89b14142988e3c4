"""Weights: exercise independence_weights and its mistakes."""

import torch

from course_utils import bias as component
from course_utils.exercises.engine.definition import Exercise


def _count_cases(rng):
    for G, J in ((2, 2), (2, 3), (3, 4)):
        counts = torch.tensor(
            [[rng.randint(2, 40) for _ in range(J)] for _ in range(G)]
        )
        counts[0, 0] += 30  # never even already
        if J > 2:
            counts[1, 2] = 0
        yield (counts.float(),)
    yield (torch.tensor([[1.0, 4.0, 2.0], [3.0, 1.0, 0.0]]),)  # what came once counts


def _divided(expected, counts):
    return torch.where(counts > 0, expected / counts.clamp(min=1), 0.0)


def _expected(counts):
    return counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / counts.sum()


independence_weights = Exercise(
    name="bias.independence_weights",
    task="(counts (G, J)) -> (G, J): what a person of gender g with job j must weigh, "
    "so that gender and job are independent in the weighted counts, and each row and "
    "column has the sum that it had. A pair that never occurs weighs 0, and changes no "
    "other pair's weight.",
    reference=component.independence_weights,
    cases=_count_cases,
    hints=(
        "If gender and job were independent, how often would each pair occur?",
        "Row sums (G, 1), column sums (J,), and the sum of all: expected is (G, J).",
        "expected = row sum * column sum / sum of all\n"
        "weight = expected / counts\n"
        "where counts is 0: weight 0, not infinity",
    ),
    proves="Rare pairs speak louder, common ones softer, and no text is rewritten.",
)


@independence_weights.wrong
def upside_down(counts):
    """Your weights are upside down: pairs that are too frequent get more. It is
    expected over observed."""
    return counts / _expected(counts)


@independence_weights.wrong
def infinite_for_what_never_occurs(counts):
    """You divide by 0 where a pair never occurs, and get infinity. No weight can bring
    texts that are not there: give 0."""
    return _expected(counts) / counts


@independence_weights.wrong
def every_pair_as_frequent_as_any_other(counts):
    """You make all pairs equally frequent. Then a rare job becomes as common as any.
    Only the tie of gender and job is to go: expected is row sum times column sum over
    the sum of all."""
    return _divided(counts.sum() / counts.numel(), counts)


@independence_weights.wrong
def one_over_the_count(counts):
    """You take one over the count. Then the weighted counts are all 1, whatever the
    jobs' own frequencies were, and large corpora weigh nothing."""
    return _divided(torch.ones_like(counts), counts)


@independence_weights.wrong
def not_divided_by_the_sum_of_all(counts):
    """You multiply row sum and column sum and forget to divide by the sum of all
    counts: your weights are about as large as the corpus."""
    return _divided(_expected(counts) * counts.sum(), counts)


@independence_weights.wrong
def the_genders_share_of_the_job(counts):
    """You return 1 over P(job | gender). That evens out the jobs as well; the job's own
    share, column sum over the sum of all, is missing."""
    return _divided(counts.sum(dim=1, keepdim=True).expand_as(counts), counts)


@independence_weights.wrong
def the_weighted_counts_returned(counts):
    """You return how frequent each pair should be, the expected counts. The weight is
    that over the count observed."""
    return _expected(counts)


@independence_weights.wrong
def one_added_to_every_count(counts):
    """You add 1 to every count, so that none is 0. That changes every pair's weight;
    one that never occurs weighs 0 and needs no such care."""
    more = counts + 1
    return _expected(more) / more
