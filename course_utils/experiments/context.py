"""What does a longer context buy? The loss at each place of a window.

A model reads windows cut anywhere from a long row of texts. At a window's first place
it has seen one token, at its t-th place t of them: so one pass over many windows gives
the loss for every length of context, on equal terms. ``losses_by_place`` measures any
model; ``run`` trains one for it on stories.

Floor 6: stands on ``training``, ``model`` and the world.
"""

import random
from dataclasses import dataclass

import torch
from torch import nn

from course_utils import records
from course_utils.config import GPTConfig
from course_utils.cross_entropy import log_softmax
from course_utils.data import Batches, StreamBatches
from course_utils.experiments.running import new_model
from course_utils.model import GPT
from course_utils.records import Record
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig, frame
from course_utils.world import World

T = 128  # tokens in a window: a story and the next one's beginning
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


@dataclass(frozen=True)
class Settings:
    """How long the model learns, and on how many stories."""

    steps: int = 500
    batch: int = 32  # windows a step
    stories: int = 5_000
    held_out: int = 1_000
    windows: int = 40 * 32  # held-out windows measured


QUICK = Settings(steps=3, stories=60, held_out=20, windows=32)


def run(settings: Settings, seed: int) -> dict:
    """Train a one-layer model on windows of stories; return its losses, and the floor.

    All in nats per token. The floor is the mean over the very stories that the windows
    are cut from.
    """
    world, rng = World(), random.Random(seed)
    n = settings.stories
    texts = [world.sample(rng).text for _ in range(n + settings.held_out)]
    held_out, tokenizer = texts[n:], Tokenizer.train(texts[:3000], 1024)
    stream, test = (list(frame(part, tokenizer)) for part in (texts[:n], held_out))
    config = GPTConfig.preset(
        "course",
        vocab_size=tokenizer.vocab_size,
        n_layer=1,
        n_embd=64,
        n_positions=T,
    )
    model = new_model(GPT, config, seed)
    recipe = TrainingConfig(
        steps=settings.steps, learning_rate=0.02, schedule="linear", final_fraction=0.0
    )
    batches = StreamBatches(stream, settings.batch, T, seed)
    Trainer(model, batches, recipe).run(show_progress=False)
    windows = StreamBatches(test, 32, T, seed=1)
    losses = losses_by_place(model.eval(), windows, settings.windows // 32)
    floor = -sum(map(world.log_prob, held_out)) / (len(test) - 1)
    return {
        "losses": {str(n): round(loss, 3) for n, loss in mean_up_to(losses).items()},
        "floor": round(floor, 3),
    }


def recorded() -> Record:
    """Return what ships: the losses by length of context, and the floor."""
    return records.read("context")
