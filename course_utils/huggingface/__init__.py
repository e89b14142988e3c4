"""The door to Hugging Face: our GPT and transformers' GPT-2, in both directions.

Built on ``model``, ``tokenization`` and ``comparison``; nothing else in the course
imports transformers. Both models have the same parts under different names, see
``gpt2_files``. Weights move in and out, and ``trace`` finds the first part in which two
models differ.

Nothing is downloaded unless the learner names a model of the hub, for example in the
setting ``COURSE_GPT2``.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import huggingface_hub
import torch
import transformers
from safetensors import SafetensorError
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from course_utils import gpt2_files
from course_utils.comparison import Divergence, first_divergence, first_missing, record
from course_utils.comparison import compare as compare  # for the pages: one door
from course_utils.comparison import relative as relative
from course_utils.config import PRESETS, GPTConfig
from course_utils.edits import first_edit
from course_utils.gpt2_files import TRANSPOSED as TRANSPOSED
from course_utils.gpt2_files import exchange, gpt2_name
from course_utils.model import CONFIG_FILE, GPT, as_configured
from course_utils.tokenization import Tokenizer

GPT2_FILES = ("config.json", "model.safetensors", "vocab.json", "merges.txt")
# The state of the repository that the course was tested with.
GPT2_REVISION = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
GPT2_NAMES = ("gpt2", "openai-community/gpt2")

# A progress bar for a second's loading is text that no two runs of a page share. The
# bars of downloads, which take minutes, stay.
if not huggingface_hub.utils.are_progress_bars_disabled():
    transformers.utils.logging.disable_progress_bar()
    huggingface_hub.utils.enable_progress_bars()


# --- Weights in and out --------------------------------------------------------------


def config_from(theirs: GPT2Config) -> GPTConfig:
    """Return our configuration; ValueError if theirs asks for what GPT-2 lacks."""
    return gpt2_files.config_from(theirs.to_dict())


def from_huggingface(theirs: GPT2LMHeadModel) -> GPT:
    """Return our GPT with a copy of their weights: float32, in evaluation mode.

    Raises TypeError for another kind of model, and ValueError for a GPT2Config that
    departs from GPT-2's architecture or for weights that are not of this configuration.
    """
    if not isinstance(theirs, GPT2LMHeadModel):
        raise TypeError(f"expected a GPT2LMHeadModel, got {type(theirs).__name__}")
    return GPT.from_gpt2(theirs.config.to_dict(), theirs.state_dict())


def to_huggingface(model: GPT, tokenizer: Tokenizer | None = None) -> GPT2LMHeadModel:
    """Return transformers' GPT-2 with a copy of our weights, in evaluation mode.

    With a tokenizer the model knows which token begins and ends a text; without one it
    does if the vocabulary is as large as GPT-2's. Raises ValueError if the tokenizer
    has ids that the model does not know, or if the model is not as configured.
    """
    config = model.config
    if edit := first_edit(model, as_configured(config)):
        raise ValueError(f"only a model as configured has a place in GPT-2, but {edit}")
    end = 50256 if config.vocab_size == 50257 else None
    if tokenizer is not None:
        end = tokenizer.end_of_text
        if tokenizer.vocab_size > config.vocab_size:
            raise ValueError(
                f"the tokenizer must have at most vocab_size={config.vocab_size} "
                f"tokens, got {tokenizer.vocab_size}"
            )
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=config.vocab_size,
                n_positions=config.n_positions,
                n_layer=config.n_layer,
                n_head=config.n_head,
                n_embd=config.n_embd,
                layer_norm_epsilon=config.layer_norm_epsilon,
                embd_pdrop=config.dropout,
                attn_pdrop=config.dropout,
                resid_pdrop=config.dropout,
                tie_word_embeddings=config.tie_word_embeddings,
                bos_token_id=end,
                eos_token_id=end,
            )
        )
    theirs.generation_config.pad_token_id = end  # otherwise each call says so itself
    copies = {gpt2_name(n): exchange(n, t) for n, t in model.state_dict().items()}
    copies.setdefault("lm_head.weight", copies["transformer.wte.weight"])
    theirs.load_state_dict(copies, assign=True)
    theirs.tie_weights()  # one parameter again, where the head is tied
    return theirs.eval()


def save_pretrained(
    model: GPT,
    tokenizer: Tokenizer,
    folder: str | os.PathLike,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write model and tokenizer so that ``pipeline("text-generation", folder)`` runs.

    The files say how long a text may get: their pipeline would otherwise ask for 256
    new tokens, whatever the model can read, and end in an IndexError. Of what ``dtype``
    the file is, of that is the model when transformers loads it.

    All files are written under another name first. If that fails (disk full, no
    permission) an OSError names the folder, and what was in it stays as it was. Raises
    ValueError for the folder of a run: its own weights have the same name.
    """
    theirs, folder = to_huggingface(model, tokenizer).to(dtype), Path(folder)
    if (folder / CONFIG_FILE).exists():
        raise ValueError(f"{folder} holds a model of the course, which would be lost")
    theirs.generation_config.max_length = model.config.n_positions
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".") as temporary:
            theirs.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            for path in Path(temporary).iterdir():
                os.replace(path, folder / path.name)
    except (OSError, SafetensorError) as error:
        raise OSError(f"could not write {folder}: {error}") from error


# --- Real GPT-2, and a stand-in ------------------------------------------------------


def chosen_gpt2() -> str | None:
    """Return the learner's setting COURSE_GPT2, a folder or a hub name, or None."""
    return os.environ.get("COURSE_GPT2") or None


def gpt2_folder(name_or_dir: str | os.PathLike) -> Path:
    """Return a local folder with a GPT-2: the one given, or a copy of the hub's.

    A name that is no folder is looked up on the Hugging Face hub, and its files are
    downloaded once. Raises OSError saying what to do if there is no such folder and the
    hub does not answer or does not have it.
    """
    if Path(name_or_dir).is_dir():
        return Path(name_or_dir)
    try:
        copy = huggingface_hub.snapshot_download(
            os.fspath(name_or_dir),
            revision=GPT2_REVISION if name_or_dir in GPT2_NAMES else None,
            allow_patterns=GPT2_FILES,
        )
    except (OSError, ValueError) as error:  # the hub's errors are one or the other
        raise OSError(
            f"{name_or_dir!r} is no folder here and could not be had from the hub "
            f"({type(error).__name__}). Give a folder with {', '.join(GPT2_FILES)}, or "
            "a hub name such as 'gpt2' where there is a network."
        ) from None
    return Path(copy)


def load_gpt2(name_or_dir: str | os.PathLike) -> GPT:
    """Return a GPT-2 from a folder, or from the hub if the name is no folder.

    Raises OSError if there is no such model, and as ``GPT.from_pretrained`` if its
    files are not those of a GPT-2.
    """
    return GPT.from_pretrained(gpt2_folder(name_or_dir))


def load_gpt2_tokenizer(name_or_dir: str | os.PathLike) -> Tokenizer:
    """Return the tokenizer of a GPT-2 from a folder or the hub, as ``load_gpt2``."""
    return Tokenizer.from_pretrained(gpt2_folder(name_or_dir))


@torch.no_grad()
def randomize(model: GPT, seed: int = 0) -> GPT:
    """Give every parameter a large random value, so that no fault can hide. In place.

    At GPT-2's own start a forgotten bias or gain changes the logits by 1e-7. Weights
    and biases become N(0, 0.3), gains 1 + N(0, 0.3). In models with more than 48
    channels 0.3 shrinks with the root of the width: sums over more channels then stay
    as large, and softmax does not freeze to one-hot rows.
    """
    spread = 0.3 * min(1.0, math.sqrt(48 / model.config.n_embd))
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        parameter.copy_(spread * values + name.endswith("gain"))
    return model


def stand_in_gpt2(seed: int = 0, config: GPTConfig = PRESETS["gpt2"]) -> GPT:
    """Return a model of GPT-2's architecture with large random weights.

    For comparisons where the real weights are not there: whether two models agree does
    not depend on the values of their weights.
    """
    with torch.device("meta"):
        model = GPT(config)
    return randomize(model.to_empty(device="cpu"), seed).eval()


# --- Comparing -----------------------------------------------------------------------


def hidden_states(model: GPT, ids: torch.Tensor) -> list[torch.Tensor]:
    """(B, T) -> n_layer + 1 states (B, T, C): those that transformers gives.

    The embedding, then what each block gives; the last is past the final LayerNorm.
    """
    blocks = {f"blocks.{i}": i for i in range(model.config.n_layer)}
    *events, _ = record(model, blocks, ids)
    states = [events[0][1]] + [state for (_, side), state in events if side == "out"]
    with torch.no_grad():
        return [*states[:-1], model.final_norm(states[-1])]


def trace(
    ours: nn.Module, theirs: GPT2LMHeadModel | GPT, ids, tolerance: float = 1e-5
) -> Divergence | None:
    """Name the first part in which our model departs from theirs, see ``comparison``.

    ``theirs`` is transformers' GPT-2, whose names are translated, or another GPT.
    """
    translate = gpt2_name if isinstance(theirs, GPT2LMHeadModel) else str
    return first_divergence(ours, theirs, ids, translate, tolerance)


def trace_function(
    function: Callable,
    theirs: GPT2LMHeadModel,
    ids: torch.Tensor,
    tolerance: float = 1e-5,
) -> Divergence | None:
    """Name the first part of theirs that a function does not compute, or None.

    ``function(ids, weights, n_head)`` gives logits from transformers' state dict; its
    own tensors are searched for the results of their parts, see ``comparison``.
    """
    with torch.device("meta"):
        parts = [name for name, _ in GPT(config_from(theirs.config)).named_modules()]
    return first_missing(
        lambda ids: function(ids, theirs.state_dict(), theirs.config.n_head),
        theirs,
        ids,
        {gpt2_name(name): name for name in parts},
        tolerance,
    )
