"""Temperature: exercise temperature and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _temperature_cases(rng):
    yield tensor(rng, 2, 3), 0.5
    yield tensor(rng, 3, 4), 2.0
    yield tensor(rng, 4, 6, scale=3.0), 0.7
    yield tensor(rng, 2, 9, scale=20.0) + 100, 1.4


def temperature(logits, temperature):
    return (logits / temperature).softmax(dim=-1)


temperature = Exercise(
    name="sampling.temperature",
    task="(logits (B, V), float temperature) -> probabilities (B, V) at this "
    "temperature: below 1 the likely tokens gain, above 1 the unlikely ones do.",
    reference=temperature,
    cases=_temperature_cases,
    hints=(
        "Two tokens score 2 and 1. At temperature 0.1, how far apart should they be?",
        "(B, V) in, (B, V) out; each row sums to 1. Scale the scores, not the result.",
        "divide the logits by the temperature\nsoftmax over the last dimension",
    ),
    proves="One number between always the likeliest token and any token at all.",
)


@temperature.wrong
def multiplied_by_the_temperature(logits, temperature):
    """You multiply. Then a high temperature sharpens, the wrong way round: divide."""
    return (logits * temperature).softmax(dim=-1)


@temperature.wrong
def probabilities_divided(logits, temperature):
    """You divide after softmax: the rows no longer sum to 1. Divide the logits."""
    return logits.softmax(dim=-1) / temperature


@temperature.wrong
def temperature_without_effect(logits, temperature):
    """Your result is the same at any temperature: a division after softmax is undone
    when the rows are scaled to 1 again, and softmax does not see what is added to all
    scores. Divide the logits, before softmax."""
    return logits.softmax(dim=-1)


@temperature.wrong
def softmax_over_the_batch(logits, temperature):
    """Your columns sum to 1, not your rows: softmax runs over the V tokens (dim=-1)."""
    return (logits / temperature).softmax(dim=0)


@temperature.wrong
def still_scores(logits, temperature):
    """You return scores. Probabilities are asked for: a softmax is missing."""
    return logits / temperature


@temperature.wrong
def log_probabilities(logits, temperature):
    """You return log-probabilities. They are all negative; probabilities sum to 1."""
    return (logits / temperature).log_softmax(dim=-1)


@temperature.wrong
def probabilities_raised_to_a_power(logits, temperature):
    """You raise the probabilities to the power of the temperature: a high one then
    sharpens, and the rows no longer sum to 1. Divide the logits before softmax."""
    return logits.softmax(dim=-1) ** temperature


@temperature.wrong
def scaled_by_the_sum_of_the_batch(logits, temperature):
    """All your rows together sum to 1. Each row is a distribution of its own: sum over
    the last dimension only."""
    return (logits / temperature).flatten().softmax(dim=0).view(logits.shape)


@temperature.wrong
def a_power_that_is_not_scaled(logits, temperature):
    """Probabilities to the power 1 / temperature are in the right proportions, but they
    no longer sum to 1. Divide by their sum, or divide the logits before softmax."""
    return logits.softmax(dim=-1) ** (1 / temperature)


@temperature.wrong
def exp_overflows(logits, temperature):
    """exp of a large score is infinite in float32, and infinity / infinity is NaN. Take
    the row's largest off first, or use softmax, which does."""
    powers = (logits / temperature).exp()
    return powers / powers.sum(dim=-1, keepdim=True)
