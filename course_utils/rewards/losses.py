"""From rewards to a loss: who did better than its group, and how far may it move?"""

import torch
import torch.nn.functional as F


def group_advantages(rewards: torch.Tensor, by_spread: bool = False) -> torch.Tensor:
    """Say how much better each text is than its group: (n, G) -> (n, G).

    A row holds the rewards of G texts for one prompt; their mean is the baseline.
    ``by_spread`` divides by the row's standard deviation too, as GRPO does. A group
    whose rewards are all the same teaches nothing: 0.
    """
    advantages = rewards - rewards.mean(dim=1, keepdim=True)
    if by_spread:
        advantages = advantages / (rewards.std(dim=1, keepdim=True) + 1e-4)
    return advantages


def clipped_loss(
    log_probs: torch.Tensor,
    old_log_probs: torch.Tensor,
    advantages: torch.Tensor,
    chosen: torch.Tensor,
    clip: float = 0.2,
    length: int | None = None,
) -> torch.Tensor:
    """Return the loss of PPO and GRPO: (B, T), (B, T), (B,), bool (B, T) -> a scalar.

    ``log_probs`` are those of the tokens that were drawn, now; ``old_log_probs`` when
    they were drawn. Once a token's ratio of the two is over 1 + clip and should rise,
    or under 1 - clip and should fall, it has no gradient. ``chosen`` says which tokens
    the model wrote itself. Each text's sum is divided by its own number of tokens
    (GRPO) or, if given, by one ``length`` for all (Dr. GRPO).
    """
    ratio = (log_probs - old_log_probs).exp()
    advantage = advantages[:, None]  # each token of a text has the text's
    limited = ratio.clamp(1 - clip, 1 + clip)
    gain = torch.minimum(ratio * advantage, limited * advantage) * chosen  # (B, T)
    return -(gain.sum(dim=1) / (length or chosen.sum(dim=1).clamp(min=1))).mean()


def kl_estimates(
    log_probs: torch.Tensor, start_log_probs: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Estimate KL(model || start) in nats from what the model drew: (...) -> 3 x (...).

    With r = p_start / p_model of a draw: k1 = -ln r, k2 = (ln r)^2 / 2 and
    k3 = r - 1 - ln r. Source: Schulman 2020, "Approximating KL Divergence".
    """
    log_r = start_log_probs - log_probs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.exp() - 1 - log_r}


def preference_loss(
    chosen: torch.Tensor,
    rejected: torch.Tensor,
    chosen_start: torch.Tensor,
    rejected_start: torch.Tensor,
    beta: float,
) -> torch.Tensor:
    """Return DPO's loss: log-probabilities of whole answers, (B,) each -> a scalar.

    An answer's reward is beta times how much likelier (in nats) it is than at the
    start; the loss is that of predicting which of the two is preferred.
    """
    margin = (chosen - chosen_start) - (rejected - rejected_start)
    return -F.logsigmoid(beta * margin).mean()
