"""What broadcasting does to a gradient: exercise unbroadcast and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor

_SHAPES = (
    ((3,), (1,)),
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((3, 3), (3,)),
    ((3, 3), (3, 1)),
    ((2, 3), (1, 3)),
    ((2, 4, 3), (4, 1)),
    ((2, 2, 2), (1, 2)),
    ((2, 3), ()),
    ((2, 1, 3), (2, 1, 1)),
)


def _gradient_cases(rng):
    for big, small in _SHAPES:
        yield tensor(rng, *big), small


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(dim=0)  # a dimension that broadcasting put in front
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(dim=i, keepdim=True)  # a length that it repeated
    return g


def _by(g, shape, reduce):
    """Take back what broadcasting repeated with ``reduce`` in place of the sum."""
    while g.ndim > len(shape):
        g = reduce(g, 0).squeeze(0)
    for i, n in enumerate(shape):
        if n == 1:
            g = reduce(g, i)
    return g


unbroadcast = Exercise(
    name="backward.unbroadcast",
    task="(g, tuple shape) -> tensor of that shape: g is the gradient of a result into "
    "which a tensor of shape was broadcast. Return that tensor's gradient: sum over "
    "the dimensions that were put in front, and over those where it has length 1. "
    "Without autograd.",
    reference=unbroadcast,
    without=(AUTOGRAD,),
    cases=_gradient_cases,
    hints=(
        "One number was used in n places. What is its gradient, given those of the n?",
        "Shapes align from the right. (2, 4, 3) -> (4, 1): sum over the first "
        "dimension, then over the last, which stays as length 1.",
        "while g has more dimensions than shape: sum over dimension 0\n"
        "for each dimension of length 1 in shape: sum over it, with keepdim=True",
    ),
    proves="Broadcasting is using something many times, so its gradients add up.",
)


@unbroadcast.wrong
def not_summed(g, shape):
    """You return g as it came, in the shape of the result. A gradient has the shape of
    what it belongs to."""
    return g.clone()


@unbroadcast.wrong
def everything_summed(g, shape):
    """You add up all of g. Only what was repeated is summed; the other entries were
    used once each."""
    return g.sum().expand(shape).clone()


@unbroadcast.wrong
def mean_in_place_of_the_sum(g, shape):
    """You take the mean. Each use counts in full: the gradients of n uses are added,
    not divided by n."""
    return _by(g, shape, lambda g, i: g.mean(dim=i, keepdim=True))


@unbroadcast.wrong
def the_first_in_place_of_the_sum(g, shape):
    """You take the first of the repeated places. All of them were used."""
    return _by(g, shape, lambda g, i: g.narrow(i, 0, 1))


@unbroadcast.wrong
def the_last_in_place_of_the_sum(g, shape):
    """You keep the last of the repeated places: overwritten in place of added."""
    return _by(g, shape, lambda g, i: g.narrow(i, g.shape[i] - 1, 1))


@unbroadcast.wrong
def the_largest_in_place_of_the_sum(g, shape):
    """You take the largest of the repeated places. Their gradients add up."""
    return _by(g, shape, lambda g, i: g.amax(dim=i, keepdim=True))


@unbroadcast.wrong
def only_new_dimensions_summed(g, shape):
    """Dimensions that were put in front are summed. A length of 1 was repeated too: sum
    over it, and keep it as 1."""
    while g.ndim > len(shape):
        g = g.sum(dim=0)
    return g.clone()


@unbroadcast.wrong
def only_lengths_of_1_summed(g, shape):
    """Where the tensor has length 1 you sum. The dimensions that were put in front of
    its shape are repeats as well."""
    new = g.ndim - len(shape)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(dim=new + i, keepdim=True)
    return g.clone()


@unbroadcast.wrong
def length_1_dropped(g, shape):
    """Your sum takes the dimension away. The tensor has a dimension of length 1 there:
    keepdim=True."""
    while g.ndim > len(shape):
        g = g.sum(dim=0)
    for i in reversed([i for i, n in enumerate(shape) if n == 1]):
        g = g.sum(dim=i)
    return g.clone()


@unbroadcast.wrong
def aligned_from_the_left(g, shape):
    """You sum over the last dimensions until the numbers of dimensions fit.
    Broadcasting aligns from the right: new dimensions stand in front."""
    while g.ndim > len(shape):
        g = g.sum(dim=-1)
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(dim=i, keepdim=True)
    return g.clone()


@unbroadcast.wrong
def spread_out_again(g, shape):
    """The sums are right, but you spread them out to the shape of g again. The gradient
    has the shape of the tensor."""
    return unbroadcast.reference(g, shape).expand(g.shape).clone()


@unbroadcast.wrong
def lengths_of_1_counted_from_the_left(g, shape):
    """You sum over dimension i of g where shape has length 1 at place i. Shapes are
    lined up at their right ends: with a dimension in front, places differ by one. And
    what was put in front is summed as well."""
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(dim=i, keepdim=True)
    return g.clone()


@unbroadcast.wrong
def reshaped(g, shape):
    """You reshape. Where broadcasting has repeated numbers, g has more of them than fit
    into shape: sum over what was repeated."""
    return g.reshape(shape)
