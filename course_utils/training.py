"""Training: many small steps from random weights to a language model.

One step takes some batches, computes the mean loss over their tokens and its gradient,
limits the gradient's length and lets the optimizers move the weights. Around the step:
a learning rate that rises and falls, evaluation on text that was held out, a history to
plot, and checkpoints from which a stopped run goes on as if nothing had happened.

The same loop runs in a notebook (``Trainer``) and as a command, on one processor or
under ``torchrun`` on many (``python -m course_utils.training --help``).

Floors: joins ``model``, ``data``, ``optimizers``, ``cross_entropy``, ``checkpoints``.
Sources: Brown et al. 2020, appendix B (warm-up, cosine, clipping); Li et al. 2020,
"PyTorch Distributed" (gradients averaged over processes while they are computed).
"""

import argparse
import csv
import importlib
import itertools
import json
import math
import os
import random
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.distributed as distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from tqdm.auto import tqdm

from course_utils.checkpoints import (
    differences,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from course_utils.config import PRESETS, GPTConfig
from course_utils.cross_entropy import (
    IGNORE,
    bits_per_byte,
    cross_entropy,
    gap_to_floor,
    perplexity,
)
from course_utils.data import (
    Batch,
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
    open_tokens,
    python_docstrings,
    read_text,
    split_documents,
    write_tokens,
)
from course_utils.files import atomic_path, write_json
from course_utils.model import GPT
from course_utils.optimizers import (
    build_optimizer,
    clip_gradient_norm,
    cosine_schedule,
    linear_schedule,
)
from course_utils.tokenization import Tokenizer
from course_utils.world import World

SCHEDULES = {"cosine": cosine_schedule, "linear": linear_schedule}
OPTIMIZERS = ("muon", "adamw")
DIALS = ("bias", "notes", "reports")  # options that go to the World as they are


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: everything that shapes the run, except the model and the data.

    Raises ValueError for a number out of its range or an unknown name.
    """

    steps: int = 600  # optimization steps
    learning_rate: float = 1e-2  # the peak; AdamW wants about a third of it
    warmup_steps: int | None = None  # None: a twentieth of the steps
    schedule: str = "cosine"  # or "linear"
    final_fraction: float = 0.1  # of the peak, reached at the last step
    micro_steps: int = 1  # batches whose gradients are added up for one step
    clip: float = 1.0  # the longest gradient
    weight_decay: float = 0.1
    optimizer: str = "muon"  # or "adamw"
    eval_every: int = 100  # steps between evaluations; the last step always has one
    checkpoint_every: int = 500  # steps between checkpoints; the end always has one
    seed: int = 0  # of dropout

    def __post_init__(self):
        for name in ("steps", "micro_steps", "eval_every", "checkpoint_every"):
            number = getattr(self, name)
            if type(number) is not int or number < 1:
                raise ValueError(f"{name} must be a positive integer, got {number!r}")
        for name in ("learning_rate", "clip"):
            number = getattr(self, name)
            if not 0 < number < math.inf:
                raise ValueError(f"{name} must be positive and finite, got {number}")
        if not 0 <= self.warmup < self.steps:
            raise ValueError(
                f"warmup_steps must be in 0..{self.steps - 1} (steps={self.steps}), "
                f"got {self.warmup_steps}"
            )
        if not 0 <= self.final_fraction <= 1:
            raise ValueError(
                f"final_fraction must be in [0, 1], got {self.final_fraction}"
            )
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(
                f"weight_decay must be at least 0, got {self.weight_decay}"
            )
        for name, choices in (("schedule", SCHEDULES), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, "
                    f"got {getattr(self, name)!r}"
                )

    @property
    def warmup(self) -> int:
        """Steps in which the learning rate rises."""
        return self.steps // 20 if self.warmup_steps is None else self.warmup_steps

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of ``step`` (from 0); past the end it stays."""
        peak, final = self.learning_rate, self.learning_rate * self.final_fraction
        schedule = SCHEDULES[self.schedule]
        return schedule(step, peak, self.warmup, self.steps, final)


# What may change when a run goes on: how long it is and how often it looks up.
CHANGEABLE = ("steps", "eval_every", "checkpoint_every")


@dataclass
class History:
    """What happened in each step, as columns: plain numbers, for plots and files."""

    steps: list[int] = field(default_factory=list)  # 1, 2, 3, ...
    losses: list[float] = field(default_factory=list)  # nats per token, before the step
    learning_rates: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)  # before clipping
    tokens_per_second: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # spent in steps so far
    validation_steps: list[int] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)  # after those steps
    interrupted: bool = False  # was the last run stopped by Ctrl-C?

    def write_csv(self, path: str | os.PathLike) -> None:
        """Write one line per step; the validation loss is empty where there is none."""
        names = [f.name for f in fields(self)][:6]
        validation = dict(
            zip(self.validation_steps, self.validation_losses, strict=True)
        )
        with atomic_path(path) as temporary, open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*names, "validation_losses"])
            for row in zip(*(getattr(self, name) for name in names), strict=True):
                writer.writerow([*row, validation.get(row[0], "")])


# ------------------------------------------------------------------ gradient and loss


def accumulate_gradients(
    model: nn.Module, batches: Sequence[Batch], total: float | None = None
) -> float:
    """Add the gradient of the mean loss of all batches to ``.grad``; return that loss.

    The mean is over all counted targets together, so each batch weighs as much as it
    has of them, and k small batches give the gradient of one big batch. ``total``
    replaces their number where other processes hold some of them. ValueError if no
    target counts.
    """
    counts = [count_targets([batch]) for batch in batches]
    total = sum(counts) if total is None else total
    if total == 0:
        raise ValueError("batches must hold at least one target that counts, got none")
    mean_loss = 0.0
    for i, ((inputs, targets), count) in enumerate(zip(batches, counts, strict=True)):
        last = i == len(batches) - 1
        # Processes exchange their gradients once, with the last batch.
        waits = isinstance(model, DistributedDataParallel) and not last
        with model.no_sync() if waits else nullcontext():
            logits = model(inputs)  # (B, T, V)
            mean = cross_entropy(logits, targets) if count else logits.sum() * 0
            loss = mean * (count / total)
            loss.backward()
        mean_loss += loss.item()
    return mean_loss


@torch.no_grad()
def evaluate(model: nn.Module, batches: Iterable[Batch]) -> float:
    """Return the mean loss in nats over all counted targets of all batches.

    Without dropout; the model's mode is restored. ValueError if no target counts.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    nats, total = 0.0, 0
    try:
        for inputs, targets in batches:
            if count := count_targets([(inputs, targets)]):
                loss = cross_entropy(model(inputs.to(device)), targets.to(device))
                nats += loss.item() * count
                total += count
    finally:
        model.train(was_training)
    if total == 0:
        raise ValueError("batches must hold at least one target that counts, got none")
    return nats / total


def count_targets(batches: Iterable[Batch]) -> int:
    """Return how many targets count (are not IGNORE) in all batches."""
    return sum(int((targets != IGNORE).sum()) for _, targets in batches)


# ---------------------------------------------------------------------------- the loop


class Trainer:
    """Train a model: step by step, or a whole run that can be stopped and goes on.

    model: any module that maps ids (B, T) to logits (B, T, V). batches: what ``data``
    makes, infinite, with a position that can be saved. validation: held-out batches.
    out: a folder for checkpoints and ``history.csv``. on_step: called with the trainer
    after each step, to draw for example.

    Chance (dropout) depends only on the seed and the number of the step. So a resumed
    run repeats it, whatever else drew random numbers meanwhile. Under torchrun each
    process takes its own rows of the same batches, and all weights stay equal.
    """

    def __init__(
        self,
        model: nn.Module,
        batches: DocumentBatches | StreamBatches,
        config: TrainingConfig,
        validation: Sequence[Batch] = (),
        out: str | os.PathLike | None = None,
        on_step: Callable[["Trainer"], None] | None = None,
    ):
        self.model, self.batches, self.config = model, batches, config
        self.validation, self.on_step = validation, on_step
        self.out = None if out is None else Path(out)
        self.optimizers = build_optimizer(
            config.optimizer, model, config.learning_rate, config.weight_decay
        )
        self.history = History()
        self.steps_done = 0
        self.saved = (
            None  # the step of the checkpoint that this run comes from or wrote
        )
        self.device = next(model.parameters()).device
        self.rank, self.n_processes = processes()
        parallel = distributed.is_initialized()
        self.parallel = DistributedDataParallel(model) if parallel else model

    def step(self) -> float:
        """Take one optimization step; return its loss in nats per counted target.

        The gradient stays in ``.grad`` until the next step. Raises FloatingPointError,
        before any weight moves, if the loss or the gradient is not finite.
        """
        started = time.perf_counter()
        self.model.train()
        rate = self.config.learning_rate_at(self.steps_done)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = rate

        batches = [self.batches.next_batch() for _ in range(self.config.micro_steps)]
        n_tokens = count_targets(batches)
        mine = [self._my_rows(batch) for batch in batches]
        with self._repeatable_chance():
            loss = accumulate_gradients(
                self.parallel, mine, n_tokens / self.n_processes
            )
        loss = sum_over_processes(loss, self.device) / self.n_processes
        norm = float(clip_gradient_norm(self.model.parameters(), self.config.clip))
        if not math.isfinite(loss + norm):
            raise FloatingPointError(
                f"training diverged at step {self.steps_done + 1}: loss {loss}, "
                f"gradient norm {norm}; "
                f"try a learning_rate below {self.config.learning_rate}"
            )
        for optimizer in self.optimizers:
            optimizer.step()

        self.steps_done += 1
        self._record(loss, rate, norm, n_tokens, time.perf_counter() - started)
        return loss

    def run(self, steps: int | None = None, show_progress: bool = True) -> History:
        """Train to the end of the schedule, or for ``steps`` more steps.

        Evaluates and saves as the configuration says, shows a progress bar if it takes
        longer than two seconds (unless TQDM_DISABLE is set), and leaves the model in
        evaluation mode. Ctrl-C ends the run when its step is finished: a checkpoint is
        saved, the history is marked as interrupted, and the next ``run`` goes on. A
        second Ctrl-C stops at once.
        """
        goal = self.config.steps if steps is None else self.steps_done + steps
        self._refuse_another_run()
        self.history.interrupted = False
        bar = tqdm(
            total=goal,
            initial=self.steps_done,
            unit="step",
            delay=2,
            leave=False,
            disable=not show_progress or self.rank != 0 or "TQDM_DISABLE" in os.environ,
        )
        with bar, first_interrupt_noted() as interrupt:
            while self.steps_done < goal and not self.history.interrupted:
                loss = self.step()
                self._evaluate_if_due()
                if self.on_step:
                    self.on_step(self)
                bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
                bar.update()
                # All processes must agree, or one would wait for the others for ever.
                stop = sum_over_processes(interrupt.is_set(), self.device) > 0
                self.history.interrupted = stop and self.steps_done < goal
                if self.steps_done % self.config.checkpoint_every == 0:
                    self.save_checkpoint()
        self.model.eval()
        self.save_checkpoint()
        if self.history.interrupted and self.rank == 0:
            where = f", saved in {self.out}" if self.out else ""
            print(f"Stopped after step {self.steps_done} of {goal}{where}.")
        return self.history

    def save_checkpoint(self) -> None:
        """Save everything needed to go on from here, unless this step is saved already.

        Does nothing without ``out`` and in all processes but the first. Raises OSError
        if it cannot be written (disk full): the last checkpoint is then untouched.
        """
        if self.out is None or self.rank != 0 or self.saved == self.steps_done:
            return
        state = {
            "settings": self._settings(),
            "steps_done": self.steps_done,
            "weights": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "batches": self.batches.state_dict(),
            "history": asdict(self.history),
        }
        save_checkpoint(self.out / "checkpoints", self.steps_done, state)
        self.saved = self.steps_done
        self.history.write_csv(self.out / "history.csv")

    def resume(self) -> int:
        """Go on from the last good checkpoint in ``out``; return how many steps it has.

        If the newest one is damaged, says so and takes the one before. Raises
        FileNotFoundError if there is none, and ValueError if all are damaged or if the
        model, the configuration or the batches are not those of the checkpoint.
        """
        if self.out is None:
            raise ValueError("out must be a folder to resume from, got None")
        path, state, damaged = load_checkpoint(self.out / "checkpoints")
        if self.rank == 0:
            for file in damaged:
                print(f"{file} is damaged or cut short: going back to {path.name}.")
        try:
            if different := differences(state["settings"], self._settings()):
                raise ValueError("; ".join(different))
            self.batches.load_state_dict(state["batches"])
            self.model.load_state_dict(state["weights"])
            for optimizer, saved in zip(
                self.optimizers, state["optimizers"], strict=True
            ):
                optimizer.load_state_dict(saved)
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise ValueError(f"{path} is of another configuration: {error}") from error
        self.history = History(**state["history"])
        self.steps_done = self.saved = state["steps_done"]
        return self.steps_done

    def _settings(self) -> dict:
        """Return what a checkpoint must agree in: the model's shape, the training."""
        config = getattr(self.model, "config", None)
        shape = config.to_dict() if isinstance(config, GPTConfig) else {}
        settings = {**shape, **asdict(self.config)}
        return {name: settings[name] for name in settings if name not in CHANGEABLE}

    def _my_rows(self, batch: Batch) -> Batch:
        """Return every n-th row: each process then has long and short ones alike."""
        inputs, targets = batch
        if len(inputs) < self.n_processes:
            raise ValueError(
                f"batch_size must be at least the number of processes, "
                f"{self.n_processes}, got {len(inputs)}"
            )
        rows = slice(self.rank, None, self.n_processes)
        return inputs[rows].to(self.device), targets[rows].to(self.device)

    @contextmanager
    def _repeatable_chance(self):
        """Seed torch for this step alone; what is outside draws on as before."""
        on_gpu = [self.device] if self.device.type == "cuda" else []
        name = f"{self.config.seed} {self.steps_done} {self.rank}"
        with torch.random.fork_rng(on_gpu):
            torch.manual_seed(random.Random(name).getrandbits(63))
            yield

    def _record(self, loss, rate, norm, n_tokens, seconds) -> None:
        history = self.history
        history.steps.append(self.steps_done)
        history.losses.append(loss)
        history.learning_rates.append(rate)
        history.gradient_norms.append(norm)
        history.tokens_per_second.append(n_tokens / seconds)
        history.seconds.append(
            seconds + (history.seconds[-1] if history.seconds else 0)
        )

    def _evaluate_if_due(self) -> None:
        last = self.steps_done == self.config.steps
        due = last or self.steps_done % self.config.eval_every == 0
        if due and self.validation and self.rank == 0:
            loss = evaluate(self.model, self.validation)
            self.history.validation_steps.append(self.steps_done)
            self.history.validation_losses.append(loss)

    def _refuse_another_run(self) -> None:
        """Do not mix the checkpoints of two runs in one folder."""
        if self.out is not None and self.saved is None and self.rank == 0:
            existing = list_checkpoints(self.out / "checkpoints")
            if existing:
                raise ValueError(
                    f"out must be a folder without checkpoints of another run, got "
                    f"{self.out} with {existing[-1].name}; resume() goes on with it"
                )


@contextmanager
def first_interrupt_noted():
    """Yield an event that the first Ctrl-C sets; the second one interrupts as usual.

    Outside the main thread, where Python allows no handler, it is never set.
    """
    noted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    usual = signal.getsignal(signal.SIGINT)

    def note(number, frame):
        noted.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, usual)


# ------------------------------------------------------------------ several processes


@contextmanager
def process_group():
    """Join the processes that torchrun started: nccl for GPUs, gloo for CPUs."""
    if not distributed.is_torchelastic_launched():
        yield
        return
    # This module takes the group of the time when it is imported as a default argument.
    # Imported later, by DDP, it keeps gloo's threads alive when the group is destroyed,
    # and a thread that is busy while Python shuts down aborts the process.
    importlib.import_module("torch.distributed.nn")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, n_processes = next(distributed.rendezvous("env://"))
    # torchrun's own store outlives a restart, with the addresses of lost processes in
    # it (pytorch issue 135712). So each start uses a part of the store of its own.
    if os.environ["TORCHELASTIC_USE_AGENT_STORE"] == "True":
        start = os.environ["TORCHELASTIC_RESTART_COUNT"]
        store = distributed.PrefixStore(f"start {start}", store)
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(
        backend, store=store, rank=rank, world_size=n_processes
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def processes() -> tuple[int, int]:
    """Return the number of this process, from 0, and how many there are."""
    if distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def sum_over_processes(value: float, device: torch.device) -> float:
    """Return the sum of ``value`` over all processes, in each of them."""
    if not distributed.is_initialized():
        return value
    total = torch.tensor(float(value), dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return total.item()


# ------------------------------------------------------------------------ the command

HELD_OUT = 0.1  # of the text, for validation ...
MOST_HELD_OUT = 200_000  # ... but no more characters than are read in a few seconds
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


def story_world(options: dict) -> World:
    """Return the world with its dials as the options set them."""
    return World(**{dial: options[dial] for dial in DIALS})


def read_corpus(options: dict) -> tuple[list[str], list[str]]:
    """Return the texts to train on and the texts held out."""
    if options["data"] not in ("world", "python-docs"):
        text = read_text(options["data"])
        cut = len(text) - min(math.ceil(len(text) * HELD_OUT), MOST_HELD_OUT)
        if cut == 0:
            raise ValueError(f"--data must hold at least two characters, got {text!r}")
        return [text[:cut]], [text[cut:]]
    if options["data"] == "world":
        world = story_world(options)
        chance = random.Random(options["seed"])
        texts = [world.sample(chance).text for _ in range(options["stories"])]
    else:
        texts = python_docstrings()
    fraction = min(HELD_OUT, MOST_HELD_OUT / max(1, sum(map(len, texts))))
    return split_documents(texts, fraction, options["seed"])


def frame(texts: Iterable[str], tokenizer: Tokenizer) -> Iterable[int]:
    """Yield the ids of all texts, with end-of-text before, between and after them."""
    yield tokenizer.end_of_text
    for text in texts:
        yield from tokenizer.encode_iterable([text])
        yield tokenizer.end_of_text


def split_at_end_of_text(tokens: np.ndarray, end_of_text: int) -> list[list[int]]:
    """Inverse of ``frame``: return the ids of each text."""
    ends = np.flatnonzero(tokens == end_of_text)
    return [tokens[start + 1 : end].tolist() for start, end in itertools.pairwise(ends)]


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
    from course_utils.sampling import generate_text  # a neighbour, not a floor below

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


def measure_gap(
    model: GPT, tokenizer: Tokenizer, world: World, texts: Sequence[str]
) -> tuple[float, float]:
    """Return how far the model is above the world's floor on ``texts``, and the error.

    Both in nats per token. Paired: on each text the model's loss is compared with that
    text's exact probability, so how hard these texts happen to be cancels out.
    """
    nats, floor, counts = [], [], []
    for text in texts:
        ids, end = tokenizer.encode(text), tokenizer.end_of_text
        batches = evaluation_documents([ids], 1, end, model.config.n_positions)
        counts.append(len(ids) + 1)  # the end of the text is predicted too
        nats.append(evaluate(model, batches) * counts[-1])
        floor.append(-world.log_prob(text))
    n_tokens = sum(counts)
    gap = gap_to_floor(sum(nats) / n_tokens, sum(floor) / n_tokens)
    rest = np.array(nats) - np.array(floor) - gap * np.array(counts)
    return gap, float(np.sqrt((rest**2).sum()) / n_tokens)


if __name__ == "__main__":
    # A cluster that wants the machine back sends SIGTERM: treat it like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.exit(main())
