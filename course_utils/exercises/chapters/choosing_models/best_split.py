"""The best split of a budget: exercise best_split and its mistakes."""

import math

from course_utils.exercises.engine.definition import Exercise


def _split_cases(rng):
    yield 6e9, 20.0, 90.0, 0.3, 0.4
    for _ in range(4):
        flops = 10 ** rng.uniform(12, 20)
        A, B = rng.uniform(50, 150), rng.uniform(200, 500)
        yield flops, A, B, rng.uniform(0.32, 0.45), rng.uniform(0.2, 0.3)
    yield 100.0, 9.0, 4.0, 0.4, 0.3  # so small that no number hides in another


def best_split(flops, A, B, alpha, beta):
    ratio = alpha * A / (beta * B)
    N = (ratio * (flops / 6) ** beta) ** (1 / (alpha + beta))
    return N, flops / 6 / N


def _split(flops, ratio, alpha, beta, cost=6.0):
    N = (ratio * (flops / cost) ** beta) ** (1 / (alpha + beta))
    return N, flops / cost / N


best_split = Exercise(
    name="choosing_models.best_split",
    task="(float flops, A, B, alpha, beta) -> (N, D): the parameters and tokens with "
    "6·N·D = flops whose loss E + A / N^alpha + B / D^beta is the lowest. (E does not "
    "matter.) By formula, or by search to 1 part in 1,000.",
    reference=best_split,
    cases=_split_cases,
    hints=(
        "Put D = flops / (6 N) into the loss. It then has one unknown. Where is its "
        "slope 0?",
        "N and D are numbers with N * D = flops / 6. At the best, "
        "alpha · A / N^alpha = beta · B / D^beta.",
        "K = flops / 6\n"
        "N^(alpha + beta) = (alpha * A) / (beta * B) * K^beta\n"
        "D = K / N",
    ),
    tolerance=2e-3,
    proves="A budget has a best size, and it follows from four numbers of small runs.",
)


@best_split.wrong
def the_factor_6_forgotten(flops, A, B, alpha, beta):
    """Your N times D is the whole budget. A token costs 6·N, so N · D is a sixth."""
    return _split(flops, alpha * A / (beta * B), alpha, beta, cost=1)


@best_split.wrong
def priced_as_reading(flops, A, B, alpha, beta):
    """Your N times D is half the budget: 2·N a token is the forward pass. Training
    takes 6·N."""
    return _split(flops, alpha * A / (beta * B), alpha, beta, cost=2)


@best_split.wrong
def both_terms_made_equal(flops, A, B, alpha, beta):
    """You make A / N^alpha and B / D^beta equal. At the best split their *slopes*
    balance, so each term comes with its exponent as a factor."""
    return _split(flops, A / B, alpha, beta)


@best_split.wrong
def the_ratio_upside_down(flops, A, B, alpha, beta):
    """You have (beta · B) / (alpha · A). The larger A is, the more size pays: it
    belongs on top."""
    return _split(flops, beta * B / (alpha * A), alpha, beta)


@best_split.wrong
def exponents_swapped(flops, A, B, alpha, beta):
    """Your N grows with the budget to the power alpha / (alpha + beta). It is beta: the
    faster a larger model stops paying, the less of the budget it gets."""
    ratio = alpha * A / (beta * B)
    N = (ratio * (flops / 6) ** alpha) ** (1 / (alpha + beta))
    return N, flops / 6 / N


@best_split.wrong
def N_and_D_swapped(flops, A, B, alpha, beta):
    """You return tokens first. N, the parameters, come first."""
    return best_split.reference(flops, A, B, alpha, beta)[::-1]


@best_split.wrong
def as_many_tokens_as_parameters(flops, A, B, alpha, beta):
    """You take N = D: the root of flops / 6. That would be the best only if both terms
    had the same numbers."""
    return math.sqrt(flops / 6), math.sqrt(flops / 6)


@best_split.wrong
def twenty_tokens_a_parameter(flops, A, B, alpha, beta):
    """You take D = 20·N. That is what came out for the models of Hoffmann et al.; here
    the numbers are others."""
    N = math.sqrt(flops / 120)
    return N, 20 * N


@best_split.wrong
def alpha_and_beta_exchanged(flops, A, B, alpha, beta):
    """You took alpha for the tokens and beta for the parameters, all through. A and
    alpha belong to N, B and beta to D."""
    return best_split.reference(flops, A, B, beta, alpha)


@best_split.wrong
def A_and_B_exchanged(flops, A, B, alpha, beta):
    """You took A for the tokens and B for the parameters. A and alpha belong to N, B
    and beta to D."""
    return best_split.reference(flops, B, A, alpha, beta)


@best_split.wrong
def a_search_too_rough(flops, A, B, alpha, beta):
    """You try powers of ten only. The best N lies between two of them: search in finer
    steps, to 1 part in 1,000."""
    sizes = [10.0**k for k in range(2, 16)]
    N = min(sizes, key=lambda N: A / N**alpha + B / (flops / 6 / N) ** beta)
    return N, flops / 6 / N
