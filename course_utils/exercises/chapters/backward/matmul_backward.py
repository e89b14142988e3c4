"""The gradients of a matrix product: exercise matmul_backward and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _product_cases(rng):
    for B, T, K, M in ((1, 2, 2, 2), (1, 1, 2, 3), (2, 3, 3, 3), (3, 4, 2, 5)):
        yield tensor(rng, B, T, K), tensor(rng, K, M), tensor(rng, B, T, M)


def matmul_backward(a, b, g):
    of_a = g @ b.T  # (B, T, M) @ (M, K)
    of_b = (a.mT @ g).sum(dim=0)  # (B, K, T) @ (B, T, M), all texts together
    return of_a, of_b


matmul_backward = Exercise(
    name="backward.matmul_backward",
    task="(a (B, T, K), b (K, M), g (B, T, M)) -> (gradient of a (B, T, K), gradient "
    "of b (K, M)), where g is the gradient of a @ b. One b serves all B texts. "
    "Without autograd.",
    reference=matmul_backward,
    without=(AUTOGRAD,),
    cases=_product_cases,
    hints=(
        "Entry (t, m) of the result is the sum over k of a[t, k] · b[k, m]. How fast "
        "does it rise with b[k, m], and which entries does b[k, m] enter?",
        "Let the shapes lead: (B, T, M) and (K, M) must become (B, T, K). Then "
        "(B, T, K) and (B, T, M) must become (K, M).",
        "of_a = g @ b transposed\n"
        "of_b = (a with its last two dimensions exchanged) @ g, summed over the texts\n"
        "return of_a, of_b",
    ),
    proves="Two more matrix products: so a backward pass costs about twice a forward.",
)


@matmul_backward.wrong
def b_not_transposed(a, b, g):
    """For a you multiply g by b itself. It came from K to M; the gradient goes from M
    to K: transpose it."""
    return g @ b, matmul_backward.reference(a, b, g)[1]


@matmul_backward.wrong
def a_not_transposed(a, b, g):
    """For b you multiply by a itself. The sum must run over the T positions, so a's
    positions meet g's: transpose a."""
    return g @ b.T, (a @ g).sum(dim=0)


@matmul_backward.wrong
def neither_transposed(a, b, g):
    """Neither factor is transposed. It runs only where the matrices are square; shapes
    that all differ show at once what fits."""
    return g @ b, (a @ g).sum(dim=0)


@matmul_backward.wrong
def gradient_of_b_on_its_side(a, b, g):
    """The gradient of b lies on its side: g comes second, a transposed comes first."""
    return g @ b.T, (g.mT @ a).sum(dim=0)


@matmul_backward.wrong
def gradient_of_a_on_its_side(a, b, g):
    """The gradient of a lies on its side: g comes first, b transposed second."""
    return b @ g.mT, matmul_backward.reference(a, b, g)[1]


@matmul_backward.wrong
def not_summed_over_the_batch(a, b, g):
    """You have a gradient of b for each text, (B, K, M). One b served all texts: add
    them up."""
    return g @ b.T, a.mT @ g


@matmul_backward.wrong
def mean_over_the_batch(a, b, g):
    """You average over the texts. If the loss is a mean, its division is in g already;
    uses add up."""
    return g @ b.T, (a.mT @ g).mean(dim=0)


@matmul_backward.wrong
def mean_over_all_positions(a, b, g):
    """You divide by the number of positions. If the loss is a mean, its division is in
    g already; uses add up."""
    return g @ b.T, (a.mT @ g).sum(dim=0) / (a.shape[0] * a.shape[1])


@matmul_backward.wrong
def only_the_last_text(a, b, g):
    """The gradient of b is that of the last text: overwritten in place of added."""
    return g @ b.T, a[-1].T @ g[-1]


@matmul_backward.wrong
def only_the_first_text(a, b, g):
    """The gradient of b is that of the first text. All of them used b."""
    return g @ b.T, a[0].T @ g[0]


@matmul_backward.wrong
def gradients_exchanged(a, b, g):
    """You return the gradient of b first. a comes first."""
    of_a, of_b = matmul_backward.reference(a, b, g)
    return of_b, of_a


@matmul_backward.wrong
def gradient_of_the_result_left_out(a, b, g):
    """g is missing: these are the slopes of the sum of all entries. Each entry counts
    as much as g says."""
    return matmul_backward.reference(a, b, g * 0 + 1)
