"""The ladder: what does each part of the architecture buy?

From a bigram to the whole GPT, one part more at each rung. All rungs learn the same
stories in the same number of steps, so a lower gap to the floor (nats per token, on
stories that none has seen) is bought by the part alone. A seed draws the stories, their
order and the first weights.

The models are narrow: 64 channels, 8 heads of 8. In a wide one, or with wide heads, a
single head can carry so much that the parts above it show less.

Floor 6: stands on ``training``, ``model`` and the world.
"""

import random
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import nn

from course_utils import records
from course_utils.attention import CausalSelfAttention
from course_utils.block import MLP
from course_utils.config import GPTConfig
from course_utils.data import DocumentBatches
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, measure_gap
from course_utils.world import World

# --- The parts of the lower rungs


class MeanOfThePast(nn.Module):
    """Every position gets the mean of all up to it. (B, T, C) -> (B, T, C)."""

    def __init__(self, C: int):
        super().__init__()
        self.value = nn.Linear(C, C)

    def forward(self, x):
        counts = torch.arange(1, x.shape[1] + 1)[:, None]  # (T, 1)
        return self.value(x).cumsum(dim=1) / counts


class OneHead(nn.Module):
    """A single head of D channels: one of those that ``CausalSelfAttention`` joins."""

    def __init__(self, C: int, D: int):
        super().__init__()
        self.query_key_value = nn.Linear(C, 3 * D)
        self.project = nn.Linear(D, C)

    def forward(self, x):
        query, key, value = self.query_key_value(x).chunk(3, dim=-1)  # (B, T, D) each
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.project(y)  # (B, T, C)


class Add(nn.Module):
    """Keep what was there and add what a part makes of it."""

    def __init__(self, part: nn.Module):
        super().__init__()
        self.part = part

    def forward(self, x):
        return x + self.part(x)


class Rung(nn.Module):
    """A language model of a few parts in a row: embed, apply, compare."""

    def __init__(self, config: GPTConfig, parts: list[nn.Module]):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.n_positions, config.n_embd)
        self.blocks = nn.ModuleList(parts)
        self.join = nn.Linear(config.n_embd, config.n_embd)
        self.norm = nn.LayerNorm(config.n_embd)
        for table in (self.token_embedding, self.position_embedding):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids):
        """(B, T) -> logits (B, T, V)."""
        x = self.token_embedding(ids)
        if self.blocks:  # a bigram knows nothing but the last token
            x = x + self.position_embedding.weight[: ids.shape[1]]
        for part in self.blocks:
            x = part(x)
        return F.linear(self.norm(self.join(x)), self.token_embedding.weight)


# --- The ladder


def _plain_layers(config: GPTConfig, n: int) -> list[nn.Module]:
    """Attention and MLP in turn, nothing kept and nothing normalised between."""
    return [part(config) for _ in range(n) for part in (CausalSelfAttention, MLP)]


# Name of the rung -> function that makes its model, lowest first.
RUNGS = {
    "bigram": lambda c: Rung(c, []),
    "mean of the past": lambda c: Rung(c, [Add(MeanOfThePast(c.n_embd))]),
    "one head": lambda c: Rung(c, [Add(OneHead(c.n_embd, c.head_size))]),
    "several heads": lambda c: Rung(c, [Add(CausalSelfAttention(c))]),
    "heads, then an MLP": lambda c: Rung(c, [Add(CausalSelfAttention(c)), MLP(c)]),
    "one block": lambda c: GPT(replace(c, n_layer=1)),
    "layers without residual and norm": lambda c: Rung(c, _plain_layers(c, c.n_layer)),
    "the whole model": GPT,
}


@dataclass(frozen=True)
class Settings:
    """How long every rung learns, on how many stories a step; stories held out."""

    rungs: tuple[str, ...] = tuple(RUNGS)
    steps: int = 400
    batch: int = 16
    held_out: int = 300


QUICK = Settings(rungs=("bigram", "one head", "one block"), steps=12, held_out=20)


def climb(settings: Settings, seed: int = 0, on_rung=None) -> dict[str, float]:
    """Train each rung on the stories of a seed; return the gaps, in nats per token.

    All see the same batches of stories. ``on_rung(name, gap)`` is called after each.
    Raises ValueError for an unknown name.
    """
    if unknown := [name for name in settings.rungs if name not in RUNGS]:
        raise ValueError(f"names must be among {list(RUNGS)}, got {unknown}")
    world, rng = World(), random.Random(seed)
    n_read = settings.steps * settings.batch
    texts = [world.sample(rng).text for _ in range(settings.held_out + n_read)]
    held_out, texts = texts[: settings.held_out], texts[settings.held_out :]
    # Always of the same stories: else rungs of two seeds would not count alike.
    tokenizer = Tokenizer.train(vocabulary(), 1024)
    documents = [tokenizer.encode(text) for text in texts]
    V, end = tokenizer.vocab_size, tokenizer.end_of_text
    config = GPTConfig.preset("course", vocab_size=V, n_embd=64, n_head=8)
    training = TrainingConfig(
        steps=settings.steps,
        learning_rate=0.02,
        schedule="linear",
        final_fraction=0.0,
    )
    gaps = {}
    for name in settings.rungs:
        model = new_model(RUNGS[name], config, seed)
        batches = DocumentBatches(
            documents, settings.batch, end, seed, config.n_positions
        )
        Trainer(model, batches, training).run(show_progress=False)
        gaps[name], _ = measure_gap(model.eval(), tokenizer, world, held_out)
        if on_rung:
            on_rung(name, gaps[name])
    return gaps


def vocabulary(n: int = 3000) -> list[str]:
    """Return the stories that the tokenizer of all runs has learnt from."""
    world, rng = World(), random.Random(2**20)
    return [world.sample(rng).text for _ in range(n)]


def run(settings: Settings, seed: int) -> dict:
    """Climb once: the gap of each rung, rounded."""
    gaps = climb(settings, seed)
    return {"gaps": {name: round(gap, 4) for name, gap in gaps.items()}}


def recorded() -> Record:
    """Return the climbs that ship, all rungs from each seed."""
    return records.read("ladder")
