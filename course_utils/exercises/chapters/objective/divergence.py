"""How far from the truth: exercise divergence and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _distribution_cases(rng):
    for V in (2, 4, 7):
        p, q = tensor(rng, 2, V, scale=1.5).softmax(dim=-1)
        yield p, q
    p = torch.tensor([0.5, 0.5, 0.0, 0.0])
    yield p, tensor(rng, 4).softmax(dim=-1)


def divergence(p, q):
    possible = p > 0
    return (p[possible] * (p[possible] / q[possible]).log()).sum()


divergence = Exercise(
    name="objective.divergence",
    task="(p (V,), q (V,)) -> (): the Kullback-Leibler divergence from the truth p to "
    "the model q, in nats: the model's mean surprise minus the truth's own, when "
    "tokens come with the probabilities p. p may hold zeros.",
    reference=divergence,
    cases=_distribution_cases,
    hints=(
        "Which distribution decides how often a token comes? Over which one do you "
        "average, then?",
        "Surprises are -log q and -log p; the weights of both means are p.",
        "where p > 0: add up p * (log p - log q)",
    ),
    proves="0 only where the model is the truth; otherwise what its errors cost.",
)


@divergence.wrong
def directions_exchanged(p, q):
    """This is the divergence from q to p: averaged over what the model would write.
    Tokens come from the truth, so p weighs."""
    return (q * (q / p).log()).sum()


@divergence.wrong
def zeros_not_left_out(p, q):
    """0 · log 0 is NaN to the computer. What never comes costs nothing: leave out where
    p is 0."""
    return (p * (p / q).log()).sum()


@divergence.wrong
def the_entropy_not_taken_off(p, q):
    """This is the cross-entropy. The truth's own entropy, which no model can avoid, is
    still in it."""
    return -(p * q.log()).sum()


@divergence.wrong
def the_model_forgotten(p, q):
    """This is the entropy of p: the floor itself. The model does not show in it."""
    inside = p[p > 0]
    return -(inside * inside.log()).sum()


@divergence.wrong
def sign_turned_round(p, q):
    """Your divergence is negative, and it can never be: no model is less surprised than
    the truth. log p minus log q, weighed by p."""
    inside = p > 0
    return (p[inside] * (q[inside] / p[inside]).log()).sum()


@divergence.wrong
def bits_in_place_of_nats(p, q):
    """These are bits: base 2. Nats are asked for."""
    inside = p > 0
    return (p[inside] * (p[inside] / q[inside]).log2()).sum()


@divergence.wrong
def difference_of_two_entropies(p, q):
    """You take the entropy of q minus the entropy of p. Two distributions can be as
    broad and still name other tokens: the model's surprise is weighed by p too."""
    inside = p[p > 0]
    return (inside * inside.log()).sum() - (q * q.log()).sum()


@divergence.wrong
def not_weighed_at_all(p, q):
    """Every token weighs the same in your sum. Those that come often must weigh more:
    by p."""
    inside = p > 0
    return (p[inside] / q[inside]).log().sum()


@divergence.wrong
def directions_exchanged_and_zeros_left_out(p, q):
    """This is the divergence from q to p, without the zeros. Tokens come from the
    truth, so p weighs, not q."""
    inside = p > 0
    return (q[inside] * (q[inside] / p[inside]).log()).sum()


@divergence.wrong
def mean_over_the_vocabulary(p, q):
    """You divide by V. The weights p sum to 1: their sum *is* the mean."""
    inside = p > 0
    return (p[inside] * (p[inside] / q[inside]).log()).sum() / len(p)


@divergence.wrong
def the_model_without_its_logarithm(p, q):
    """You take q itself where its logarithm belongs. (F.kl_div wants log q as its first
    argument.)"""
    return (torch.xlogy(p, p) - p * q).sum()


@divergence.wrong
def a_small_number_added(p, q):
    """You add a small number to p and q against the zeros. That moves every value;
    where p is 0 the term is 0, as torch.xlogy has it."""
    return (p * ((p + 1e-3) / (q + 1e-3)).log()).sum()


@divergence.wrong
def absolute_differences_added(p, q):
    """You add up how far apart the probabilities are. The divergence compares their
    logarithms, weighed by p."""
    return (p - q).abs().sum()


@divergence.wrong
def squared_differences_added(p, q):
    """You add up squared differences of the probabilities. The divergence compares
    their logarithms, weighed by p."""
    return (p - q).square().sum()
