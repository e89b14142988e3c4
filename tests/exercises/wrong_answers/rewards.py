"""Wrong answers to the exercises on learning from rewards."""

import torch
import torch.nn.functional as F

from .collection import to


@to("rewards.reward_gradient", "no baseline")
def _(p, rewards):
    """Probability times reward."""
    return p * rewards


@to("rewards.reward_gradient", "a plain mean as the baseline")
def _(p, rewards):
    """Centred by the plain mean."""
    return p * (rewards - torch.mean(rewards))


@to("rewards.reward_gradient", "along the probabilities")
def _(p, rewards):
    """The slope along p, not along z."""
    return 1.0 * rewards


@to("rewards.reward_gradient")
def _(p, rewards):
    """The expected reward itself."""
    return torch.dot(p, rewards)


@to("rewards.reward_gradient", "p left out")
def _(p, rewards):
    """The advantage alone."""
    return rewards - torch.dot(p, rewards)


@to("rewards.group_advantages", "the baseline is that of the batch")
def _(rewards):
    """All texts are one group."""
    return (rewards - rewards.mean()) / (rewards.std() + 1e-4)


@to("rewards.group_advantages", "over the prompts")
def _(rewards):
    """Dimension 0."""
    centred = rewards - rewards.mean(0, keepdim=True)
    return centred / (rewards.std(0, keepdim=True) + 1e-4)


@to("rewards.group_advantages", "not divided by the spread")
def _(rewards):
    """No division."""
    return rewards - rewards.mean(1, keepdim=True)


@to("rewards.group_advantages", "the spread with g")
def _(rewards):
    """numpy's standard deviation."""
    centred = rewards - rewards.mean(1, keepdim=True)
    return centred / (centred.pow(2).mean(1, keepdim=True).sqrt() + 1e-4)


@to("rewards.group_advantages")
def _(rewards):
    """A softmax over the group."""
    return rewards.softmax(dim=1)


@to("rewards.clipped_loss", "never clipped")
def _(log_probs, old_log_probs, advantages, chosen, clip):
    """Importance ratio without a clip."""
    gain = torch.exp(log_probs - old_log_probs) * advantages[:, None] * chosen
    return -(gain.sum(1) / chosen.sum(1)).mean()


@to("rewards.clipped_loss", "always the clipped ratio")
def _(log_probs, old_log_probs, advantages, chosen, clip):
    """No minimum."""
    ratio = torch.exp(log_probs - old_log_probs).clamp(1 - clip, 1 + clip)
    return -((ratio * advantages[:, None] * chosen).sum(1) / chosen.sum(1)).mean()


@to("rewards.clipped_loss", "one mean over all texts")
def _(log_probs, old_log_probs, advantages, chosen, clip):
    """A mean over all chosen tokens."""
    ratio, a = torch.exp(log_probs - old_log_probs), advantages[:, None]
    gain = torch.min(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a)
    return -gain[chosen].mean()


@to("rewards.clipped_loss", "the sign of the loss")
def _(log_probs, old_log_probs, advantages, chosen, clip):
    """To be maximized."""
    ratio, a = torch.exp(log_probs - old_log_probs), advantages[:, None]
    gain = torch.min(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a) * chosen
    return (gain.sum(1) / chosen.sum(1)).mean()


@to("rewards.clipped_loss", "the ratio exchanged")
def _(log_probs, old_log_probs, advantages, chosen, clip):
    """Old over new."""
    ratio, a = torch.exp(old_log_probs - log_probs), advantages[:, None]
    gain = torch.min(ratio * a, ratio.clamp(1 - clip, 1 + clip) * a) * chosen
    return -(gain.sum(1) / chosen.sum(1)).mean()


@to("rewards.kl_estimate", "the ratio upside down")
def _(log_probs, start_log_probs):
    """r upside down."""
    r = torch.exp(log_probs - start_log_probs)
    return r - 1 - torch.log(r)


@to("rewards.kl_estimate", "only minus the logarithm")
def _(log_probs, start_log_probs):
    """The plain estimator."""
    return -(start_log_probs - log_probs)


@to("rewards.kl_estimate", "the logarithm added")
def _(log_probs, start_log_probs):
    """A sign slipped."""
    r = torch.exp(start_log_probs - log_probs)
    return r - 1 + torch.log(r)


@to("rewards.kl_estimate")
def _(log_probs, start_log_probs):
    """A quotient of logs."""
    r = start_log_probs / log_probs
    return r - 1 - torch.log(r.abs())


@to("rewards.preference_loss", "the model before is forgotten")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """The model before is forgotten."""
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


@to("rewards.preference_loss", "the rejected is preferred")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """The sign is wrong: the rejected one shall rise."""
    margin = (rejected - rejected_before) - (chosen - chosen_before)
    return -F.logsigmoid(beta * margin).mean()


@to("rewards.preference_loss", "beta outside of the sigmoid")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """beta outside."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -beta * F.logsigmoid(margin).mean()


@to("rewards.preference_loss", "log of a rounded sigmoid")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """log(sigmoid) as written: -inf at large margins."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -torch.log(torch.sigmoid(beta * margin)).mean()


@to("rewards.preference_loss", "a sum over the pairs")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """The sum."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(beta * margin).sum()


@to("rewards.preference_loss", "a probability without its log")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """The logarithm is forgotten."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -torch.sigmoid(beta * margin).mean()


@to("rewards.preference_loss", "the minus left out")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """The minus is forgotten."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return F.logsigmoid(beta * margin).mean()


@to("rewards.preference_loss", "one for each pair")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """One for each pair."""
    margin = (chosen - chosen_before) - (rejected - rejected_before)
    return -F.logsigmoid(beta * margin)


@to("rewards.preference_loss", "ratios in place of differences")
def _(chosen, rejected, chosen_before, rejected_before, beta):
    """Ratios of log-probabilities in the place of differences."""
    margin = chosen / chosen_before - rejected / rejected_before
    return -F.logsigmoid(beta * margin).mean()
