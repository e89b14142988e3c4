"""A low-rank change: exercise low_rank and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _low_rank_cases(rng):
    for T, n_in, n_out, rank in ((1, 3, 5, 2), (2, 4, 3, 1), (4, 6, 7, 3)):
        x, weight = tensor(rng, T, n_in), tensor(rng, n_out, n_in)
        yield x, weight, tensor(rng, rank, n_in), tensor(rng, n_out, rank), 5.0


def low_rank(x, weight, down, up, alpha):
    rank = len(down)
    return x @ weight.T + alpha / rank * (x @ down.T) @ up.T


low_rank = Exercise(
    name="applications.low_rank",
    task="(x (T, in), weight (out, in), down (rank, in), up (out, rank), float alpha) "
    "-> (T, out): what the layer gives for x, plus alpha / rank times what x becomes "
    "through down and then up.",
    reference=low_rank,
    cases=_low_rank_cases,
    hints=(
        "Which of the two thin matrices can take x? What shape comes out of it?",
        "x @ down.T is (T, rank); that @ up.T is (T, out).",
        "rank = rows of down\nx @ weight.T + alpha / rank * (x @ down.T @ up.T)",
    ),
    proves="rank · (in + out) numbers are trained in the place of in · out.",
)


@low_rank.wrong
def alpha_not_divided_by_the_rank(x, weight, down, up, alpha):
    """You scale by alpha alone. Divided by the rank, the change keeps its size when the
    rank is raised, and the learning rate can stay."""
    return x @ weight.T + alpha * (x @ down.T) @ up.T


@low_rank.wrong
def the_change_not_scaled(x, weight, down, up, alpha):
    """alpha does nothing in yours: scale the change by alpha / rank."""
    return x @ weight.T + (x @ down.T) @ up.T


@low_rank.wrong
def the_frozen_layer_left_out(x, weight, down, up, alpha):
    """You return the change alone. What the layer knew already is missing: at the
    start up is 0, and the model must be what it was."""
    return alpha / len(down) * (x @ down.T) @ up.T


@low_rank.wrong
def the_layer_scaled_too(x, weight, down, up, alpha):
    """You scale both. Only the change is scaled; the frozen layer stays as it was."""
    return alpha / len(down) * (x @ weight.T + (x @ down.T) @ up.T)


@low_rank.wrong
def divided_by_the_width(x, weight, down, up, alpha):
    """You divide by the layer's width. The rank is the number of rows of down."""
    return x @ weight.T + alpha / down.shape[1] * (x @ down.T) @ up.T


@low_rank.wrong
def divided_by_the_output_width(x, weight, down, up, alpha):
    """You divide by the rows of up, the layer's outputs. The rank is what the two thin
    matrices share: rows of down, columns of up."""
    return x @ weight.T + alpha / len(up) * (x @ down.T) @ up.T


@low_rank.wrong
def divided_by_the_root_of_the_rank(x, weight, down, up, alpha):
    """You divide by the root of the rank. The paper divides by the rank (Hu et al.
    2021, section 4.1); the root is a later proposal (Kalajdzievski 2023)."""
    return x @ weight.T + alpha / len(down) ** 0.5 * (x @ down.T) @ up.T


@low_rank.wrong
def the_scale_upside_down(x, weight, down, up, alpha):
    """You multiply by rank / alpha. It is alpha / rank: the more numbers the way in
    between has, the less each counts."""
    return x @ weight.T + len(down) / alpha * (x @ down.T @ up.T)


@low_rank.wrong
def the_change_left_out(x, weight, down, up, alpha):
    """You return what the frozen layer gives. What training adds is missing: alpha /
    rank times x through down and up."""
    return x @ weight.T


@low_rank.wrong
def multiplied_by_the_rank(x, weight, down, up, alpha):
    """You multiply by alpha · rank. It is alpha / rank: the more numbers the way in
    between has, the less each counts."""
    return x @ weight.T + alpha * len(down) * (x @ down.T @ up.T)
