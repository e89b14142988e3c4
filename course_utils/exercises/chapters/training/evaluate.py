"""Evaluation: exercise evaluate and its mistakes."""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


class Table(nn.Module):
    """A bigram with dropout: ids (B, T) -> logits (B, T, V)."""

    def __init__(self, table, bias, dropout=0.0):
        super().__init__()
        self.table, self.bias = nn.Parameter(table), nn.Parameter(bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids):
        return self.dropout(self.table[ids]) + self.bias


def _batch(rng, B, T, V, ignored=0):
    ids = torch.tensor([[rng.randrange(V) for _ in range(T + 1)] for _ in range(B)])
    targets = ids[:, 1:].clone()
    if ignored:
        targets[-1, -ignored:] = -100
    return ids[:, :-1].clone(), targets


def _evaluation_cases(rng):
    V = 6
    for dropout, training, sizes in (
        (0.0, False, [(1, 3, 0)]),
        (0.5, True, [(2, 4, 2)]),
        (0.5, False, [(3, 6, 2), (1, 2, 1)]),
        (0.5, True, [(1, 5, 3), (4, 3, 0), (2, 6, 4)]),
    ):
        model = Table(tensor(rng, V, V, scale=2.0), tensor(rng, V), dropout)
        yield model.train(training), [_batch(rng, *s[:2], V, s[2]) for s in sizes]


def evaluate(model, batches):
    was_training = model.training
    model.eval()
    nats, n_counted = 0.0, 0
    with torch.no_grad():
        for inputs, targets in batches:
            logits = model(inputs).flatten(0, 1)  # (B * T, V)
            loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
            nats += loss.item()
            n_counted += int((targets != -100).sum())
    model.train(was_training)
    return nats / n_counted


def _value_and_mode(function, model, batches):
    """Return what the function gives, and in which mode it leaves the model."""
    return function(model, batches), model.training


def _mean_loss(model, batches, by="sum"):
    """Return the loss with a total of another kind, in evaluation mode."""
    was_training = model.training
    model.eval()
    losses, counts, sizes = [], [], []
    with torch.no_grad():
        for inputs, targets in batches:
            logits = model(inputs).flatten(0, 1)
            loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
            losses.append(loss.item())
            counts.append(int((targets != -100).sum()))
            sizes.append(targets.numel())
    model.train(was_training)
    return losses, counts, sizes


evaluate = Exercise(
    name="training.evaluate",
    task="(nn.Module model, list of (inputs, targets) batches) -> float: the mean loss "
    "in nats over all targets of all batches, those of -100 left out. Without dropout; "
    "afterwards the model is in the mode (training or not) that it came in.",
    reference=evaluate,
    cases=_evaluation_cases,
    observe=_value_and_mode,
    hints=(
        "A batch of 3 targets and one of 300: what should each of them weigh?",
        "model(inputs) is (B, T, V), targets (B, T); model.training is True or False.",
        "remember model.training; model.eval()\n"
        "for each batch: nats += sum of the losses, n += targets that are not -100\n"
        "model.train(what it was); return nats / n",
    ),
    proves="One number that any two models may be compared by: no dropout, no padding.",
)


@evaluate.wrong
def dropout_left_on(model, batches):
    """Dropout is still on: call model.eval() first. Your number is too high, and
    another one each time."""
    nats, n_counted = 0.0, 0
    for inputs, targets in batches:
        logits = model(inputs).flatten(0, 1)
        loss = F.cross_entropy(logits, targets.flatten(), reduction="sum")
        nats += loss.item()
        n_counted += int((targets != -100).sum())
    return nats / n_counted


@evaluate.wrong
def left_in_evaluation_mode(model, batches):
    """Your model comes back in evaluation mode: from here on it would train without
    dropout, and nobody would be told."""
    losses, counts, _ = _mean_loss(model, batches)
    model.eval()
    return sum(losses) / sum(counts)


@evaluate.wrong
def always_left_in_training_mode(model, batches):
    """Your model comes back in training mode even where it was in evaluation mode. Give
    it back as it came."""
    losses, counts, _ = _mean_loss(model, batches)
    model.train()
    return sum(losses) / sum(counts)


@evaluate.wrong
def mean_of_the_batches_means(model, batches):
    """You average the batches' means: a batch of few targets weighs as much as a long
    one. Divide once, at the end."""
    losses, counts, _ = _mean_loss(model, batches)
    means = [loss / n for loss, n in zip(losses, counts, strict=True)]
    return sum(means) / len(means)


@evaluate.wrong
def mean_of_means_and_left_in_evaluation_mode(model, batches):
    """Two things. You average the batches' means, so a short batch weighs as much as a
    long one. And your model comes back in evaluation mode, whatever it was in."""
    mean = mean_of_the_batches_means(model, batches)
    model.eval()
    return mean


@evaluate.wrong
def padding_in_the_denominator(model, batches):
    """You divide by all places, the ignored ones too: the more padding, the lower your
    loss."""
    losses, _, sizes = _mean_loss(model, batches)
    return sum(losses) / sum(sizes)


@evaluate.wrong
def not_divided(model, batches):
    """This is the sum over all targets. Divide by how many counted."""
    return sum(_mean_loss(model, batches)[0])


@evaluate.wrong
def only_the_last_batch(model, batches):
    """Your number is that of the last batch alone: sum over all of them."""
    losses, counts, _ = _mean_loss(model, batches)
    return losses[-1] / counts[-1]


@evaluate.wrong
def perplexity_in_place_of_nats(model, batches):
    """You return the perplexity, e to the mean loss. Nats are asked for."""
    losses, counts, _ = _mean_loss(model, batches)
    return float(torch.tensor(sum(losses) / sum(counts), dtype=torch.float64).exp())


@evaluate.wrong
def only_the_first_batch(model, batches):
    """You return inside the loop, after the first batch. All batches count."""
    losses, counts, _ = _mean_loss(model, batches[:1])
    return losses[0] / counts[0]


@evaluate.wrong
def means_weighed_with_the_padding(model, batches):
    """You weigh each batch's mean by all its targets, those of -100 too. Only those
    that count have a part in it: weigh by their number."""
    losses, counts, sizes = _mean_loss(model, batches)
    parts = zip(losses, counts, sizes, strict=True)
    return sum(loss / n * size for loss, n, size in parts) / sum(sizes)
