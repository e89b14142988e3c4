"""One state of each row copied: exercise copy_state and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for B, T, C, places in (
        (2, 4, 3, [1, 2]),
        (3, 5, 2, [3, 0, 2]),
        (1, 3, 4, [1]),
        (4, 6, 3, [2, 4, 2, 1]),
        (5, 7, 2, [6, 3, 0, 1, 4]),
    ):
        yield tensor(rng, B, T, C), tensor(rng, B, T, C), torch.tensor(places)


def copy_state(clean, corrupted, places):
    patched = corrupted.clone()
    rows = torch.arange(len(places))
    patched[rows, places] = clean[rows, places]
    return patched


copy_state = Exercise(
    name="inside.copy_state",
    task="(clean (B, T, C), corrupted (B, T, C), places int64 (B,)) -> (B, T, C): the "
    "corrupted states, but row b has at position places[b] what clean has there. "
    "Neither input is changed.",
    reference=copy_state,
    cases=_cases,
    hints=(
        "How many states change in each row? In which tensor must nothing change?",
        "Two index tensors of shape (B,) name one place of each row: x[rows, places] "
        "is (B, C).",
        "patched = a copy of corrupted\nrows = 0 … B - 1\n"
        "patched[rows, places] = the same of clean",
    ),
    proves="You can carry one state of each text into another run.",
)


def _rows(places):
    return torch.arange(len(places))


def _where(clean, corrupted, chosen):
    return torch.where(chosen[..., None], clean, corrupted)


def _all_places(clean):
    return torch.arange(clean.shape[1])


@copy_state.wrong
def every_place_in_every_row(clean, corrupted, places):
    """x[:, places] writes the places of all rows into each row. Name the rows too:
    x[rows, places]."""
    patched = corrupted.clone()
    patched[:, places] = clean[:, places]
    return patched


@copy_state.wrong
def copied_the_other_way(clean, corrupted, places):
    """You put the corrupted state into the clean run: all but the place is clean. That
    is the experiment the other way round."""
    return copy_state.reference(corrupted, clean, places)


@copy_state.wrong
def the_first_place_for_all(clean, corrupted, places):
    """You patch every row at the first row's place. Each row has a place of its own."""
    return copy_state.reference(clean, corrupted, places[:1].expand(len(places)))


@copy_state.wrong
def one_place_too_late(clean, corrupted, places):
    """You patch the position after the one that is named."""
    T = clean.shape[1]
    return copy_state.reference(clean, corrupted, (places + 1) % T)


@copy_state.wrong
def one_place_too_early(clean, corrupted, places):
    """You patch the position before the one that is named."""
    return copy_state.reference(clean, corrupted, places - 1)


@copy_state.wrong
def everything_up_to_the_place(clean, corrupted, places):
    """You copy all positions up to the place. Only one state is to be carried over."""
    return _where(clean, corrupted, _all_places(clean) <= places[:, None])


@copy_state.wrong
def everything_from_the_place_on(clean, corrupted, places):
    """You copy the place and all after it. Only one state is to be carried over."""
    return _where(clean, corrupted, _all_places(clean) >= places[:, None])


@copy_state.wrong
def added_in_place_of_exchanged(clean, corrupted, places):
    """You add the clean state to the one that stands there. It is to be exchanged."""
    patched, rows = corrupted.clone(), _rows(places)
    patched[rows, places] += clean[rows, places]
    return patched


@copy_state.wrong
def the_difference_alone(clean, corrupted, places):
    """You put the difference of the two there. The clean state itself goes in."""
    patched, rows = corrupted.clone(), _rows(places)
    patched[rows, places] = clean[rows, places] - corrupted[rows, places]
    return patched


@copy_state.wrong
def nothing_copied(clean, corrupted, places):
    """Nothing changed. x[rows][:, places] or a clone that is written to is a copy: the
    assignment must index the tensor that you return."""
    return corrupted.clone()


@copy_state.wrong
def the_last_row_alone(clean, corrupted, places):
    """Only the last row is patched: each turn of your loop began with a new copy."""
    patched = corrupted.clone()
    patched[-1, places[-1]] = clean[-1, places[-1]]
    return patched


@copy_state.wrong
def zero_in_place_of_the_clean_state(clean, corrupted, places):
    """You put zeros there: that is ablation. Patching puts in the clean run's state."""
    return copy_state.reference(torch.zeros_like(clean), corrupted, places)


@copy_state.wrong
def the_rest_left_zero(clean, corrupted, places):
    """You began with zeros: all other positions keep the corrupted run's states."""
    return copy_state.reference(clean, torch.zeros_like(corrupted), places)
