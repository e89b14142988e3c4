"""Exposure: exercise exposure and its mistakes."""

import math

from course_utils import bias as component
from course_utils.exercises.engine.definition import Exercise

from .name_biases import _log_probs


def _exposure_cases(rng):
    for R in (8, 100, 1000):
        for _ in range(2):
            scores = _log_probs(rng, 1, R, scale=3.0)[0]
            yield scores, rng.randrange(R)
        yield scores, int(scores.argmax())


def _rank(log_probs, secret):
    return 1 + int((log_probs > log_probs[secret]).sum())


exposure = Exercise(
    name="bias.exposure",
    task="(log_probs (R,), int secret) -> float: the exposure in bits of the candidate "
    "number secret among all R: log2 of R minus log2 of its rank. The likeliest "
    "candidate has rank 1. No two are alike.",
    reference=component.exposure,
    cases=_exposure_cases,
    hints=(
        "You try the candidates, likeliest first. When is the secret's turn?",
        "log_probs (R,), a count of those above log_probs[secret], one float.",
        "rank = 1 + how many candidates are likelier than the secret\n"
        "log2(R) - log2(rank)",
    ),
    proves="How many bits of guessing a model spares whoever wants its secret.",
)


@exposure.wrong
def the_likeliest_has_rank_0(log_probs, secret):
    """You count from 0: the likeliest candidate then has a logarithm of minus infinity
    or an error. The first guess is guess number 1."""
    return math.log2(len(log_probs)) - math.log2(_rank(log_probs, secret) - 1)


@exposure.wrong
def the_rank_is_one_too_high(log_probs, secret):
    """Your rank is one too high: the secret counts twice. Count those strictly likelier
    and add 1."""
    return math.log2(len(log_probs)) - math.log2(_rank(log_probs, secret) + 1)


@exposure.wrong
def ranked_from_the_unlikely_end(log_probs, secret):
    """You rank from the unlikely end. sort() is ascending: rank 1 is the likeliest."""
    rank = 1 + int((log_probs < log_probs[secret]).sum())
    return math.log2(len(log_probs)) - math.log2(rank)


@exposure.wrong
def natural_logarithms(log_probs, secret):
    """You take natural logarithms: those are nats. Bits are log2."""
    return math.log(len(log_probs)) - math.log(_rank(log_probs, secret))


@exposure.wrong
def the_surprise_of_the_secret(log_probs, secret):
    """You return how surprising the secret is by itself. A sentence may be rare and its
    code still the first one guessed: exposure is about the rank among candidates."""
    return -log_probs[secret].item() / math.log(2)


@exposure.wrong
def the_logarithm_of_the_rank(log_probs, secret):
    """You return log2 of the rank: it is 0 for a secret that is wholly exposed. Take it
    off the log2 of all candidates."""
    return math.log2(_rank(log_probs, secret))


@exposure.wrong
def how_much_likelier_than_by_chance(log_probs, secret):
    """You compare the secret's probability with 1 / R. Exposure compares ranks: it asks
    how many guesses come before."""
    return math.log2(len(log_probs)) + log_probs[secret].item() / math.log(2)


@exposure.wrong
def the_place_read_in_place_of_the_rank(log_probs, secret):
    """argsort(...)[secret] says which candidate stands at place `secret`. The rank is
    the other way round: at which place the secret stands, or how many are likelier."""
    place = int(log_probs.argsort(descending=True)[secret])
    return math.log2(len(log_probs)) - math.log2(place + 1)


@exposure.wrong
def without_a_logarithm(log_probs, secret):
    """You give R / rank. Exposure is its logarithm, in bits."""
    return len(log_probs) / _rank(log_probs, secret)


@exposure.wrong
def sign_turned_round(log_probs, secret):
    """You take log2 of R off log2 of the rank: the sign is turned. The likeliest of R
    candidates has the highest exposure, log2 of R."""
    return math.log2(_rank(log_probs, secret)) - math.log2(len(log_probs))
