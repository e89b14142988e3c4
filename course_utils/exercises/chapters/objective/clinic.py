"""The bug clinic objective.below_the_floor: patient, healthy twin, suspects."""

import torch
import torch.nn.functional as F

from course_utils.exercises.engine.clinics import Clinic


def _honest_loss(logits, targets):
    return F.cross_entropy(logits, targets)


def _loss_of_seen_columns(logits, targets):
    seen = targets.unique()  # "the other columns would only cost memory"
    return F.cross_entropy(logits[:, seen], torch.searchsorted(seen, targets))


below_the_floor = Clinic(
    name="objective.below_the_floor",
    complaint="This evaluation needs little memory, and its loss falls as a model "
    "learns. But it says that the story model is below the floor.",
    patient=_loss_of_seen_columns,
    healthy=_honest_loss,
    suspects={
        "the targets are not shifted": "a trained model would hardly ever expect the "
        "token that it has just read: the loss would be far above the floor.",
        "the loss is in bits": "every loss would be larger by the same factor, 1.44, "
        "also on a text of a single token.",
        "the softmax runs only over the tokens that come in the text": "a text of one "
        "token has one candidate: it would cost nothing, whatever the logits say.",
        "it takes the mean over padding too": "without padding, patient and twin would "
        "agree.",
        "it leaves out the largest losses": "on a text of a single token there is "
        "nothing to leave out: patient and twin would agree.",
    },
    fault="the softmax runs only over the tokens that come in the text",
    evidence="Give it one token at a time: the loss is 0, for every token of the "
    "vocabulary. So each of them has probability 1, and together they have V: that is "
    "no prediction. The text itself has told which tokens may come. An honest "
    "evaluation fixes all V probabilities before it sees the answer.",
)
