"""Many workers: exercise average_gradients and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _worker_cases(rng):
    for counts in ([3, 5], [40, 9, 17], [6, 6], [2, 30, 11, 5]):
        yield [tensor(rng, 2, 3) for _ in counts], counts


def average_gradients(gradients, counts):
    total = sum(counts)
    pairs = zip(gradients, counts, strict=True)
    return sum(gradient * (count / total) for gradient, count in pairs)


average_gradients = Exercise(
    name="speed.average_gradients",
    task="(list of tensors gradients, list of int counts) -> tensor: each worker's "
    "gradient is that of the mean loss over its own count of tokens. Return the "
    "gradient of the mean loss over all tokens of all workers together.",
    reference=average_gradients,
    cases=_worker_cases,
    hints=(
        "One worker read 1 token, the other 99. How much should the first one's "
        "gradient weigh?",
        "All gradients have the shape of the result; the weights of the workers are "
        "numbers that sum to 1.",
        "total = sum of counts\nadd up gradient * count / total over the workers",
    ),
    proves="Two workers with half a batch each are one worker with the whole batch.",
)


@average_gradients.wrong
def every_worker_counts_the_same(gradients, counts):
    """You take the plain mean. Then the tokens of a worker with few of them weigh more
    than others: a mean of means is not the mean. Weigh by count."""
    return sum(gradients) / len(gradients)


@average_gradients.wrong
def summed_not_averaged(gradients, counts):
    """You add the gradients up. With more workers the step would grow, as if the
    learning rate did."""
    return sum(gradients)


@average_gradients.wrong
def weighed_but_not_divided(gradients, counts):
    """You weigh by count but do not divide by all tokens: your result is the gradient
    of the sum of the losses, not of their mean."""
    return sum(g * count for g, count in zip(gradients, counts, strict=True))


@average_gradients.wrong
def divided_twice(gradients, counts):
    """You divide by the tokens and then by the number of workers as well: the step is
    too short. Counts that are divided by their sum are a mean already."""
    return average_gradients.reference(gradients, counts) / len(gradients)


@average_gradients.wrong
def nothing_is_exchanged(gradients, counts):
    """You return the first worker's gradient: the others have worked for nothing."""
    return gradients[0] * 1.0


@average_gradients.wrong
def few_tokens_weigh_more(gradients, counts):
    """You divide by each worker's count: its gradient is a mean already, so that those
    with few tokens gain twice. Multiply by the count."""
    total = sum(1 / count for count in counts)
    return sum(
        g * (1 / count / total) for g, count in zip(gradients, counts, strict=True)
    )


@average_gradients.wrong
def divided_by_the_tokens_unweighed(gradients, counts):
    """You add the gradients up and divide by all tokens. Each worker's is a mean
    already: multiply it by its own count first, which makes a sum of it."""
    return sum(gradients) / sum(counts)


@average_gradients.wrong
def weighed_and_divided_by_the_workers(gradients, counts):
    """You weigh by the counts and divide by the number of workers. Divide by the sum of
    the weights: all tokens."""
    weighed = [g * count for g, count in zip(gradients, counts, strict=True)]
    return sum(weighed) / len(gradients)


@average_gradients.wrong
def divided_by_the_own_count(gradients, counts):
    """You divide each gradient by its count and multiply by all tokens. It is a mean
    already: multiply by its count, divide by all tokens."""
    shares = [g / count for g, count in zip(gradients, counts, strict=True)]
    return sum(shares) * sum(counts)
