"""GPT: token ids in, one score per token of the vocabulary out, at every position.

Floors: stacks ``block`` and reads ``gpt2_files``; ``training``, ``sampling`` and
``huggingface`` stand on it.
Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019),
section 2.3; the tied head is from Press & Wolf, "Using the Output Embedding" (2017).
"""

import json
import math
import os
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import KVCache
from course_utils.block import Block, LayerNorm
from course_utils.config import GPTConfig
from course_utils.edits import first_edit
from course_utils.files import atomic_path
from course_utils.gpt2_files import (
    config_from,
    full_names,
    read_folder,
    translate,
    untied,
)
from course_utils.weights import read_weights, write_weights

CONFIG_FILE, WEIGHTS_FILE = "course_config.json", "model.safetensors"


@torch.no_grad()
def initialise(model: "GPT") -> None:
    """Give the model GPT-2's start: N(0, 0.02) for weights, 0 for biases, 1 for gains.

    2·n_layer branches add to the stream. What each adds is 1/sqrt(2·n_layer) as large,
    so that the sum does not grow with the depth.
    """
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.zero_()
        elif name.endswith((".project.weight", ".contract.weight")):
            parameter.normal_(std=0.02 / math.sqrt(2 * model.config.n_layer))
        elif name.endswith(".weight"):
            parameter.normal_(std=0.02)


def check_ids(config: GPTConfig, ids, past: int = 0, padding=None) -> None:
    """Raise TypeError or ValueError unless a model can read these ids (B, T)."""
    if not isinstance(ids, torch.Tensor):
        raise TypeError(f"ids must be a tensor, got {type(ids).__name__}")
    if ids.dtype != torch.int64 or ids.dim() != 2 or 0 in ids.shape:
        got = f"{ids.dtype} {tuple(ids.shape)}"
        raise ValueError(f"ids must be int64 (B, T), both at least 1, got {got}")
    V, longest, length = config.vocab_size, config.n_positions, past + ids.shape[1]
    if length > longest:
        raise ValueError(f"at most n_positions={longest} tokens fit, got {length}")
    low, high = torch.aminmax(ids)
    if low < 0 or high >= V:
        got = int(low if low < 0 else high)
        raise ValueError(f"ids must be in 0..{V - 1} (vocab_size={V}), got {got}")
    if padding is None:
        return
    if not isinstance(padding, torch.Tensor):
        raise TypeError(f"padding must be a tensor, got {type(padding).__name__}")
    if padding.dtype != torch.bool or padding.shape != (len(ids), length):
        got = f"{padding.dtype} {tuple(padding.shape)}"
        raise ValueError(f"padding must be bool {(len(ids), length)}, got {got}")


def check_cache(config: GPTConfig, cache) -> None:
    """Raise TypeError unless this is a memory for each block; None and [] are none."""
    if cache and not (isinstance(cache, list | tuple) and len(cache) == config.n_layer):
        got = type(cache).__name__
        got += f" of {len(cache)}" if isinstance(cache, list | tuple) else ""
        raise TypeError(
            f"cache must be a list of {config.n_layer} as new_cache gives, got {got}; "
            "targets go into cross_entropy(model(ids), targets)"
        )


class GPT(nn.Module):
    """GPT-2's architecture: embeddings, blocks, a last LayerNorm and the head.

    The head is tied: it compares with the table of tokens. With
    ``tie_word_embeddings=False`` in the configuration, ``own_head`` is in its place.
    """

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.n_positions, config.n_embd)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.final_norm = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        if not config.tie_word_embeddings:
            self.own_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        initialise(self)

    def forward(self, ids, cache: list[KVCache] | None = None, padding=None):
        """(B, T) int64 -> logits (B, T, V): scores for the token after each position.

        ``cache`` (see ``new_cache``) holds the tokens before ``ids`` and takes them in.
        ``padding`` is bool, (B, T) or with a cache (B, past + T), False for tokens that
        only fill up the batch: they are not seen, and positions do not count them.
        Raises ValueError for ids outside the vocabulary or beyond ``n_positions``.
        """
        return self.head(self.hidden(ids, cache, padding))

    def hidden(self, ids, cache: list[KVCache] | None = None, padding=None):
        """(B, T) -> (B, T, C): all of ``forward`` before the head."""
        check_cache(self.config, cache)
        x = self.embed(ids, cache[0].length if cache else 0, padding)
        memories = cache or [None] * len(self.blocks)
        for block, memory in zip(self.blocks, memories, strict=True):
            x = block(x, memory, padding)
        return self.final_norm(x)

    def head(self, x):
        """(B, T, C) -> (B, T, V): compare with every token's embedding (tied head)."""
        if self.config.tie_word_embeddings:
            return F.linear(x, self.token_embedding.weight)
        return self.own_head(x)

    def embed(self, ids, past: int = 0, padding=None):
        """(B, T) -> (B, T, C): what each token is, plus where it stands."""
        check_ids(self.config, ids, past, padding)
        if padding is None:
            positions = torch.arange(past, past + ids.shape[1], device=ids.device)
        else:  # count real tokens only
            positions = (padding.cumsum(dim=1) - 1).clamp(min=0)[:, past:]
        x = self.token_embedding(ids) + self.position_embedding(positions)
        return self.dropout(x)

    def __setattr__(self, name, value):
        # PyTorch would file the module away and go on calling the method of that name.
        if isinstance(value, nn.Module) and hasattr(type(self), name):
            raise AttributeError(
                f"{name} is a method of GPT and no module can take its place. A head "
                "with weights of its own: GPTConfig(tie_word_embeddings=False), then "
                "own_head; a head for another task reads model.hidden(ids)"
            )
        super().__setattr__(name, value)

    def new_cache(self) -> list[KVCache]:
        """Return an empty memory for each block."""
        return [KVCache() for _ in self.blocks]

    @torch.no_grad()
    def attention_weights(self, ids) -> list[torch.Tensor]:
        """(B, T) -> one (B, H, T, T) per block: who looks at whom, and how much."""
        x, all_weights = self.embed(ids), []
        for block in self.blocks:
            x, weights = block(x, return_weights=True)
            all_weights.append(weights)
        return all_weights

    def count_parameters(self) -> int:
        """Return the number of learnt numbers; the tied head has none of its own."""
        return sum(parameter.numel() for parameter in self.parameters())

    def save(self, folder: str | os.PathLike, dtype=torch.float32) -> None:
        """Write configuration and weights into ``folder``, whole or not at all.

        Raises ValueError for a model that its configuration does not describe.
        """
        if edit := first_edit(self, as_configured(self.config)):
            raise ValueError(f"only a model as configured can be saved, but {edit}")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {n: t.cpu().to(dtype) for n, t in self.state_dict().items()}
        with atomic_path(folder / CONFIG_FILE) as temporary:
            temporary.write_text(json.dumps(self.config.to_dict(), indent=2) + "\n")
            write_weights(folder / WEIGHTS_FILE, weights)

    @classmethod
    def load(cls, folder: str | os.PathLike) -> "GPT":
        """Return the model that ``save`` wrote: float32, in evaluation mode.

        Raises FileNotFoundError if a file is missing, ValueError if one is damaged or
        if the weights are not of this configuration.
        """
        path = Path(folder) / CONFIG_FILE
        try:
            config = GPTConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} is no configuration: {error}") from None
        with torch.random.fork_rng(devices=[]):  # loading draws no random numbers
            model = cls(config)
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        model.load_state_dict(read_weights(Path(folder) / WEIGHTS_FILE, shapes))
        return model.eval()

    @classmethod
    def from_gpt2(cls, settings: dict, weights: dict[str, torch.Tensor]) -> "GPT":
        """Return a model with copies of GPT-2's weights: float32, in evaluation mode.

        ``settings`` and ``weights`` are as in transformers' config.json and state
        dict. Raises ValueError naming a setting that departs from GPT-2's, and a tensor
        that is missing, unknown, misshapen or not finite.
        """
        weights = full_names(weights)
        with torch.device("meta"):  # shapes without numbers: those are theirs
            model = cls(untied(config_from(settings), weights))
        shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
        model.load_state_dict(translate(weights, shapes), assign=True)
        return model.eval()

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike) -> "GPT":
        """Return the GPT-2 in a folder of transformers' files, or one of ``save``.

        Errors are those of ``read_folder``, ``from_gpt2`` and ``load``.
        """
        folder = Path(folder)
        if (folder / CONFIG_FILE).exists() and not (folder / "config.json").exists():
            return cls.load(folder)
        settings, weights = read_folder(folder)
        try:
            return cls.from_gpt2(settings, weights)
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from None


@lru_cache(maxsize=8)
def as_configured(config: GPTConfig) -> GPT:
    """Return a model of this configuration, shapes without numbers; not to be edited.

    For ``first_edit``, which compares another model with it.
    """
    with torch.device("meta"):
        return GPT(config)


def layers_in_blocks(model: GPT, kind: type) -> list[tuple[nn.Module, str, nn.Module]]:
    """Return (part, name, layer) of all layers of a kind in the model's blocks.

    ``setattr(part, name, another)`` puts another layer into the same place.
    """
    return [
        (part, name, layer)
        for block in model.blocks
        for part in (block.attention, block.mlp)
        for name, layer in part.named_children()
        if isinstance(layer, kind)
    ]
