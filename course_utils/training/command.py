"""``python -m course_utils.training``: from a text to a trained model in a folder."""

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as distributed
from tqdm.auto import tqdm

from course_utils.checkpoints import list_checkpoints
from course_utils.config import PRESETS
from course_utils.console import quoted
from course_utils.cross_entropy import bits_per_byte, perplexity
from course_utils.files import locked
from course_utils.model import GPT
from course_utils.sampling import generate_text
from course_utils.token_files import open_tokens
from course_utils.tokenization import Tokenizer
from course_utils.training.config import DTYPES, OPTIMIZERS, SCHEDULES
from course_utils.training.corpus import split_at_end_of_text, story_world
from course_utils.training.measuring import count_targets, evaluate, measure_gap
from course_utils.training.preparation import (
    DEFAULTS,
    RUN_FILE,
    TOKEN_FILES,
    build_batches,
    check_prompt,
    check_size,
    device_of,
    model_config,
    prepare,
    read_options,
    settle_options,
    training_config,
)
from course_utils.training.processes import process_group, processes
from course_utils.training.trainer import Trainer, accumulate_gradients

GAP_STORIES = 500

# Every option but --data, --out and --resume: its type or choices, and its meaning.
OPTIONS = {
    "preset": (tuple(PRESETS), "shape of the model, where no other option says more"),
    "n_layer": (int, "blocks"),
    "n_head": (int, "attention heads in each block"),
    "n_embd": (int, "channels"),
    "dropout": (float, "share of values zeroed while training"),
    "context": (int, "n_positions: the longest text the model can read, in tokens"),
    "vocab_size": (int, "entries of the tokenizer, which is learnt from the data"),
    "batch_size": (
        int,
        "windows of text (8), or stories of the world (32), in a batch",
    ),
    "steps": (int, "optimization steps"),
    "micro_steps": (int, "batches whose gradients are added up for one step"),
    "learning_rate": (float, "the highest learning rate"),
    "warmup_steps": (int, "steps of rising learning rate; default: a twentieth"),
    "schedule": (tuple(SCHEDULES), "how the learning rate falls"),
    "final_fraction": (float, "share of the learning rate that is left at the end"),
    "optimizer": (OPTIMIZERS, "what moves the weights"),
    "weight_decay": (float, "pull of the matrices towards zero"),
    "clip": (float, "the longest gradient"),
    "eval_every": (int, "steps between evaluations"),
    "checkpoint_every": (int, "steps between checkpoints"),
    "device": (("cpu", "cuda", "mps"), "default: cuda if there is one, else cpu"),
    "dtype": (DTYPES, "of matrix products; weights and optimizer stay in float32"),
    "compile": (bool, "let torch.compile make faster code for this machine"),
    "seed": (int, "of first weights, order of the data, dropout, world and sample"),
    "stories": (int, "world: how many stories it tells"),
    "bias": (float, "world: how strongly a job goes with a gender, 0 to 1"),
    "notes": (float, "world: share of bilingual notes among the stories"),
    "reports": (float, "world: share of reports among the stories"),
    "end_of_text": (
        ("special", "characters"),
        "what <|endoftext|> in a text file is: the end of a document, or its letters",
    ),
    "prompt": (str, "beginning of the sample; default: that of the held-out text"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 error, 130 stopped."""
    given = vars(build_parser().parse_args(arguments))
    out, resume = given.pop("out"), given.pop("resume", False)
    try:
        begun = read_options(out) if (out / RUN_FILE).exists() else {}
        with process_group(given.get("device", begun.get("device"))):
            return train(out, given, resume)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print(
            f"error: out of memory: {error}\nTry a smaller --batch-size (and more "
            "--micro-steps), --context or model.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        begun = (out / RUN_FILE).exists()
        print(how_to_go_on(out) if begun else "Nothing was written.", file=sys.stderr)
        return 130


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out; torch's CPU says so in words only."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "allocate memory" in str(error)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.training",
        description="Train a GPT on a text file, on stories of the course's world or "
        "on the docstrings of Python's standard library. OUT gets the tokenizer, the "
        "tokens, the model, history.csv and checkpoints. Under torchrun, all processes "
        "share the work and OUT must be a folder that all of them see.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument(
        "--data", help="a UTF-8 text file, 'world' or 'python-docs'", metavar="DATA"
    )
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the stopped run in OUT"
    )
    for name, (kind, meaning) in OPTIONS.items():
        if kind is bool:
            how = {"action": argparse.BooleanOptionalAction}
        else:
            how = {"choices": kind} if isinstance(kind, tuple) else {"type": kind}
            if (default := DEFAULTS.get(name)) is not None:
                meaning = f"{meaning} ({default})"
        parser.add_argument(f"--{name.replace('_', '-')}", help=meaning, **how)
    return parser


def train(out: Path, given: dict, resume: bool) -> int:
    """Train as the options say, and report; return the exit status."""
    first = processes()[0] == 0
    with locked(out) if first else nullcontext():
        if first:
            options = settle_options(out, given, resume)
            check_size(model_config(options, vocab_size=1), options)
            prepare(out, options)
        if distributed.is_initialized():
            distributed.barrier()  # the others read what the first process has written
        options = read_options(out)
        tokenizer = Tokenizer.from_pretrained(out)
        trainer = build_trainer(out, options, tokenizer)
        if list_checkpoints(out / "checkpoints"):
            step = trainer.resume()
            if first:
                print(f"Going on after step {step}.")
        history = trainer.run(show_progress=sys.stderr.isatty())
        if not first:
            return 0
        plain_model(trainer).save(out)
        if history.interrupted:
            print(how_to_go_on(out))
            return 130
        report(trainer, tokenizer, options)
    return 0


def how_to_go_on(out: Path) -> str:
    """Return the sentence that says how to resume."""
    return f"To go on: python -m course_utils.training --out {quoted(out)} --resume"


def build_trainer(out: Path, options: dict, tokenizer: Tokenizer) -> Trainer:
    """Build the model as the seed has it, and all that is needed to train it."""
    device = device_of(options)
    config = model_config(options, vocab_size=tokenizer.vocab_size)
    check_size(config, options)
    check_prompt(config, tokenizer, options)
    torch.manual_seed(options["seed"])
    model = GPT(config).to(device)
    batches, validation = build_batches(out, options, tokenizer)
    if options["compile"]:
        model = compiled(model, batches.batch(0), options)
    trainer = Trainer(
        model, batches, training_config(options), validation, out, print_evaluation
    )
    if trainer.rank == 0:
        n = trainer.n_processes
        print(
            f"model with {model.count_parameters():,} parameters on {device}, "
            f"{n} process{'es' if n > 1 else ''}"
        )
    return trainer


def compiled(model: GPT, batch, options: dict):
    """Return the model compiled, and tried; ValueError where that cannot be done."""
    device, dtype = device_of(options), getattr(torch, options["dtype"])
    fast = torch.compile(model)
    try:
        with torch.random.fork_rng():
            batch = tuple(part.to(device) for part in batch)
            accumulate_gradients(fast, [batch], dtype=dtype)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split("\n")[:2])  # the rest is for developers
        raise ValueError(
            "--compile must find what torch.compile needs (for a CPU a C++ compiler), "
            f"but: {reason}"
        ) from error
    model.zero_grad()
    return fast


def plain_model(trainer: Trainer) -> GPT:
    """Return the model itself, also where the trainer has it compiled."""
    return getattr(trainer.model, "_orig_mod", trainer.model)


def print_evaluation(trainer: Trainer) -> None:
    """Print a line when a validation loss has just been measured."""
    history = trainer.history
    if history.validation_steps[-1:] == [trainer.steps_done]:
        tqdm.write(
            f"step {trainer.steps_done:>6}  {history.seconds[-1]:>6.0f} s  "
            f"loss {history.losses[-1]:.4f}  "
            f"validation {history.validation_losses[-1]:.4f}  "
            f"{history.tokens_per_second[-1]:,.0f} tokens/s"
        )


def report(trainer: Trainer, tokenizer: Tokenizer, options: dict) -> None:
    """Print what the model has learnt: its loss in all units, and a sample."""
    model = plain_model(trainer)
    loss = evaluate(model, trainer.validation)
    tokens = open_tokens(trainer.out / TOKEN_FILES[1])
    documents = split_at_end_of_text(tokens, tokenizer.end_of_text)
    texts = [tokenizer.decode(ids) for ids in documents]
    n_bytes = sum(len(text.encode()) for text in texts)
    bits = bits_per_byte(loss * count_targets(trainer.validation), n_bytes)
    print(
        f"validation loss {loss:.4f} nats per token "
        f"(perplexity {perplexity(loss):.1f}), {bits:.4f} bits per byte"
    )
    if options["data"] == "world":
        world = story_world(options)
        gap, error = measure_gap(model, tokenizer, world, texts[:GAP_STORIES])
        print(f"gap to the floor {gap:.4f} ± {error:.4f} nats per token")
    n_positions = model.config.n_positions
    prompt = options.get("prompt")
    if prompt is None:
        prompt = opening(texts[0], tokenizer, n_positions // 2 - 1)
    room = n_positions - len(tokenizer.encode(prompt)) - 1  # end-of-text comes first
    if room > 0:
        sample = generate_text(
            model,
            tokenizer,
            prompt,
            min(100, room),
            temperature=0.8,
            seed=options["seed"],
        )
        print(f"a sample:\n{sample}")
    print(f"model and tokenizer are in {trainer.out}")


def opening(text: str, tokenizer: Tokenizer, longest: int) -> str:
    """Return the text's first four words, or as much as ``longest`` tokens hold.

    A text without spaces is one word, however long it is.
    """
    words = re.match(r"(\s*\S+){0,4}", text[: 16 * longest]).group()
    while len(tokenizer.encode(words)) > max(0, longest):
        words = words[: len(words) // 2]
    return words
