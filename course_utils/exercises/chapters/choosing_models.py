"""Exercises on choosing a model: front, training compute, laws, the best split.

Notebook 11. Floors are never 0, points never lie on the law, and no two constants are
alike: what is right only by luck is seen.
"""

import math

import torch

from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor
from course_utils.exercises.engine.questions import Question

# --- the Pareto front -----------------------------------------------------------------


def _front_cases(rng):
    yield (torch.tensor([[1.0, 9.0], [2.0, 5.0], [3.0, 6.0], [4.0, 2.0], [4.0, 5.0]]),)
    # Equal in one column; equal in all; neither best in any column nor beaten.
    yield (torch.tensor([[3.0, 1.0], [3.0, 4.0], [5.0, 0.5], [3.0, 1.0], [4.0, 0.9]]),)
    yield (torch.tensor([[2.0, 3.0], [1.0, 2.0], [4.0, 2.0]]),)  # one beats all
    for n, k in ((6, 2), (7, 3), (9, 3)):
        while True:
            costs = tensor(rng, n, k).mul(3).round().abs()
            front = pareto_front.reference(costs)
            if 2 <= front.sum() <= n - 2:
                break
        yield (costs,)


def pareto_front(costs):
    no_worse = (costs[:, None] <= costs[None]).all(dim=-1)  # (n, n): i against j
    better = (costs[:, None] < costs[None]).any(dim=-1)
    return ~(no_worse & better).any(dim=0)


pareto_front = Exercise(
    name="choosing_models.pareto_front",
    task="(costs (n, k)) -> bool (n,): n models, k costs of each, the lower the "
    "better. False for a model that another one beats: in no column worse and in at "
    "least one better. True for all others.",
    reference=pareto_front,
    cases=_front_cases,
    hints=(
        "Somebody offers you a model that is as fast as yours and makes fewer errors. "
        "Would you keep yours? And if it were slower?",
        "costs[:, None] <= costs[None] is (n, n, k): model i against j, by column.",
        "no_worse = i is <= j in all columns\n"
        "better = i is < j in any column\n"
        "j is beaten if any i is both",
    ),
    proves="What is left is a matter of taste; what fell out is a matter of fact.",
)


def _not_beaten(costs, beats):
    return ~beats(costs[:, None], costs[None]).any(dim=0)


@pareto_front.wrong
def only_the_best_of_each_column(costs):
    """You keep the winners of single columns. A model that is second in all of them may
    be what you need, and nobody beats it."""
    return (costs == costs.min(dim=0).values).any(dim=1)


@pareto_front.wrong
def beaten_only_if_worse_everywhere(costs):
    """You ask for strictly better in all columns. A model that is as fast and makes
    fewer errors beats the other, too."""
    return _not_beaten(costs, lambda i, j: (i < j).all(dim=-1))


@pareto_front.wrong
def beaten_by_one_better_column(costs):
    """You drop a model as soon as another is better in any column. Then hardly anything
    is left: the other must not be worse in any."""
    return _not_beaten(costs, lambda i, j: (i < j).any(dim=-1))


@pareto_front.wrong
def models_beat_themselves(costs):
    """Nothing is left: each model is no worse than itself. To beat, it must be better
    in at least one column."""
    return _not_beaten(costs, lambda i, j: (i <= j).all(dim=-1))


@pareto_front.wrong
def equals_beat_each_other(costs):
    """Two equal models throw each other out. None is better in any column, so none
    beats the other."""
    others = ~torch.eye(len(costs), dtype=torch.bool)
    no_worse = (costs[:, None] <= costs[None]).all(dim=-1)
    return ~(no_worse & others).any(dim=0)


@pareto_front.wrong
def higher_taken_for_better(costs):
    """You keep the dearest models. These are costs: the lower the better."""
    return pareto_front.reference(-costs)


@pareto_front.wrong
def the_beaten_returned(costs):
    """You return who is beaten. True is for those that are not."""
    return ~pareto_front.reference(costs)


@pareto_front.wrong
def the_lowest_sum(costs):
    """You add the costs up. Milliseconds and megabytes have no common unit: a sum
    decides by the choice of units."""
    return costs.sum(dim=1) == costs.sum(dim=1).min()


# --- training compute -----------------------------------------------------------------


def _flops_cases(rng):
    yield 1, 2, 7, 1, 3
    yield 2, 8, 50, 3, 10
    for _ in range(3):
        C = 8 * rng.randint(2, 12)
        yield rng.randint(3, 12), C, rng.randint(500, 2000), rng.randint(20, 90), 64


def training_flops(n_layer, n_embd, vocab_size, n_texts, T):
    N = 12 * n_layer * n_embd**2 + vocab_size * n_embd
    return 6.0 * N * n_texts * T


training_flops = Exercise(
    name="choosing_models.training_flops",
    task="(n_layer, n_embd, vocab_size, n_texts, T) -> float, the FLOPs of training a "
    "GPT-2 once on n_texts of T tokens, as 6·N·D. N: the numbers in the matrices that "
    "tokens are multiplied by: four in each block, and the head. D: tokens.",
    reference=training_flops,
    cases=_flops_cases,
    hints=(
        "A block has (C, 3C), (C, C), (C, 4C) and (4C, C). How many numbers is that?",
        "N = n_layer · 12 C² + V · C. D = n_texts · T. The result is a plain number.",
        "N = 12 * n_layer * n_embd**2 + vocab_size * n_embd\n"
        "return 6 * N * n_texts * T",
    ),
    proves="Two numbers, size and tokens, say what a training costs.",
)


def _flops(n_layer, n_embd, vocab_size, tokens, factor=6, per_block=12, heads=1):
    N = per_block * n_layer * n_embd**2 + heads * vocab_size * n_embd
    return factor * N * tokens


@training_flops.wrong
def the_way_forward_only(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 2·N·D: that is writing or reading, the way forward. Training goes back
    as well, which costs twice as much again."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=2)


@training_flops.wrong
def the_way_back_only(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 4·N·D, the way back. Before it comes the way forward, 2·N·D."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=4)


@training_flops.wrong
def additions_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 3·N·D: a multiplication for each number. Each product is also added to
    a sum, so it is 2 operations."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, factor=3)


@training_flops.wrong
def texts_taken_for_tokens(n_layer, n_embd, vocab_size, n_texts, T):
    """You count each text once. Every one of its T tokens goes through all matrices."""
    return _flops(n_layer, n_embd, vocab_size, n_texts)


@training_flops.wrong
def the_look_up_counted(n_layer, n_embd, vocab_size, n_texts, T):
    """You count the vocabulary twice. The table of tokens at the entrance is looked up:
    one row is copied, nothing is multiplied. The head multiplies."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, heads=2)


@training_flops.wrong
def the_head_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """The head is missing: V·C. In a large model it hardly counts; in ours it is the
    larger part."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, heads=0)


@training_flops.wrong
def the_mlp_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 4 C² a block: attention alone. The MLP has twice as much, 8 C²."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=4)


@training_flops.wrong
def attention_forgotten(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 8 C² a block: the MLP alone. Attention's matrices have 4 C²."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=8)


@training_flops.wrong
def attention_as_one_matrix_of_queries(n_layer, n_embd, vocab_size, n_texts, T):
    """You count 10 C² a block. Attention has queries, keys, values and what joins the
    heads: 4 C², not 2."""
    return _flops(n_layer, n_embd, vocab_size, n_texts * T, per_block=10)


@training_flops.wrong
def a_single_block(n_layer, n_embd, vocab_size, n_texts, T):
    """You count one block. There are n_layer of them."""
    return _flops(1, n_embd, vocab_size, n_texts * T)


# --- the power law --------------------------------------------------------------------


def _law_cases(rng):
    for n in (4, 5, 7, 6):
        start, step = rng.uniform(2, 4), rng.uniform(1.0, 1.8)
        x = torch.exp(start + step * torch.arange(n, dtype=torch.float64))
        floor, a, alpha = (
            rng.uniform(0.4, 0.9),
            rng.uniform(2, 6),
            rng.uniform(0.2, 0.5),
        )
        noise = tensor(rng, n, scale=0.08).double().exp()
        yield x, floor + a * x**-alpha * noise, floor


def fit_power_law(x, losses, floor):
    u, v = x.log(), (losses - floor).log()
    slope = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum()
    intercept = v.mean() - slope * u.mean()
    return intercept.exp().item(), -slope.item()


fit_power_law = Exercise(
    name="choosing_models.fit_power_law",
    task="(x (n,), losses (n,), float floor) -> (a, alpha): the law losses ≈ floor + "
    "a · x^-alpha whose straight line, in logarithms of both x and what is above the "
    "floor, has the least sum of squares. alpha is positive where losses fall.",
    reference=fit_power_law,
    cases=_law_cases,
    hints=(
        "Take the logarithm of a · x^-alpha. What are slope and intercept over ln x?",
        "np.polyfit(u, v, 1) gives (slope, intercept) of the line v over u, both (n,).",
        "u = log of x\nv = log of (losses - floor)\n"
        "slope, intercept = line through (u, v)\nreturn exp(intercept), -slope",
    ),
    tolerance=1e-4,
    proves="A law of two numbers, and a straight line to see whether it holds.",
)


def _line(u, v):
    slope = ((u - u.mean()) * (v - v.mean())).sum() / (u - u.mean()).square().sum()
    return slope.item(), (v.mean() - slope * u.mean()).item()


@fit_power_law.wrong
def the_floor_left_in(x, losses, floor):
    """You take the logarithm of the losses themselves. They cannot fall below the
    floor, so their line bends, and your alpha is too small. First subtract the
    floor."""
    slope, intercept = _line(x.log(), losses.log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def logarithms_subtracted(x, losses, floor):
    """You subtract the logarithm of the floor from that of the losses. That divides by
    the floor; the gap is the logarithm of a difference."""
    slope, intercept = _line(x.log(), losses.log() - math.log(floor))
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_floor_subtracted_after_the_logarithm(x, losses, floor):
    """You take the logarithm first and then subtract the floor. The other way round:
    what falls as a power of x is the loss minus the floor."""
    slope, intercept = _line(x.log(), losses.log() - floor)
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_slope_as_it_is(x, losses, floor):
    """Your alpha is negative. The line falls, but the law is written x^-alpha: turn the
    sign."""
    slope, intercept = _line(x.log(), (losses - floor).log())
    return math.exp(intercept), slope


@fit_power_law.wrong
def a_left_as_a_logarithm(x, losses, floor):
    """Your a is the intercept, so it is ln a. Take exp of it."""
    slope, intercept = _line(x.log(), (losses - floor).log())
    return intercept, -slope


@fit_power_law.wrong
def log10_undone_with_e(x, losses, floor):
    """Your alpha is right and your a is not: you took log10 and undid it with exp. To
    log10 belongs 10 to the power; the slope does not mind."""
    slope, intercept = _line(x.log10(), (losses - floor).log10())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def x_left_as_it_is(x, losses, floor):
    """You took the logarithm of the gap alone. A straight line there is an exponential;
    for a power, take the logarithm of x as well."""
    slope, intercept = _line(x, (losses - floor).log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def only_the_loss_left_as_it_is(x, losses, floor):
    """You took the logarithm of x alone. Take that of the gap, too."""
    slope, intercept = _line(x.log(), losses - floor)
    return math.exp(intercept), -slope


@fit_power_law.wrong
def the_first_and_the_last_point(x, losses, floor):
    """You draw the line through the first and the last point. Their errors then count
    in full and the others' not at all: take the line of least squares."""
    slope, intercept = _line(x[[0, -1]].log(), (losses - floor)[[0, -1]].log())
    return math.exp(intercept), -slope


@fit_power_law.wrong
def axes_swapped(x, losses, floor):
    """You fit ln x over the gap's logarithm and turn the line round. Least squares then
    look at errors of x, which has none: the loss goes on the upright axis."""
    slope, intercept = _line((losses - floor).log(), x.log())
    return math.exp(-intercept / slope), -1 / slope


# --- the best split of a budget -------------------------------------------------------


def _split_cases(rng):
    yield 6e9, 20.0, 90.0, 0.3, 0.4
    for _ in range(4):
        flops = 10 ** rng.uniform(12, 20)
        A, B = rng.uniform(50, 150), rng.uniform(200, 500)
        yield flops, A, B, rng.uniform(0.32, 0.45), rng.uniform(0.2, 0.3)


def best_split(flops, A, B, alpha, beta):
    ratio = alpha * A / (beta * B)
    N = (ratio * (flops / 6) ** beta) ** (1 / (alpha + beta))
    return N, flops / 6 / N


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


def _split(flops, ratio, alpha, beta, cost=6.0):
    N = (ratio * (flops / cost) ** beta) ** (1 / (alpha + beta))
    return N, flops / cost / N


@best_split.wrong
def the_factor_6_forgotten(flops, A, B, alpha, beta):
    """Your N times D is the whole budget. A token costs 6·N, so N · D is a sixth."""
    return _split(flops, alpha * A / (beta * B), alpha, beta, cost=1)


@best_split.wrong
def priced_as_reading(flops, A, B, alpha, beta):
    """Your N times D is half the budget: 2·N a token is the way forward. Training takes
    6·N."""
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


# --- bug clinic -----------------------------------------------------------------------


def _healthy_law(x, losses, floor):
    return fit_power_law.reference(x, losses, floor)


def _floor_from_the_lowest_loss(x, losses, floor):
    """The patient: takes for the floor what lies just under its own lowest loss."""
    return fit_power_law.reference(x, losses, 0.98 * losses.min().item())


bent_line = Clinic(
    name="choosing_models.bent_line",
    complaint="A colleague's fit of a power law follows the measured points. But when "
    "larger models are measured, they are always better than it said, and the more "
    "points it gets, the more its exponent changes. It gets x, losses and the floor.",
    patient=_floor_from_the_lowest_loss,
    healthy=_healthy_law,
    suspects={
        "the floor is not subtracted": "with a floor of 0 it would be right, and it "
        "would matter which floor you give it.",
        "the sign of the exponent is turned": "its exponent would be negative where "
        "its twin's is positive.",
        "the logarithm of x is missing": "its exponent would change when x is counted "
        "in thousands.",
        "it makes up a floor of its own": "it would be wrong with a floor of 0 too, "
        "and it would not matter which floor you give it.",
        "the two axes are swapped": "on points that lie on a law exactly, it would be "
        "right.",
    },
    fault="it makes up a floor of its own",
    evidence="The floor that it is given changes nothing, and on an exact law without "
    "any floor it is wrong. It takes its floor from the lowest loss it has seen, so it "
    "says that hardly anything is left to gain just beyond the largest model measured. "
    "A floor that nobody knows can be fitted, but its uncertainty belongs beside it.",
)


# --- recall ---------------------------------------------------------------------------

QUESTIONS = (
    Question(
        "Model A is faster and as good as B. Is B on the Pareto front? And if A is "
        "faster and a little worse?",
        "No: A beats B. In the second case neither beats the other, and both stay.",
        (
            "choosing_models.pareto_front: beaten only if worse everywhere",
            "choosing_models.pareto_front: beaten by one better column",
        ),
    ),
    Question(
        "What does training cost, in FLOPs, for N parameters and D tokens? Reading?",
        "About 6·N·D: 2 forward, 4 backward. Reading or writing D tokens: 2·N·D.",
        (
            "choosing_models.training_flops: the way forward only",
            "choosing_models.training_flops: texts taken for tokens",
        ),
    ),
    Question(
        "Losses over model size bend in a log-log picture. Does no power law hold?",
        "Perhaps one does, above a floor: subtract it first. If nobody knows the "
        "floor, it has to be fitted as well, and the exponent becomes uncertain.",
        ("choosing_models.fit_power_law: the floor left in",),
    ),
    Question(
        "A budget grows a hundredfold. By Chinchilla's rule, how much larger is the "
        "model?",
        "About ten times, and it reads about ten times as many tokens: 6·N·D grows a "
        "hundredfold.",
        ("choosing_models.best_split: exponents swapped",),
    ),
)
