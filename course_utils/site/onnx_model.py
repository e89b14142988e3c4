"""A GPT as an ONNX file that a browser can run: with memory, attention and a switch.

The graph is GPT-2's as ``course_utils.model`` computes it, written for what the figures
of the web edition ask of it:

=========== ==================== ====================================================
``ids``     (B, T) int64         new tokens; B beginnings may go on from one memory
``past``    (L, 2, H, P, D)      keys and values of the P tokens before, P may be 0
``heads``   (L, H)               1, or 0 for a head that is switched off
=========== ==================== ====================================================

=========== ==================== ====================================================
``logits``  (B, T, V)            scores for the token after each position
``weights`` (L, B, H, T, P + T)  who looks at whom: softmax rows
``present`` (L, 2, B, H, P+T, D) the memory with the new tokens in it
=========== ==================== ====================================================

The weights stay in half precision in the file, as they ship, and are widened when the
file is loaded: so every number is computed in float32 from the very same weights.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import merge_heads, split_heads
from course_utils.export.onnx_file import quiet
from course_utils.files import atomic_path
from course_utils.model import GPT

OPSET = 18


class FigureModel(nn.Module):
    """The inputs and outputs above, computed with the parts of a GPT."""

    def __init__(self, model: GPT):
        super().__init__()
        self.model = model

    def forward(self, ids, past, heads):
        P, T = past.shape[3], ids.shape[1]
        positions = torch.arange(P, P + T)
        x = self.model.token_embedding(ids) + self.model.position_embedding(positions)
        mask = torch.arange(P + T) <= positions[:, None]  # (T, P + T)
        all_weights, present = [], []
        for block, memory, on in zip(self.model.blocks, past, heads, strict=True):
            y, weights, kept = self._attend(
                block.attention, block.norm_1(x), memory, on, mask
            )
            x = x + y
            x = x + block.mlp(block.norm_2(x))
            all_weights.append(weights)
            present.append(kept)
        logits = self.model.head(self.model.final_norm(x))
        return logits, torch.stack(all_weights), torch.stack(present)

    def _attend(self, attention, x, memory, on, mask):
        parts = attention.query_key_value(x).chunk(3, dim=-1)
        query, key, value = (split_heads(part, attention.n_head) for part in parts)
        before = memory[:, None].expand(-1, x.shape[0], -1, -1, -1)  # (2, B, H, P, D)
        key = torch.cat([before[0], key], dim=2)
        value = torch.cat([before[1], value], dim=2)
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        weights = F.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)
        y = merge_heads((weights @ value) * on[:, None, None])
        return attention.project(y), weights, torch.stack([key, value])


def empty_memory(model: GPT, length: int = 0) -> torch.Tensor:
    """Return ``past`` for a text of which ``length`` tokens were read, all zero."""
    config = model.config
    return torch.zeros(config.n_layer, 2, config.n_head, length, config.head_size)


def export(model: GPT, path: Path) -> None:
    """Write the model as one ONNX file, whole or not at all; needs ``onnxscript``."""
    from onnx import save_model

    batch, new = torch.export.Dim("B", min=1), torch.export.Dim("T", min=1)
    before = torch.export.Dim("P", min=0)
    example = (
        torch.zeros(3, 5, dtype=torch.int64),
        empty_memory(model, 7),
        torch.ones(model.config.n_layer, model.config.n_head),
    )
    with quiet():
        program = torch.onnx.export(
            FigureModel(model).eval(),
            example,
            input_names=["ids", "past", "heads"],
            output_names=["logits", "weights", "present"],
            dynamic_shapes=({0: batch, 1: new}, {3: before}, None),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    with atomic_path(path) as temporary:
        save_model(halved(program.model_proto), str(temporary))


def halved(proto):
    """Store every large float32 weight as float16, and widen it in the graph."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    graph, casts = proto.graph, []
    for tensor in list(graph.initializer):
        numbers = numpy_helper.to_array(tensor)
        if numbers.dtype != np.float32 or numbers.size < 64:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numbers.astype(np.float16), f"{name}.half")
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
        casts.append(
            helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return proto
