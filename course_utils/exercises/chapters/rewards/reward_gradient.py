"""The gradient of the expected reward: exercise reward_gradient and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _reward_cases(rng):
    for n in (2, 3, 5, 7):
        yield tensor(rng, n).softmax(dim=0), tensor(rng, n, scale=2.0)
    yield torch.tensor([0.5, 0.3, 0.2]), torch.tensor([1.0, 0.0, 1.0])
    yield torch.tensor([0.1, 0.9]), torch.tensor([3.0, 3.0])  # nothing is better


def reward_gradient(p, rewards):
    expected = (p * rewards).sum()
    return p * (rewards - expected)


reward_gradient = Exercise(
    name="rewards.reward_gradient",
    task="(p (K,), rewards (K,)) -> (K,): one of K texts is drawn with the "
    "probabilities p = softmax(z) and gets its reward. Return the exact gradient of "
    "the expected reward along the scores z.",
    reference=reward_gradient,
    cases=_reward_cases,
    hints=(
        "All rewards are equal. Does it matter what is drawn?",
        "The slopes of softmax: p_i falls by p_i · p_j when z_j rises, and gains p_i "
        "if i = j. Sum rewards times slopes.",
        "expected = sum of p times rewards\np times (rewards minus expected)",
    ),
    proves="What is better than expected becomes likelier, by as much as it is drawn.",
)


@reward_gradient.wrong
def no_baseline(p, rewards):
    """You push each text by its reward alone. When one score rises, the others lose
    probability: the expected reward is taken off."""
    return p * rewards


@reward_gradient.wrong
def a_plain_mean_as_the_baseline(p, rewards):
    """Your baseline is the plain mean of the rewards. Texts are drawn with p: what is
    expected is the mean with these weights."""
    return p * (rewards - rewards.mean())


@reward_gradient.wrong
def p_left_out(p, rewards):
    """You leave out the factor p. A text that is hardly ever drawn has hardly any say
    in the expected reward."""
    return rewards - (p * rewards).sum()


@reward_gradient.wrong
def the_sign_is_wrong(p, rewards):
    """Your gradient points downhill: it is that of a loss. The expected reward is asked
    for; it is to rise."""
    return -p * (rewards - (p * rewards).sum())


@reward_gradient.wrong
def along_the_probabilities(p, rewards):
    """That is the gradient along p. The scores z move p through a softmax."""
    return rewards.clone()


@reward_gradient.wrong
def only_the_diagonal(p, rewards):
    """You take each probability to depend on its own score alone. When one rises, all
    others fall: their rewards count as well."""
    return p * (1 - p) * rewards


@reward_gradient.wrong
def p_twice(p, rewards):
    """There is a factor p too many."""
    return p * p * (rewards - (p * rewards).sum())


@reward_gradient.wrong
def log_p_in_place_of_p(p, rewards):
    """You weigh with log p. The log is what is differentiated; the weight of a text is
    how often it is drawn."""
    return p.log() * (rewards - (p * rewards).sum())


@reward_gradient.wrong
def the_best_as_the_baseline(p, rewards):
    """You compare with the best reward. Then nothing is ever pushed up: compare with
    what is expected."""
    return p * (rewards - rewards.max())


@reward_gradient.wrong
def divided_by_the_number(p, rewards):
    """You divide by K. The probabilities already weigh the texts: they sum to 1."""
    return p * (rewards - (p * rewards).sum()) / len(p)


@reward_gradient.wrong
def only_what_is_drawn(p, rewards):
    """You take the slope of one text's log p: 1 - p. Each text is drawn with its p, and
    every other one's slope counts too."""
    return rewards * (1 - p)


@reward_gradient.wrong
def the_worst_as_the_baseline(p, rewards):
    """You compare with the worst reward. Then everything is pushed up: compare with
    what is expected."""
    return p * (rewards - rewards.min())
