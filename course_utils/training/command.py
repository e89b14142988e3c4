"""``python -m course_utils.training``: from a text to a trained model in a folder."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as distributed
from tqdm.auto import tqdm

from course_utils.checkpoints import differences, list_checkpoints
from course_utils.config import PRESETS, GPTConfig
from course_utils.cross_entropy import bits_per_byte, perplexity
from course_utils.data import (
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
    open_tokens,
    write_tokens,
)
from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.sampling import generate_text
from course_utils.tokenization import Tokenizer
from course_utils.training.config import (
    CHANGEABLE,
    OPTIMIZERS,
    SCHEDULES,
    TrainingConfig,
)
from course_utils.training.corpus import (
    frame,
    read_corpus,
    split_at_end_of_text,
    story_world,
)
from course_utils.training.measuring import count_targets, evaluate, measure_gap
from course_utils.training.processes import process_group, processes
from course_utils.training.trainer import Trainer

GAP_STORIES = 500
RUN_FILE, TOKEN_FILES = "run.json", ("training.npy", "validation.npy")

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
    "seed": (int, "of first weights, order of the data, dropout, world and sample"),
    "stories": (int, "world: how many stories it tells"),
    "bias": (float, "world: how strongly a job goes with a gender, 0 to 1"),
    "notes": (float, "world: share of bilingual notes among the stories"),
    "reports": (float, "world: share of reports among the stories"),
    "prompt": (str, "beginning of the sample; default: that of the held-out text"),
}
DEFAULTS = {  # where there is none: as the preset has it
    **asdict(TrainingConfig()),
    "preset": "course",
    "stories": 20_000,
    "bias": 0.0,
    "notes": 0.0,
    "reports": 0.0,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 error, 130 stopped."""
    given = vars(build_parser().parse_args(arguments))
    out, resume = given.pop("out"), given.pop("resume", False)
    try:
        with process_group():
            return train(out, given, resume)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        begun = (out / RUN_FILE).exists()
        print(how_to_go_on(out) if begun else "Nothing was written.", file=sys.stderr)
        return 130


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
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            help=meaning
            + (f" ({shown})" if (shown := DEFAULTS.get(name)) is not None else ""),
            **({"choices": kind} if isinstance(kind, tuple) else {"type": kind}),
        )
    return parser


def train(out: Path, given: dict, resume: bool) -> int:
    """Train as the options say, and report; return the exit status."""
    first = processes()[0] == 0
    if first:
        options = settle_options(out, given, resume)
        if (out / RUN_FILE).exists():
            write_options(out, options)  # it may be told to run longer
        else:
            prepare(out, options)
    if distributed.is_initialized():
        distributed.barrier()  # the others read what the first process has written
    options = json.loads((out / RUN_FILE).read_text())
    tokenizer = Tokenizer.from_pretrained(out)
    trainer = build_trainer(out, options, tokenizer)
    if list_checkpoints(out / "checkpoints"):
        step = trainer.resume()
        if first:
            print(f"Going on after step {step}.")
    history = trainer.run(show_progress=sys.stderr.isatty())
    if not first:
        return 0
    trainer.model.save(out)
    if history.interrupted:
        print(how_to_go_on(out))
        return 130
    report(trainer, tokenizer, options)
    return 0


def how_to_go_on(out: Path) -> str:
    """Return the sentence that says how to resume."""
    return f"To go on: python -m course_utils.training --out {out} --resume"


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
        options = json.loads(begun.read_text())
        free = dict.fromkeys((*CHANGEABLE, "prompt"))
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


def write_options(folder: Path, options: dict) -> None:
    write_json(folder / RUN_FILE, options)


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
    """Learn the tokenizer and write it, all tokens and the options, or nothing."""
    training, held_out = read_corpus(options)
    n_training, n_held_out = (sum(map(len, texts)) for texts in (training, held_out))
    print(f"{n_training:,} characters to train on, {n_held_out:,} held out")
    tokenizer = Tokenizer.train(training, model_config(options).vocab_size)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".prepare-") as folder:
        folder = Path(folder)
        tokenizer.save_pretrained(folder)
        n_training, n_held_out = (
            write_tokens(folder / name, frame(texts, tokenizer), tokenizer.vocab_size)
            for name, texts in zip(TOKEN_FILES, (training, held_out), strict=True)
        )
        build_batches(folder, options, tokenizer)  # what does not fit raises here
        write_options(folder, options)
        # The options come last: where they are, all the rest is.
        for path in sorted(folder.iterdir(), key=lambda path: path.name == RUN_FILE):
            path.replace(out / path.name)
    print(
        f"tokenizer with {tokenizer.vocab_size:,} entries: "
        f"{n_training:,} tokens to train on, {n_held_out:,} held out"
    )


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


def build_trainer(out: Path, options: dict, tokenizer: Tokenizer) -> Trainer:
    """Build the model as the seed has it, and all that is needed to train it."""
    torch.manual_seed(options["seed"])
    model = GPT(model_config(options, vocab_size=tokenizer.vocab_size))
    batches, validation = build_batches(out, options, tokenizer)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(
        model.to(device),
        batches,
        training_config(options),
        validation,
        out,
        print_evaluation,
    )
    if trainer.rank == 0:
        n = trainer.n_processes
        print(
            f"model with {model.count_parameters():,} parameters on {device}, "
            f"{n} process{'es' if n > 1 else ''}"
        )
    return trainer


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
    model, loss = trainer.model, evaluate(trainer.model, trainer.validation)
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
    first_words = re.match(r"(\s*\S+){0,4}", texts[0]).group()
    prompt = options.get("prompt", first_words)
    room = model.config.n_positions - len(tokenizer.encode(prompt)) - 1
    length = max(1, min(100, room))
    sample = generate_text(
        model, tokenizer, prompt, length, temperature=0.8, seed=options["seed"]
    )
    print(f"a sample:\n{sample}")
    print(f"model and tokenizer are in {trainer.out}")
