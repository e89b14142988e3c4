"""How much sooner does a better recipe reach the loss of a well-known one?

    python tests/benchmarks/bench_shakespeare_recipe.py [--data FILE]

The task: predict the next character of Tiny Shakespeare (default: COURSE_TEST_TEXT)
with 4 layers, 4 heads, 128 channels and a context of 64, 0.8M parameters; the last
tenth of the text is held out. The yardstick is the recipe that nanoGPT's README gives
for a CPU: AdamW, learning rate 1e-3, batches of 12, 2,000 steps, for a validation loss
of 1.88.

Both recipes train the same model with the course's own loop. They take steps in turn,
in proportion, so that a busy moment of the machine hits both. Time is that of training
steps; evaluation counts for neither. Compared are the time until our recipe reaches
TARGET and the time of all steps of the yardstick. Why ours is faster:
- Muon needs fewer tokens: it moves in all directions of a matrix, not only in the few
  that dominate the gradient; Newton-Schulz costs about a quarter of a step here;
- the learning rate is high and falls to zero, where most of the gain is.
"""

import argparse
import os

import numpy as np
import torch
from tqdm import tqdm

from course_utils.config import GPTConfig
from course_utils.data import StreamBatches, evaluation_windows, read_text
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig, evaluate

TARGET = 1.886  # nats per character
ALLOWED = 1 / 3  # of the yardstick's time
T = 64

YARDSTICK = (
    12,
    TrainingConfig(
        optimizer="adamw",
        steps=2000,
        learning_rate=1e-3,
        warmup_steps=100,
        final_fraction=0.1,
    ),
)
OURS = (
    16,
    TrainingConfig(
        optimizer="muon",
        steps=420,
        learning_rate=0.01,
        warmup_steps=10,
        schedule="linear",
        final_fraction=0.0,
        weight_decay=0.0,
    ),
)


def split_characters(text: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return (training ids, validation ids, vocabulary size) for characters."""
    characters = sorted(set(text))
    numbers = {character: i for i, character in enumerate(characters)}
    ids = np.array([numbers[character] for character in text])
    n_training = int(0.9 * len(ids))
    return ids[:n_training], ids[n_training:], len(characters)


def make_trainer(recipe, ids: np.ndarray, vocab_size: int) -> Trainer:
    batch_size, config = recipe
    torch.manual_seed(0)
    sizes = {"n_positions": T, "n_layer": 4, "n_head": 4, "n_embd": 128}
    model = GPT(GPTConfig(vocab_size, dropout=0.0, **sizes))
    return Trainer(model, StreamBatches(ids, batch_size, T), config)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default=os.environ.get("COURSE_TEST_TEXT"))
    path = parser.parse_args().data
    if path is None:
        parser.error("--data must name Tiny Shakespeare, or set COURSE_TEST_TEXT")

    training, validation, vocab_size = split_characters(read_text(path))
    validation = evaluation_windows(validation, batch_size=256, T=T)
    yardstick = make_trainer(YARDSTICK, training, vocab_size)
    ours = make_trainer(OURS, training, vocab_size)
    print(f"{ours.model.count_parameters():,} parameters")

    reached = None
    with tqdm(total=yardstick.config.steps + ours.config.steps) as bar:
        for step in range(1, ours.config.steps + 1):
            ours.step()
            share = step / ours.config.steps
            while yardstick.steps_done < round(share * yardstick.config.steps):
                yardstick.step()
                bar.update()
            bar.update()
            # The loss falls most at the end: until then a look now and then will do.
            if step % (10 if share > 0.8 else 50) == 0:
                loss = evaluate(ours.model, validation)
                seconds = ours.history.seconds[-1]
                bar.write(f"ours, step {step:4}: {loss:.3f} after {seconds:.1f} s")
                if reached is None and loss <= TARGET:
                    reached = seconds
    whole = yardstick.history.seconds[-1]
    loss = evaluate(yardstick.model, validation)
    print(f"yardstick: {loss:.3f} after {whole:.1f} s ({yardstick.config.steps} steps)")
    if reached is None:
        print(f"ours did not reach {TARGET}")
    else:
        print(
            f"ours reached {TARGET} in {reached:.1f} s: {reached / whole:.2f} of the "
            f"yardstick's time (at most {ALLOWED:.2f} wanted)"
        )


if __name__ == "__main__":
    main()
