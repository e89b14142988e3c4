"""How much an exchange brings back: exercise restored and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for N in (1, 2, 4, 5):
        clean, corrupted = 3 + tensor(rng, N), tensor(rng, N) - 3
        yield clean, corrupted, tensor(rng, N, scale=4.0)
    yield clean, corrupted, clean.clone()
    yield clean - 6, corrupted - 6, tensor(rng, N) - 6
    yield clean, corrupted, corrupted.clone()


def restored(clean, corrupted, patched):
    return ((patched - corrupted) / (clean - corrupted)).mean()


restored = Exercise(
    name="inside.restored",
    task="(clean (N,), corrupted (N,), patched (N,)) -> number: the three are logit "
    "differences of N pairs. For each pair, how far did the patch go on the way from "
    "corrupted (0) to clean (1)? Return the mean over the pairs.",
    reference=restored,
    cases=_cases,
    hints=(
        "What should come out if patched equals corrupted? And if it equals clean?",
        "What the patch moved, divided by what there was to move; both are (N,).",
        "share = (patched - corrupted) / (clean - corrupted)\nreturn its mean",
    ),
    proves="You measure a patch on a scale that two pairs, or two models, share.",
)


@restored.wrong
def what_is_left(clean, corrupted, patched):
    """Yours is 1 where nothing was restored: you measure what is still missing."""
    return ((clean - patched) / (clean - corrupted)).mean()


@restored.wrong
def not_normalised(clean, corrupted, patched):
    """You measure in logits. Divide by what there was to restore in each pair."""
    return (patched - corrupted).mean()


@restored.wrong
def ratio_of_means(clean, corrupted, patched):
    """You divide the means: pairs with a large difference then count more. Divide pair
    by pair, then take the mean."""
    return (patched - corrupted).mean() / (clean - corrupted).mean()


@restored.wrong
def share_of_the_clean_difference(clean, corrupted, patched):
    """You divide by the clean difference alone. The way begins at the corrupted one,
    which is below 0."""
    return (patched / clean).mean()


@restored.wrong
def the_way_too_short(clean, corrupted, patched):
    """You divide what the patch moved by the clean difference. The whole way is clean -
    corrupted."""
    return ((patched - corrupted) / clean).mean()


@restored.wrong
def the_sign_lost(clean, corrupted, patched):
    """You take absolute values. A patch can lead away from the answer: below 0."""
    return ((patched - corrupted) / (clean - corrupted)).abs().mean()


@restored.wrong
def cut_off_at_0_and_1(clean, corrupted, patched):
    """You cut the shares off at 0 and 1. A patch can do harm, or more than restore;
    leave that to be seen."""
    return ((patched - corrupted) / (clean - corrupted)).clamp(0, 1).mean()


@restored.wrong
def the_wrong_direction(clean, corrupted, patched):
    """Your share has the wrong sign: one of the two differences is the other way
    round."""
    return ((corrupted - patched) / (clean - corrupted)).mean()


@restored.wrong
def one_share_for_each_pair(clean, corrupted, patched):
    """You return a share for each pair. Asked is their mean, one number."""
    return (patched - corrupted) / (clean - corrupted)


@restored.wrong
def summed_over_the_pairs(clean, corrupted, patched):
    """You sum over the pairs. The mean is wanted: it does not grow with N."""
    return ((patched - corrupted) / (clean - corrupted)).sum()


@restored.wrong
def divided_by_the_sum(clean, corrupted, patched):
    """You divide by clean + corrupted. The way from one to the other is their
    difference."""
    return ((patched - corrupted) / (clean + corrupted)).mean()


@restored.wrong
def counted_where_the_answer_flips(clean, corrupted, patched):
    """You count the pairs in which the answer wins again. A share says how far each
    came, also where it did not win."""
    return (patched > 0).float().mean()
