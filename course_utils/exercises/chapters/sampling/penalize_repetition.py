"""The repetition penalty: exercise penalize_repetition and its mistakes."""

import torch

from course_utils import sampling as component
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _penalty_cases(rng):
    for B, V, T, penalty in ((2, 5, 3, 2.0), (2, 8, 4, 1.3), (3, 9, 6, 1.7)):
        ids = torch.tensor([[rng.randrange(V - 1) for _ in range(T)] for _ in range(B)])
        ids[0, :3] = torch.tensor([1, 1, 2])  # twice in its row, in no other
        ids[1:] = torch.where(ids[1:] == 1, 0, ids[1:])
        logits = tensor(rng, B, V, scale=2.0).abs() + 0.5
        sign = torch.tensor([-1.0, 1.0])[torch.arange(V) % 2]  # 1 up, 2 down
        yield logits * sign, ids, penalty
    small = torch.tensor([[0.5, -0.5, 0.25, -0.125]])  # below 1, and still positive
    yield small, torch.tensor([[0, 1, 3]]), 2.0


def _penalized(logits, ids, change):
    seen = logits.gather(1, ids)
    return logits.scatter(1, ids, change(seen))


penalize_repetition = Exercise(
    name="sampling.penalize_repetition",
    task="(logits (B, V), ids (B, T), float penalty above 1) -> (B, V): what already "
    "stands in a row's ids becomes less likely there, once however often it stands: "
    "its score is divided by penalty where positive and multiplied where negative.",
    reference=component.penalize_repetition,
    cases=_penalty_cases,
    hints=(
        "A score of -4, divided by 2, is -2. Is the token now likelier or less likely?",
        "logits (B, V), ids (B, T): gather and scatter along dim 1 fit them together.",
        "seen = logits.gather(1, ids)\n"
        "seen: times penalty where negative, else divided by it\n"
        "return logits.scatter(1, ids, seen)",
    ),
    proves="A loop feeds on itself; this makes each repetition less likely.",
)


@penalize_repetition.wrong
def negative_scores_divided(logits, ids, penalty):
    """You divide negative scores too: -4 becomes -2, and a repetition is rewarded.
    Multiply those."""
    return _penalized(logits, ids, lambda seen: seen / penalty)


@penalize_repetition.wrong
def repetition_rewarded(logits, ids, penalty):
    """Your repeated tokens get likelier: divide positive scores, multiply negative
    ones, not the other way round."""
    return _penalized(
        logits, ids, lambda seen: torch.where(seen < 0, seen / penalty, seen * penalty)
    )


@penalize_repetition.wrong
def penalty_subtracted(logits, ids, penalty):
    """You subtract the penalty. That works too (it is called a presence penalty), but
    here it is a factor."""
    return _penalized(logits, ids, lambda seen: seen - penalty)


@penalize_repetition.wrong
def every_token_penalized(logits, ids, penalty):
    """You change all scores, whether their token occurred or not."""
    return torch.where(logits < 0, logits * penalty, logits / penalty)


@penalize_repetition.wrong
def penalized_once_for_each_occurrence(logits, ids, penalty):
    """A token that stands twice is penalized twice. Once is asked for."""
    counts = torch.zeros_like(logits).scatter_add(1, ids, torch.ones(ids.shape))
    factor = penalty**counts
    return torch.where(logits < 0, logits * factor, logits / factor)


@penalize_repetition.wrong
def tokens_of_other_rows_penalized(logits, ids, penalty):
    """A token is penalized in all rows as soon as it stands in one. Each row of a batch
    is a text of its own."""
    return _penalized(
        logits,
        ids.flatten().expand(len(ids), -1),
        lambda seen: torch.where(seen < 0, seen * penalty, seen / penalty),
    )


@penalize_repetition.wrong
def only_the_last_token_penalized(logits, ids, penalty):
    """You penalize the last token alone. A loop of two tokens would go on."""
    return _penalized(
        logits,
        ids[:, -1:],
        lambda seen: torch.where(seen < 0, seen * penalty, seen / penalty),
    )


@penalize_repetition.wrong
def positive_scores_multiplied(logits, ids, penalty):
    """You multiply positive scores too: 4 becomes 8, and a repetition is rewarded.
    Divide those."""
    return _penalized(logits, ids, lambda seen: seen * penalty)


@penalize_repetition.wrong
def forbidden_altogether(logits, ids, penalty):
    """What occurred can never come again: no second *the*, no second comma. It is to
    become less likely, not impossible."""
    return logits.scatter(1, ids, -torch.inf)
