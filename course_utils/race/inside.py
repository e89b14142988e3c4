"""What a recipe sees: the shape that its model must have, the data and the budget.

A recipe is a file with two functions:

    def build(shape):                # -> a torch.nn.Module
    def train(model, data, budget):  # changes the model's weights

The module takes ids (B, T) int64 and gives logits (B, T, V). ``build`` is called
twice, once for training and once, in another process, for measuring: there the weights
are loaded into it. Nothing else is kept of the training.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from course_utils.data import Batch, DocumentBatches
from course_utils.training import count_targets


@dataclass(frozen=True)
class Shape:
    """What a model must fit: its vocabulary, its longest text, its size."""

    vocab_size: int  # V
    n_positions: int  # the largest T
    max_parameters: int  # all numbers that are kept, buffers too


class Budget:
    """What is left of the seconds, or of the tokens, where those are limited."""

    def __init__(self, seconds: float, tokens: int | None, began: float):
        self._seconds, self._tokens, self._began = seconds, tokens, began
        self.tokens_read = 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the process is stopped."""
        return self._began + self._seconds - time.monotonic()

    @property
    def left(self) -> float:
        """The share that is left: 1 at the start, 0 at the end."""
        shares = [self.seconds_left / self._seconds]
        if self._tokens is not None:
            shares.append(1.0 - self.tokens_read / self._tokens)
        return max(0.0, min(shares))


class Data:
    """The training stories, as lists of ids; ``batches`` shuffles them by the seed.

    Ids are numbers in 0..V-1 that are dealt anew for each seed: there is no tokenizer
    to read them with. ``end_of_text`` stands before a story and after it.
    """

    def __init__(
        self,
        stories: Sequence[list[int]],
        end_of_text: int,
        shape: Shape,
        budget: Budget,
        seed: int,
    ):
        self.stories, self.end_of_text = stories, end_of_text
        self._n_positions, self._budget, self._seed = shape.n_positions, budget, seed

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield (inputs, targets), both (B, T) int64, as long as the budget allows.

        As ``course_utils.data.DocumentBatches`` makes them; after all stories, they
        begin again in another order. No step is begun that may not end in time: one
        that takes as long as the slowest of the last ten.
        """
        batches = DocumentBatches(
            self.stories, batch_size, self.end_of_text, self._seed, self._n_positions
        )
        steps = deque([0.0], maxlen=10)  # seconds that each took
        while self._budget.left > 0 and self._budget.seconds_left > max(steps):
            began = time.monotonic()
            batch = batches.next_batch()
            self._budget.tokens_read += count_targets([batch])
            yield batch
            steps.append(time.monotonic() - began)
