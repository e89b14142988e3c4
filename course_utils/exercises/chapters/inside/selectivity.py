"""A probe beside its control: exercise selectivity and its mistakes."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _cases(rng):
    for N, K, helped in ((4, 3, 2.0), (6, 4, 1.5), (8, 2, 3.0), (9, 5, 0.0)):
        labels = torch.tensor([rng.randrange(K) for _ in range(N)])
        control = torch.tensor([rng.randrange(K) for _ in range(N)])
        rows, logits = torch.arange(N), tensor(rng, N, K)
        logits[rows, labels] += helped
        yield logits, labels, tensor(rng, N, K), control
    better = F.one_hot(control, K) + tensor(rng, N, K, scale=0.1)
    yield tensor(rng, N, K), (logits.argmin(dim=-1) + 1) % K, better, control


def _accuracy(logits, labels):
    return (logits.argmax(dim=-1) == labels).float().mean()


def selectivity(logits, labels, control_logits, control_labels):
    ours = (logits.argmax(dim=-1) == labels).float().mean()
    control = (control_logits.argmax(dim=-1) == control_labels).float().mean()
    return ours - control


selectivity = Exercise(
    name="inside.selectivity",
    task="(logits (N, K), labels int64 (N,), control_logits (N, K), control_labels "
    "int64 (N,)) -> number: the probe's accuracy on its labels, minus the control "
    "probe's accuracy on the control's labels.",
    reference=selectivity,
    cases=_cases,
    hints=(
        "What does a probe say for a state? When is it right?",
        "The highest logit of each row is a guess: argmax over K gives (N,).",
        "accuracy = share of rows whose argmax is the label\n"
        "the one accuracy - the other",
    ),
    proves="You tell what a state holds from what a probe learns by heart.",
)


@selectivity.wrong
def the_control_forgotten(logits, labels, control_logits, control_labels):
    """You return the accuracy alone. A strong probe has that on random labels too."""
    return _accuracy(logits, labels)


@selectivity.wrong
def the_other_way_round(logits, labels, control_logits, control_labels):
    """You subtract the probe's accuracy from the control's: the sign is wrong."""
    return -selectivity.reference(logits, labels, control_logits, control_labels)


@selectivity.wrong
def ratio_in_place_of_difference(logits, labels, control_logits, control_labels):
    """You divide the two. Selectivity is a difference; a control of 0 would have no
    ratio."""
    control = _accuracy(control_logits, control_labels)
    return _accuracy(logits, labels) / control.clamp(min=1e-9)


@selectivity.wrong
def chance_in_place_of_the_control(logits, labels, control_logits, control_labels):
    """You subtract chance, 1/K. The control says what the probe really gets from random
    labels, which can be far more."""
    return _accuracy(logits, labels) - 1 / logits.shape[1]


@selectivity.wrong
def the_same_labels_for_both(logits, labels, control_logits, control_labels):
    """You hold the control probe against the real labels. It has labels of its own."""
    return _accuracy(logits, labels) - _accuracy(control_logits, labels)


@selectivity.wrong
def the_same_probe_for_both(logits, labels, control_logits, control_labels):
    """You ask the first probe for the control's labels too. The control task gets a
    probe of its own, trained on its labels."""
    return _accuracy(logits, labels) - _accuracy(logits, control_labels)


@selectivity.wrong
def right_guesses_counted(logits, labels, control_logits, control_labels):
    """You count right guesses. Accuracy is their share."""
    found = selectivity.reference(logits, labels, control_logits, control_labels)
    return found * len(labels)


@selectivity.wrong
def the_lowest_logit_taken(logits, labels, control_logits, control_labels):
    """You take each row's lowest logit for the guess."""
    return selectivity.reference(-logits, labels, -control_logits, control_labels)


@selectivity.wrong
def the_mean_probability(logits, labels, control_logits, control_labels):
    """You average the probability of the right label. Accuracy counts whether it comes
    first."""

    def mean_probability(scores, right):
        return scores.softmax(-1)[torch.arange(len(right)), right].mean()

    return mean_probability(logits, labels) - mean_probability(
        control_logits, control_labels
    )


@selectivity.wrong
def shares_of_errors_subtracted(logits, labels, control_logits, control_labels):
    """You add the control's errors: accuracy - (1 - control) is not the difference of
    the accuracies."""
    control = _accuracy(control_logits, control_labels)
    return _accuracy(logits, labels) - (1 - control)


@selectivity.wrong
def the_sign_lost(logits, labels, control_logits, control_labels):
    """You return the absolute value. A selectivity below 0 says that the probe does
    better on random labels: leave it to be seen."""
    found = selectivity.reference(logits, labels, control_logits, control_labels)
    return found.abs()


@selectivity.wrong
def guesses_over_the_rows(logits, labels, control_logits, control_labels):
    """Your argmax runs over the N states (dim 0): it says which state scores highest
    for each label. Each state needs its guess: dim -1."""

    def by_rows(scores, right):
        guesses = scores.argmax(dim=0)
        n = min(len(guesses), len(right))
        return (guesses[:n] == right[:n]).float().mean()

    return by_rows(logits, labels) - by_rows(control_logits, control_labels)
