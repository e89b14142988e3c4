"""GPT-2's files: a folder as transformers writes it, read into our names.

The same settings and weights lie there under other names and in another layout.
``NAME_TABLE`` is the dictionary, and every tensor has to be accounted for: a model with
one tensor missing, or one too many, would write other text without a word.

Floors: needs ``config`` and no transformers; ``model`` and ``huggingface`` stand on it.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from course_utils.config import GPTConfig

# Our name of each part -> GPT-2's. A full name is translated part by part:
# blocks.3.mlp.expand -> transformer.h.3.mlp.c_fc
NAME_TABLE = {
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "blocks": "h",
    "norm_1": "ln_1",
    "attention": "attn",
    "query_key_value": "c_attn",
    "project": "c_proj",
    "norm_2": "ln_2",
    "mlp": "mlp",
    "expand": "c_fc",
    "contract": "c_proj",
    "final_norm": "ln_f",
    "gain": "weight",
}

# GPT-2's code calls these layers Conv1D and stores (in, out), where a Linear stores
# (out, in). The square one, attention.project, would load untransposed without a word.
TRANSPOSED = ("query_key_value", "project", "expand", "contract")

HEAD, TABLE = "lm_head.weight", "transformer.wte.weight"


def gpt2_name(name: str) -> str:
    """Translate a name of our model to GPT-2's.

    >>> gpt2_name("blocks.3.norm_1.gain")
    'transformer.h.3.ln_1.weight'
    """
    if name.startswith("own_head"):  # all but the head is GPT-2's "transformer"
        return name.replace("own_head", "lm_head")
    return ".".join(["transformer", *(NAME_TABLE.get(p, p) for p in name.split("."))])


def exchange(name: str, weight: torch.Tensor) -> torch.Tensor:
    """Return a float32 copy of our weight in GPT-2's layout, or of theirs in ours."""
    part, kind = name.split(".")[-2:]
    weight = weight.T if part in TRANSPOSED and kind == "weight" else weight
    return weight.detach().float().clone(memory_format=torch.contiguous_format)


# --- Settings ------------------------------------------------------------------------


def config_from(settings: Mapping) -> GPTConfig:
    """Return our configuration; ValueError if theirs asks for what GPT-2 lacks.

    What ``settings``, a config.json, leaves out is as in GPT-2.
    """
    usual = GPTConfig().to_dict()
    ours = {n: settings.get(n, usual[n]) for n in usual if n != "dropout"}
    dropout = settings.get("embd_pdrop", usual["dropout"])
    required = {
        "model_type": ("gpt2",),
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "n_inner": (None, 4 * ours["n_embd"]),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
        "attn_pdrop": (dropout,),
        "resid_pdrop": (dropout,),
        "quantization_config": (None,),
    }
    for name, allowed in required.items():
        if settings.get(name, allowed[0]) not in allowed:
            raise ValueError(
                f"{name} must be {' or '.join(map(repr, allowed))} as in GPT-2, "
                f"got {settings[name]!r}"
            )
    return GPTConfig(dropout=dropout, **ours)


# --- Weights -------------------------------------------------------------------------


def full_names(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the learnt weights, each under its full name.

    OpenAI's file on the hub leaves out "transformer.", and holds the causal masks too.
    """
    prefix = "transformer."
    return {
        name if name.startswith((prefix, "lm_head.")) else prefix + name: weight
        for name, weight in weights.items()
        if not name.endswith((".attn.bias", ".attn.masked_bias"))
    }


def untied(config: GPTConfig, weights: Mapping[str, torch.Tensor]) -> GPTConfig:
    """Return the configuration with a head of its own if the weights have one.

    As in transformers: where the head differs from the table of tokens, it is used,
    whatever the setting says.
    """
    if HEAD not in weights or TABLE not in weights:
        return config
    same = torch.equal(weights[HEAD], weights[TABLE])
    return config if same else replace(config, tie_word_embeddings=False)


def translate(
    weights: Mapping[str, torch.Tensor], shapes: Mapping[str, torch.Size]
) -> dict[str, torch.Tensor]:
    """Return copies under our names, in our layout, float32.

    ``weights`` have full names; ``shapes`` are those of our model. Raises ValueError
    naming a tensor that is missing, unknown, misshapen or not finite.
    """
    names = {gpt2_name(name): name for name in shapes}
    unknown = weights.keys() - names.keys()
    if names.keys() - weights.keys() or unknown - {HEAD}:  # a tied head may be there
        raise ValueError(
            "the weights must be those of the configuration, "
            f"missing: {_some(names.keys() - weights.keys())}, "
            f"unknown: {_some(unknown - {HEAD})}"
        )
    ours = {}
    for theirs, name in names.items():
        ours[name] = exchange(name, weights[theirs])
        if ours[name].shape != shapes[name]:
            want = exchange(name, torch.empty(shapes[name], device="meta")).shape
            got = tuple(weights[theirs].shape)
            raise ValueError(f"{theirs} must be {tuple(want)}, got {got}")
        if not ours[name].isfinite().all():
            raise ValueError(f"{theirs} must be finite, got NaN or infinity")
    return ours


def _some(names: Iterable[str], n: int = 3) -> str:
    """The first names in order, and how many more there are."""
    names = sorted(names)
    more = f" and {len(names) - n} more" * (len(names) > n)
    return ", ".join(names[:n]) + more if names else "none"


# --- A folder ------------------------------------------------------------------------


def read_folder(folder: str | os.PathLike) -> tuple[dict, dict[str, torch.Tensor]]:
    """Return the settings (config.json) and the weights of a folder, as they are there.

    Only safetensors are read, in one file or in shards: a file of pickled weights could
    run code. Raises OSError naming a file that is missing or holds no weights, and
    ValueError naming one that is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{os.fspath(folder)!r} is no folder here. A name of the Hugging Face hub "
            "is looked up by course_utils.huggingface.load_gpt2"
        )
    settings, weights = _json(folder / "config.json"), {}
    files, index = ["model.safetensors"], folder / "model.safetensors.index.json"
    if index.is_file() and not (folder / files[0]).is_file():
        files = sorted(set(_json(index)["weight_map"].values()))
    for name in files:
        weights |= _tensors(folder / name)
    return settings, weights


def _json(path: Path) -> dict:
    _refuse_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must hold JSON, but: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a dictionary, got {content!r}")
    return content


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    _refuse_pointer(path)
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or cut short: {error}") from None


def _refuse_pointer(path: Path) -> None:
    """Raise OSError if there is no file, or one that git-lfs has not yet replaced."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with open(path, "rb") as file:
        if file.read(40).startswith(b"version https://git-lfs"):
            raise OSError(
                f"{path} is a git-lfs pointer, a note of where the file is: "
                "fetch the file itself with git lfs pull"
            )
