"""Do two measures rank heads alike? Exercise rank_correlation and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for n in (3, 4, 6, 8, 9):
        a = tensor(rng, n).exp() - 0.7
        yield a, (0.5 * a + tensor(rng, n)) ** 3
    yield a, -((a + 1) ** 2)


def _ranks(x):
    return x.argsort().argsort().float()


def _correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a @ b) / (a.norm() * b.norm())


def rank_correlation(a, b):
    ranks = [x.argsort().argsort().float() for x in (a, b)]
    first, second = (r - r.mean() for r in ranks)
    return (first @ second) / (first.norm() * second.norm())


rank_correlation = Exercise(
    name="inside.rank_correlation",
    task="(a (n,), b (n,)) -> number from -1 to 1: Spearman's rank correlation, the "
    "(Pearson) correlation of the ranks. No two entries of a are equal, nor of b.",
    reference=rank_correlation,
    cases=_cases,
    hints=(
        "Which rank has the smallest entry, and which the largest? argsort alone says "
        "something else: where the smallest stands.",
        "Ranks are (n,), 0 to n - 1. Take their means off, multiply, divide by both "
        "lengths.",
        "ranks = the argsort of the argsort, as numbers\n"
        "centre both, then (r @ s) / (|r| · |s|)",
    ),
    proves="You can say whether two measures agree on the order of the heads.",
)


@rank_correlation.wrong
def correlation_of_the_values(a, b):
    """You correlate the values. One head that is far out then decides alone: ranks
    first."""
    return _correlation(a, b)


@rank_correlation.wrong
def argsort_taken_for_ranks(a, b):
    """argsort says where the smallest stands, then the next. The rank of each entry is
    the argsort of that."""
    return _correlation(a.argsort().float(), b.argsort().float())


@rank_correlation.wrong
def only_one_ranked(a, b):
    """You rank a, but not b: both lists are to be ranks."""
    return _correlation(_ranks(a), b)


@rank_correlation.wrong
def only_the_second_ranked(a, b):
    """You rank b, but not a: both lists are to be ranks."""
    return _correlation(a, _ranks(b))


@rank_correlation.wrong
def ranked_by_size_without_sign(a, b):
    """You rank absolute values. A head with -2 stands below one with 1."""
    return _correlation(_ranks(a.abs()), _ranks(b.abs()))


@rank_correlation.wrong
def one_ranked_from_the_top(a, b):
    """Your sign is wrong: one of the two is ranked from the largest down."""
    return _correlation(_ranks(-a), _ranks(b))


@rank_correlation.wrong
def means_not_taken_off(a, b):
    """You leave the means in: ranks are all positive, and any two lists look alike."""
    r, s = _ranks(a), _ranks(b)
    return (r @ s) / (r.norm() * s.norm())


@rank_correlation.wrong
def squared(a, b):
    """You return the square, the explained share. The correlation has a sign."""
    return rank_correlation.reference(a, b) ** 2


@rank_correlation.wrong
def the_sign_lost(a, b):
    """You return its absolute value. Two measures that rank in opposite order have
    -1."""
    return rank_correlation.reference(a, b).abs()


@rank_correlation.wrong
def covariance_in_place_of_correlation(a, b):
    """You do not divide by the lengths of both: covariance grows with n."""
    r, s = _ranks(a), _ranks(b)
    return ((r - r.mean()) * (s - s.mean())).mean()


@rank_correlation.wrong
def n_and_n_minus_1_mixed(a, b):
    """Your covariance divides by n, your deviations by n - 1 (torch's std): the result
    is too small by (n - 1)/n."""
    n = len(a)
    return rank_correlation.reference(a, b) * (n - 1) / n


@rank_correlation.wrong
def share_of_equal_ranks(a, b):
    """You count entries with the same rank in both. Near misses count too."""
    return (_ranks(a) == _ranks(b)).float().mean()


@rank_correlation.wrong
def shared_pairs_counted(a, b):
    """You count pairs in the same order: that is Kendall's tau. Spearman's correlates
    the ranks."""
    n = len(a)
    first, second = torch.triu_indices(n, n, 1)
    return ((a[first] - a[second]).sign() * (b[first] - b[second]).sign()).mean()
