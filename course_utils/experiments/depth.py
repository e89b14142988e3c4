"""Depth: what do more blocks buy, where questions need two look-ups in a row?

In the story world a question asks for one fact, and the ladder's last step, from one
block to the whole model, buys nothing. In the world of the riddles a second look-up
needs the result of the first. The heads of a block look all at once, so what one finds
no other can look with; a next block's heads can. (One block has a way out: bring all
facts to one place, and let its MLP look there. That takes longer to learn, and room.)

Only answers count, in training and in the measurement: each is certain, so their floor
is 0 and a loss is the gap itself. What nobody can know (which facts a riddle tells,
which orders come) would only drown them in noise.

Floor: stands on ``training``, ``model`` and the world.
"""

import random
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

from course_utils import records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import IGNORE
from course_utils.data import Batch
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, evaluate
from course_utils.world import Riddles
from course_utils.world.riddles import answers


@dataclass(frozen=True)
class Settings:
    """Which depths, how long they learn, on how many riddles a step."""

    blocks: tuple[int, ...] = (1, 4)
    steps: int = 500
    batch: int = 32
    held_out: int = 200
    learning_rate: float = 0.004  # at 0.01 and more two look-ups were not found


QUICK = Settings(steps=12, batch=8, held_out=10)


def batch_of(riddles: list[str], tokenizer: Tokenizer, look_ups=(1, 2)) -> Batch:
    """Return (inputs, targets), each (B, T), of riddles of which only answers count.

    ``look_ups`` says which: those that need so many.
    """
    texts, counted = [], []
    for riddle in riddles:
        ids, counts, done = [tokenizer.end_of_text], [False], 0
        for start, end, n in answers(riddle):
            before = tokenizer.encode(riddle[done:start])
            answer = tokenizer.encode(riddle[start:end])
            ids += before + answer
            counts += [False] * len(before) + [n in look_ups] * len(answer)
            done = end
        texts.append(torch.tensor(ids))
        counted.append(torch.tensor(counts))
    ids = pad_sequence(texts, batch_first=True)
    counts = pad_sequence(counted, batch_first=True)  # padded with False
    return ids[:, :-1], ids[:, 1:].where(counts[:, 1:], IGNORE)


class Lessons:
    """Endless batches of new riddles, the same for the same seed."""

    def __init__(self, tokenizer: Tokenizer, batch: int, seed: int):
        self.tokenizer, self.batch = tokenizer, batch
        self.world, self.rng = Riddles(), random.Random(seed)

    def next_batch(self) -> Batch:
        """Return the next (inputs, targets)."""
        told = [self.world.sample(self.rng).text for _ in range(self.batch)]
        return batch_of(told, self.tokenizer)


def run(settings: Settings, seed: int) -> dict:
    """Train each depth on the same riddles; return the gaps, in nats per answer."""
    world, rng = Riddles(), random.Random(2**20 + seed)
    held_out = [world.sample(rng).text for _ in range(settings.held_out)]
    tokenizer = Tokenizer.train(_vocabulary(world), 400)
    found = {}
    for blocks in settings.blocks:
        config = GPTConfig.preset(
            "course", vocab_size=tokenizer.vocab_size, n_layer=blocks, n_embd=64
        )
        model = new_model(GPT, config, seed)
        recipe = TrainingConfig(
            steps=settings.steps,
            learning_rate=settings.learning_rate,
            schedule="linear",
            weight_decay=0.0,
        )
        lessons = Lessons(tokenizer, settings.batch, seed)
        Trainer(model, lessons, recipe).run(show_progress=False)
        found[str(blocks)] = {
            name: round(evaluate(model, [batch_of(held_out, tokenizer, which)]), 4)
            for name, which in {"one": (1,), "two": (2,), "all": (1, 2)}.items()
        }
    return {"gaps": found}


def _vocabulary(world: Riddles, n: int = 300) -> list[str]:
    rng = random.Random(2**21)
    return [world.sample(rng).text for _ in range(n)]


def recorded() -> Record:
    """Return the runs that ship: gap by blocks and number of look-ups."""
    return records.read("depth")
