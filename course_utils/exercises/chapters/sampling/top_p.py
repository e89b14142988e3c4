"""Top-p: exercise top_p and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _top_p_cases(rng):
    yield torch.tensor([[0.15, 0.5, 0.05, 0.3]]), 0.6
    yield torch.tensor([[0.15, 0.5, 0.05, 0.3]]), 0.9
    yield torch.tensor([[0.02, 0.31, 0.4, 0.27], [0.85, 0.04, 0.06, 0.05]]), 0.8
    yield torch.tensor([[0.25, 0.5, 0.125, 0.125]]), 0.5  # one alone has exactly p
    for V in (7, 9):
        while True:
            p, rows = rng.uniform(0.5, 0.9), tensor(rng, 3, V, scale=1.5).softmax(-1)
            sums = rows.sort(dim=-1, descending=True).values.cumsum(dim=-1)
            if (sums - p).abs().min() > 0.01:
                break
        yield rows, p


def top_p(probabilities, p):
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered  # what the likelier ones have together
    kept = torch.where(before < p, ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)  # back to their places
    return kept / kept.sum(dim=-1, keepdim=True)


def _nucleus(probabilities, p, stays):
    """Keep by a rule on (values, sums up to and with each), sorted, and scale."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    kept = torch.where(stays(ordered, ordered.cumsum(dim=-1)), ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)
    return kept / kept.sum(dim=-1, keepdim=True)


top_p = Exercise(
    name="sampling.top_p",
    task="(probabilities (B, V), float p) -> (B, V): in each row keep the fewest "
    "likeliest tokens that together have at least p. The others get 0, and what is "
    "left is scaled to sum to 1.",
    reference=top_p,
    cases=_top_p_cases,
    hints=(
        "Probabilities .5, .3, .15, .05 and p = .6: does the token with .3 stay?",
        "sort(descending=True) gives (B, V) values and their places; cumsum adds up.",
        "sort, likeliest first\n"
        "a token stays if the likelier ones together have less than p\n"
        "put the kept ones back to their places (scatter)\n"
        "divide by the row's sum",
    ),
    proves="Few tokens where the model is sure, many where it is not.",
)


@top_p.wrong
def the_token_that_crosses_p_is_dropped(probabilities, p):
    """You drop the token with which the sum passes p, so what is left has less than p,
    and nothing at all where the first token alone has more. It stays: compare with the
    sum of the tokens *before*."""
    return _nucleus(probabilities, p, lambda ordered, sums: sums <= p)


@top_p.wrong
def the_crossing_token_dropped_and_nothing_scaled(probabilities, p):
    """Two things: the token with which the sum passes p has to stay, and what is left
    has to be divided by its sum."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    kept = torch.where(ordered.cumsum(dim=-1) <= p, ordered, 0.0)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@top_p.wrong
def not_sorted(probabilities, p):
    """You add up in the order of the vocabulary. Sort first: the likeliest are to be
    kept, not those with small ids."""
    before = probabilities.cumsum(dim=-1) - probabilities
    kept = torch.where(before < p, probabilities, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def kept_but_not_scaled(probabilities, p):
    """Your rows sum to p or a little more. Divide by the sum of what is left."""
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = torch.where(before < p, ordered, 0.0)
    return torch.zeros_like(kept).scatter(-1, order, kept)


@top_p.wrong
def left_in_sorted_order(probabilities, p):
    """Your result is sorted, likeliest first: token 0 would get the probability of the
    likeliest. Put each one back to its place."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, ordered, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def the_mask_left_in_sorted_order(probabilities, p):
    """You compute the mask on sorted values and lay it on unsorted ones: it keeps the
    first places of the vocabulary. Carry it back with the order."""
    ordered = probabilities.sort(dim=-1, descending=True).values
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, probabilities, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def the_unlikely_kept(probabilities, p):
    """You add up from the unlikely end. sort() is ascending; ask for descending."""
    ordered, order = probabilities.sort(dim=-1)
    kept = torch.where(ordered.cumsum(dim=-1) - ordered < p, ordered, 0.0)
    kept = torch.zeros_like(kept).scatter(-1, order, kept)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_p.wrong
def p_as_a_bar_for_each_token(probabilities, p):
    """You compare each probability by itself with 1 - p. Top-p looks at the sum of the
    likeliest."""
    return _nucleus(probabilities, p, lambda ordered, sums: ordered >= 1 - p)


@top_p.wrong
def scaled_by_the_batch(probabilities, p):
    """All your rows together sum to 1. Divide each row by its own sum:
    sum(dim=-1, keepdim=True)."""
    kept = kept_but_not_scaled(probabilities, p)
    return kept / kept.sum()


@top_p.wrong
def softmax_once_more(probabilities, p):
    """You apply softmax to probabilities: what was cut is back, since exp(0) is 1.
    Dividing by the sum is enough."""
    return kept_but_not_scaled(probabilities, p).softmax(dim=-1)


@top_p.wrong
def one_more_at_the_border(probabilities, p):
    """Where the first tokens have exactly p you keep one more. They have at least p, so
    that is enough: keep while the sum *before* a token is below p, not equal."""
    return _nucleus(probabilities, p, lambda ordered, sums: sums - ordered <= p)


@top_p.wrong
def p_itself_as_a_bar(probabilities, p):
    """You keep the tokens that have at least p by themselves: often not one is left.
    Top-p looks at the sum of the likeliest."""
    return _nucleus(probabilities, p, lambda ordered, sums: ordered >= p)
