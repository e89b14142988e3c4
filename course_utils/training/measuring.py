"""How good is a model? Its loss on held-out text, and its gap to a known floor."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import nn

from course_utils.cross_entropy import IGNORE, cross_entropy, gap_to_floor
from course_utils.data import Batch, evaluation_documents
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer
from course_utils.world import World


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> float:
    """Return the mean loss in nats over all counted targets of all batches.

    Without dropout; the model's mode is restored. ValueError if no target counts.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    nats, total = 0.0, 0
    try:
        for inputs, targets in batches:
            if count := count_targets([(inputs, targets)]):
                loss = cross_entropy(model(inputs.to(device)), targets.to(device))
                nats += loss.item() * count
                total += count
    finally:
        model.train(was_training)
    if total == 0:
        raise ValueError("batches must hold at least one target that counts, got none")
    return nats / total


def count_targets(batches: Iterable[Batch]) -> int:
    """Return how many targets count (are not IGNORE) in all batches."""
    return sum(int((targets != IGNORE).sum()) for _, targets in batches)


def measure_gap(
    model: GPT, tokenizer: Tokenizer, world: World, texts: Sequence[str]
) -> tuple[float, float]:
    """Return how far the model is above the world's floor on ``texts``, and the error.

    Both in nats per token. Paired: on each text the model's loss is compared with that
    text's exact probability, so how hard these texts happen to be cancels out.
    """
    nats, floor, counts = [], [], []
    for text in texts:
        ids, end = tokenizer.encode(text), tokenizer.end_of_text
        batches = evaluation_documents([ids], 1, end, model.config.n_positions)
        counts.append(len(ids) + 1)  # the end of the text is predicted too
        nats.append(evaluate(model, batches) * counts[-1])
        floor.append(-world.log_prob(text))
    return gap_and_error(nats, floor, counts)


def gap_and_error(
    nats: Sequence[float], floor: Sequence[float], counts: Sequence[int]
) -> tuple[float, float]:
    """Return the gap to the floor over some texts, and its standard error, per token.

    Of each text: the model's loss and the source's, in nats, and the tokens that count.
    """
    n_tokens = sum(counts)
    gap = gap_to_floor(sum(nats) / n_tokens, sum(floor) / n_tokens)
    rest = np.array(nats) - np.array(floor) - gap * np.array(counts)
    return gap, float(np.sqrt((rest**2).sum()) / n_tokens)
