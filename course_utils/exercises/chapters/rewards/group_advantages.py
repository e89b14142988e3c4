"""Better than its group: exercise group_advantages and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

_EPSILON = 1e-4


def _group_cases(rng):
    yield (torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]),)
    for n, G in ((3, 4), (4, 4), (2, 6), (5, 3)):
        level = tensor(rng, n, 1, scale=3.0)  # some prompts are easier than others
        yield (level + tensor(rng, n, G),)


def group_advantages(rewards):
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    return advantages / (rewards.std(dim=1, keepdim=True) + 1e-4)


group_advantages = Exercise(
    name="rewards.group_advantages",
    task="(rewards (n, G)) -> (n, G): row i holds the rewards of G texts for prompt i. "
    "Return each text's advantage: its reward minus the mean of its group, divided by "
    "the group's standard deviation (torch's std, with G - 1) plus 1e-4.",
    reference=group_advantages,
    cases=_group_cases,
    hints=(
        "With whom is a text compared: with all texts, or with those of its prompt?",
        "Mean and std run over the texts of a prompt, so that (n, 1) is left. A group "
        "that is always right has std 0.",
        "mean of each row, kept as (n, 1)\nstd of each row, kept as (n, 1)\n"
        "(rewards - mean) / (std + 1e-4)",
    ),
    proves="The group is the baseline: no second model has to guess what to expect.",
)


def _by(rewards, mean, spread):
    return (rewards - mean) / (spread + _EPSILON)


def _mean(rewards):
    return rewards.mean(dim=1, keepdim=True)


def _std(rewards):
    return rewards.std(dim=1, keepdim=True)


@group_advantages.wrong
def the_baseline_is_that_of_the_batch(rewards):
    """You compare each text with the whole batch. Texts for an easy prompt all look
    good then, and the model learns which prompts are easy: take each group's mean."""
    return _by(rewards, rewards.mean(), rewards.std())


@group_advantages.wrong
def over_the_prompts(rewards):
    """Your mean runs over the prompts (dimension 0). A group is a row: dimension 1."""
    return _by(rewards, rewards.mean(dim=0), rewards.std(dim=0))


@group_advantages.wrong
def no_baseline(rewards):
    """The group's mean is not taken off. Then every text with a reward is pushed up,
    the worse ones too."""
    return rewards / (_std(rewards) + _EPSILON)


@group_advantages.wrong
def not_divided_by_the_spread(rewards):
    """The mean is taken off; the division by the group's standard deviation is
    missing."""
    return rewards - _mean(rewards)


@group_advantages.wrong
def divided_by_the_variance(rewards):
    """You divide by the variance. The standard deviation is its root: it has the
    rewards' unit."""
    return _by(rewards, _mean(rewards), rewards.var(dim=1, keepdim=True))


@group_advantages.wrong
def the_spread_with_g(rewards):
    """Your standard deviation divides by G. Asked for is torch's: by G - 1."""
    return _by(rewards, _mean(rewards), rewards.std(dim=1, keepdim=True, correction=0))


@group_advantages.wrong
def nothing_added_to_the_spread(rewards):
    """A group whose rewards are all the same has spread 0, and 0 / 0 is NaN: add 1e-4
    to the spread."""
    return (rewards - _mean(rewards)) / _std(rewards)


@group_advantages.wrong
def the_sign_is_wrong(rewards):
    """You take the reward from the mean. What is better than its group has an advantage
    above 0."""
    return _by(-rewards, _mean(-rewards), _std(rewards))


@group_advantages.wrong
def only_the_better_ones(rewards):
    """You set what is below 0 to 0. What is worse than its group has to become less
    likely: half of what there is to learn."""
    return _by(rewards, _mean(rewards), _std(rewards)).clamp(min=0)


@group_advantages.wrong
def the_median_as_the_baseline(rewards):
    """You take off the median. The mean is asked for; only then do a group's advantages
    sum to 0."""
    return _by(rewards, rewards.median(dim=1, keepdim=True).values, _std(rewards))


@group_advantages.wrong
def the_spread_of_the_batch(rewards):
    """The baseline is the group's, the spread that of the whole batch. Take both from
    the group."""
    return _by(rewards, _mean(rewards), rewards.std())


@group_advantages.wrong
def compared_with_the_others_only(rewards):
    """You compare with the mean of the *other* texts of the group (leave-one-out). That
    is a good baseline too; asked for is the mean of the whole group."""
    G = rewards.shape[1]
    return _by(rewards, _mean(rewards), _std(rewards)) * G / (G - 1)
