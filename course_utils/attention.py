"""Attention: every position asks all earlier ones a question and mixes their answers.

Floors: uses only ``config``; ``block`` stands on it. From the pieces to the whole: the
mask, attention for one set of heads, the split into heads, the memory that makes
generation fast, and the layer that joins them. Source: Vaswani et al., "Attention Is
All You Need" (2017), sections 3.2.1-3.2.3.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.config import GPTConfig


def causal_mask(T: int, past: int = 0, device=None) -> torch.Tensor:
    """Return a (T, past + T) mask, True where a query (row) may see a key (column).

    The T queries are the last of ``past + T`` positions; each sees itself and what
    came before it, nothing later.
    """
    keys = torch.arange(past + T, device=device)  # (past + T,)
    queries = keys[past:, None]  # (T, 1)
    return keys <= queries  # (T, past + T)


def visible(T: int, past: int = 0, padding=None, device=None) -> torch.Tensor | None:
    """Return the causal mask without the padding, or None if nothing has to be hidden.

    ``padding`` is bool (B, past + T), False where a token only fills up a batch of
    unequal texts; the mask is then (B, 1, T, past + T).
    """
    if padding is None:
        return causal_mask(T, past, device) if T > 1 else None
    # A padding token still sees itself: softmax over nothing would be NaN.
    keys = torch.arange(past + T, device=device)
    itself = keys == keys[past:, None]  # (T, past + T)
    return causal_mask(T, past, device) & (padding[:, None, None, :] | itself)


def scaled_dot_product_attention(query, key, value, mask, dropout: float = 0.0):
    """Mix the values with weights softmax(QKᵀ/√D): return (output, weights).

    ``query`` is (B, H, T, D), ``key`` and ``value`` are (B, H, T_keys, D), ``mask`` is
    bool and True where a query may look (it broadcasts to (B, H, T, T_keys); None means
    everywhere). The output is (B, H, T, D). Each row of the weights (B, H, T, T_keys)
    sums to 1; ``dropout`` is the share of them that is zeroed (0 when not training).
    """
    D = query.shape[-1]
    scores = query @ key.transpose(-2, -1) / math.sqrt(D)  # (B, H, T, T_keys)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)  # before softmax: rows sum to 1
    weights = F.dropout(F.softmax(scores, dim=-1), dropout)
    return weights @ value, weights


def split_heads(x: torch.Tensor, n_head: int) -> torch.Tensor:
    """(B, T, C) -> (B, H, T, D): each head gets its own D = C / H channels."""
    B, T, C = x.shape
    return x.view(B, T, n_head, C // n_head).transpose(1, 2)  # (B, H, T, D)


def merge_heads(x: torch.Tensor) -> torch.Tensor:
    """(B, H, T, D) -> (B, T, C): the inverse of ``split_heads``."""
    B, H, T, D = x.shape
    return x.transpose(1, 2).reshape(B, T, H * D)  # (B, T, C)


class KVCache:
    """Keys and values of all tokens so far, each computed once. Without gradients."""

    def __init__(self):
        self.length = 0  # tokens held
        self.keys = self.values = None  # (B, H, room, D)

    def append(self, key, value) -> tuple[torch.Tensor, torch.Tensor]:
        """Add keys and values (B, H, T, D); return all, each (B, H, length, D)."""
        start, self.length = self.length, self.length + key.shape[2]
        if self.keys is None or self.length > self.keys.shape[2]:
            self.keys = self._enlarge(self.keys, key, start)
            self.values = self._enlarge(self.values, value, start)
        self.keys[:, :, start : self.length] = key
        self.values[:, :, start : self.length] = value
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]

    def reorder(self, indices: torch.Tensor) -> None:
        """Let row b continue what row ``indices[b]`` had: beams part and die."""
        if self.length:
            self.keys, self.values = self.keys[indices], self.values[indices]

    def _enlarge(self, old, new, used: int) -> torch.Tensor:
        B, H, _, D = new.shape
        # Room doubles: appending n tokens one by one copies O(n) numbers, not O(n²).
        enlarged = new.new_empty(B, H, max(2 * used, self.length, 32), D)
        if used:
            enlarged[:, :, :used] = old[:, :, :used]
        return enlarged


class CausalSelfAttention(nn.Module):
    """Multi-head causal self-attention as in GPT-2."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        C = config.n_embd
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.query_key_value = nn.Linear(C, 3 * C)  # three projections in one
        self.project = nn.Linear(C, C)

    def forward(self, x, cache=None, padding=None, return_weights=False):
        """(B, T, C) -> (B, T, C), and the weights (B, H, T, T_keys) if asked for.

        ``cache``, a KVCache, holds the tokens before x and takes in x's own.
        ``padding`` is bool (B, T_keys), False where a token only fills up the batch.
        """
        past = cache.length if cache is not None else 0
        parts = self.query_key_value(x).chunk(3, dim=-1)  # three of (B, T, C)
        query, key, value = (split_heads(part, self.n_head) for part in parts)
        if cache is not None:
            key, value = cache.append(key, value)  # (B, H, T_keys, D)
        mask = visible(x.shape[1], past, padding, x.device)
        dropout = self.dropout if self.training else 0.0
        if return_weights:
            y, weights = scaled_dot_product_attention(query, key, value, mask, dropout)
            return self.project(merge_heads(y)), weights
        # The same numbers, without storing all (T, T_keys) weights at once.
        y = F.scaled_dot_product_attention(query, key, value, mask, dropout)
        return self.project(merge_heads(y))
