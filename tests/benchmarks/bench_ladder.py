"""What does each part of the architecture buy? The ladder of losses on the story world.

Six models learn the same batches for the same number of steps: bigram, mean of the
past, one head, several heads, one block, the whole model. Each line shows the gap to
the floor (nats per token, on held-out stories) and what the part bought.

    python tests/benchmarks/bench_ladder.py [--steps 400]
"""

import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn
from tqdm.auto import tqdm

from course_utils.attention import CausalSelfAttention
from course_utils.config import GPTConfig
from course_utils.data import DocumentBatches
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, measure_gap
from course_utils.world import World


class Rung(nn.Module):
    """Embed, mix the positions in some way, compare with each token's embedding."""

    def __init__(self, config: GPTConfig, mix: nn.Module | None):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.n_positions, config.n_embd)
        self.mix = mix
        self.join = nn.Linear(config.n_embd, config.n_embd)
        self.norm = nn.LayerNorm(config.n_embd)
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.position_embedding.weight, std=0.02)

    def forward(self, ids):
        x = self.token_embedding(ids)
        if self.mix is not None:  # a bigram knows nothing but the last token
            x = x + self.position_embedding.weight[: ids.shape[1]]
            x = x + self.mix(x)
        return F.linear(self.norm(self.join(x)), self.token_embedding.weight)


class MeanOfThePast(nn.Module):
    """Every position gets the mean of all positions up to it: no eyes yet."""

    def __init__(self, C: int):
        super().__init__()
        self.value = nn.Linear(C, C)

    def forward(self, x):
        counts = torch.arange(1, x.shape[1] + 1)[:, None]
        return self.value(x).cumsum(dim=1) / counts


def rungs(config: GPTConfig) -> dict:
    """Return the models, simplest first: name -> function that makes it."""
    one_head = GPTConfig.from_dict(config.to_dict() | {"n_head": 1})
    one_block = GPTConfig.from_dict(config.to_dict() | {"n_layer": 1})
    return {
        "bigram": lambda: Rung(config, None),
        "mean of the past": lambda: Rung(config, MeanOfThePast(config.n_embd)),
        "one head": lambda: Rung(config, CausalSelfAttention(one_head)),
        "several heads": lambda: Rung(config, CausalSelfAttention(config)),
        "one block": lambda: GPT(one_block),
        "the whole model": lambda: GPT(config),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    steps = parser.parse_args().steps
    world, rng = World(), random.Random(0)
    texts = [world.sample(rng).text for _ in range(32 * steps + 300)]
    held_out, texts = texts[:300], texts[300:]
    tokenizer = Tokenizer.train(texts[:3000], 1024)
    documents = [tokenizer.encode(text) for text in texts]
    config = GPTConfig.preset("course", vocab_size=tokenizer.vocab_size)
    training = TrainingConfig(steps=steps, learning_rate=0.02)
    before = None
    print(f"{'':18}{'gap to the floor':>18}{'the part bought':>18}")
    for name, make in tqdm(rungs(config).items(), leave=False):
        torch.manual_seed(0)
        model, end = make(), tokenizer.end_of_text
        batches = DocumentBatches(documents, 32, end, n_positions=256)
        Trainer(model, batches, training).run(show_progress=True)
        gap, _ = measure_gap(model.eval(), tokenizer, world, held_out)
        bought = "" if before is None else f"{before - gap:.3f}"
        tqdm.write(f"{name:18}{gap:>18.3f}{bought:>18}")
        before = gap


if __name__ == "__main__":
    main()
