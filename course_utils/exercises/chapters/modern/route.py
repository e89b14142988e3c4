"""Two of many experts: exercise route and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for N, E, k in ((1, 3, 2), (2, 4, 2), (4, 5, 2), (3, 4, 1), (4, 6, 3)):
        yield 2 * tensor(rng, N, E), k


def route(scores, k):
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen, best / best.sum(dim=-1, keepdim=True)


route = Exercise(
    name="modern.route",
    task="(scores (N, E), int k) -> (chosen int64 (N, k), shares (N, k)): each token's "
    "k experts with the highest scores, the best first, and their softmax "
    "probabilities, scaled so that the k of a token sum to 1.",
    reference=route,
    cases=_cases,
    hints=(
        "Softmax over all experts, then the best k: do their shares sum to 1?",
        "topk gives values and indices, both (N, k). A row's sum is (N, 1).",
        "best, chosen = the k largest of softmax(scores)\n"
        "chosen, best / (sum of each row of best)",
    ),
    proves="A token's output is a weighted mean of what its experts make.",
)


@route.wrong
def shares_not_scaled(scores, k):
    """Your shares are those of all experts and do not sum to 1. Divide by their sum."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen, best


@route.wrong
def equal_shares(scores, k):
    """Your experts count alike. Each counts by its probability."""
    chosen = scores.topk(k, dim=-1).indices
    return chosen, torch.full(chosen.shape, 1 / k)


@route.wrong
def scores_as_shares(scores, k):
    """You scale the raw scores. They can be negative: softmax first."""
    best, chosen = scores.topk(k, dim=-1)
    return chosen, best / best.sum(dim=-1, keepdim=True)


@route.wrong
def sigmoid_shares(scores, k):
    """Your shares come from sigmoid (DeepSeek-V3 does so). Here it is softmax."""
    best, chosen = scores.sigmoid().topk(k, dim=-1)
    return chosen, best / best.sum(dim=-1, keepdim=True)


@route.wrong
def the_worst_experts(scores, k):
    """You take the experts with the lowest scores."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1, largest=False)
    return chosen, best / best.sum(dim=-1, keepdim=True)


@route.wrong
def best_last(scores, k):
    """Your best expert comes last."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen.flip(-1), (best / best.sum(dim=-1, keepdim=True)).flip(-1)


@route.wrong
def shares_in_another_order(scores, k):
    """Your shares do not stand beside their experts: one of the two is turned round."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen, (best / best.sum(dim=-1, keepdim=True)).flip(-1)


@route.wrong
def chosen_by_absolute_value(scores, k):
    """You choose by the size of the score, sign left out. −3 is a low score."""
    chosen = scores.abs().topk(k, dim=-1).indices
    best = scores.softmax(dim=-1).gather(-1, chosen)
    return chosen, best / best.sum(dim=-1, keepdim=True)


@route.wrong
def softmax_twice(scores, k):
    """You take softmax of softmax: the shares come out nearly equal. Divide by the sum
    in place of the second."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return chosen, best.softmax(dim=-1)


@route.wrong
def softmax_over_the_tokens(scores, k):
    """Your softmax runs over the tokens (dim 0). Experts compete for each token."""
    best, chosen = scores.softmax(dim=0).topk(k, dim=-1)
    return chosen, best / best.sum(dim=-1, keepdim=True)


@route.wrong
def results_exchanged(scores, k):
    """You return shares, then experts: chosen comes first."""
    best, chosen = scores.softmax(dim=-1).topk(k, dim=-1)
    return best / best.sum(dim=-1, keepdim=True), chosen


@route.wrong
def all_experts(scores, k):
    """You return all E experts. Only k work on a token: that is what saves time."""
    best, chosen = scores.softmax(dim=-1).sort(dim=-1, descending=True)
    return chosen, best
