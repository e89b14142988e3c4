"""Beam search: exercise beam_step and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _beam_cases(rng):
    for n, V in ((2, 3), (2, 4), (3, 5), (3, 7)):
        while True:  # so that one beam dies and one parts in two
            log_probs = tensor(rng, n, V, scale=1.5).log_softmax(dim=-1)
            totals = tensor(rng, n).sub(3).sort(descending=True).values
            parents = beam_step.reference(totals, log_probs)[0]
            if len(set(parents.tolist())) in range(2, n) or (
                n == 2 and parents[0] != 0
            ):
                break
        yield totals, log_probs


def beam_step(totals, log_probs):
    n, V = log_probs.shape
    scores = totals[:, None] + log_probs  # (n, V): of each text with each token
    totals, best = scores.flatten().topk(n)
    return best // V, best % V, totals


beam_step = Exercise(
    name="sampling.beam_step",
    task="(totals (n,), log_probs (n, V)) -> (parents (n,), tokens (n,), totals (n,)): "
    "row i belongs to a text of log-probability totals[i]. Among all texts with one "
    "token more, return the n likeliest, best first: what each extends, by what.",
    reference=beam_step,
    cases=_beam_cases,
    hints=(
        "May two of the n texts that go on have the same beginning?",
        "totals[:, None] + log_probs is (n, V); flattened, place i * V + token.",
        "scores = totals[:, None] + log_probs\n"
        "totals, place = the n highest of scores.flatten()\n"
        "parents = place // V, tokens = place % V",
    ),
    proves="All extensions of all beginnings compete. Some beginnings die, some part.",
)


@beam_step.wrong
def each_beam_keeps_its_own_best(totals, log_probs):
    """Each of your texts goes on with its own likeliest token: that is n greedy
    searches side by side. All n · V extensions compete."""
    best, tokens = log_probs.max(dim=-1)
    totals, order = (totals + best).sort(descending=True)
    return order, tokens[order], totals


@beam_step.wrong
def the_past_is_forgotten(totals, log_probs):
    """You rank by the last token alone. A text's log-probability is that of all its
    tokens: add totals."""
    n, V = log_probs.shape
    totals, best = log_probs.flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def multiplied_in_place_of_added(totals, log_probs):
    """You multiply logarithms. Probabilities are multiplied, so their logarithms are
    added."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] * log_probs).flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def probabilities_added(totals, log_probs):
    """You add probabilities (exp) to logarithms. Add the log-probabilities as they
    are."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] + log_probs.exp()).flatten().topk(n)
    return best // V, best % V, totals


@beam_step.wrong
def only_the_best_beam_goes_on(totals, log_probs):
    """You extend the first text only. With that, one wrong first token is final, as in
    greedy search."""
    totals, tokens = (totals[0] + log_probs[0]).topk(len(totals))
    return torch.zeros_like(tokens), tokens, totals


@beam_step.wrong
def divided_by_n_in_place_of_V(totals, log_probs):
    """You take the flat place apart with n. A row has V places: parent = place // V,
    token = place % V."""
    n = len(totals)
    totals, best = (totals[:, None] + log_probs).flatten().topk(n)
    return best // n, best % n, totals


@beam_step.wrong
def parents_and_tokens_swapped(totals, log_probs):
    """Parents and tokens have changed places: place // V is the row, which text is
    extended."""
    n, V = log_probs.shape
    totals, best = (totals[:, None] + log_probs).flatten().topk(n)
    return best % V, best // V, totals


@beam_step.wrong
def the_worst_of_the_best_first(totals, log_probs):
    """Your n texts are right, their order is not: the likeliest comes first. sort() is
    ascending."""
    return tuple(part.flip(0) for part in beam_step.reference(totals, log_probs))


@beam_step.wrong
def the_new_token_alone_as_total(totals, log_probs):
    """You choose rightly, but return the new token's log-probability as the total. It
    is that of the whole text: what was gathered before is in it."""
    parents, tokens, _ = beam_step.reference(totals, log_probs)
    return parents, tokens, log_probs[parents, tokens]


@beam_step.wrong
def the_table_laid_out_by_columns(totals, log_probs):
    """Your sums are right, but you lay the table out column by column. Place i * V +
    token, which // V and % V take apart, is that of the rows one after the other."""
    V = log_probs.shape[1]
    best = (log_probs.T + totals).flatten().topk(len(totals))
    return best.indices // V, best.indices % V, best.values


@beam_step.wrong
def each_text_goes_on_by_its_best(totals, log_probs):
    """Each text goes on by its own best token, in the order in which they came. Choose
    the n best among all texts with all tokens, and the best first."""
    best = log_probs.max(dim=1)
    return torch.arange(len(totals)), best.indices, totals + best.values


@beam_step.wrong
def the_past_added_too_late(totals, log_probs):
    """You choose by the last token alone and add the totals afterwards. A likely text's
    unlikely token may beat an unlikely text's likely one: add first, then choose."""
    n, V = log_probs.shape
    best = log_probs.flatten().topk(n)
    parents = best.indices // V
    return parents, best.indices % V, totals[parents] + best.values
