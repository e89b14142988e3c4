"""Softmax's Jacobian as a row operation: exercise softmax_backward and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD, LOOP, TABLE
from course_utils.exercises.engine.inputs import tensor


def _share_cases(rng):
    for shape, scale in (((2,), 1.0), ((1, 3), 1.0), ((3, 3), 2.0), ((2, 3, 4), 4.0)):
        yield tensor(rng, *shape, scale=scale).softmax(dim=-1), tensor(rng, *shape)


def softmax_backward(p, g):
    return p * (g - (p * g).sum(dim=-1, keepdim=True))


softmax_backward = Exercise(
    name="backward.softmax_backward",
    task="(p (..., N), g (..., N)) -> (..., N): p is the softmax of some scores over "
    "the last dimension, g the gradient of p. Return the gradient of the scores. No "
    "loop, no table of (N, N), no autograd.",
    reference=softmax_backward,
    without=(AUTOGRAD, LOOP, TABLE),
    cases=_share_cases,
    hints=(
        "Raise one score. Its own share rises; what do the others do, and by how much?",
        "Share i rises with score j by p[i]·(1 - p[i]) if i = j, else by -p[i]·p[j]. "
        "So p[j]·g[j] minus p[j] times one number per row, (..., 1).",
        "mean = the sum of p * g over the last dimension, with keepdim\n"
        "return p * (g - mean)",
    ),
    proves="All N·N slopes of a row in one line: what all shares are given alike, no "
    "score gains from.",
)


@softmax_backward.wrong
def diagonal_only(p, g):
    """p · (1 - p) is how a share rises with its *own* score. Every share also falls
    when another score rises: the shares add up to 1."""
    return p * (1 - p) * g


@softmax_backward.wrong
def others_left_out(p, g):
    """p · g lacks what each score takes from the other shares: subtract the row's mean
    of g, weighted by p."""
    return p * g


@softmax_backward.wrong
def p_left_out_in_front(p, g):
    """The weighted mean is taken off, but the factor p in front is missing: a score
    whose share is 0 moves nothing."""
    return g - (p * g).sum(dim=-1, keepdim=True)


@softmax_backward.wrong
def sum_without_the_shares(p, g):
    """You take off the plain sum of g. Each entry counts by its share: sum p · g."""
    return p * (g - g.sum(dim=-1, keepdim=True))


@softmax_backward.wrong
def plain_mean(p, g):
    """You take off the plain mean of g. Each entry counts by its share: sum p · g."""
    return p * (g - g.mean(dim=-1, keepdim=True))


@softmax_backward.wrong
def mean_of_the_products(p, g):
    """You average p · g over the row. The shares add up to 1 already: their sum is the
    weighted mean, no division by N."""
    return p * (g - (p * g).mean(dim=-1, keepdim=True))


@softmax_backward.wrong
def summed_over_the_first_dimension(p, g):
    """You sum down the columns. Softmax ran along the rows: dim=-1."""
    return p * (g - (p * g).sum(dim=0, keepdim=True))


@softmax_backward.wrong
def summed_over_everything(p, g):
    """You sum over the whole tensor. Rows do not know of each other: one sum for each,
    dim=-1."""
    return p * (g - (p * g).sum())


@softmax_backward.wrong
def keepdim_forgotten(p, g):
    """Without keepdim=True the sums of the rows are laid along the columns: where N
    rows meet N columns nothing warns you."""
    return p * (g - (p * g).sum(dim=-1))


@softmax_backward.wrong
def sign_turned_round(p, g):
    """The sign is turned round: p · (mean - g)."""
    return -softmax_backward.reference(p, g)


@softmax_backward.wrong
def rule_of_log_softmax(p, g):
    """This is the rule of *log*-softmax, g - p · sum(g). Here p is the result."""
    return g - p * g.sum(dim=-1, keepdim=True)


@softmax_backward.wrong
def softmax_taken_again(p, g):
    """You take the softmax of p. p is the result already; the scores are not needed."""
    return softmax_backward.reference(p.softmax(dim=-1), g)


@softmax_backward.wrong
def the_mean_without_its_share(p, g):
    """The weighted mean is taken off whole: it needs the factor p too. p · (g - mean),
    not p · g - mean."""
    return p * g - (p * g).sum(dim=-1, keepdim=True)


@softmax_backward.wrong
def the_mean_added(p, g):
    """You add the weighted mean. What one probability gains the others lose: it is
    taken off, p · (g - mean)."""
    return p * (g + (p * g).sum(dim=-1, keepdim=True))
