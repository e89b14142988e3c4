"""What follows a text, for one new token after the other, fast.

A token costs a small model less arithmetic than the Python around it: at each call,
each of PyTorch's modules looks up its weights, its hooks and its mode. ``last_logits``
looks all of that up once for a text. Its operations are those of ``GPT``, in the same
order; tests/benchmarks/bench_sampling.py measures what that buys.
"""

from collections.abc import Callable
from functools import cache as once

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks

from course_utils.attention import CausalSelfAttention, KVCache
from course_utils.block import MLP, Block, LayerNorm
from course_utils.edits import first_edit
from course_utils.model import GPT, as_configured

KINDS = {GPT, Block, CausalSelfAttention, MLP, LayerNorm}
KINDS |= {nn.Embedding, nn.Linear, nn.Dropout, nn.ModuleList}
METHODS = {(kind, "forward"): kind.forward for kind in KINDS}
METHODS |= {(GPT, name): getattr(GPT, name) for name in ("hidden", "embed", "head")}


def is_plain(model: nn.Module) -> bool:
    """Does the model compute what its configuration says, and nobody listens in?

    A layer that somebody exchanged, set otherwise or hung a hook on has to be called
    itself; and so has every layer if a class got another method.
    """
    return (
        type(model) is GPT
        and not first_edit(model, as_configured(model.config))
        and not any(p._forward_hooks or p._forward_pre_hooks for p in model.modules())
        and not (_global_forward_hooks or _global_forward_pre_hooks)
        and all(getattr(kind, name) is now for (kind, name), now in METHODS.items())
    )


def last_logits(model: GPT) -> Callable[..., torch.Tensor]:
    """Return a function (ids (B, T), cache, padding) -> (B, V), used without gradients.

    Its scores are those for what follows the last of the new tokens. It takes them into
    the cache, as ``GPT.forward`` does. The head is the most expensive layer of a small
    model: in a plain one it works on the last position alone. Dropout must be off.
    """
    plain = is_plain(model)

    @once
    def one_token() -> OneToken:
        return OneToken(model)

    def scores(ids, cache: list[KVCache], padding=None) -> torch.Tensor:
        if not plain:
            return model(ids, cache, padding)[:, -1]
        if padding is None and ids.shape[1] == 1 and cache[0].length:
            return one_token()(ids[:, 0], cache)
        return model.head(model.hidden(ids, cache, padding)[:, -1])

    return scores


class OneToken:
    """A plain model's pass over one more token of each text; ids are not checked."""

    def __init__(self, model: GPT):
        config = model.config
        self.n_head, self.epsilon = config.n_head, config.layer_norm_epsilon
        self.tokens = model.token_embedding.weight
        self.positions = model.position_embedding.weight
        self.blocks = [
            (
                *_norm(block.norm_1),
                *_linear(block.attention.query_key_value),
                *_linear(block.attention.project),
                *_norm(block.norm_2),
                *_linear(block.mlp.expand),
                *_linear(block.mlp.contract),
            )
            for block in model.blocks
        ]
        self.final_norm = _norm(model.final_norm)
        tied = config.tie_word_embeddings
        self.head = (model.token_embedding if tied else model.own_head).weight.t()

    def __call__(self, ids: torch.Tensor, cache: list[KVCache]) -> torch.Tensor:
        """(B,) -> logits (B, V)."""
        B, C = len(ids), self.tokens.shape[1]
        heads = B, 3, self.n_head, 1, C // self.n_head  # T is 1
        norm, linear, epsilon = torch.layer_norm, torch.addmm, self.epsilon
        attend = F.scaled_dot_product_attention
        x = F.embedding(ids, self.tokens) + self.positions[cache[0].length]  # (B, C)
        for memory, weights in zip(cache, self.blocks, strict=True):
            gain_1, shift_1, qkv_b, qkv_w, out_b, out_w, *weights = weights
            gain_2, shift_2, up_b, up_w, down_b, down_w = weights
            read = norm(x, (C,), gain_1, shift_1, epsilon)
            query, key, value = linear(qkv_b, read, qkv_w).view(heads).unbind(1)
            mixed = attend(query, *memory.append(key, value))  # (B, H, 1, D)
            x = x + linear(out_b, mixed.reshape(B, C), out_w)
            read = norm(x, (C,), gain_2, shift_2, epsilon)
            hidden = F.gelu(linear(up_b, read, up_w), approximate="tanh")
            x = x + linear(down_b, hidden, down_w)
        return norm(x, (C,), *self.final_norm, epsilon) @ self.head


def _norm(layer: LayerNorm) -> tuple[torch.Tensor, torch.Tensor]:
    return layer.gain, layer.bias


def _linear(layer: nn.Linear) -> tuple[torch.Tensor, torch.Tensor]:
    return layer.bias, layer.weight.t()  # as addmm takes them
