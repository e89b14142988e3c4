"""Heads: exercise merge_heads and its mistakes."""

from course_utils import attention as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _join_cases(rng):
    for B, H, T, D in ((1, 2, 2, 3), (2, 3, 1, 2), (2, 2, 4, 4), (3, 4, 5, 2)):
        yield (tensor(rng, B, H, T, D),)


merge_heads = Exercise(
    name="attention.merge_heads",
    task="(B, H, T, D) -> (B, T, C): the inverse of split_heads, C = H · D.",
    reference=component.merge_heads,
    cases=_join_cases,
    hints=(
        "Which dimensions have to stand side by side before they can become one?",
        "(B, H, T, D) -> (B, T, H, D) -> (B, T, C)",
        "swap the dimensions H and T\nreshape to (B, T, H * D)",
    ),
    asked=False,  # a step of a larger exercise, for whoever wants more
    proves="Splitting and merging are exact inverses: no number moves.",
)


@merge_heads.wrong
def reshaped_without_transposing(x):
    """Reshaping alone puts numbers of other positions side by side: the past and the
    future mix. Swap H and T first."""
    B, H, T, D = x.shape
    return x.reshape(B, T, H * D)


@merge_heads.wrong
def view_of_a_transposed_tensor(x):
    """After transpose the numbers do not lie in order in memory, and view refuses that.
    reshape copies them into order (as .contiguous().view would)."""
    B, H, T, D = x.shape
    return x.transpose(1, 2).view(B, T, H * D)


@merge_heads.wrong
def heads_interleaved(x):
    """The channels of the heads alternate. Those of one head stay together: order them
    (B, T, H, D), not (B, T, D, H)."""
    B, H, T, D = x.shape
    return x.permute(0, 2, 3, 1).reshape(B, T, H * D)


@merge_heads.wrong
def heads_averaged(x):
    """You average the heads and lose C - D of the C numbers. Heads are put side by
    side; the output projection mixes them."""
    return x.mean(dim=1)


@merge_heads.wrong
def heads_kept_apart(x):
    """The heads are still a dimension of their own: (B, T, H, D). Join the last two."""
    return x.transpose(1, 2).contiguous()


@merge_heads.wrong
def positions_and_channels_swapped(x):
    """You swapped T and D. It is H and T that were swapped: transpose(1, 2), then
    reshape."""
    B, H, T, D = x.shape
    return x.transpose(2, 3).reshape(B, T, H * D)


@merge_heads.wrong
def heads_added(x):
    """You add the heads up. They stay side by side: D channels each, H · D in all."""
    return x.sum(dim=1)
