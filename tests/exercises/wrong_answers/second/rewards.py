"""A second set of wrong answers: rewards."""

import torch
import torch.nn.functional as F

from ..collection import to_second as to


@to("rewards.preference_loss", "the model before is forgotten")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """Leaves the model before out."""
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


@to("rewards.preference_loss", "a probability without its log")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """No log."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -torch.sigmoid(beta * margin).mean()


@to("rewards.preference_loss", "the rises added", "log of a rounded sigmoid")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """Adds the two rises, and takes log(sigmoid), which rounds to log 0."""
    rise_chosen = chosen - chosen_before
    rise_rejected = rejected - rejected_before
    margin = rise_chosen + rise_rejected
    return -torch.log(torch.sigmoid(beta * margin)).mean()
