"""The loop: step by step, or a whole run that can be stopped and goes on."""

import csv
import math
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

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
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.data import Batch, DocumentBatches, StreamBatches
from course_utils.files import atomic_path, locked
from course_utils.optimizers import build_optimizer, clip_gradient_norm
from course_utils.training.config import CHANGEABLE, TrainingConfig
from course_utils.training.measuring import count_targets, evaluate
from course_utils.training.processes import processes, sum_over_processes


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


def accumulate_gradients(
    model: nn.Module,
    batches: Sequence[Batch],
    total: float | None = None,
    dtype: torch.dtype = torch.float32,
) -> float:
    """Add the gradient of the mean loss of all batches to ``.grad``; return that loss.

    The mean is over all counted targets together, so each batch weighs as much as it
    has of them, and k small batches give the gradient of one big batch. ``total``
    replaces their number where other processes hold some of them. ``dtype`` is that of
    the matrix products; weights, loss and gradients keep their own. ValueError if no
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
            with lower_precision(inputs.device, dtype):
                logits = model(inputs).float()  # (B, T, V)
            mean = cross_entropy(logits, targets) if count else logits.sum() * 0
            loss = mean * (count / total)
            loss.backward()
        mean_loss += loss.item()
    return mean_loss


def lower_precision(device: torch.device, dtype: torch.dtype):
    """Return a context in which matrix products are computed in ``dtype``."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


def plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return plain name -> name here: ``torch.compile`` puts a prefix into names."""
    return {name.replace("_orig_mod.", ""): name for name in names}


class Trainer:
    """Train a model: step by step, or a whole run that can be stopped and goes on.

    model: any module that maps ids (B, T) to logits (B, T, V), compiled or not.
    batches: what ``data`` makes, infinite, with a position that can be saved.
    validation: held-out batches, measured in the weights' own precision.
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
        # The step of the checkpoint that this run comes from, or has written last.
        self.saved = None
        self.device = next(model.parameters()).device
        self.dtype = getattr(torch, config.dtype)
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
                self.parallel, mine, n_tokens / self.n_processes, self.dtype
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
        second Ctrl-C stops at once. ValueError if another process runs in ``out``.
        """
        goal = self.config.steps if steps is None else self.steps_done + steps
        alone = locked(self.out) if self.out and self.rank == 0 else nullcontext()
        with alone:
            self._refuse_another_run()
            self._run_to(goal, show_progress)
            self.model.eval()
            self.save_checkpoint()
        if self.history.interrupted and self.rank == 0:
            where = f", saved in {self.out}" if self.out else ""
            print(f"Stopped after step {self.steps_done} of {goal}{where}.")
        return self.history

    def _run_to(self, goal: int, show_progress: bool) -> None:
        """Take steps until ``goal`` or Ctrl-C."""
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

    def save_checkpoint(self) -> None:
        """Save everything needed to go on from here, unless this step is saved already.

        Does nothing without ``out`` and in all processes but the first. Raises OSError
        if it cannot be written (disk full): the last checkpoint is then untouched.
        """
        if self.out is None or self.rank != 0 or self.saved == self.steps_done:
            return
        weights = self.model.state_dict()
        state = {
            "settings": self._settings(),
            "steps_done": self.steps_done,
            "weights": {
                plain: weights[name] for plain, name in plain_names(weights).items()
            },
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
            here = plain_names(self.model.state_dict())
            self.model.load_state_dict(
                {here.get(name, name): t for name, t in state["weights"].items()}
            )
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
