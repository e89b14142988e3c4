"""Attention with rotary positions, shared keys and values, norms and a window.

Sources: Shazeer 2019, "Fast Transformer Decoding" (one key and value for all heads,
arXiv:1911.02150); Ainslie et al. 2023, "GQA" (arXiv:2305.13245); Henry et al. 2020,
"Query-Key Normalization" (arXiv:2010.04245); Beltagy et al. 2020, "Longformer" (the
window, arXiv:2004.05150).
"""

from functools import partial

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
        C, D, H, G = config.n_embd, config.head_size, config.n_head, config.n_kv_head
        self.n_head, self.n_kv_head, self.window = H, G, config.window
        self.query = nn.Linear(C, H * D, bias=config.bias)
        self.key = nn.Linear(C, G * D, bias=config.bias)
        self.value = nn.Linear(C, G * D, bias=config.bias)
        self.project = nn.Linear(H * D, C, bias=config.bias)
        norm = partial(RMSNorm, D, config.norm_epsilon)
        norm = norm if config.qk_norm else nn.Identity
        self.query_norm, self.key_norm = norm(), norm()

    def forward(self, x, angles=None, cache=None):
        """(B, T, C) -> (B, T, C). ``angles``: cosines and sines of the T positions."""
        past = cache.length if cache is not None else 0
        query = self.query_norm(split_heads(self.query(x), self.n_head))  # (B, H, T, D)
        key = self.key_norm(split_heads(self.key(x), self.n_kv_head))  # (B, G, T, D)
        value = split_heads(self.value(x), self.n_kv_head)
        if angles is not None:
            query, key = rotate(query, *angles), rotate(key, *angles)
        if cache is not None:  # a KVCache: it holds G heads, not H
            key, value = cache.append(key, value)  # (B, G, T_keys, D)
        asked_by = self.n_head // self.n_kv_head
        key, value = (part.repeat_interleave(asked_by, 1) for part in (key, value))
        mask = window_mask(x.shape[1], past, self.window, x.device)
        y = F.scaled_dot_product_attention(query, key, value, mask)
        return self.project(merge_heads(y))
