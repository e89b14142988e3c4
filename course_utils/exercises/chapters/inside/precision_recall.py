"""Features as signs of a fact: exercise precision_recall and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _cases(rng):
    for N, F, share in ((4, 2, 0.5), (7, 3, 0.4), (9, 4, 0.6), (12, 3, 0.3)):
        fact = torch.tensor([rng.random() < share for _ in range(N)])
        fact[0], fact[-1] = True, False
        active = torch.tensor(
            [[rng.random() < 0.5 for _ in range(F)] for _ in range(N)]
        )
        yield active, fact
    silent = active.clone()
    silent[:, 1] = False
    yield silent, fact


def precision_recall(active, fact):
    both = (active & fact[:, None]).sum(0).float()
    return both / active.sum(0).clamp(min=1), both / fact.sum()


precision_recall = Exercise(
    name="inside.precision_recall",
    task="(active bool (N, F), fact bool (N,)) -> (precision (F,), recall (F,)): of "
    "the states where a feature is active, the share where the fact holds; of the "
    "states where the fact holds, the share where the feature is active. A feature "
    "that is never active has precision 0. The fact holds at least once.",
    reference=precision_recall,
    cases=_cases,
    hints=(
        "What is the same in both fractions, and what differs?",
        "active & fact[:, None] is (N, F); its sum over the states is (F,).",
        "both = count of active and fact, for each feature\n"
        "both / count of active (at least 1), both / count of fact",
    ),
    proves="You mark a feature against what the world knows to be true.",
)


def _counts(active, fact):
    both = (active & fact[:, None]).sum(0).float()
    return both, active.sum(0).float(), fact.sum().float()


@precision_recall.wrong
def the_two_exchanged(active, fact):
    """You return recall first, then precision: their denominators are exchanged.
    Precision divides by how often the feature is active."""
    precision, recall = precision_recall.reference(active, fact)
    return recall, precision


@precision_recall.wrong
def accuracy_in_place_of_precision(active, fact):
    """Your precision is an accuracy: it counts the states where both are silent, too.
    For a rare fact that is nearly all of them."""
    return (active == fact[:, None]).float().mean(0), precision_recall.reference(
        active, fact
    )[1]


@precision_recall.wrong
def divided_by_all_states(active, fact):
    """You divide both by N. Precision: by the states where the feature is active;
    recall: by those where the fact holds."""
    share = (active & fact[:, None]).float().mean(0)
    return share, share


@precision_recall.wrong
def nothing_over_nothing(active, fact):
    """A feature that is never active gives 0/0, NaN, with you. Its precision is 0 by
    our rule: divide by at least 1."""
    both, n_active, n_fact = _counts(active, fact)
    return both / n_active, both / n_fact


@precision_recall.wrong
def never_active_is_precise(active, fact):
    """With you a feature that is never active has precision 1. Here it has 0: it is no
    sign of anything."""
    precision, recall = precision_recall.reference(active, fact)
    return precision.where(active.any(0), torch.ones(())), recall


@precision_recall.wrong
def over_all_features_at_once(active, fact):
    """You count over all features together. Each has a precision and a recall of its
    own."""
    both, n_active, n_fact = _counts(active, fact)
    F = active.shape[1]
    precision = both.sum() / n_active.sum()
    return precision.expand(F), (both.sum() / (n_fact * F)).expand(F)


@precision_recall.wrong
def recall_over_active_anywhere(active, fact):
    """Your recall counts a fact that any feature finds. Each feature is marked by
    itself."""
    found = (active.any(1) & fact).sum() / fact.sum()
    return precision_recall.reference(active, fact)[0], found.expand(active.shape[1])


@precision_recall.wrong
def the_harmonic_mean(active, fact):
    """You return F1, one number a feature for both. Precision and recall are asked for
    apart: a feature can have much of one and little of the other."""
    precision, recall = precision_recall.reference(active, fact)
    f1 = 2 * precision * recall / (precision + recall).clamp(min=1e-9)
    return f1, f1


@precision_recall.wrong
def false_alarms(active, fact):
    """Your first number is the share of false alarms, 1 - precision."""
    precision, recall = precision_recall.reference(active, fact)
    return 1 - precision, recall


@precision_recall.wrong
def both_or_neither_counted(active, fact):
    """Your recall counts active features where the fact does not hold: `or` in place of
    `and`."""
    either = (active | fact[:, None]).sum(0).float()
    _, n_active, n_fact = _counts(active, fact)
    return either / n_active.clamp(min=1), either / n_fact


@precision_recall.wrong
def counts_in_place_of_shares(active, fact):
    """You return counts. Precision and recall are shares: divide."""
    both, _, _ = _counts(active, fact)
    return both, both


@precision_recall.wrong
def precision_alone(active, fact):
    """You return precision twice. Recall divides by how often the fact holds."""
    precision, _ = precision_recall.reference(active, fact)
    return precision, precision


@precision_recall.wrong
def recall_of_the_silence(active, fact):
    """Your recall is that of the states without the fact (specificity)."""
    silent = (~active & ~fact[:, None]).sum(0) / (~fact).sum()
    return precision_recall.reference(active, fact)[0], silent
