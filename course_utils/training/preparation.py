"""Before the first step: settled options, a tokenizer and tokens, each on the disk.

The options are written first. From then on a run can be resumed, whatever ends it: a
preparation that was cut short is done again, and the file of tokens that is moved to
its place last says that all of it is there.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, fields, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

import torch

from course_utils.checkpoints import differences
from course_utils.config import GPTConfig
from course_utils.data import (
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
)
from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.token_files import open_tokens, write_tokens
from course_utils.tokenization import END_OF_TEXT, Tokenizer
from course_utils.training.config import CHANGEABLE, TrainingConfig
from course_utils.training.corpus import (
    FileTexts,
    count_characters,
    frame,
    read_corpus,
    split_at_end_of_text,
)

RUN_FILE, TOKEN_FILES = "run.json", ("training.npy", "validation.npy")
# What may change when a run goes on, besides its length: none of it is learnt from.
FREE = (*CHANGEABLE, "prompt", "device", "compile")

DEFAULTS = {  # where there is none: as the preset has it
    **asdict(TrainingConfig()),
    "preset": "course",
    "compile": False,
    "end_of_text": "special",
    "stories": 20_000,
    "bias": 0.0,
    "notes": 0.0,
    "reports": 0.0,
}


def read_options(out: Path) -> dict:
    """Return the options of the run in ``out``; ValueError if they cannot be read."""
    path = out / RUN_FILE
    try:
        return {**DEFAULTS, **json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} must hold a run's options, but: {error}") from None


def settle_options(out: Path, given: dict, resume: bool) -> dict:
    """Return all options of the run, or say why it cannot be done.

    A new run needs an empty folder. A resumed run has the options it began with; others
    may be given only where they do not change what was trained so far.
    """
    begun = out / RUN_FILE
    # torchrun starts all processes anew when one was lost.
    restarted = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    if Path(given.get("data", "")).is_file():
        given = {**given, "data": str(Path(given["data"]).resolve())}
    if begun.exists() and (resume or restarted):
        options = read_options(out)
        free = dict.fromkeys(FREE)
        different = differences({**options, **free}, {**options, **given, **free})
        if different:
            raise ValueError(
                f"{out} has a run of other options: {'; '.join(different)}"
            )
        options |= given
    elif resume:
        raise ValueError(f"--resume needs a run in --out, got {out} without one")
    elif out.exists() and any(not p.name.startswith(".") for p in out.iterdir()):
        with_run = ", or --resume to go on with the run in it" * begun.exists()
        raise ValueError(f"--out must be a new or empty folder{with_run}, got {out}")
    elif "data" not in given:
        raise ValueError("--data must be a text file, 'world' or 'python-docs'")
    else:
        batch_size = 32 if given["data"] == "world" else 8  # stories are short
        options = {**DEFAULTS, "batch_size": batch_size, **given}
    training_config(options), model_config(options)  # wrong values raise here
    return options


def training_config(options: dict) -> TrainingConfig:
    names = [field.name for field in fields(TrainingConfig)]
    return TrainingConfig(**{name: options[name] for name in names})


def model_config(options: dict, **changes) -> GPTConfig:
    shape = ("n_layer", "n_head", "n_embd", "dropout", "vocab_size")
    given = {name: options[name] for name in shape if name in options}
    if "context" in options:
        given["n_positions"] = options["context"]
    return GPTConfig.preset(options["preset"], **(given | changes))


def prepare(out: Path, options: dict) -> None:
    """Write options, tokenizer and tokens, as far as they are not there; or nothing."""
    begun = (out / RUN_FILE).exists()
    write_json(out / RUN_FILE, options)  # it may be told to run longer
    for left_over in out.glob(".prepare-*"):  # of a process that was killed
        rmtree(left_over)
    if (out / TOKEN_FILES[-1]).exists():
        return
    with TemporaryDirectory(dir=out, prefix=".prepare-") as folder:
        try:
            prepare_in(Path(folder), options)
        except BaseException:
            if not begun:
                (out / RUN_FILE).unlink()
            raise
        # The held-out tokens come last: where they are, all the rest is.
        paths = Path(folder).iterdir()
        for path in sorted(paths, key=lambda path: path.name == TOKEN_FILES[-1]):
            path.replace(out / path.name)


def prepare_in(folder: Path, options: dict) -> None:
    """Learn the tokenizer and write it and all tokens into an empty folder."""
    corpus = read_corpus(options)
    n_training, n_held_out = map(count_characters, corpus)
    print(f"{n_training:,} characters to train on, {n_held_out:,} held out")
    tell_of_end_of_text(corpus, options["end_of_text"])
    tokenizer = Tokenizer.train(corpus[0], model_config(options).vocab_size)
    config = model_config(options, vocab_size=tokenizer.vocab_size)
    check_size(config, options)
    check_prompt(config, tokenizer, options)
    tokenizer.save_pretrained(folder)
    n_training, n_held_out = (
        write_tokens(folder / name, frame(texts, tokenizer), tokenizer.vocab_size)
        for name, texts in zip(TOKEN_FILES, corpus, strict=True)
    )
    build_batches(folder, options, tokenizer)  # what does not fit raises here
    print(
        f"tokenizer with {tokenizer.vocab_size:,} entries: "
        f"{n_training:,} tokens to train on, {n_held_out:,} held out"
    )


def tell_of_end_of_text(corpus: Iterable, meaning: str) -> None:
    """Say how ``<|endoftext|>`` in a text file was read, if it stands there."""
    files = [texts for texts in corpus if isinstance(texts, FileTexts)]
    if n := sum(texts.count(END_OF_TEXT) for texts in files):
        how = {
            "special": "read as the end of a document, one token "
            "(--end-of-text characters: as the characters that stand there)",
            "characters": "read as the characters that stand there "
            "(--end-of-text special: as the end of a document, one token)",
        }
        print(f"{END_OF_TEXT} stands in the text {n:,} times: {how[meaning]}")


def check_prompt(config: GPTConfig, tokenizer: Tokenizer, options: dict) -> None:
    """Raise ValueError if a sample cannot begin with the prompt that was asked for."""
    if "prompt" not in options:
        return
    n = len(tokenizer.encode(options["prompt"]))
    if n + 2 > config.n_positions:
        raise ValueError(
            f"--prompt must leave room in --context {config.n_positions} for "
            f"end-of-text before it and a token after it, got {n} tokens"
        )


def check_size(config: GPTConfig, options: dict) -> None:
    """Raise ValueError, with its bytes, for a model that no memory here can hold."""
    has = memory_of(device_of(options))
    each = 16 if options["optimizer"] == "adamw" else 12
    try:
        needs = count_parameters(config) * each
    except (RuntimeError, TypeError):  # torch counts with 63 bits
        needs = 2**63
    if has is not None and needs > has:
        raise ValueError(
            f"a model of this size needs at least {needs:,} bytes to be trained "
            f"({each} for each weight, its gradient and the optimizer's averages), "
            f"got {has:,} bytes of memory; n_layer={config.n_layer}, "
            f"n_embd={config.n_embd}, n_positions={config.n_positions}"
        )


def count_parameters(config: GPTConfig) -> int:
    """Return the number of parameters of a model that is not built: only its shapes."""
    with torch.device("meta"):
        one, two = (GPT(replace(config, n_layer=n)).count_parameters() for n in (1, 2))
    return one + (config.n_layer - 1) * (two - one)


def memory_of(device: torch.device) -> int | None:
    """Return the bytes of a device's memory; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def device_of(options: dict) -> torch.device:
    """Return the device to train on; ValueError if it, or its precision, is not here.

    Without a choice: a GPU of CUDA's kind if there is one, else the CPU.
    """
    here = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    name = options.get("device") or ("cuda" if here["cuda"]() else "cpu")
    if name in here and not here[name]():
        raise ValueError(
            f"--device must be one that this torch finds, got {name} without any "
            f"(torch {torch.__version__})"
        )
    device = torch.device(name)
    dtype = getattr(torch, options["dtype"])
    try:
        one = torch.ones(1, 1, dtype=dtype, device=device)
        _ = one @ one
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"--dtype {options['dtype']} is not to be had on {name}: {error}"
        ) from None
    return device


def build_batches(folder: Path, options: dict, tokenizer: Tokenizer):
    """Return training and validation batches: whole stories, else windows of a stream.

    Windows are cut anywhere in the text, so that none of it is too long.
    """
    training, held_out = (open_tokens(folder / name) for name in TOKEN_FILES)
    end, size, seed = tokenizer.end_of_text, options["batch_size"], options["seed"]
    T = model_config(options).n_positions
    if options["data"] == "world":
        training = split_at_end_of_text(training, end)
        held_out = split_at_end_of_text(held_out, end)
        batches = DocumentBatches(training, size, end, seed, T)
        return batches, evaluation_documents(held_out, size, end, T)
    if len(training) <= T:
        raise ValueError(
            f"--context must be below the number of tokens to train on, "
            f"{len(training)}, got {T}"
        )
    batches = StreamBatches(training, size, T, seed)
    return batches, evaluation_windows(held_out, size, T)
