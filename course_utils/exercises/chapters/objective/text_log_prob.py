"""A whole text has one probability: exercise text_log_prob and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _text_cases(rng):
    for T, V in ((2, 3), (1, 4), (5, 4), (7, 3), (400, 5)):
        table = tensor(rng, T, V, scale=2.0).log_softmax(dim=-1)
        yield table, torch.tensor([rng.randrange(V) for _ in range(T)])
    yield torch.zeros(2, 1), torch.tensor([0, 0])  # nothing else could come


def text_log_prob(log_probs, ids):
    T = len(ids)
    return log_probs[torch.arange(T), ids].sum()


text_log_prob = Exercise(
    name="objective.text_log_prob",
    task="(log_probs (T, V), ids (T,)) -> (): the log-probability of a whole text, in "
    "nats. Row t of log_probs was predicted before token ids[t] was seen; all rows "
    "are logarithms already.",
    reference=text_log_prob,
    cases=_text_cases,
    hints=(
        "The text's probability is a product, one factor a token. Its logarithm is …?",
        "From each row take one number: that of the token that came. That is (T,).",
        "picked = log_probs[arange(T), ids]\nadd them up",
    ),
    proves="A product of 400 probabilities is 0 to a computer; its logarithm is not.",
)


@text_log_prob.wrong
def product_of_the_logarithms(log_probs, ids):
    """You multiply the logarithms. Probabilities are multiplied; their logarithms are
    added."""
    return log_probs[torch.arange(len(ids)), ids].prod()


@text_log_prob.wrong
def multiplied_first_and_logarithm_last(log_probs, ids):
    """You multiply the probabilities and take the logarithm at the end. A long text's
    product is smaller than any number that the computer has: 0, and log 0 is -inf."""
    return log_probs[torch.arange(len(ids)), ids].exp().prod().log()


@text_log_prob.wrong
def probability_in_place_of_its_logarithm(log_probs, ids):
    """You return the probability. Its logarithm is asked for: a long text's probability
    is smaller than any number that the computer has."""
    return log_probs[torch.arange(len(ids)), ids].exp().prod()


@text_log_prob.wrong
def probabilities_added(log_probs, ids):
    """You add the probabilities of the tokens. Both this *and* that happened: multiply
    probabilities, add logarithms."""
    return log_probs[torch.arange(len(ids)), ids].exp().sum()


@text_log_prob.wrong
def mean_over_the_tokens(log_probs, ids):
    """You return the mean. That is minus the loss per token; the text's log-probability
    is the sum."""
    return log_probs[torch.arange(len(ids)), ids].mean()


@text_log_prob.wrong
def sign_turned(log_probs, ids):
    """You return -log p, the surprise. The log-probability itself is asked for, and it
    is never positive."""
    return -log_probs[torch.arange(len(ids)), ids].sum()


@text_log_prob.wrong
def the_likeliest_token_in_place_of_the_one_that_came(log_probs, ids):
    """You take each row's maximum: the text that the model would have liked best. Take
    the number of the token that came."""
    return log_probs.amax(dim=-1).sum()


@text_log_prob.wrong
def all_tokens_of_a_row_added(log_probs, ids):
    """You add up the whole table. From each row only one number counts: that of the
    token that came."""
    return log_probs.sum()


@text_log_prob.wrong
def rows_picked_by_their_tokens(log_probs, ids):
    """log_probs[ids] picks whole *rows*. Row t stays row t; the token says which column
    of it counts."""
    return log_probs[ids].sum()


@text_log_prob.wrong
def every_token_in_every_row(log_probs, ids):
    """log_probs[:, ids] takes every token from every row, T·T numbers. From row t only
    the number of token t counts: index both, [arange(T), ids]."""
    return log_probs[:, ids].sum()


@text_log_prob.wrong
def shifted_by_one(log_probs, ids):
    """You pair row t with token t + 1. Here the rows are shifted already: row t was
    predicted before ids[t] was seen."""
    return log_probs[torch.arange(len(ids) - 1), ids[1:]].sum()


@text_log_prob.wrong
def logarithm_of_the_logarithm(log_probs, ids):
    """You take the logarithm of what is one already. A log-probability is below 0, and
    of that there is no logarithm: NaN. Add them up as they are."""
    return log_probs[torch.arange(len(ids)), ids].log().sum()
