"""Exercises of the primer: broadcasting, matrix products, gradients, a bigram model.

Among the inputs are square tables, on which a wrong dimension raises no error, and
others, on which it does.
"""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

# --- broadcasting ---------------------------------------------------------------------


def _counts(rng, *shape):
    """Return whole numbers from 1 up, as floats."""
    return tensor(rng, *shape, scale=4.0).abs().floor() + 1


def _table_cases(rng):
    for shape in ((2, 2), (2, 3), (1, 4), (4, 4), (7, 5)):
        yield (_counts(rng, *shape),)


def row_shares(counts):
    return counts / counts.sum(dim=1, keepdim=True)


row_shares = Exercise(
    name="primer.row_shares",
    task="counts (N, M) -> (N, M): each number as its share of its own row, so that "
    "every row sums to 1.",
    reference=row_shares,
    cases=_table_cases,
    hints=(
        "What do you divide row 0 by? And row 1?",
        "The sums need the shape (N, 1), so that each row meets its own sum. What "
        "shape has counts.sum(dim=1)?",
        "sums = sum over dimension 1, with keepdim=True: (N, 1)\nreturn counts / sums",
    ),
    proves="Each row met its own sum: you kept the dimension that broadcasting needs.",
)


@row_shares.wrong
def keepdim_forgotten(counts):
    """Without keepdim=True the sums have the shape (N,). Broadcasting aligns shapes
    from the right, so column j is divided by the sum of row j. In a square table that
    raises no error."""
    return counts / counts.sum(dim=1)


@row_shares.wrong
def columns_sum_to_1(counts):
    """You summed over dimension 0, down the columns. A row runs along dimension 1."""
    return counts / counts.sum(dim=0)


@row_shares.wrong
def the_whole_table_sums_to_1(counts):
    """You divide by the sum of all numbers. Each row has a sum of its own."""
    return counts / counts.sum()


@row_shares.wrong
def divided_by_the_number_of_columns(counts):
    """You divide by how many numbers a row has. The share is out of their sum."""
    return counts / counts.shape[1]


@row_shares.wrong
def divided_by_the_largest(counts):
    """The largest of each row is 1 now, so the row sums to more. Divide by the sum."""
    return counts / counts.amax(dim=1, keepdim=True)


@row_shares.wrong
def softmax_of_the_counts(counts):
    """Softmax takes exp of each count first: twice as often becomes far more than twice
    the share. Counts are divided as they are."""
    return counts.softmax(dim=1)


# --- matrix product -------------------------------------------------------------------


def _product_cases(rng):
    for N, K, M in ((2, 2, 2), (2, 3, 2), (1, 3, 4), (3, 3, 3), (4, 2, 5)):
        yield tensor(rng, N, K), tensor(rng, K, M)


def matrix_product(a, b):
    products = a[:, :, None] * b[None, :, :]  # (N, K, 1) * (1, K, M) -> (N, K, M)
    return products.sum(dim=1)  # (N, M)


matrix_product = Exercise(
    name="primer.matrix_product",
    task="(a (N, K), b (K, M)) -> (N, M): the matrix product, written without @. Loops "
    "will do; broadcasting and one sum is shorter.",
    reference=matrix_product,
    cases=_product_cases,
    hints=(
        "Which row and which column make the entry at (n, m)?",
        "All products at once have the shape (N, K, M). Which one is summed away?",
        "products = a as (N, K, 1) times b as (1, K, M)\n"
        "return the sum of products over dimension 1",
    ),
    proves="A matrix product is products and sums, nothing else: row n meets column m.",
)


@matrix_product.wrong
def entry_by_entry(a, b):
    """This multiplies number by number, as * does. In a matrix product each entry sums
    over a whole row and a whole column."""
    return a * b


@matrix_product.wrong
def rows_with_rows(a, b):
    """You multiply rows of a with rows of b. The second factor gives its columns."""
    return a @ b.T


@matrix_product.wrong
def result_transposed(a, b):
    """Your result lies on its side: rows come from a, columns from b."""
    return (a @ b).T


@matrix_product.wrong
def factors_swapped(a, b):
    """This is b times a. The order matters for matrices."""
    return b @ a


@matrix_product.wrong
def mean_in_place_of_the_sum(a, b):
    """You take the mean of the K products. A matrix product takes their sum."""
    return a @ b / a.shape[1]


@matrix_product.wrong
def summed_over_the_columns_of_b(a, b):
    """The products (N, K, M) are right, but you sum over M. What a row and a column
    share is K, dimension 1."""
    return (a[:, :, None] * b[None, :, :]).sum(dim=2)


# --- the gradient by finite differences -----------------------------------------------


def sum_of_squares(x):
    return (x**2).sum()


def sum_of_cubes(x):
    return (x**3).sum()


def product_of_neighbours(x):
    return (x[:-1] * x[1:]).sum() + (x**2 / 2).sum()


def _slope_cases(rng):
    yield sum_of_squares, tensor(rng, 2), 0.1
    yield sum_of_squares, tensor(rng, 1), 0.5
    yield product_of_neighbours, tensor(rng, 3), 0.1
    yield sum_of_cubes, tensor(rng, 4), 0.25


def numerical_gradient(f, x, step):
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        nudge = torch.zeros_like(x)
        nudge[i] = step
        gradient[i] = (f(x + nudge) - f(x - nudge)) / (2 * step)
    return gradient


numerical_gradient = Exercise(
    name="primer.numerical_gradient",
    task="(function f of a vector, x (n,), float step) -> (n,): for each entry of x, "
    "how fast f rises when this entry alone moves, measured from one step before it to "
    "one step after it. x itself stays as it is.",
    reference=numerical_gradient,
    cases=_slope_cases,
    hints=(
        "A function of n numbers has n slopes. How often must you call f for each?",
        "A slope is the rise of f over the way gone. From x[i] - step to x[i] + step, "
        "how long is the way?",
        "for each i:\n"
        "    nudge = zeros like x, with step at i\n"
        "    gradient[i] = (f(x + nudge) - f(x - nudge)) / (2 * step)",
    ),
    proves="You can measure a gradient without knowing any rule for derivatives.",
    tolerance=1e-4,
)


def _slopes(f, x, step, before=1.0, way=2.0):
    """Measure as the misconceptions do: how far before, and over what way."""
    nudges = step * torch.eye(len(x))
    rises = [f(x + nudge) - f(x - before * nudge) for nudge in nudges]
    return torch.stack(rises) / (way * step)


@numerical_gradient.wrong
def all_entries_moved_at_once(f, x, step):
    """You move all entries together, so every slope is the same: the sum of them all.
    Move one entry and keep the others."""
    rise = f(x + step) - f(x - step)
    return (rise / (2 * step)).expand_as(x).clone()


@numerical_gradient.wrong
def measured_to_one_side(f, x, step):
    """You measure from x to x + step. That is the slope half a step further on, and its
    error shrinks with the step; from both sides it shrinks with the step's square."""
    return _slopes(f, x, step, before=0.0, way=1.0)


@numerical_gradient.wrong
def divided_by_half_the_way(f, x, step):
    """From x - step to x + step the way is 2 * step. Yours is twice the slope."""
    return _slopes(f, x, step, way=1.0)


@numerical_gradient.wrong
def rise_not_divided(f, x, step):
    """This is by how much f rises. A slope is the rise divided by the way."""
    return _slopes(f, x, step, way=1.0) * step


@numerical_gradient.wrong
def turned_round(f, x, step):
    """The sign is wrong: you take what is after from what is before. A positive slope
    says that f rises when x rises."""
    return -_slopes(f, x, step)


@numerical_gradient.wrong
def entries_of_x_stay_moved(f, x, step):
    """You move an entry of x itself and never put it back: the next slopes are measured
    at another point, and the caller's x has changed. Work on a copy for each."""
    gradient = torch.zeros_like(x)
    for i in range(len(x)):
        x[i] += step
        after = f(x)
        x[i] -= 2 * step
        gradient[i] = (after - f(x)) / (2 * step)
    return gradient


@numerical_gradient.wrong
def entries_of_the_copy_stay_moved(f, x, step):
    """You move an entry of your copy and never put it back: the next slopes belong to
    another point. Take a new copy for each entry."""
    return entries_of_x_stay_moved(f, x.clone(), step)


# --- one step of gradient descent -----------------------------------------------------


def _line_cases(rng):
    for n, learning_rate in ((2, 0.5), (1, 0.1), (3, 0.1), (20, 0.03)):
        w, x, y = tensor(rng, 1)[0], tensor(rng, n) + 0.5, tensor(rng, n)
        yield w, x, y, learning_rate


def gradient_step(w, x, y, learning_rate):
    error = w * x - y
    gradient = (2 * error * x).mean()
    return w - learning_rate * gradient


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


def _moved(w, x, y, learning_rate, slope):
    return w - learning_rate * slope(w * x - y)


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


# --- how surprised is a bigram model? -------------------------------------------------


def _text_cases(rng):
    for V, T in ((3, 3), (2, 2), (4, 6), (5, 9), (6, 40)):
        ids = torch.tensor([rng.randrange(V) for _ in range(T)])
        yield tensor(rng, V, V, scale=1.5).softmax(dim=1), ids


def mean_surprise(probabilities, ids):
    before, after = ids[:-1], ids[1:]
    return -probabilities[before, after].log().mean()


mean_surprise = Exercise(
    name="primer.mean_surprise",
    task="(probabilities (V, V), ids (T,)) -> tensor (): the mean over all T − 1 pairs "
    "of neighbours of −log p, the natural logarithm, where p = probabilities[a, b] for "
    "a followed by b.",
    reference=mean_surprise,
    cases=_text_cases,
    hints=(
        "The text a b c has two pairs, a b and b c. Which ids come first in a pair, "
        "and which second?",
        "ids[:-1] and ids[1:] have T − 1 entries each. A table takes both at once: "
        "table[rows, columns] picks T − 1 numbers.",
        "p = probabilities[ids[:-1], ids[1:]]\nreturn minus the mean of log p",
    ),
    proves="A GPT is trained on this loss too; only its table is larger.",
)


@mean_surprise.wrong
def divided_by_the_tokens(probabilities, ids):
    """You divide by the T tokens, but T tokens make T − 1 pairs of neighbours."""
    return -probabilities[ids[:-1], ids[1:]].log().sum() / len(ids)


@mean_surprise.wrong
def pairs_turned_round(probabilities, ids):
    """You look up what came before, given what came after. The row is the token before,
    the column the token after."""
    return -probabilities[ids[1:], ids[:-1]].log().mean()


@mean_surprise.wrong
def every_token_with_itself(probabilities, ids):
    """You look up how likely each token follows itself. The second index has to be one
    place further on in the text."""
    return -probabilities[ids, ids].log().mean()


@mean_surprise.wrong
def minus_forgotten(probabilities, ids):
    """The logarithm of a probability is negative. Surprise is minus that: the rarer,
    the larger."""
    return probabilities[ids[:-1], ids[1:]].log().mean()


@mean_surprise.wrong
def sum_of_all_pairs(probabilities, ids):
    """This is the sum over the pairs, so a longer text looks worse. Take the mean."""
    return -probabilities[ids[:-1], ids[1:]].log().sum()


@mean_surprise.wrong
def logarithm_to_base_2(probabilities, ids):
    """This is in bits, to base 2. The course counts in nats: the natural logarithm."""
    return -probabilities[ids[:-1], ids[1:]].log2().mean()


@mean_surprise.wrong
def logarithm_of_the_mean(probabilities, ids):
    """You average the probabilities and then take the logarithm. Take the logarithm of
    each first: one impossible word must cost the model dearly."""
    return -probabilities[ids[:-1], ids[1:]].mean().log()


@mean_surprise.wrong
def every_row_with_every_column(probabilities, ids):
    """Indexed one after the other, each first token meets each second one: a table of
    (T − 1)². Give both indices in one bracket, table[rows, columns]."""
    return -probabilities[ids[:-1]][:, ids[1:]].log().mean()
