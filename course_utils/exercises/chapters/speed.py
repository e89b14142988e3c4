"""Exercises on speed and scale: int8 weights, days, bytes, and many workers.

Notebook 12. Numbers are uneven everywhere: rows of very different size, workers with
batches of different size, so that a wrong scale or a wrong weight is seen.
"""

import torch
import torch.nn.functional as F

from course_utils import quantization
from course_utils.exercises.engine.clinics import Clinic
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor

# --- int8 -----------------------------------------------------------------------------


def _weight_cases(rng):
    for R, C in ((2, 3), (3, 5), (4, 6), (5, 4)):
        while True:
            weight = tensor(rng, R, C) * (10 ** tensor(rng, R, 1))  # rows far apart
            weight[0, 0] = -1.3 * weight.abs().max()  # the largest is below zero ...
            weight[1, 1] = 1.2 * weight[1].abs().max()  # ... and above, in other rows
            steps = weight / weight.abs().amax(dim=-1, keepdim=True) * 127
            if ((steps % 1) - 0.5).abs().min() > 1e-3:  # nothing lies between two
                break
        if R > 2:
            weight[2] = 0.0
        yield (weight,)


quantize_rows = Exercise(
    name="speed.quantize_rows",
    task="(weight (R, C)) -> (int8 (R, C), scales (R, 1)): each row divided by its own "
    "scale and rounded, so that its entry furthest from 0 becomes 127 or -127. A row "
    "of zeros has the scale 1. Weight is nearly their product.",
    reference=quantization.quantize_rows,
    cases=_weight_cases,
    hints=(
        "A row holds 0.5 and -2. Which number must become -127, and what is then the "
        "size of one step?",
        "The largest magnitude of each row, over dim=-1 with keepdim=True, is (R, 1).",
        "scale = largest magnitude of each row / 127\n"
        "where the scale is 0, make it 1\n"
        "divide, round, then turn into torch.int8",
    ),
    proves="A weight takes one byte, and what is lost is at most half a scale.",
)


def _in_int8(weight, scale):
    """Divide and round; what is too large for int8 wraps around, on any processor."""
    return (weight / scale).round().to(torch.int32).to(torch.int8)


def _or_one(scale):
    return torch.where(scale > 0, scale, 1.0)


@quantize_rows.wrong
def one_scale_for_the_whole_matrix(weight):
    """You use one scale for all rows. The largest row sets the step, and small rows are
    rounded to almost nothing. Take the maximum over dim=-1."""
    scale = _or_one(weight.abs().max() / 127).expand(len(weight), 1)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def scales_of_the_columns(weight):
    """Your scales belong to the columns. Only a scale of a row, of one output, can wait
    until after the product: the sum over the columns is then done."""
    scale = _or_one(weight.abs().amax(dim=0, keepdim=True) / 127)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def scales_without_their_axis(weight):
    """Your scales are (R,). Beside a matrix (R, C) that would line up with the columns:
    keep the axis, (R, 1)."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), scale[:, 0]


@quantize_rows.wrong
def cut_off_in_the_place_of_rounded(weight):
    """You cut the decimals off: .to(torch.int8) goes towards 0. The error is then up to
    a whole step and always in one direction. Round first."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return (weight / scale).to(torch.int8), scale


@quantize_rows.wrong
def the_largest_becomes_128(weight):
    """Your largest entries become 128, which int8 does not have: it ends at 127, and
    128 comes out as -128. The most important weights change their sign."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 128)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def the_sign_is_forgotten(weight):
    """You take the largest entry, not the one furthest from 0. Where that one is
    negative it does not fit in int8 and wraps around: abs() first."""
    scale = _or_one(weight.amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), scale


@quantize_rows.wrong
def a_row_of_zeros_has_scale_0(weight):
    """A row of zeros gets the scale 0, and 0 / 0 is NaN: what int8 makes of that is
    undefined. Give such a row the scale 1."""
    scale = weight.abs().amax(dim=-1, keepdim=True) / 127
    return _in_int8(weight, _or_one(scale)), scale


@quantize_rows.wrong
def still_in_float32(weight):
    """Your numbers are whole, but each still takes four bytes: turn them into
    torch.int8."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return (weight / scale).round(), scale


@quantize_rows.wrong
def scales_upside_down(weight):
    """You return 127 / maximum, by which you multiplied. Whoever reads the weights back
    multiplies by the scale: it is maximum / 127."""
    scale = _or_one(weight.abs().amax(dim=-1, keepdim=True) / 127)
    return _in_int8(weight, scale), 1 / scale


# --- days -----------------------------------------------------------------------------

DAY = 24 * 3600


def _run_cases(rng):
    for _ in range(4):
        n_parameters, n_tokens = rng.uniform(1e8, 1e12), rng.uniform(1e9, 1e13)
        yield (
            n_parameters,
            n_tokens,
            rng.uniform(1e14, 1e15),
            rng.randint(2, 2000),
            rng.uniform(0.2, 0.6),
        )


def training_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    needed = 6 * n_parameters * n_tokens
    return needed / (flops * utilisation * n_devices) / (24 * 3600)


training_days = Exercise(
    name="speed.training_days",
    task="(n_parameters, n_tokens, flops, n_devices, utilisation) -> float: days that "
    "training takes. flops: operations a second that the data sheet of one device "
    "promises; utilisation: the share of them that one gets, such as 0.4.",
    reference=training_days,
    cases=_run_cases,
    hints=(
        "How many operations does one token cost, in the forward pass and in the "
        "backward pass, for each parameter?",
        "operations / (operations a second) gives seconds; a day has 86,400.",
        "needed = 6 * parameters * tokens\n"
        "speed = flops * utilisation * devices\n"
        "needed / speed / 86400",
    ),
    proves="Three multiplications and two divisions plan a run of millions.",
)


def _days(N, D, flops, n, utilisation, per_weight=6, unit=DAY):
    return per_weight * N * D / (flops * utilisation * n) / unit


@training_days.wrong
def only_the_forward_pass(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You count 2 operations a weight and token. That is the forward pass; the backward
    pass costs twice as much again: 6 in all."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 2)


@training_days.wrong
def backward_as_dear_as_forward(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You count 4: the backward pass as much as the forward one. It has two products
    for each weight matrix, one for the weights and one for what came in: 2 + 4 = 6."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 4)


@training_days.wrong
def a_multiplication_without_its_addition(
    n_parameters, n_tokens, flops, n_devices, utilisation
):
    """You count 3. Each weight is multiplied and then added to a sum, which data sheets
    count as two operations: 6."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, 3)


@training_days.wrong
def low_utilisation_makes_it_faster(
    n_parameters, n_tokens, flops, n_devices, utilisation
):
    """You multiply the time by the utilisation. Then a device that is used badly would
    be done sooner: divide by it."""
    days = _days(n_parameters, n_tokens, flops, n_devices, 1.0)
    return days * utilisation


@training_days.wrong
def the_data_sheet_believed(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You leave the utilisation out. No run reaches what the data sheet promises; good
    ones reach about half."""
    return _days(n_parameters, n_tokens, flops, n_devices, 1.0)


@training_days.wrong
def one_device_does_it_all(n_parameters, n_tokens, flops, n_devices, utilisation):
    """You leave out how many devices share the work."""
    return _days(n_parameters, n_tokens, flops, 1, utilisation)


@training_days.wrong
def hours_not_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Your result is in hours. A day has 24 of them."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, unit=3600)


@training_days.wrong
def seconds_not_days(n_parameters, n_tokens, flops, n_devices, utilisation):
    """Your result is in seconds. A day has 86,400 of them."""
    return _days(n_parameters, n_tokens, flops, n_devices, utilisation, unit=1)


# --- memory ---------------------------------------------------------------------------


def _memory_cases(rng):
    for _ in range(4):
        yield rng.randint(10**5, 10**9), rng.randint(10**5, 10**9)


def training_memory(n_parameters, n_activations):
    weights = gradients = 4 * n_parameters
    return weights, gradients, 8 * n_parameters, 4 * n_activations


training_memory = Exercise(
    name="speed.training_memory",
    task="(int n_parameters, int n_activations) -> (weights, gradients, optimizer, "
    "activations): the bytes of each while AdamW trains, everything in float32. "
    "n_activations: how many numbers the forward pass keeps for the backward.",
    reference=training_memory,
    cases=_memory_cases,
    hints=(
        "What does AdamW remember of each weight's past gradients?",
        "A float32 number takes 4 bytes.",
        "weights: 4 for each parameter; gradients as many\n"
        "optimizer: a mean and a mean square, 4 + 4 for each parameter\n"
        "activations: 4 for each number kept",
    ),
    proves="16 bytes a parameter before anything is read, and activations on top.",
)


@training_memory.wrong
def one_average_only(n_parameters, n_activations):
    """Your optimizer keeps one number for each parameter. AdamW keeps two: the mean of
    the gradients and the mean of their squares."""
    n = 4 * n_parameters
    return n, n, n, 4 * n_activations


@training_memory.wrong
def numbers_not_bytes(n_parameters, n_activations):
    """You count numbers. Each float32 takes 4 bytes."""
    return n_parameters, n_parameters, 2 * n_parameters, n_activations


@training_memory.wrong
def everything_in_16_bits(n_parameters, n_activations):
    """You give each number 2 bytes. That is float16 or bfloat16; here all is float32,
    with 4."""
    n = 2 * n_parameters
    return n, n, 2 * n, 2 * n_activations


@training_memory.wrong
def as_if_it_only_read(n_parameters, n_activations):
    """You keep neither gradients nor averages: that is a model in use, not in
    training."""
    return 4 * n_parameters, 0, 0, 4 * n_activations


@training_memory.wrong
def activations_take_no_room(n_parameters, n_activations):
    """Your activations take no bytes. The backward pass needs what each layer read, so
    the forward pass keeps it; with long batches it is the largest part of all."""
    n = 4 * n_parameters
    return n, n, 2 * n, 0


@training_memory.wrong
def the_optimizer_copies_the_weights(n_parameters, n_activations):
    """Your optimizer keeps three numbers for each parameter. A copy of the weights is
    needed only where the weights themselves are in 16 bits."""
    n = 4 * n_parameters
    return n, n, 3 * n, 4 * n_activations


@training_memory.wrong
def a_gradient_for_each_activation(n_parameters, n_activations):
    """You count activations twice. Their gradients do exist, but each is dropped as
    soon as the layer below has used it."""
    n = 4 * n_parameters
    return n, n, 2 * n, 8 * n_activations


# --- many workers ---------------------------------------------------------------------


def _worker_cases(rng):
    for counts in ([3, 5], [40, 9, 17], [6, 6], [2, 30, 11, 5]):
        yield [tensor(rng, 2, 3) for _ in counts], counts


def average_gradients(gradients, counts):
    total = sum(counts)
    pairs = zip(gradients, counts, strict=True)
    return sum(gradient * (count / total) for gradient, count in pairs)


average_gradients = Exercise(
    name="speed.average_gradients",
    task="(list of tensors gradients, list of int counts) -> tensor: each worker's "
    "gradient is that of the mean loss over its own count of tokens. Return the "
    "gradient of the mean loss over all tokens of all workers together.",
    reference=average_gradients,
    cases=_worker_cases,
    hints=(
        "One worker read 1 token, the other 99. How much should the first one's "
        "gradient weigh?",
        "All gradients have the shape of the result; the weights of the workers are "
        "numbers that sum to 1.",
        "total = sum of counts\nadd up gradient * count / total over the workers",
    ),
    proves="Two workers with half a batch each are one worker with the whole batch.",
)


@average_gradients.wrong
def every_worker_counts_the_same(gradients, counts):
    """You take the plain mean. Then the tokens of a worker with few of them weigh more
    than others: a mean of means is not the mean. Weigh by count."""
    return sum(gradients) / len(gradients)


@average_gradients.wrong
def summed_not_averaged(gradients, counts):
    """You add the gradients up. With more workers the step would grow, as if the
    learning rate did."""
    return sum(gradients)


@average_gradients.wrong
def weighed_but_not_divided(gradients, counts):
    """You weigh by count but do not divide by all tokens: your result is the gradient
    of the sum of the losses, not of their mean."""
    return sum(g * count for g, count in zip(gradients, counts, strict=True))


@average_gradients.wrong
def divided_twice(gradients, counts):
    """You divide by the tokens and then by the number of workers as well: the step is
    too short. Counts that are divided by their sum are a mean already."""
    return average_gradients.reference(gradients, counts) / len(gradients)


@average_gradients.wrong
def nothing_is_exchanged(gradients, counts):
    """You return the first worker's gradient: the others have worked for nothing."""
    return gradients[0] * 1.0


@average_gradients.wrong
def few_tokens_weigh_more(gradients, counts):
    """You divide by each worker's count: its gradient is a mean already, so that those
    with few tokens gain twice. Multiply by the count."""
    total = sum(1 / count for count in counts)
    return sum(
        g * (1 / count / total) for g, count in zip(gradients, counts, strict=True)
    )


# --- the clinic: two workers ----------------------------------------------------------


def _train_with(rows_of, n_workers, steps):
    """Train a small classifier on several workers; record all that they exchange."""
    chance = torch.Generator().manual_seed(3)
    x = torch.randn(64, 6, generator=chance)
    targets = (x @ torch.randn(6, 5, generator=chance)).argmax(dim=-1)
    weights = [torch.zeros(6, 5) for _ in range(n_workers)]
    record = {"losses": [], "gradients": [], "averages": []}
    for step in range(steps):
        losses, gradients = [], []
        for rank in range(n_workers):
            rows = rows_of(rank, n_workers, step)
            own = weights[rank].clone().requires_grad_()
            loss = F.cross_entropy(x[rows] @ own, targets[rows])
            gradients += torch.autograd.grad(loss, own)
            losses.append(loss.item())
        average = torch.stack(gradients).mean(dim=0)
        weights = [own - average for own in weights]
        record["losses"].append(losses)
        record["gradients"].append(gradients)
        record["averages"].append(average)
    return record | {"weights": weights}


def _own_rows(rank, n_workers, step):
    """Return 8 rows: all workers shuffle alike, and each takes every n-th."""
    order = torch.randperm(64, generator=torch.Generator().manual_seed(step))
    return order[rank::n_workers][:8]


def _echo(n_workers, steps):
    """The seed does not know the rank, and neither does the slice."""
    return _train_with(lambda *place: _own_rows(0, *place[1:]), n_workers, steps)


def _shared_out(n_workers, steps):
    return _train_with(_own_rows, n_workers, steps)


echo = Clinic(
    name="speed.echo",
    complaint="A training run moved from one worker to two. Nothing is reported, the "
    "loss falls, both workers agree. But after the same number of steps it is no "
    "better than with one worker: the second one seems to be of no use.",
    patient=_echo,
    healthy=_shared_out,
    suspects={
        "the workers began with different weights": "their weights would still differ "
        "at the end, by as much as at the beginning.",
        "gradients are not exchanged": "each worker would go its own way, and the "
        "weights would differ after the first step.",
        "gradients are added up, not averaged": "what is exchanged would be twice the "
        "mean of the two gradients.",
        "both workers read the same rows": "the two gradients would be the same, and "
        "so would be the losses, in every step.",
        "the learning rate is too low": "the loss would hardly fall, with one worker "
        "as with two.",
    },
    fault="both workers read the same rows",
    evidence="The loss falls, the weights agree and the average is the mean, in both "
    "runs. But the patient's two gradients are equal in every step: the mean of a "
    "thing and itself is the thing. Both workers seeded their shuffling alike and "
    "forgot to take their own share of it. Nothing looks wrong from outside, and half "
    "of the money is wasted.",
)
