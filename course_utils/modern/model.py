"""A GPT of exchangeable parts: with GPT-2's parts it is GPT-2, with others Llama.

Source of the prediction of several tokens: Gloeckle et al. 2024, "Better & Faster Large
Language Models via Multi-token Prediction" (arXiv:2404.19737).
"""

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import KVCache
from course_utils.cross_entropy import IGNORE, cross_entropy
from course_utils.model import check_cache, check_ids, initialise
from course_utils.modern.attention import GroupedAttention
from course_utils.modern.config import ModernConfig
from course_utils.modern.experts import MixtureOfExperts
from course_utils.modern.parts import RMSNorm, build_mlp, build_norm, rotary_angles


class ModernBlock(nn.Module):
    """Attention, then MLP or experts, each normalised before and added after."""

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.norm_1 = build_norm(config)
        self.attention = GroupedAttention(config)
        self.norm_2 = build_norm(config)
        build = MixtureOfExperts if config.n_experts else build_mlp
        self.mlp = build(config)

    def forward(self, x, angles=None, cache=None):
        """(B, T, C) -> (B, T, C)."""
        x = x + self.attention(self.norm_1(x), angles, cache)
        return x + self.mlp(self.norm_2(x))


class ModernGPT(nn.Module):
    """Token ids in, logits out, as ``GPT``, of the parts that the configuration names.

    All texts of a batch begin at position 0: there is no padding on the left.
    """

    def __init__(self, config: ModernConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        if config.positions == "learnt":
            self.position_embedding = nn.Embedding(config.n_positions, config.n_embd)
        self.blocks = nn.ModuleList(ModernBlock(config) for _ in range(config.n_layer))
        self.final_norm = build_norm(config)
        if not config.tie_word_embeddings:
            self.own_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.further = nn.ModuleList(
            nn.Sequential(RMSNorm(C), nn.Linear(C, C, bias=False))
            for C in [config.n_embd] * (config.n_future - 1)
        )
        initialise(self)

    def forward(self, ids, cache: list[KVCache] | None = None):
        """(B, T) int64 -> logits (B, T, V): scores for the token after each position.

        Raises ValueError for ids outside the vocabulary or beyond ``n_positions``.
        """
        return self.head(self.hidden(ids, cache))

    def hidden(self, ids, cache: list[KVCache] | None = None):
        """(B, T) -> (B, T, C): all of ``forward`` before the head."""
        check_cache(self.config, cache)
        past = cache[0].length if cache else 0
        check_ids(self.config, ids, past)
        positions = torch.arange(past, past + ids.shape[1], device=ids.device)
        x, angles = self.token_embedding(ids), None
        if self.config.positions == "learnt":
            x = x + self.position_embedding(positions)
        else:
            settings = self.config.rotary_base, self.config.rotary_scale
            angles = rotary_angles(positions, self.config.head_size, *settings)
        memories = cache or [None] * len(self.blocks)
        for block, memory in zip(self.blocks, memories, strict=True):
            x = block(x, angles, memory)
        return self.final_norm(x)

    def head(self, x):
        """(B, T, C) -> (B, T, V)."""
        tied = self.config.tie_word_embeddings
        return F.linear(x, self.token_embedding.weight) if tied else self.own_head(x)

    def new_cache(self) -> list[KVCache]:
        """Return an empty memory for each block."""
        return [KVCache() for _ in self.blocks]

    def count_parameters(self, active: bool = False) -> int:
        """Return the number of learnt numbers, or of those that one token uses."""
        total = sum(parameter.numel() for parameter in self.parameters())
        if not (active and self.config.n_experts):
            return total
        idle = self.config.n_experts - self.config.n_active
        one = sum(p.numel() for p in self.blocks[0].mlp.experts[0].parameters())
        return total - self.config.n_layer * idle * one


def future_loss(model: ModernGPT, ids, targets) -> torch.Tensor:
    """Return the mean loss (nats) of predicting the 1st, 2nd, ... ``n_future``-th next.

    ``ids`` and ``targets`` are (B, T); the target of the k-th is that of k - 1 places
    on. Each further token has a layer of its own before the shared head. Only the first
    is used when the model writes.
    """
    x = model.hidden(ids)
    losses = [cross_entropy(model.head(x), targets)]
    for steps, layer in enumerate(model.further, start=1):
        later = F.pad(targets[:, steps:], (0, steps), value=IGNORE)
        losses.append(cross_entropy(model.head(x + layer(x)), later))
    return torch.stack(losses).mean()
