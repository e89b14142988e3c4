"""One step of gradient descent: exercise gradient_step and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _line_cases(rng):
    for n, learning_rate in ((2, 0.5), (1, 0.1), (3, 0.1), (20, 0.03)):
        w, x, y = tensor(rng, 1)[0], tensor(rng, n) + 0.5, tensor(rng, n)
        yield w, x, y, learning_rate
        yield -w, x, y, learning_rate  # one of the two is negative


def gradient_step(w, x, y, learning_rate):
    error = w * x - y
    gradient = (2 * error * x).mean()
    return w - learning_rate * gradient


def _moved(w, x, y, learning_rate, slope):
    return w - learning_rate * slope(w * x - y)


gradient_step = Exercise(
    name="primer.gradient_step",
    task="(w (), x (n,), y (n,), float learning_rate) -> the new w (): one step of "
    "gradient descent on the loss mean((w · x − y)²). w itself stays. By hand or with "
    "autograd.",
    reference=gradient_step,
    cases=_line_cases,
    hints=(
        "If w rises a little, by how much does w · x − y rise? And its square?",
        "The derivative of (w · x − y)² is 2 · (w · x − y) · x. The loss is a mean.",
        "error = w * x - y\n"
        "gradient = mean of 2 * error * x\n"
        "return w - learning_rate * gradient",
    ),
    proves="This is how every weight of a GPT learns: against its gradient, a little.",
)


@gradient_step.wrong
def uphill(w, x, y, learning_rate):
    """You add the gradient: the loss rises. The gradient points uphill, so take it
    away."""
    return _moved(w, x, y, -learning_rate, lambda error: (2 * error * x).mean())


@gradient_step.wrong
def the_step_without_w(w, x, y, learning_rate):
    """This is the step alone. The new w is the old one plus the step."""
    return _moved(w, x, y, learning_rate, lambda error: (2 * error * x).mean()) - w


@gradient_step.wrong
def learning_rate_left_out(w, x, y, learning_rate):
    """You go the whole gradient. It says how steep the loss is, not how far its bottom
    is: the learning rate says how far to go."""
    return _moved(w, x, y, 1.0, lambda error: (2 * error * x).mean())


@gradient_step.wrong
def inner_derivative_forgotten(w, x, y, learning_rate):
    """The derivative of the square is there, but not that of what is inside: w · x − y
    rises by x when w rises by 1. That is the chain rule."""
    return _moved(w, x, y, learning_rate, lambda error: (2 * error).mean())


@gradient_step.wrong
def factor_2_forgotten(w, x, y, learning_rate):
    """The derivative of a square has a factor 2."""
    return _moved(w, x, y, learning_rate, lambda error: (error * x).mean())


@gradient_step.wrong
def sum_in_place_of_the_mean(w, x, y, learning_rate):
    """You add up the examples' gradients. The loss is their mean; with the sum, the
    step would grow with the number of examples."""
    return _moved(w, x, y, learning_rate, lambda error: (2 * error * x).sum())


@gradient_step.wrong
def one_step_for_each_example(w, x, y, learning_rate):
    """There is one w for all examples, so its gradient is one number: the mean of what
    the examples say. Yours has an entry for each."""
    return _moved(w, x, y, learning_rate, lambda error: 2 * error * x)


@gradient_step.wrong
def the_gradient_returned(w, x, y, learning_rate):
    """You return the gradient. A step goes learning_rate times as far, from w: return
    the new w."""
    return (2 * (w * x - y) * x).mean()


@gradient_step.wrong
def the_loss_taken_off(w, x, y, learning_rate):
    """You take the loss itself off w. It says how wrong w is, not which way is down:
    that is its slope."""
    return w - learning_rate * ((w * x - y) ** 2).mean()


@gradient_step.wrong
def the_target_as_inner_derivative(w, x, y, learning_rate):
    """You multiply the error by y. w stands beside x: the inner derivative of w · x - y
    along w is x."""
    return _moved(w, x, y, learning_rate, lambda error: (2 * error * y).mean())
