"""Attention with rotary positions, shared keys and values, norms and a window.

Sources: Shazeer 2019, "Fast Transformer Decoding" (one key and value for all heads,
arXiv:1911.02150); Ainslie et al. 2023, "GQA" (arXiv:2305.13245); Henry et al. 2020,
"Query-Key Normalization" (arXiv:2010.04245); Beltagy et al. 2020, "Longformer" (the
window, arXiv:2004.05150).
"""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import causal_mask, merge_heads, split_heads
from course_utils.modern.config import ModernConfig
from course_utils.modern.parts import RMSNorm, rotate


def window_mask(T: int, past: int = 0, window: int | None = None, device=None):
    """Return the causal mask (T, past + T), at most ``window`` tokens wide.

    None where every query may see every key: a single new token without a window.
    """
    if window is None:
        return causal_mask(T, past, device) if T > 1 else None
    keys = torch.arange(past + T, device=device)
    distance = keys[past:, None] - keys  # (T, past + T): 0 at the query itself
    return (distance >= 0) & (distance < window)


class GroupedAttention(nn.Module):
    """Causal attention in which H / G heads that ask share one that is asked."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        C, D, bias = config.n_embd, config.head_size, config.bias
        self.n_head, self.n_kv_head = config.n_head, config.n_kv_head
        self.window = config.window
        self.query = nn.Linear(C, self.n_head * D, bias=bias)
        self.key = nn.Linear(C, self.n_kv_head * D, bias=bias)
        self.value = nn.Linear(C, self.n_kv_head * D, bias=bias)
        self.project = nn.Linear(self.n_head * D, C, bias=bias)
        self.query_norm = self.key_norm = None
        if config.qk_norm:
            self.query_norm = RMSNorm(D, config.norm_epsilon)
            self.key_norm = RMSNorm(D, config.norm_epsilon)

    def forward(self, x, angles=None, cache=None):
        """(B, T, C) -> (B, T, C). ``angles``: cosines and sines of the T positions.

        ``cache``, a KVCache, holds G heads of keys and values, not H.
        """
        past = cache.length if cache is not None else 0
        query = split_heads(self.query(x), self.n_head)  # (B, H, T, D)
        key = split_heads(self.key(x), self.n_kv_head)  # (B, G, T, D)
        value = split_heads(self.value(x), self.n_kv_head)
        if self.query_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        if angles is not None:
            query, key = rotate(query, *angles), rotate(key, *angles)
        if cache is not None:
            key, value = cache.append(key, value)  # (B, G, T_keys, D)
        shared_by = self.n_head // self.n_kv_head
        key = key.repeat_interleave(shared_by, dim=1)  # (B, H, T_keys, D)
        value = value.repeat_interleave(shared_by, dim=1)
        mask = window_mask(x.shape[1], past, self.window, x.device)
        y = F.scaled_dot_product_attention(query, key, value, mask)
        return self.project(merge_heads(y))
