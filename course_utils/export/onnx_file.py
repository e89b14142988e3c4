"""ONNX with a cache: a graph that onnxruntime runs, in a browser too.

Names are those that transformers.js and optimum look for: ``input_ids``,
``attention_mask`` and ``past_key_values.<block>.key`` go in, ``logits`` and
``present.<block>.key`` come out. The first call has a past of 0 tokens.

torch.onnx writes the graph from one run on example inputs.
"""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from course_utils.export.checks import check_exportable
from course_utils.files import atomic_path
from course_utils.model import GPT


class Past:
    """A KVCache without room to grow: keys and values in, joined ones out."""

    def __init__(self, keys, values):
        self.length, self.keys, self.values = keys.shape[2], keys, values

    def append(self, keys, values):
        """Add keys and values (B, H, T, D); return and keep all."""
        self.keys = torch.cat([self.keys, keys], dim=2)
        self.values = torch.cat([self.values, values], dim=2)
        return self.keys, self.values


class WithCache(nn.Module):
    """The model as a function of tensors alone, without checks of their values."""

    def __init__(self, model: GPT):
        super().__init__()
        self.model = model

    def forward(self, ids, mask, *past):
        """ids (B, T), mask (B, past + T), each block's keys and values (B, H, past, D).

        Returns logits (B, T, V), then keys and values (B, H, past + T, D).
        """
        model, padding = self.model, mask.bool()
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        x = model.token_embedding(ids) + model.position_embedding(positions)
        memories = [Past(*pair) for pair in zip(past[::2], past[1::2], strict=True)]
        for block, memory in zip(model.blocks, memories, strict=True):
            x = block(x, memory, padding)
        logits = model.head(model.final_norm(x))
        return (logits, *(t for m in memories for t in (m.keys, m.values)))


def write_onnx(model: GPT, path: str | os.PathLike) -> None:
    """Write the model as one ONNX file, whole or not at all."""
    check_exportable(model)
    config = model.config
    B, T, past = 2, 3, 4  # of the example; all three may change
    ids = torch.zeros(B, T, dtype=torch.int64)
    mask = torch.ones(B, past + T, dtype=torch.int64)
    room = B, config.n_head, past, config.head_size
    memory = [torch.zeros(room) for _ in range(2 * config.n_layer)]
    kinds = [f"{i}.{kind}" for i in range(config.n_layer) for kind in ("key", "value")]
    inputs = ["input_ids", "attention_mask", *(f"past_key_values.{k}" for k in kinds)]
    outputs = ["logits", *(f"present.{k}" for k in kinds)]
    batch, new, old, seen = map(torch.export.Dim, ("batch", "new", "past", "seen"))
    with atomic_path(path) as temporary, quiet():
        torch.onnx.export(
            WithCache(model).eval(),
            (ids, mask, *memory),
            temporary,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=(
                {0: batch, 1: new},
                {0: batch, 1: seen},
                tuple({0: batch, 2: old} for _ in memory),
            ),
            external_data=False,
            dynamo=True,
            verbose=False,
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back what the exporter says of itself: that torchvision is not there."""
    names = "torch.onnx", "onnx_ir", "onnxscript"
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in levels:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
