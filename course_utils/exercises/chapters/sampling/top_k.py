"""Top-k: exercise top_k and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _top_k_cases(rng):
    for B, V, k in ((1, 5, 2), (2, 6, 3), (3, 9, 4), (2, 7, 2)):
        yield tensor(rng, B, V, scale=2.0), k


def top_k(logits, k):
    kth = logits.topk(k).values[:, -1:]  # (B, 1)
    return logits.masked_fill(logits < kth, -torch.inf).softmax(dim=-1)


def _keep(logits, mask, fill=-torch.inf):
    return logits.masked_fill(~mask, fill).softmax(dim=-1)


def _at_least(logits, k):
    return logits >= logits.topk(k).values[:, -1:]


top_k = Exercise(
    name="sampling.top_k",
    task="(logits (B, V), int k) -> probabilities (B, V): in each row the k highest "
    "scores share all probability among them, as softmax says; the others get 0.",
    reference=top_k,
    cases=_top_k_cases,
    hints=(
        "Which score gets probability 0 from softmax? Not the score 0.",
        "topk(k).values is (B, k), best first; its last column is each row's bar.",
        "bar = k-th highest score of each row, (B, 1)\n"
        "scores below the bar become -inf\n"
        "softmax over the last dimension",
    ),
    proves="The long tail is cut off, and what is left is a distribution again.",
)


@top_k.wrong
def one_token_too_many_kept(logits, k):
    """You keep k + 1 tokens: an index that starts at 0 is one further than it looks."""
    return _keep(logits, _at_least(logits, k + 1))


@top_k.wrong
def one_token_too_few_kept(logits, k):
    """You keep k - 1 tokens: the k-th itself stays. Compare with >=, not with >."""
    return _keep(logits, logits > logits.topk(k).values[:, -1:])


@top_k.wrong
def the_lowest_kept(logits, k):
    """You keep the k lowest scores. sort() puts the lowest first."""
    return _keep(logits, _at_least(-logits, k))


@top_k.wrong
def cut_scores_set_to_0(logits, k):
    """You set the cut scores to 0. A score of 0 is quite likely: softmax gives it
    exp(0) = 1 before scaling. Only -inf becomes 0."""
    return _keep(logits, _at_least(logits, k), 0.0)


@top_k.wrong
def not_scaled_again(logits, k):
    """Your rows sum to less than 1: what was cut is missing. Cut the scores before
    softmax, or divide by the sum of what is left."""
    return logits.softmax(dim=-1) * _at_least(logits, k)


@top_k.wrong
def one_bar_for_all_rows(logits, k):
    """You look for the k highest scores of the whole batch. Each row has its own k."""
    return _keep(logits, logits >= logits.flatten().topk(k).values[-1])


@top_k.wrong
def an_equal_share_for_each(logits, k):
    """All that are kept get the same probability, 1/k. The likelier of them stays
    likelier."""
    return _at_least(logits, k) / k


@top_k.wrong
def only_the_kept_returned(logits, k):
    """You return the k probabilities alone, (B, k): then nobody knows whose they are.
    Return one for each token, 0 for the cut ones."""
    return logits.topk(k).values.softmax(dim=-1)


@top_k.wrong
def scores_divided_by_their_sum(logits, k):
    """You divide the scores by their sum. Scores may be negative; softmax makes
    probabilities of them."""
    kept = logits.masked_fill(~_at_least(logits, k), 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


@top_k.wrong
def still_scores(logits, k):
    """Your result holds the scores, with -inf for the others. Probabilities are asked
    for: softmax of these."""
    return logits.masked_fill(~_at_least(logits, k), -torch.inf)


@top_k.wrong
def the_bar_of_the_first_row(logits, k):
    """You take the k-th highest score of the first row as the bar for all. Each row has
    its own."""
    return _keep(logits, logits >= logits[0].topk(k).values[-1])


@top_k.wrong
def softmax_twice(logits, k):
    """You take softmax, cut, and take softmax again: the cut ones have exp(0) = 1 then,
    and all come near to each other. Cut the scores, then softmax once."""
    chances = logits.softmax(dim=-1).masked_fill(~_at_least(logits, k), 0.0)
    return chances.softmax(dim=-1)
