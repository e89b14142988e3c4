"""The bug clinic optimization.unequal: patient, healthy twin, suspects."""

import torch

from course_utils.cross_entropy import IGNORE, cross_entropy
from course_utils.exercises.engine.clinics import Clinic


def _joint_gradient(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def accumulate(model, batches):
    """Return the gradient of the mean loss over all targets of all batches."""
    counts = [int((targets != IGNORE).sum()) for _, targets in batches]
    model.zero_grad()
    for (inputs, targets), count in zip(batches, counts, strict=True):
        loss = cross_entropy(model(inputs), targets)
        (loss * count / sum(counts)).backward()
    return _joint_gradient(model)


def _accumulate_means(model, batches):
    model.zero_grad()
    for inputs, targets in batches:
        (cross_entropy(model(inputs), targets) / len(batches)).backward()
    return _joint_gradient(model)


unequal = Clinic(
    name="optimization.unequal",
    complaint="Four small batches are to give the gradient of one large batch. With "
    "batches of random windows, all of one length, they do, to the last digit. With "
    "stories the loss falls too, but a little differently from the large batch's.",
    patient=_accumulate_means,
    healthy=accumulate,
    suspects={
        "the sum is not divided by the number of batches": "the gradient would be "
        "several times too long, on windows of one length as well.",
        "gradients of the last step are not cleared": "a second call with the same "
        "batches would give another gradient than the first.",
        "each batch is clipped by itself": "on windows of one length the directions "
        "would already differ, as soon as one gradient is long.",
        "padding is counted": "a single batch of two stories of unequal length would "
        "already differ.",
        "every batch counts the same, however many targets it has": "batches with "
        "equally many targets would agree, and others not.",
    },
    fault="every batch counts the same, however many targets it has",
    evidence="With equally many targets in each batch the two agree; with unequal ones "
    "they part. The mean of the batches' means is not the mean over all targets: a "
    "token in a short batch weighs more. Weigh each batch by its number of targets.",
)
