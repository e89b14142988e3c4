"""How far from the start? Exercise kl_estimate and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _kl_cases(rng):
    for shape in ((4,), (2, 3), (3, 3), (2, 5)):
        log_probs = tensor(rng, *shape, scale=0.7) - 2
        yield log_probs, log_probs + tensor(rng, *shape, scale=0.8)
    same = tensor(rng, 3) - 2
    yield same, same.clone()


def kl_estimate(log_probs, start_log_probs):
    log_r = start_log_probs - log_probs
    return log_r.exp() - 1 - log_r


kl_estimate = Exercise(
    name="rewards.kl_estimate",
    task="(log_probs (...), start_log_probs (...)) -> (...): log-probabilities of the "
    "same draws from the model, under the model and under the start. Return k3 for "
    "each: r - 1 - ln r, where r is the start's probability over the model's.",
    reference=kl_estimate,
    cases=_kl_cases,
    hints=(
        "Where both give the same probability, r is 1. What is k3 there?",
        "What comes in are logs already: ln r is a difference of them.",
        "log_r = start_log_probs - log_probs\nexp(log_r) - 1 - log_r",
    ),
    proves="An estimate of the distance that is never below 0.",
)


@kl_estimate.wrong
def the_ratio_upside_down(log_probs, start_log_probs):
    """Your r is the model's probability over the start's. The draws are the model's;
    only with the start above is the mean of r - 1 zero: KL reversed."""
    log_r = log_probs - start_log_probs
    return log_r.exp() - 1 - log_r


@kl_estimate.wrong
def only_minus_the_logarithm(log_probs, start_log_probs):
    """That is k1, -ln r: right in the mean and negative for many draws. k3 adds r - 1,
    whose mean is 0."""
    return log_probs - start_log_probs


@kl_estimate.wrong
def only_the_logarithm(log_probs, start_log_probs):
    """You return ln r. Its mean is minus the distance."""
    return start_log_probs - log_probs


@kl_estimate.wrong
def half_the_square(log_probs, start_log_probs):
    """That is k2, half the square of ln r: close for small distances, but its mean is
    not the KL."""
    return (start_log_probs - log_probs) ** 2 / 2


@kl_estimate.wrong
def the_one_forgotten(log_probs, start_log_probs):
    """The 1 is missing. Where both agree r is 1, and the distance has to be 0."""
    log_r = start_log_probs - log_probs
    return log_r.exp() - log_r


@kl_estimate.wrong
def the_logarithm_added(log_probs, start_log_probs):
    """You add ln r. Minus ln r is the estimate; r - 1 is only what steadies it."""
    log_r = start_log_probs - log_probs
    return log_r.exp() - 1 + log_r


@kl_estimate.wrong
def only_the_ratio(log_probs, start_log_probs):
    """You return r - 1. Its mean is 0, however far the two are apart: it steadies the
    estimate and is none."""
    return (start_log_probs - log_probs).exp() - 1


@kl_estimate.wrong
def the_size_of_the_logarithm(log_probs, start_log_probs):
    """You take the size of ln r, so nothing is negative. But then draws that speak for
    less distance speak for more."""
    return (start_log_probs - log_probs).abs()


@kl_estimate.wrong
def a_difference_of_probabilities(log_probs, start_log_probs):
    """You subtract probabilities. The distance is made of their ratio."""
    return log_probs.exp() - start_log_probs.exp()


@kl_estimate.wrong
def the_exact_formula_on_draws(log_probs, start_log_probs):
    """You weigh each draw with its probability. That is the sum over all tokens; draws
    come with that probability already."""
    return log_probs.exp() * (log_probs - start_log_probs)


@kl_estimate.wrong
def the_mean_of_all(log_probs, start_log_probs):
    """The estimates are right, but you return their mean. Asked for is one for each
    draw."""
    return kl_estimate.reference(log_probs, start_log_probs).mean()


@kl_estimate.wrong
def the_whole_sign(log_probs, start_log_probs):
    """Every sign is turned: yours is minus k3, never above 0. A distance is never
    below."""
    return -kl_estimate.reference(log_probs, start_log_probs)
