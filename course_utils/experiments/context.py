"""What does a longer context buy? The loss at each place of a window.

A model reads windows cut anywhere from a long row of texts. At a window's first place
it has seen one token, at its t-th place t of them: so one pass over many windows gives
the loss for every length of context, on equal terms. ``losses_by_place`` measures any
model; ``recorded`` returns the losses of a model trained for it on stories, made by

    python -m course_utils.experiments.context --steps 3000

Floor 6: stands on ``training``, ``model`` and the world.
"""

import argparse
import json
import random

import torch
from torch import nn

from course_utils import records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import log_softmax
from course_utils.data import Batches, StreamBatches
from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, frame
from course_utils.world import World

RECORD = records.path("context")
T = 128  # tokens in a window: a story and the next one's beginning
BATCH = 32  # windows a step
STORIES, HELD_OUT = 20_000, 2_000
LENGTHS = (1, 2, 4, 8, 16, 32, 64, 128)  # of the context, where it is recorded


@torch.no_grad()
def losses_by_place(model: nn.Module, batches: Batches, n: int) -> torch.Tensor:
    """Return the mean loss (T,) at each place of the windows of n batches, in nats.

    Place t has t + 1 tokens of context. Every target counts.
    """
    total = 0.0
    for k in range(n):
        inputs, targets = batches.batch(k)
        log_probs = log_softmax(model(inputs))  # (B, T, V)
        total = total - log_probs.gather(-1, targets[..., None]).squeeze(-1).mean(0)
    return total / n


def mean_up_to(losses: torch.Tensor, lengths=LENGTHS) -> dict[int, float]:
    """Return the mean loss with more context than the length before, up to each.

    The mean over a stretch of places, since a single place is noisy.
    """
    starts = (0, *lengths)
    stretches = zip(starts, lengths, strict=False)
    return {end: losses[start:end].mean().item() for start, end in stretches}


def measure(steps: int) -> dict:
    """Train a one-layer model on windows of stories; return its losses, and the floor.

    All in nats per token. The floor is the mean over the very stories that the windows
    are cut from.
    """
    world, rng = World(), random.Random(5)
    texts = [world.sample(rng).text for _ in range(STORIES + HELD_OUT)]
    held_out, tokenizer = texts[STORIES:], Tokenizer.train(texts[:3000], 1024)
    stream, test = (
        list(frame(part, tokenizer)) for part in (texts[:STORIES], held_out)
    )
    torch.manual_seed(0)
    config = GPTConfig.preset(
        "course",
        vocab_size=tokenizer.vocab_size,
        n_layer=1,
        n_embd=64,
        n_positions=T,
    )
    model = GPT(config)
    recipe = TrainingConfig(
        steps=steps, learning_rate=0.02, schedule="linear", final_fraction=0.0
    )
    Trainer(model, StreamBatches(stream, BATCH, T), recipe).run()
    losses = losses_by_place(model.eval(), StreamBatches(test, BATCH, T, seed=1), 60)
    return {
        "command": f"python -m course_utils.experiments.context --steps {steps}",
        "steps": steps,
        "losses_nats_per_token": {
            str(length): round(loss, 3) for length, loss in mean_up_to(losses).items()
        },
        "floor_nats_per_token": round(
            -sum(map(world.log_prob, held_out)) / (len(test) - 1), 3
        ),
    }


def recorded() -> dict:
    """Return what ships: the command, and the loss by length of context."""
    return records.read("context")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m course_utils.experiments.context")
    parser.add_argument("--steps", type=int, default=3000)
    result = measure(parser.parse_args().steps)
    write_json(RECORD, result)
    print(json.dumps(result, indent=2))
