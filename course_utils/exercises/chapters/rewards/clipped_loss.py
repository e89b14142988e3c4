"""How far may one batch move a token? Exercise clipped_loss and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _clip_cases(rng):
    for (B, T), clip in (((2, 3), 0.2), ((4, 4), 0.2), ((5, 6), 0.1), ((3, 7), 0.3)):
        old = tensor(rng, B, T) - 3
        log_probs = old + tensor(rng, B, T, scale=0.5)  # well out of the clip
        places = torch.arange(T)
        starts = torch.arange(B)[:, None] % 2 + (T > 4)  # prompts of two lengths
        ends = T - torch.arange(B)[:, None] % 3 % (T - 2)
        chosen = (places >= starts) & (places < ends)
        yield log_probs, old, tensor(rng, B, scale=2.0), chosen, clip


def clipped_loss(log_probs, old_log_probs, advantages, chosen, clip):
    ratio = (log_probs - old_log_probs).exp()
    limited = ratio.clamp(1 - clip, 1 + clip)
    advantage = advantages[:, None]
    gain = torch.minimum(ratio * advantage, limited * advantage)  # (B, T)
    return -((gain * chosen).sum(dim=1) / chosen.sum(dim=1)).mean()


clipped_loss = Exercise(
    name="rewards.clipped_loss",
    task="(log_probs, old_log_probs (B, T), advantages (B,), bool chosen (B, T), "
    "clip) -> (): GRPO's loss. Ratio: a token's probability now over that when it was "
    "drawn. Gain: the smaller of ratio · advantage and (ratio within 1 ± clip) · "
    "advantage. Minus its mean over a text's chosen tokens, then over texts.",
    reference=clipped_loss,
    cases=_clip_cases,
    hints=(
        "What comes in are logs. A ratio of probabilities is which function of them?",
        "advantages is (B,) and meets (B, T): give it a dimension. Tokens that are not "
        "chosen count neither in the sum nor in the number.",
        "ratio = exp(log_probs - old_log_probs)\n"
        "limited = ratio clamped to 1 - clip .. 1 + clip\n"
        "gain = minimum(ratio · advantage, limited · advantage)\n"
        "sum over the chosen tokens / their number, mean over the texts, minus",
    ),
    proves="The heart of PPO and GRPO: a batch may be used again, but not for ever.",
)


def _loss(gain, chosen):
    return -((gain * chosen).sum(dim=1) / chosen.sum(dim=1)).mean()


def _ratio(log_probs, old_log_probs):
    return (log_probs - old_log_probs).exp()


def _gain(ratio, advantage, low, high):
    return torch.minimum(ratio * advantage, ratio.clamp(low, high) * advantage)


@clipped_loss.wrong
def the_sign_of_the_loss(log_probs, old_log_probs, advantages, chosen, clip):
    """The minus is missing. A loss is made to fall: with yours the model unlearns what
    was good."""
    return -clipped_loss.reference(log_probs, old_log_probs, advantages, chosen, clip)


@clipped_loss.wrong
def the_ratio_exchanged(log_probs, old_log_probs, advantages, chosen, clip):
    """Your ratio is upside down: old over new. What becomes likelier has to raise it:
    new over old."""
    ratio = _ratio(old_log_probs, log_probs)
    return _loss(_gain(ratio, advantages[:, None], 1 - clip, 1 + clip), chosen)


@clipped_loss.wrong
def clipped_on_the_wrong_side(log_probs, old_log_probs, advantages, chosen, clip):
    """You take the larger of the two gains. Then the clip protects where there is no
    danger: take the smaller, the more careful one."""
    ratio, advantage = _ratio(log_probs, old_log_probs), advantages[:, None]
    limited = ratio.clamp(1 - clip, 1 + clip)
    return _loss(torch.maximum(ratio * advantage, limited * advantage), chosen)


@clipped_loss.wrong
def always_the_clipped_ratio(log_probs, old_log_probs, advantages, chosen, clip):
    """You always take the clipped ratio. A token that has moved the wrong way would
    lose its gradient too and never come back: the smaller of the two gains."""
    ratio = _ratio(log_probs, old_log_probs).clamp(1 - clip, 1 + clip)
    return _loss(ratio * advantages[:, None], chosen)


@clipped_loss.wrong
def never_clipped(log_probs, old_log_probs, advantages, chosen, clip):
    """Nothing is clipped. The batch was drawn from the old model: far from it, it says
    little."""
    return _loss(_ratio(log_probs, old_log_probs) * advantages[:, None], chosen)


@clipped_loss.wrong
def clipped_above_only(log_probs, old_log_probs, advantages, chosen, clip):
    """Only 1 + clip is a limit. A token with a negative advantage falls: 1 - clip is
    the limit for it."""
    ratio = _ratio(log_probs, old_log_probs)
    return _loss(_gain(ratio, advantages[:, None], None, 1 + clip), chosen)


@clipped_loss.wrong
def clipped_below_only(log_probs, old_log_probs, advantages, chosen, clip):
    """Only 1 - clip is a limit. A token with a positive advantage rises: 1 + clip is
    the limit for it."""
    ratio = _ratio(log_probs, old_log_probs)
    return _loss(_gain(ratio, advantages[:, None], 1 - clip, None), chosen)


@clipped_loss.wrong
def prompt_tokens_counted(log_probs, old_log_probs, advantages, chosen, clip):
    """All tokens count, those of the prompt and after the end too. The model has chosen
    only some: ``chosen`` says which."""
    ratio = _ratio(log_probs, old_log_probs)
    return -_gain(ratio, advantages[:, None], 1 - clip, 1 + clip).mean()


@clipped_loss.wrong
def divided_by_all_tokens(log_probs, old_log_probs, advantages, chosen, clip):
    """The sum runs over the chosen tokens, but you divide by T. Divide by the number of
    chosen ones."""
    gain = _gain(
        _ratio(log_probs, old_log_probs), advantages[:, None], 1 - clip, 1 + clip
    )
    return -(gain * chosen).mean(dim=1).mean()


@clipped_loss.wrong
def one_mean_over_all_texts(log_probs, old_log_probs, advantages, chosen, clip):
    """You take one mean over all tokens of the batch: long texts weigh more (DAPO does
    so). Asked for is a mean for each text, then over the texts."""
    gain = _gain(
        _ratio(log_probs, old_log_probs), advantages[:, None], 1 - clip, 1 + clip
    )
    return -(gain * chosen).sum() / chosen.sum()


@clipped_loss.wrong
def a_sum_over_the_tokens(log_probs, old_log_probs, advantages, chosen, clip):
    """You add up a text's tokens. Their mean is asked for."""
    gain = _gain(
        _ratio(log_probs, old_log_probs), advantages[:, None], 1 - clip, 1 + clip
    )
    return -(gain * chosen).sum(dim=1).mean()


@clipped_loss.wrong
def a_difference_in_place_of_the_ratio(
    log_probs, old_log_probs, advantages, chosen, clip
):
    """You take the difference of the logs for the ratio. The ratio is its exponential,
    and 1 where nothing has moved."""
    ratio = log_probs - old_log_probs
    return _loss(_gain(ratio, advantages[:, None], 1 - clip, 1 + clip), chosen)


@clipped_loss.wrong
def the_logs_divided(log_probs, old_log_probs, advantages, chosen, clip):
    """You divide the logs. A ratio of probabilities is the exponential of a difference
    of logs."""
    ratio = log_probs / old_log_probs
    return _loss(_gain(ratio, advantages[:, None], 1 - clip, 1 + clip), chosen)


@clipped_loss.wrong
def the_advantage_clipped(log_probs, old_log_probs, advantages, chosen, clip):
    """You clip the advantage. How good a text was is no matter of trust: clip the
    ratio."""
    ratio = _ratio(log_probs, old_log_probs)
    return _loss(ratio * advantages.clamp(-clip, clip)[:, None], chosen)


@clipped_loss.wrong
def clipped_in_logs(log_probs, old_log_probs, advantages, chosen, clip):
    """You hold the *log* of the ratio within ± clip. The band is 1 ± clip for the ratio
    itself."""
    limit = torch.tensor(clip).exp()
    ratio = _ratio(log_probs, old_log_probs)
    return _loss(_gain(ratio, advantages[:, None], 1 / limit, limit), chosen)


@clipped_loss.wrong
def the_smaller_ratio_before_the_advantage(
    log_probs, old_log_probs, advantages, chosen, clip
):
    """You take the smaller *ratio*, then multiply. With a negative advantage the
    smaller gain belongs to the larger ratio: multiply first."""
    ratio = _ratio(log_probs, old_log_probs)
    smaller = torch.minimum(ratio, ratio.clamp(1 - clip, 1 + clip))
    return _loss(smaller * advantages[:, None], chosen)


@clipped_loss.wrong
def log_probabilities_times_advantage(
    log_probs, old_log_probs, advantages, chosen, clip
):
    """That is REINFORCE: the log-probability times the advantage. Its gradient is right
    for the first step only; GRPO's gain has the ratio."""
    return _loss(log_probs * advantages[:, None], chosen)


@clipped_loss.wrong
def the_probability_in_place_of_the_ratio(
    log_probs, old_log_probs, advantages, chosen, clip
):
    """Your ratio is the probability now. It has to be divided by the one when the token
    was drawn."""
    ratio = log_probs.exp()
    return _loss(_gain(ratio, advantages[:, None], 1 - clip, 1 + clip), chosen)


@clipped_loss.wrong
def a_band_around_0(log_probs, old_log_probs, advantages, chosen, clip):
    """You clip to ± clip. A ratio that has not moved is 1: the band is 1 ± clip."""
    ratio = _ratio(log_probs, old_log_probs)
    return _loss(_gain(ratio, advantages[:, None], -clip, clip), chosen)


@clipped_loss.wrong
def a_sum_over_the_texts(log_probs, old_log_probs, advantages, chosen, clip):
    """You add the texts up. The mean over them is asked for: it does not grow with the
    batch."""
    mean = clipped_loss.reference(log_probs, old_log_probs, advantages, chosen, clip)
    return mean * len(advantages)
