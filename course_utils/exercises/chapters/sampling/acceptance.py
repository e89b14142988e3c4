"""Speculative decoding: exercise acceptance and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.sampling import speculative


def _draft_cases(rng):
    for B, V in ((1, 4), (2, 5), (3, 7), (4, 6)):
        yield (
            tensor(rng, B, V, scale=1.5).softmax(dim=-1),
            tensor(rng, B, V, scale=1.5).softmax(dim=-1),
        )
    # What either never says: top-k leaves such rows.
    p = torch.tensor([[0.5, 0.3, 0.2, 0.0], [0.1, 0.0, 0.4, 0.5]])
    yield p, torch.tensor([[0.0, 0.6, 0.1, 0.3], [0.6, 0.2, 0.2, 0.0]])


def _rest(p, q):
    return speculative.acceptance(p, q)[1]


def _kept(p, q):
    return speculative.acceptance(p, q)[0]


def _where_it_is_used(function, p, q):
    """Return what the function gives, but 1 in keep where q is 0: never proposed."""
    result = function(p, q)
    if isinstance(result, tuple | list) and len(result) == 2:
        keep, rest = result
        if isinstance(keep, torch.Tensor) and keep.shape == q.shape:
            result = torch.where(q > 0, keep, 1.0), rest
    return result


acceptance = Exercise(
    name="sampling.acceptance",
    task="(p (B, V), q (B, V)) -> (keep (B, V), rest (B, V)): a draft proposes a token "
    "with probabilities q. How likely is it kept, and from which distribution is drawn "
    "where it is not, so that tokens come out with the probabilities p?",
    reference=speculative.acceptance,
    cases=_draft_cases,
    observe=_where_it_is_used,
    hints=(
        "The draft proposes a token twice as often as the model would. How often may "
        "it be kept? And one that it proposes too rarely?",
        "keep (B, V) in [0, 1]; rest (B, V), each row sums to 1.",
        "keep = p / q, at most 1\n"
        "rest = p - q where positive, else 0\n"
        "rest divided by its row's sum",
    ),
    proves="q · keep is the smaller of p and q; rest brings exactly what is missing.",
)


@acceptance.wrong
def q_over_p(p, q):
    """You divide the wrong way round: what the draft proposes too often would be kept
    always. It is p / q."""
    return (q / p).clamp(max=1), _rest(p, q)


@acceptance.wrong
def kept_with_probability_p(p, q):
    """You keep a token with the model's probability. It was already drawn with q: then
    it comes out with q · p."""
    return p.clone(), _rest(p, q)


@acceptance.wrong
def not_capped_at_1(p, q):
    """Some of your chances are over 1. A chance is at most 1; what is missing there is
    brought by the rest."""
    return p / q, _rest(p, q)


@acceptance.wrong
def replaced_from_p(p, q):
    """You draw the replacement from p itself. Then what the draft already brings comes
    too often: only what is missing, p - q, may be added."""
    return _kept(p, q), p.clone()


@acceptance.wrong
def the_rest_not_scaled(p, q):
    """Your rest does not sum to 1. Divide each row by its sum."""
    return _kept(p, q), (p - q).clamp(min=0)


@acceptance.wrong
def the_distance_in_place_of_what_is_missing(p, q):
    """You take |p - q|. Where the draft proposes too often, nothing is missing: 0."""
    rest = (p - q).abs()
    return _kept(p, q), rest / rest.sum(dim=-1, keepdim=True)


@acceptance.wrong
def what_the_draft_has_too_much_of(p, q):
    """Your rest is q - p: you add what there is too much of. It is p - q."""
    return _kept(p, q), _rest(q, p)


@acceptance.wrong
def kept_always_or_never(p, q):
    """You keep a token always (p at least q) or never. Where the draft proposes it
    twice as often as the model would, every second one is right: p / q."""
    return (p >= q).float(), _rest(p, q)


@acceptance.wrong
def kept_with_the_smaller_of_the_two(p, q):
    """Your keep is min(p, q): that is how often a token is proposed *and* kept. Once it
    is proposed, which q has decided already, it is kept with min(1, p / q)."""
    return torch.minimum(p, q), _rest(p, q)


@acceptance.wrong
def softmax_of_what_is_missing(p, q):
    """You scale what is missing by softmax: where nothing is missing exp(0) = 1 still
    gets a share. Divide by the sum."""
    return _kept(p, q), (p - q).clamp(min=0).softmax(dim=-1)


@acceptance.wrong
def scaled_over_the_batch(p, q):
    """You divide by the sum over the batch. Each row is a distribution of its own."""
    missing = (p - q).clamp(min=0)
    return _kept(p, q), missing / missing.sum()


@acceptance.wrong
def results_exchanged(p, q):
    """You return the rest first. First comes how likely a token is kept."""
    return _rest(p, q), _kept(p, q)
