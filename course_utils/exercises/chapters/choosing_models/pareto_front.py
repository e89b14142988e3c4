"""The Pareto front: exercise pareto_front and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _front_cases(rng):
    yield (torch.tensor([[1.0, 9.0], [2.0, 5.0], [3.0, 6.0], [4.0, 2.0], [4.0, 5.0]]),)
    # Equal in one column; equal in all; neither best in any column nor beaten.
    yield (torch.tensor([[3.0, 1.0], [3.0, 4.0], [5.0, 0.5], [3.0, 1.0], [4.0, 0.9]]),)
    yield (torch.tensor([[2.0, 3.0], [1.0, 2.0], [4.0, 2.0]]),)  # one beats all
    for n, k in ((6, 2), (7, 3), (9, 3)):
        while True:
            costs = tensor(rng, n, k).mul(3).round().abs()
            front = pareto_front.reference(costs)
            if 2 <= front.sum() <= n - 2:
                break
        yield (costs,)


def pareto_front(costs):
    no_worse = (costs[:, None] <= costs[None]).all(dim=-1)  # (n, n): i against j
    better = (costs[:, None] < costs[None]).any(dim=-1)
    return ~(no_worse & better).any(dim=0)


def _not_beaten(costs, beats):
    return ~beats(costs[:, None], costs[None]).any(dim=0)


pareto_front = Exercise(
    name="choosing_models.pareto_front",
    task="(costs (n, k)) -> bool (n,): n models, k costs of each, the lower the "
    "better. False for a model that another one beats: in no column worse and in at "
    "least one better. True for all others.",
    reference=pareto_front,
    cases=_front_cases,
    hints=(
        "Somebody offers you a model that is as fast as yours and makes fewer errors. "
        "Would you keep yours? And if it were slower?",
        "costs[:, None] <= costs[None] is (n, n, k): model i against j, by column.",
        "no_worse = i is <= j in all columns\n"
        "better = i is < j in any column\n"
        "j is beaten if any i is both",
    ),
    proves="What is left is a matter of taste; what fell out is a matter of fact.",
)


@pareto_front.wrong
def only_the_best_of_each_column(costs):
    """You keep the winners of single columns. A model that is second in all of them may
    be what you need, and nobody beats it."""
    return (costs == costs.min(dim=0).values).any(dim=1)


@pareto_front.wrong
def beaten_only_if_worse_everywhere(costs):
    """You ask for strictly better in all columns. A model that is as fast and makes
    fewer errors beats the other, too."""
    return _not_beaten(costs, lambda i, j: (i < j).all(dim=-1))


@pareto_front.wrong
def beaten_by_one_better_column(costs):
    """You drop a model as soon as another is better in any column. Then hardly anything
    is left: the other must not be worse in any."""
    return _not_beaten(costs, lambda i, j: (i < j).any(dim=-1))


@pareto_front.wrong
def models_beat_themselves(costs):
    """Nothing is left: each model is no worse than itself. To beat, it must be better
    in at least one column."""
    return _not_beaten(costs, lambda i, j: (i <= j).all(dim=-1))


@pareto_front.wrong
def equals_beat_each_other(costs):
    """Two equal models throw each other out. None is better in any column, so none
    beats the other."""
    others = ~torch.eye(len(costs), dtype=torch.bool)
    no_worse = (costs[:, None] <= costs[None]).all(dim=-1)
    return ~(no_worse & others).any(dim=0)


@pareto_front.wrong
def higher_taken_for_better(costs):
    """You keep the most expensive models. These are costs: the lower the better."""
    return pareto_front.reference(-costs)


@pareto_front.wrong
def the_beaten_returned(costs):
    """You return who is beaten. True is for those that are not."""
    return ~pareto_front.reference(costs)


@pareto_front.wrong
def the_lowest_sum(costs):
    """You add the costs up. Milliseconds and megabytes have no common unit: a sum
    decides by the choice of units."""
    return costs.sum(dim=1) == costs.sum(dim=1).min()


@pareto_front.wrong
def two_columns_only(costs):
    """You compare the first two costs. There may be more: all columns count."""
    return pareto_front.reference(costs[:, :2])


@pareto_front.wrong
def places_in_place_of_marks(costs):
    """You return at which places the unbeaten ones stand. For every model True or False
    is asked for."""
    return pareto_front.reference(costs).nonzero()[:, 0]
