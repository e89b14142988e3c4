"""Cross-entropy: how surprised a model is by what really came next.

A model gives every possible next token a probability. The loss of one position is minus
the logarithm of the probability it gave to the token that came: 0 if it was certain and
right, ln V if it guessed among V tokens, large if it was certain and wrong. Training
lowers the mean of this number; it can never fall below the entropy of the source.

Uses nothing of the course; ``data`` marks with IGNORE what must not be counted.
Source: Shannon, "A Mathematical Theory of Communication" (1948), sections 6 and 7.
"""

import math

import torch

# Positions with this target (padding, prompts) do not count. PyTorch's own choice.
IGNORE = -100


def log_softmax(logits: torch.Tensor) -> torch.Tensor:
    """Turn logits (..., V) into log-probabilities (..., V), for logits of any size.

    log p_i = z_i - log(sum_j exp(z_j)). Taking the same number off all logits changes
    no probability, and with their maximum taken off no exponential can overflow.
    """
    # The result does not depend on what is taken off, so no gradient flows through it.
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()


def softmax(logits: torch.Tensor) -> torch.Tensor:
    """Turn logits (..., V) into probabilities (..., V), for logits of any size."""
    return log_softmax(logits).exp()


def cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, ignore_index: int = IGNORE
) -> torch.Tensor:
    """Return the mean of -log p(target) over the counted positions, in nats (a scalar).

    logits: (..., V); targets: (...) int64, each in 0..V-1, or ignore_index where the
    position does not count. Equals ``torch.nn.functional.cross_entropy``, but raises
    ValueError where no position counts (torch returns nan), where shapes do not fit or
    where a target is out of range.
    """
    if targets.shape != logits.shape[:-1]:
        raise ValueError(
            f"targets must have the shape of logits without its last dimension, "
            f"{tuple(logits.shape[:-1])}, got {tuple(targets.shape)}"
        )
    counted = targets != ignore_index
    if not counted.any():
        raise ValueError(
            f"targets must hold at least one position that counts, "
            f"got {targets.numel()} positions, none but ignore_index={ignore_index}"
        )
    check_targets(targets[counted], n_classes=logits.shape[-1])
    # -log p = log(sum_j exp(z_j)) - z_target: log_softmax where it is needed only.
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()
    places = targets.where(counted, 0)  # any place will do where nothing is counted
    of_target = shifted.gather(-1, places.unsqueeze(-1)).squeeze(-1)
    surprise = shifted.exp().sum(dim=-1).log() - of_target
    return surprise[counted].mean()


def check_targets(targets: torch.Tensor, n_classes: int) -> None:
    """Raise TypeError or ValueError unless targets are int64 in 0..n_classes-1."""
    if targets.dtype != torch.int64:
        raise TypeError(f"targets must be int64, got {targets.dtype}")
    for value in targets.aminmax():
        if not 0 <= value < n_classes:
            raise ValueError(f"targets must be in 0..{n_classes - 1}, got {int(value)}")


def perplexity(loss: float) -> float:
    """Return exp(loss): among how many equally likely tokens the model hesitates.

    loss: nats per token.
    """
    return float(torch.as_tensor(loss, dtype=torch.float64).exp())


def bits_per_byte(nats_total: float, n_bytes: int) -> float:
    """Return the loss of a whole text as bits per byte of its UTF-8 form.

    nats_total: summed (not mean) loss of the text. Unlike a loss per token, this number
    compares models whose tokenizers differ. Raises ValueError unless n_bytes > 0.
    """
    if n_bytes <= 0:
        raise ValueError(f"n_bytes must be positive, got {n_bytes}")
    return float(nats_total) / math.log(2) / n_bytes


def gap_to_floor(loss_per_token: float, entropy_per_token: float) -> float:
    """Return how far a loss lies above the entropy of its source, in nats per token.

    It is the Kullback-Leibler divergence from the source to the model, so it cannot be
    negative. A clearly negative gap means that the entropy or the loss is wrong.
    """
    return float(loss_per_token) - float(entropy_per_token)
