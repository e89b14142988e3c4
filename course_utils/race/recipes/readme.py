"""README's minute: one block, a high learning rate that falls along a line to zero."""

import torch

from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, take_step

PEAK, WARM_UP = 0.02, 0.05  # of the learning rate; a share of the budget


def build(shape) -> torch.nn.Module:
    sizes = {"vocab_size": shape.vocab_size, "n_positions": shape.n_positions}
    return GPT(GPTConfig.preset("course", n_layer=1, n_embd=64, **sizes))


def train(model, data, budget) -> None:
    optimizers = build_optimizer("muon", model, PEAK)
    for inputs, targets in data.batches(32):
        rate = PEAK * min((1 - budget.left) / WARM_UP, budget.left / (1 - WARM_UP))
        loss = cross_entropy(model(inputs), targets)
        take_step(model, optimizers, loss, rate)
