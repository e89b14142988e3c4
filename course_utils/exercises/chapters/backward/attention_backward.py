"""The gradients of causal attention: exercise attention_backward and its mistakes."""

import math

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _head_cases(rng):
    for B, H, T, D in ((1, 1, 1, 2), (1, 1, 3, 3), (1, 2, 4, 4), (2, 2, 5, 3)):
        yield tuple(tensor(rng, B, H, T, D) for _ in range(4))


def attention_backward(query, key, value, g):
    T, D = query.shape[-2:]
    scores = query @ key.mT / math.sqrt(D)
    future = torch.ones(T, T).triu(1).bool()
    p = scores.masked_fill(future, -torch.inf).softmax(dim=-1)  # (B, H, T, T)
    of_p = g @ value.mT  # (B, H, T, T)
    of_scores = p * (of_p - (p * of_p).sum(dim=-1, keepdim=True)) / math.sqrt(D)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


def _weights(query, key, scale=None, causal=True):
    T, D = query.shape[-2:]
    scores = query @ key.mT / math.sqrt(D)
    future = torch.ones(T, T).triu(1).bool() & causal
    return scores.masked_fill(future, -torch.inf).softmax(dim=-1)


def _of_scores(p, of_p):
    return p * (of_p - (p * of_p).sum(dim=-1, keepdim=True))


def _scale(query):
    return 1 / math.sqrt(query.shape[-1])


attention_backward = Exercise(
    name="backward.attention_backward",
    task="(query, key, value, g, each (B, H, T, D)) -> (gradients of query, key, "
    "value): g is the gradient of softmax(QKᵀ/√D) V, where each query sees itself and "
    "earlier keys. By formula, without autograd.",
    reference=attention_backward,
    without=(AUTOGRAD,),
    cases=_head_cases,
    hints=(
        "Output = P V is a matrix product, P is a softmax of rows, the scores are a "
        "matrix product. You have a rule for each: go back through them in turn.",
        "of V: Pᵀ g, (T, T) @ (T, D). of P: g Vᵀ, (T, T). Then softmax's rule row by "
        "row; the mask needs nothing more, for P is 0 there.",
        "p = the causal weights\n"
        "of_p = g @ value transposed\n"
        "of_scores = p * (of_p - sum of p * of_p along the row) / √D\n"
        "return of_scores @ key, of_scores transposed @ query, p transposed @ g",
    ),
    proves="Attention backwards: three rules you had already, one after the other.",
)


@attention_backward.wrong
def scale_forgotten_in_the_backward_pass(query, key, value, g):
    """The scores were divided by √D, so their gradients are too. Your P is right; the
    division is missing in the backward pass."""
    of_query, of_key, of_value = attention_backward.reference(query, key, value, g)
    return of_query / _scale(query), of_key / _scale(query), of_value


@attention_backward.wrong
def scale_of_d_in_place_of_its_root(query, key, value, g):
    """In the backward pass you divide by D. The scores were divided by its root."""
    of_query, of_key, of_value = attention_backward.reference(query, key, value, g)
    return of_query * _scale(query), of_key * _scale(query), of_value


@attention_backward.wrong
def softmax_skipped(query, key, value, g):
    """You go from the weights to the scores as if softmax were not there."""
    p = _weights(query, key)
    of_scores = (g @ value.mT) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def softmax_by_its_diagonal(query, key, value, g):
    """p · (1 - p) is how a weight rises with its own score. It also falls when another
    score of its row rises: subtract the row's sum of p · of_p."""
    p = _weights(query, key)
    of_scores = p * (1 - p) * (g @ value.mT) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def softmax_over_the_queries(query, key, value, g):
    """Your sum of p · of_p runs down the columns. A row is what one query gives to its
    keys: dim=-1."""
    p, of_p = _weights(query, key), g @ value.mT
    of_scores = p * (of_p - (p * of_p).sum(dim=-2, keepdim=True)) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def mask_forgotten(query, key, value, g):
    """Your weights see the future: the mask is missing when you compute P again."""
    p = _weights(query, key, causal=False)
    of_scores = _of_scores(p, g @ value.mT) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def weights_not_transposed_for_the_value(query, key, value, g):
    """P @ g mixes the gradients as the values were mixed. The backward pass goes from
    queries to keys: Pᵀ @ g."""
    of_query, of_key, _ = attention_backward.reference(query, key, value, g)
    return of_query, of_key, _weights(query, key) @ g


@attention_backward.wrong
def scores_not_transposed_for_the_key(query, key, value, g):
    """The keys stand in the columns of the scores: their gradient is the transposed
    gradient of the scores times the queries."""
    p = _weights(query, key)
    of_scores = _of_scores(p, g @ value.mT) * _scale(query)
    return of_scores @ key, of_scores @ query, p.mT @ g


@attention_backward.wrong
def value_not_transposed(query, key, value, g):
    """For P you multiply g by the values as they lie. g Vᵀ: each query's gradient with
    each key's value."""
    p = _weights(query, key)
    of_scores = _of_scores(p, g @ value) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def each_with_itself(query, key, value, g):
    """The query's gradient is made of the queries, the key's of the keys. In a product
    each factor's gradient holds the *other* factor."""
    p = _weights(query, key)
    of_scores = _of_scores(p, g @ value.mT) * _scale(query)
    return of_scores @ query, of_scores.mT @ key, p.mT @ g


@attention_backward.wrong
def query_and_key_exchanged(query, key, value, g):
    """You return the key's gradient first: query, key, value."""
    of_query, of_key, of_value = attention_backward.reference(query, key, value, g)
    return of_key, of_query, of_value


@attention_backward.wrong
def weights_taken_for_constants(query, key, value, g):
    """Query and key have no gradient in your answer. The weights depend on both."""
    of_value = _weights(query, key).mT @ g
    return torch.zeros_like(query), torch.zeros_like(key), of_value


@attention_backward.wrong
def never_scaled(query, key, value, g):
    """You scale neither in the forward nor in the backward pass: the weights are not
    those of the task. Scores are divided by √D, and so are their gradients."""
    p = _weights(query * math.sqrt(query.shape[-1]), key)
    of_scores = _of_scores(p, g @ value.mT)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def nothing_taken_off_in_the_softmax(query, key, value, g):
    """Through softmax you multiply by the weights and take nothing off. What one gains
    the others lose: of each row p · g takes p times its sum off."""
    p = _weights(query, key)
    of_scores = p * (g @ value.mT) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g


@attention_backward.wrong
def weights_left_out_of_the_softmax_rule(query, key, value, g):
    """Through softmax you take the weighted mean off but do not multiply by the
    weights: a key that had no weight would get a gradient. P · (g - mean)."""
    p = _weights(query, key)
    of_p = g @ value.mT
    of_scores = (of_p - (p * of_p).sum(dim=-1, keepdim=True)) * _scale(query)
    return of_scores @ key, of_scores.mT @ query, p.mT @ g
