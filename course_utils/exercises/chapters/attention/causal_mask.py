"""The mask: exercise causal_mask and its mistakes."""

import torch

from course_utils import attention as component
from course_utils.exercises.engine.definition import Exercise


def _length_cases(rng):
    yield (2,)
    yield (1,)
    for _ in range(2):
        yield (rng.randint(3, 7),)
    yield (rng.randint(8, 40),)


causal_mask = Exercise(
    name="attention.causal_mask",
    task="int T -> bool (T, T): True where a query (row) may look at a key (column), "
    "that is at itself and at what came before.",
    reference=component.causal_mask,
    cases=_length_cases,
    hints=(
        "What may position 0 look at? And the last one?",
        "T = 3 gives rows T F F, T T F, T T T, of dtype bool.",
        "a (T, T) tensor of ones, as bool\nkeep its lower triangle, diagonal included",
    ),
    proves="Every token sees itself and the past, nothing else.",
)


@causal_mask.wrong
def mask_transposed(T):
    """Your row 0 sees the future, and the last row only itself: the mask is transposed.
    The row is the query, the one who looks."""
    return torch.ones(T, T).triu().bool()


@causal_mask.wrong
def diagonal_hidden(T):
    """Nobody sees itself, and row 0 sees nothing at all: its softmax would be NaN. The
    diagonal belongs to the mask."""
    return torch.ones(T, T).tril(-1).bool()


@causal_mask.wrong
def True_where_it_is_hidden(T):
    """You mark what is hidden. Here True means "may look" (torch's own attention reads
    it so too)."""
    return torch.ones(T, T).triu(1).bool()


@causal_mask.wrong
def one_step_into_the_future(T):
    """Each row sees one position too many: tril(1) in the place of tril(). The next
    token is what the model has to guess."""
    return torch.ones(T, T).tril(1).bool()


@causal_mask.wrong
def everything_visible(T):
    """Nothing is hidden: this is an encoder's mask, as in BERT."""
    return torch.ones(T, T).bool()
