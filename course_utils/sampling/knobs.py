"""The knobs: pure functions from logits to logits, and the choice of a token."""

import math

import torch

from course_utils.config import whole_number


def require(allowed: bool, name: str, what: str, got) -> None:
    if not allowed:
        raise ValueError(f"{name} must be {what}, got {got}")


def whole(name: str, number) -> int:
    """Return a whole number, Python's or numpy's, as an int, or raise ValueError."""
    as_int = whole_number(number)
    require(as_int is not None, name, "a whole number", repr(number))
    return as_int


def penalize_repetition(logits, ids, penalty: float, padding=None) -> torch.Tensor:
    """Make tokens that occurred before less likely. (B, V), ids (B, T) -> (B, V).

    A positive score is divided by ``penalty``; a negative one is multiplied, since
    division would reward it. 1 changes nothing. Where ``padding`` is False, the token
    does not count. Source: Keskar et al. 2019, section 4.1; the rule for negative
    scores is that of transformers.
    """
    require(0 < penalty < math.inf, "repetition_penalty", "positive", penalty)
    real = torch.ones_like(ids) if padding is None else padding
    counts = torch.zeros_like(logits).scatter_add_(1, ids, real.to(logits.dtype))
    penalized = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(counts > 0, penalized, logits)  # (B, V)


def apply_temperature(logits, temperature: float) -> torch.Tensor:
    """Sharpen (below 1) or flatten (above 1) the distribution. (..., V) -> (..., V)."""
    what = "positive, or 0 in generate (greedy)"
    require(0 < temperature < math.inf, "temperature", what, temperature)
    return logits / temperature


def filter_top_k(logits, k: int) -> torch.Tensor:
    """Keep the k highest scores, set the others to -inf. (..., V) -> (..., V).

    What ties with the k-th stays too, as in transformers: then more than k are left.
    """
    k = whole("top_k", k)
    require(k >= 1, "top_k", "at least 1, or None", k)
    kth = logits.topk(min(k, logits.shape[-1])).values[..., -1:]  # (..., 1)
    return logits.masked_fill(logits < kth, -torch.inf)


def filter_top_p(logits, p: float) -> torch.Tensor:
    """Keep the fewest likeliest tokens that together reach probability p.

    (..., V) -> (..., V), -inf for the others. Seen from the other end: a token goes if
    it and all less likely ones together have at most 1 - p. The likeliest always stays.
    """
    require(0 < p <= 1, "top_p", "in (0, 1]", p)
    ascending, order = logits.sort(dim=-1)
    goes = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    goes[..., -1] = False
    return logits.masked_fill(goes.scatter(-1, order, goes), -torch.inf)


def adjust_logits(
    logits,
    ids,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    padding=None,
) -> torch.Tensor:
    """Turn all knobs, in transformers' order. (B, V), ids so far (B, T) -> (B, V).

    Temperature 0 changes nothing here: ``choose`` then takes the highest score.
    """
    if repetition_penalty != 1:
        logits = penalize_repetition(logits, ids, repetition_penalty, padding)
    if temperature not in (0, 1):
        logits = apply_temperature(logits, temperature)
    if top_k is not None:
        logits = filter_top_k(logits, top_k)
    if top_p is not None:
        logits = filter_top_p(logits, top_p)
    return logits


def choose(logits, greedy: bool, generator=None) -> torch.Tensor:
    """Take the likeliest token if ``greedy``, else draw one. (B, V) -> (B,)."""
    if greedy:
        return logits.argmax(dim=-1)
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)[:, 0]
