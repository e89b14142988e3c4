"""Broadcasting: exercise row_shares and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


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


@row_shares.wrong
def in_percent(counts):
    """You give percent: your rows sum to 100. A share is a part of 1."""
    return 100 * counts / counts.sum(dim=1, keepdim=True)
