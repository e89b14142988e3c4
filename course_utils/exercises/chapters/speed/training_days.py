"""Days: exercise training_days and its mistakes."""

from course_utils.exercises.engine.definition import Exercise

DAY = 24 * 3600


def _run_cases(rng):
    yield 7.0, 9.0, 3.3, 2, 0.5  # so small that no number hides in another
    for _ in range(4):
        n_parameters, n_tokens = rng.uniform(1e8, 1e12), rng.uniform(1e9, 1e13)
        yield (
            n_parameters,
            n_tokens,
            rng.uniform(1e14, 1e15),
            rng.randint(2, 2000),
            rng.uniform(0.2, 0.6),
        )


def training_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    needed = 6 * n_parameters * n_tokens
    return needed / (flops * utilisation * n_devices) / (24 * 3600)


def _days(N, D, flops, n, utilisation, per_weight=6, unit=DAY):
    return per_weight * N * D / (flops * utilisation * n) / unit


training_days = Exercise(
    name="speed.training_days",
    task="(n_parameters, n_tokens, flops, n_devices, utilisation) -> float: days that "
    "training takes. flops: operations a second that the data sheet of one device "
    "promises; utilisation: the share of them that one gets, such as 0.4.",
    reference=training_days,
    cases=_run_cases,
    hints=(
        "How many operations does one token cost, in the forward pass and in the "
        "backward pass, for each parameter?",
        "operations / (operations a second) gives seconds; a day has 86,400.",
        "needed = 6 * parameters * tokens\n"
        "speed = flops * utilisation * devices\n"
        "needed / speed / 86400",
    ),
    proves="Three multiplications and two divisions plan a run of millions.",
)


@training_days.wrong
def only_the_forward_pass(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You count 2 operations a weight and token. That is the forward pass; the backward
    pass costs twice as much again: 6 in all."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 2)


@training_days.wrong
def backward_as_dear_as_forward(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You count 4: the backward pass as much as the forward one. It has two products
    for each weight matrix, one for the weights and one for what came in: 2 + 4 = 6."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 4)


@training_days.wrong
def a_multiplication_without_its_addition(
    n_parameters, n_tokens, flops, n_devices, utilisation
):
    """You count 3. Each weight is multiplied and then added to a sum, which data sheets
    count as two operations: 6."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 3)


@training_days.wrong
def low_utilisation_makes_it_faster(
    n_parameters, n_tokens, flops, n_devices, utilisation
):
    """You multiply the time by the utilisation. Then a device that is used badly would
    be done sooner: divide by it."""
    days = _days(n_parameters, n_tokens, flops, n_devices, 1.0)
    return days * utilisation


@training_days.wrong
def the_data_sheet_believed(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You leave the utilisation out. No run reaches what the data sheet promises; good
    ones reach about half."""
    return _days(n_parameters, n_tokens, flops, n_devices, 1.0)


@training_days.wrong
def one_device_does_it_all(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You leave out how many devices share the work."""
    return _days(n_parameters, n_tokens, flops, 1, utilisation)


@training_days.wrong
def hours_not_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Your result is in hours. A day has 24 of them."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, unit=3600)


@training_days.wrong
def seconds_not_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Your result is in seconds. A day has 86,400 of them."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, unit=1)


@training_days.wrong
def days_of_one_device(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You multiply by the number of devices: that is what has to be paid, in device-
    days or nearly so. Working side by side they share the time: divide."""
    seconds = 6 * n_parameters * n_tokens / (flops * utilisation)
    return seconds * n_devices / DAY


@training_days.wrong
def the_6_forgotten(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You count N · D operations. Each parameter takes six for a token: 2 in the
    forward pass, 4 in the backward pass."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, per_weight=1)


@training_days.wrong
def minutes_of_a_day(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You divide the seconds by 24 · 60. So many minutes has a day, and 60 times as
    many seconds."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, unit=24 * 60)
