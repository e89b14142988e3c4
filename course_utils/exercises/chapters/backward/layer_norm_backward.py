"""LayerNorm's gradients: exercise layer_norm_backward and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _stream_cases(rng):
    for B, T, C in ((1, 1, 2), (1, 3, 3), (2, 3, 4), (2, 5, 5)):
        x, gain = 2 * tensor(rng, B, T, C) + 1, 1 + tensor(rng, C, scale=0.5)
        yield x, gain, tensor(rng, B, T, C)
    yield 0.003 * tensor(rng, 2, 2, 4), 1 + tensor(rng, 4), tensor(rng, 2, 2, 4)
    yield tensor(rng, 1, 2, 4), -1 - tensor(rng, 4).abs(), tensor(rng, 1, 2, 4)


def layer_norm_backward(x, gain, g):
    deviation = (x.var(dim=-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    normal = (x - x.mean(dim=-1, keepdim=True)) / deviation
    h = g * gain  # the gradient of what was normalised
    shift = h.mean(dim=-1, keepdim=True)
    stretch = (h * normal).mean(dim=-1, keepdim=True)
    of_x = (h - shift - normal * stretch) / deviation
    return of_x, (g * normal).sum(dim=(0, 1)), g.sum(dim=(0, 1))


def _parts(x, gain, g, unbiased=False, dim=-1, epsilon=1e-5):
    deviation = (x.var(dim, unbiased=unbiased, keepdim=True) + epsilon).sqrt()
    normal = (x - x.mean(dim, keepdim=True)) / deviation
    return deviation, normal, g * gain


def _assembled(deviation, normal, h, g, shift=1, stretch=1, mean="mean"):
    """Return all three gradients; 0 for ``shift`` or ``stretch`` leaves it out."""
    taken = shift * getattr(h, mean)(-1, keepdim=True)
    turned = stretch * getattr(h * normal, mean)(-1, keepdim=True)
    of_x = (h - taken - normal * turned) / deviation
    return of_x, (g * normal).sum(dim=(0, 1)), g.sum(dim=(0, 1))


layer_norm_backward = Exercise(
    name="backward.layer_norm_backward",
    task="(x (B, T, C), gain (C,), g (B, T, C)) -> (gradients of x (B, T, C), gain "
    "(C,), bias (C,)): g is the gradient of gain · n + bias, n = (x - mean) / "
    "√(variance + 1e-5), over each position's channels; the variance divides by C. "
    "Without autograd.",
    reference=layer_norm_backward,
    without=(AUTOGRAD,),
    tolerance=1e-4,  # a small variance magnifies what float32 rounds
    cases=_stream_cases,
    hints=(
        "Add 1 to all of a position's channels: how does n change? Multiply them by a "
        "factor: how does it change?",
        "h = g · gain is the gradient of n, (B, T, C). Of it, two parts per position, "
        "(B, T, 1), have no effect. Gain and bias were used B·T times.",
        "h = g * gain\n"
        "shift = mean of h over the channels\n"
        "stretch = mean of h * n over the channels\n"
        "of x: (h - shift - n * stretch) / √(variance + 1e-5)\n"
        "of gain: sum of g * n; of bias: sum of g, both over batch and time",
    ),
    proves="What LayerNorm cannot show, a shift or a stretch, sends no gradient back.",
)


@layer_norm_backward.wrong
def mean_forgotten(x, gain, g):
    """The mean depends on every channel, so raising one lowers all the others. Take the
    mean of h off."""
    return _assembled(*_parts(x, gain, g), g, shift=0)


@layer_norm_backward.wrong
def variance_forgotten(x, gain, g):
    """You treat the deviation as a constant. It depends on every channel: take
    n · mean(h · n) off."""
    return _assembled(*_parts(x, gain, g), g, stretch=0)


@layer_norm_backward.wrong
def mean_and_variance_forgotten(x, gain, g):
    """You treat mean and deviation as constants. Both depend on every channel of x."""
    return _assembled(*_parts(x, gain, g), g, shift=0, stretch=0)


@layer_norm_backward.wrong
def sums_in_place_of_means(x, gain, g):
    """You take sums over the channels off. Each of C channels holds 1/C of the mean and
    of the variance: means."""
    return _assembled(*_parts(x, gain, g), g, mean="sum")


@layer_norm_backward.wrong
def gain_left_out(x, gain, g):
    """The gradient of x does not pass the gain. n was multiplied by it, so h is
    g · gain."""
    deviation, normal, _ = _parts(x, gain, g)
    return _assembled(deviation, normal, g, g)


@layer_norm_backward.wrong
def deviation_left_out(x, gain, g):
    """You do not divide by the deviation: the larger x's spread, the less a step of x
    moves n."""
    deviation, normal, h = _parts(x, gain, g)
    return _assembled(deviation * 0 + 1, normal, h, g)


@layer_norm_backward.wrong
def divided_by_the_variance(x, gain, g):
    """You divide by the variance. n was divided by its root."""
    deviation, normal, h = _parts(x, gain, g)
    return _assembled(deviation**2, normal, h, g)


@layer_norm_backward.wrong
def multiplied_by_the_deviation(x, gain, g):
    """You multiply by the deviation. n was divided by it, and so is its gradient."""
    deviation, normal, h = _parts(x, gain, g)
    return _assembled(1 / deviation, normal, h, g)


@layer_norm_backward.wrong
def unbiased_variance(x, gain, g):
    """Your variance divides by C - 1 (torch's var does if you do not say otherwise).
    LayerNorm's divides by C."""
    return _assembled(*_parts(x, gain, g, unbiased=True), g)


@layer_norm_backward.wrong
def epsilon_left_out(x, gain, g):
    """The 1e-5 under the root is missing: where a position's channels are nearly equal
    it decides."""
    return _assembled(*_parts(x, gain, g, epsilon=0.0), g)


@layer_norm_backward.wrong
def raw_x_for_the_gain(x, gain, g):
    """The gain's gradient uses x. The gain multiplied n, the normalised x."""
    of_x, _, of_bias = layer_norm_backward.reference(x, gain, g)
    return of_x, (g * x).sum(dim=(0, 1)), of_bias


@layer_norm_backward.wrong
def gain_twice(x, gain, g):
    """The gain's own gradient holds the gain: g · n, not g · gain · n."""
    of_x, of_gain, of_bias = layer_norm_backward.reference(x, gain, g)
    return of_x, of_gain * gain, of_bias


@layer_norm_backward.wrong
def gain_and_bias_not_summed(x, gain, g):
    """Gain and bias have a gradient for each position in your answer. All positions
    used them: sum over batch and time, (C,)."""
    _, normal, _ = _parts(x, gain, g)
    return layer_norm_backward.reference(x, gain, g)[0], g * normal, g.clone()


@layer_norm_backward.wrong
def gain_and_bias_averaged(x, gain, g):
    """You average over the positions. If the loss is a mean, its division is in g
    already; uses add up."""
    of_x, of_gain, of_bias = layer_norm_backward.reference(x, gain, g)
    n = x.shape[0] * x.shape[1]
    return of_x, of_gain / n, of_bias / n


@layer_norm_backward.wrong
def gain_and_bias_exchanged(x, gain, g):
    """You return the bias's gradient before the gain's: x, gain, bias."""
    of_x, of_gain, of_bias = layer_norm_backward.reference(x, gain, g)
    return of_x, of_bias, of_gain


@layer_norm_backward.wrong
def gain_in_the_gradient_of_the_bias(x, gain, g):
    """Your gradient of the bias holds the gain. The bias is added after the gain: its
    gradient is g itself, summed over batch and time."""
    of_x, of_gain, of_bias = layer_norm_backward.reference(x, gain, g)
    return of_x, of_gain, of_bias * gain
