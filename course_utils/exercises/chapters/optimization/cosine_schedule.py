"""The learning rate over time: exercise cosine_schedule and its mistakes."""

import math

from course_utils.exercises.engine.definition import Exercise


def _schedule_cases(rng):
    yield 0, 1.0, 4, 10
    yield 3, 1.0, 4, 10
    for step in (4, 5, 7, 9):
        yield step, round(rng.uniform(0.5, 2), 2), 4, 10
    yield 0, 0.5, 0, 8
    yield rng.randint(20, 90), 0.3, 13, 100
    yield 13, 0.3, 13, 100
    yield rng.randint(1, 10), 0.3, 13, 100


def cosine_schedule(step, peak, warmup, total):
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step + 1 - warmup) / (total - warmup)
    return peak * (1 + math.cos(math.pi * progress)) / 2


def _schedule(step, peak, warmup, total, fall, first=1):
    """Rise from ``first`` shares of peak/warmup, then fall as ``fall(progress)``."""
    if step < warmup:
        return peak * (step + first) / warmup
    return peak * fall((step + 1 - warmup) / (total - warmup))


def _half_cosine(progress):
    return (1 + math.cos(math.pi * progress)) / 2


cosine_schedule = Exercise(
    name="optimization.cosine_schedule",
    task="(int step from 0, float peak, int warmup, int total) -> float: the learning "
    "rate of this step. In equal steps from peak/warmup at step 0 to peak at step "
    "warmup - 1; then down half a cosine to exactly 0 at step total - 1.",
    reference=cosine_schedule,
    cases=_schedule_cases,
    hints=(
        "Which share of the way down is done after step total - 1? And after step "
        "warmup - 1?",
        "A share from 0 to 1 becomes an angle from 0 to π. (1 + cos) / 2 goes from 1 "
        "to 0.",
        "if step < warmup: return peak * (step + 1) / warmup\n"
        "progress = (step + 1 - warmup) / (total - warmup)\n"
        "return peak * (1 + cos(π * progress)) / 2",
    ),
    proves="The first step has a rate above 0, and the last one exactly 0.",
)


@cosine_schedule.wrong
def the_first_step_at_rate_0(step, peak, warmup, total):
    """Your warm-up starts at 0: the first step moves nothing, and the peak comes one
    step late. Step 0 has peak/warmup."""
    return _schedule(step, peak, warmup, total, _half_cosine, first=0)


@cosine_schedule.wrong
def no_warm_up(step, peak, warmup, total):
    """There is no warm-up: your rate starts at the peak's height and only falls."""
    return peak * _half_cosine((step + 1) / total)


@cosine_schedule.wrong
def warm_up_to_1(step, peak, warmup, total):
    """Your warm-up forgets the peak: it rises to 1."""
    if step < warmup:
        return (step + 1) / warmup
    return peak * _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def a_warm_up_that_does_not_rise(step, peak, warmup, total):
    """During the whole warm-up your rate is peak/warmup. It rises by that at each
    step."""
    if step < warmup:
        return peak / warmup
    return peak * _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def it_ends_above_0(step, peak, warmup, total):
    """At step total - 1 your rate is not 0 yet: that is the last step, and then the
    whole way is done."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup))


@cosine_schedule.wrong
def progress_counted_from_the_start(step, peak, warmup, total):
    """Your cosine has begun before the warm-up ended: the rate jumps down after it.
    Count the progress from the end of the warm-up."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step + 1) / total)


@cosine_schedule.wrong
def degrees(step, peak, warmup, total):
    """Your cosine takes degrees: math.cos expects radians, half a turn is π. The rate
    hardly falls."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 + math.cos(math.radians(p))) / 2
    )


@cosine_schedule.wrong
def a_quarter_of_a_cosine(step, peak, warmup, total):
    """You go a quarter of a turn, from cos 0 to cos π/2. That ends in a steep fall;
    half a turn ends gently."""
    return _schedule(step, peak, warmup, total, lambda p: math.cos(math.pi * p / 2))


@cosine_schedule.wrong
def a_whole_cosine(step, peak, warmup, total):
    """You go a whole turn: down and up again to the peak. Half a turn is π."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 + math.cos(2 * math.pi * p)) / 2
    )


@cosine_schedule.wrong
def down_in_a_line(step, peak, warmup, total):
    """Your rate falls in a straight line. That is a good schedule too; here half a
    cosine is asked for."""
    return _schedule(step, peak, warmup, total, lambda p: 1 - p)


@cosine_schedule.wrong
def it_rises_again(step, peak, warmup, total):
    """You use 1 - cos: it rises from 0 to the peak. 1 + cos falls."""
    return _schedule(
        step, peak, warmup, total, lambda p: (1 - math.cos(math.pi * p)) / 2
    )


@cosine_schedule.wrong
def everything_one_step_late(step, peak, warmup, total):
    """Your rate starts at 0 and ends above 0: the whole schedule is one step late, as
    in transformers. Count step + 1 in both halves."""
    if step < warmup:
        return peak * step / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup))


@cosine_schedule.wrong
def the_peak_twice(step, peak, warmup, total):
    """Step warmup has the peak's rate again. The peak was at step warmup - 1; from
    there every step goes down."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step - warmup) / (total - warmup - 1))


@cosine_schedule.wrong
def the_fall_forgets_the_peak(step, peak, warmup, total):
    """Your rate falls from 1, not from the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return _half_cosine((step + 1 - warmup) / (total - warmup))


@cosine_schedule.wrong
def not_halved(step, peak, warmup, total):
    """1 + cos goes from 2 to 0: halve it, or the rate jumps to twice the peak."""
    return _schedule(step, peak, warmup, total, lambda p: 2 * _half_cosine(p))


@cosine_schedule.wrong
def the_fall_spread_over_all_steps(step, peak, warmup, total):
    """You divide by all steps, so the way down is not done at the end. It has total -
    warmup steps."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine((step + 1 - warmup) / total)


@cosine_schedule.wrong
def the_whole_run_is_the_cosine(step, peak, warmup, total):
    """Your cosine runs over the whole run, step / (total - 1), and has begun before the
    warm-up ended: the rate jumps down after it. Count the progress from the end of the
    warm-up."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * _half_cosine(step / (total - 1))


@cosine_schedule.wrong
def a_cosine_from_the_first_step(step, peak, warmup, total):
    """There is no warm-up: your rate starts at the peak and only falls. Early steps are
    large and blind."""
    return peak * _half_cosine(step / (total - 1))


@cosine_schedule.wrong
def radians_of_180(step, peak, warmup, total):
    """You give math.cos 180 · progress. It expects radians: half a turn is π, and 180
    is nearly 29 turns."""
    return _schedule(step, peak, warmup, total, lambda p: (1 + math.cos(180 * p)) / 2)


@cosine_schedule.wrong
def down_to_a_tenth(step, peak, warmup, total):
    """Your rate ends at a tenth of the peak, as many recipes have it. Here it goes down
    to exactly 0."""
    return _schedule(step, peak, warmup, total, lambda p: 0.1 + 0.9 * _half_cosine(p))


@cosine_schedule.wrong
def one_step_more_of_warm_up(step, peak, warmup, total):
    """Your warm-up has one step too many, and rises above the peak. Steps count from 0:
    the warm-up's are those below warmup, step < warmup."""
    if step <= warmup:
        return peak * (step + 1) / warmup
    return cosine_schedule.reference(step, peak, warmup, total)


@cosine_schedule.wrong
def the_peak_from_the_first_step(step, peak, warmup, total):
    """There is no warm-up: you give the peak from the first step. It begins at
    peak/warmup and rises in equal steps."""
    return (
        peak if step < warmup else cosine_schedule.reference(step, peak, warmup, total)
    )
