"""The loop: exercise train and its mistakes."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

from .evaluate import Table, _batch


def _loop_cases(rng):
    V = 5
    for steps in (1, 3, 5):
        model = Table(tensor(rng, V, V), tensor(rng, V))
        batches = [_batch(rng, 2, 4, V) for _ in range(steps)]
        rates = [rng.uniform(0.2, 0.9) for _ in range(steps)]
        yield model, batches, rates, rng.uniform(0.15, 0.25)
    # The same batch and the same rate may come again.
    model, batch = Table(tensor(rng, V, V), tensor(rng, V)), _batch(rng, 2, 4, V)
    yield model, [batch, _batch(rng, 1, 3, V), batch], [0.3, 0.5, 0.3], 0.2


def train(model, batches, rates, clip, optimizer):
    losses = []
    for (inputs, targets), rate in zip(batches, rates, strict=True):
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    return losses


def _at_work(function, model, batches, rates, clip):
    """Return the losses, the weights after training a copy of the model, its mode.

    The optimizer has two groups, as one that decays the matrices alone.
    """
    model = copy.deepcopy(model)
    groups = [{"params": [model.table]}, {"params": [model.bias]}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    losses = function(model, batches, rates, clip, optimizer)
    return losses, model.table.detach(), model.bias.detach(), model.training


def _loop(model, batches, rates, clip, optimizer, **parts):
    """Train with some parts of the loop replaced; return the losses."""
    clipped = parts.get("clipped", nn.utils.clip_grad_norm_)
    losses = []
    for step, ((inputs, targets), rate) in enumerate(zip(batches, rates, strict=True)):
        if parts.get("zero", True):
            optimizer.zero_grad()
        if "batch" in parts:
            inputs, targets = parts["batch"]
        for group in optimizer.param_groups:
            group["lr"] = parts["rate"](step) if "rate" in parts else rate
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        if parts.get("zero_late"):
            optimizer.zero_grad(set_to_none=False)
        clipped(list(model.parameters()), clip)
        optimizer.step()
        if parts.get("after"):
            with torch.no_grad():
                logits = model(inputs).flatten(0, 1)
                loss = F.cross_entropy(logits, targets.flatten())
        losses.append(loss.item())
    return losses


train = Exercise(
    name="training.train",
    task="(nn.Module model, list of (inputs, targets) batches, list of float rates, "
    "float clip, optimizer) -> list of float losses. One step per batch: the loss "
    "before the step, gradients limited to the joint length clip, a step at this "
    "batch's rate (each group's 'lr').",
    reference=train,
    cases=_loop_cases,
    observe=_at_work,
    seconds=15.0,  # torch's optimizers load a lot when the first one steps
    hints=(
        "backward() adds to .grad. What stands there when a step begins?",
        "model(inputs) is (B, T, V); F.cross_entropy wants (B * T, V) and (B * T,). "
        "torch.nn.utils.clip_grad_norm_ limits the joint length.",
        "for each batch and rate:\n"
        "    loss; zero_grad; backward; clip\n"
        "    group['lr'] = rate for each group of optimizer.param_groups\n"
        "    step; append loss.item()",
    ),
    proves="This loop trains every GPT there is. All the rest is care around it.",
)


@train.wrong
def gradients_not_zeroed(model, batches, rates, clip, optimizer):
    """Gradients of earlier batches are still there: backward() adds to them. The
    optimizer's zero_grad is to be called before each backward()."""
    return _loop(model, batches, rates, clip, optimizer, zero=False)


@train.wrong
def the_weights_never_move(model, batches, rates, clip, optimizer):
    """Your weights stay as they were. Either step() is missing, or zero_grad() comes
    between backward() and step(), and the step finds nothing to do."""
    return _loop(model, batches, rates, clip, optimizer, zero_late=True)


@train.wrong
def not_clipped_in_time(model, batches, rates, clip, optimizer):
    """The gradients are not limited when step() uses them: clip after backward() and
    before step()."""
    return _loop(
        model, batches, rates, clip, optimizer, clipped=lambda parameters, clip: None
    )


@train.wrong
def each_parameter_clipped_on_its_own(model, batches, rates, clip, optimizer):
    """Each parameter's gradient is limited by itself, which turns the direction of the
    whole. One length, of all gradients together."""

    def clipped(parameters, clip):
        for parameter in parameters:
            nn.utils.clip_grad_norm_([parameter], clip)

    return _loop(model, batches, rates, clip, optimizer, clipped=clipped)


@train.wrong
def each_number_clipped(model, batches, rates, clip, optimizer):
    """You cut every number off at clip (clip_grad_value_). The joint length is meant:
    clip_grad_norm_."""
    clipped = nn.utils.clip_grad_value_
    return _loop(model, batches, rates, clip, optimizer, clipped=clipped)


@train.wrong
def rate_set_after_the_step(model, batches, rates, clip, optimizer):
    """The rate is set when the step is done: each step runs at the rate of the one
    before."""
    first = optimizer.param_groups[0]["lr"]
    late = [first, *rates]
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: late[step])


@train.wrong
def rates_not_used(model, batches, rates, clip, optimizer):
    """The optimizer keeps the rate that it was made with. Put this step's rate into
    group["lr"] of each of its groups."""
    first = optimizer.param_groups[0]["lr"]
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: first)


@train.wrong
def the_first_rate_in_every_step(model, batches, rates, clip, optimizer):
    """Every step runs at the first rate: take the one of its own batch."""
    return _loop(model, batches, rates, clip, optimizer, rate=lambda step: rates[0])


@train.wrong
def the_first_batch_in_every_step(model, batches, rates, clip, optimizer):
    """Every step uses the first batch. That is a good test, but no training."""
    return _loop(model, batches, rates, clip, optimizer, batch=batches[0])


@train.wrong
def loss_after_the_step_returned(model, batches, rates, clip, optimizer):
    """You return the loss on a batch that the model has just been trained on. Return
    the one before the step: it costs nothing more, and those tokens were still new."""
    return _loop(model, batches, rates, clip, optimizer, after=True)
