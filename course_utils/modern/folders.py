"""Folders as transformers writes them for Llama, Qwen3 and Mixtral: read and written.

The three differ in few parts: Qwen3 normalises queries and keys, Mixtral has experts.
The same table of names serves all; no tensor may be missing and none left over.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from course_utils.files import write_json
from course_utils.gpt2_files import read_folder
from course_utils.modern.config import ModernConfig
from course_utils.modern.model import ModernGPT
from course_utils.weights import write_weights

# Our name of each part -> theirs. A full name is translated part by part.
NAME_TABLE = {
    "token_embedding": "model.embed_tokens",
    "final_norm": "model.norm",
    "own_head": "lm_head",
    "blocks": "model.layers",
    "norm_1": "input_layernorm",
    "norm_2": "post_attention_layernorm",
    "attention": "self_attn",
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "project": "o_proj",
    "query_norm": "q_norm",
    "key_norm": "k_norm",
    "gain": "weight",
}
MLP_NAMES = {"gate": "gate_proj", "expand": "up_proj", "contract": "down_proj"}
EXPERT_NAMES = {"gate": "w1", "expand": "w3", "contract": "w2", "router": "gate"}

# Our field -> theirs in config.json.
FIELDS = {
    "vocab_size": "vocab_size",
    "n_positions": "max_position_embeddings",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_embd": "hidden_size",
    "n_kv_head": "num_key_value_heads",
    "head_size": "head_dim",
    "norm_epsilon": "rms_norm_eps",
    "mlp_size": "intermediate_size",
    "tie_word_embeddings": "tie_word_embeddings",
}
EXPERT_FIELDS = {"n_experts": "num_local_experts", "n_active": "num_experts_per_tok"}
FAMILIES = {"llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM"}
FAMILIES |= {"mixtral": "MixtralForCausalLM"}


def family_of(config: ModernConfig) -> str:
    """Return "llama", "qwen3" or "mixtral": the family that has just these parts.

    Raises ValueError naming the field that none of them has so.
    """
    wanted = {
        "norm": ("rms",),
        "positions": ("rotary",),
        "mlp": ("swiglu",),
        "bias": (False,),
        "rotary_scale": (1.0,),
        "n_future": (1,),
        "window": (None,),
        "qk_norm": (False,) if config.n_experts else (False, True),
    }
    for name, allowed in wanted.items():
        if getattr(config, name) not in allowed:
            raise ValueError(
                f"{name} must be {' or '.join(map(repr, allowed))} in a model that "
                f"transformers knows, got {getattr(config, name)!r}"
            )
    if config.n_experts:
        return "mixtral"
    return "qwen3" if config.qk_norm else "llama"


def their_name(name: str) -> str:
    """Translate a name of our model to transformers'.

    >>> their_name("blocks.3.mlp.expand.weight")
    'model.layers.3.mlp.up_proj.weight'
    >>> their_name("blocks.3.mlp.experts.0.gate.weight")
    'model.layers.3.block_sparse_moe.experts.0.w1.weight'
    """
    parts = name.split(".")
    table = NAME_TABLE
    if "experts" in parts or "router" in parts:
        table = NAME_TABLE | EXPERT_NAMES | {"mlp": "block_sparse_moe"}
    elif "mlp" in parts:
        table = NAME_TABLE | MLP_NAMES
    return ".".join(table.get(part, part) for part in parts)


def save_for_transformers(model: ModernGPT, folder: str | os.PathLike) -> None:
    """Write config.json and model.safetensors, from which ``from_pretrained`` loads.

    Raises ValueError for a model of which transformers has no like.
    """
    config, folder = model.config, Path(folder)
    family = family_of(config)
    fields = FIELDS | (EXPERT_FIELDS if family == "mixtral" else {})
    settings = {theirs: getattr(config, ours) for ours, theirs in fields.items()}
    settings |= {
        "model_type": family,
        "architectures": [FAMILIES[family]],
        "hidden_act": "silu",
        "attention_bias": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rotary_base},
        "dtype": "float32",
    }
    folder.mkdir(parents=True, exist_ok=True)
    weights = {their_name(n): w.cpu() for n, w in model.state_dict().items()}
    write_weights(folder / "model.safetensors", weights)
    write_json(folder / "config.json", settings)


def config_from(settings: Mapping) -> ModernConfig:
    """Return our configuration of a config.json; ValueError for what we do not have."""
    family = settings.get("model_type")
    if family not in FAMILIES:
        raise ValueError(f"model_type must be one of {list(FAMILIES)}, got {family!r}")
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    required = {
        "hidden_act": (settings.get("hidden_act", "silu"), "silu"),
        "rope_type": (rope.get("rope_type", "default"), "default"),
        "attention_bias": (settings.get("attention_bias", False), False),
        "mlp_bias": (settings.get("mlp_bias", False), False),
        "sliding_window": (_window(settings), None),
    }
    for name, (got, allowed) in required.items():
        if got != allowed:
            raise ValueError(f"{name} must be {allowed!r}, got {got!r}")
    fields = FIELDS | (EXPERT_FIELDS if family == "mixtral" else {})
    ours = {o: settings[t] for o, t in fields.items() if settings.get(t) is not None}
    base = rope.get("rope_theta", settings.get("rope_theta", 10_000.0))
    return ModernConfig(
        norm="rms",
        bias=False,
        positions="rotary",
        rotary_base=base,
        qk_norm=family == "qwen3",
        mlp="swiglu",
        **ours,
    )


def _window(settings: Mapping) -> int | None:
    """Return the window that a config.json really uses (Qwen3's has a switch)."""
    used = settings.get("use_sliding_window", True)
    return settings.get("sliding_window") if used else None


def load_from_transformers(folder: str | os.PathLike) -> ModernGPT:
    """Return the model in a folder of transformers': float32, in evaluation mode.

    Errors are those of ``read_folder``, and ValueError naming the setting that is not
    ours or the tensor that is missing, unknown or misshapen.
    """
    settings, weights = read_folder(folder)
    with torch.random.fork_rng(devices=[]):  # loading draws no random numbers
        model = ModernGPT(config_from(settings))
    if model.config.tie_word_embeddings:
        weights.pop("lm_head.weight", None)  # the table of tokens once more
    ours = {their_name(name): name for name in model.state_dict()}
    for name in sorted(ours.keys() ^ weights.keys()):
        fault = "is missing" if name in ours else "is unknown"
        raise ValueError(f"{folder}: {name} {fault}")
    shapes = {their_name(n): w.shape for n, w in model.state_dict().items()}
    for name, weight in weights.items():
        if weight.shape != shapes[name]:
            want, got = tuple(shapes[name]), tuple(weight.shape)
            raise ValueError(f"{folder}: {name} must be {want}, got {got}")
    model.load_state_dict({ours[n]: w.float() for n, w in weights.items()})
    return model.eval()
