"""Running a race: a recipe trains, hands its weights over, and is measured; by seeds.

Training and measuring are processes of their own (``exercises.grading.processes``); of
the first only the weights come to the second. What a seed gave is kept in a file, so
that a race which was stopped goes on where it was.
"""

import contextlib
import io
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_safetensors
from safetensors.torch import save as to_safetensors

from course_utils import models, world
from course_utils.exercises.engine.typed import LONGEST, read_json
from course_utils.exercises.grading.grade import OUT_OF_TIME, printable
from course_utils.exercises.grading.processes import Job, Sandboxed, Trusted
from course_utils.files import digest, kept, write_json
from course_utils.race import worker
from course_utils.race.inside import Shape
from course_utils.race.measuring import measured
from course_utils.race.ranking import FAULT
from course_utils.race.rules import N_POSITIONS, Fault, Rules
from course_utils.race.stories import Unseen, deal, in_a_row, tokenizer, unseen

RACING = Job(
    worker.work,
    (worker.__name__, "course_utils.optimizers", "course_utils.model", "torch._dynamo"),
    trial={"part": "try"},
    hidden=(models.FOLDER, Path(world.__file__).parent),
)
START = 60.0  # seconds until a process must be ready
MEASURING = 300.0  # seconds that measuring may take on a busy machine
HEADER = 32 << 10  # bytes that may stand before the weights: names and shapes
LATE = (
    "it was still training after {:g} s, and was stopped; data.batches ends in time, "
    "and budget.seconds_left tells how much is left"
)
PATIENCE = 5.0  # seconds until the system must have said how a process ended
TOO_LONG = "it took more than {:.0f} s of processor time, and was stopped"
ENDED = "its process came to an end, by itself or by the system"


def machine() -> str:
    """Say what all who stand in one table have in common: processor and versions."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(x for x in lines if x.startswith("model name")).partition(": ")[2]
    version = torch.__version__.partition("+")[0]
    return f"{name}, {os.cpu_count()} cores, torch {version}"


class Bettor:
    """A process in which a model bets. What it sends is bounded, and only numbers."""

    def __init__(self, connection, n_rows: int, n_whole: int, vocab_size: int):
        self._connection, self._vocab_size = connection, vocab_size
        self._n_rows, self.n_whole, self._T = n_rows, n_whole, 0

    def column(self, ids: torch.Tensor) -> bytes:
        """Send the next token of every row, (B,) int64; return logits (B, V), raw."""
        self._T += 1
        self._connection.send_bytes(ids.numpy().tobytes())
        return self._logits(self._n_rows)

    def whole(self) -> bytes:
        """Return the logits (B, T, V), raw, of one pass over the first rows."""
        self._connection.send_bytes(b"")
        return self._logits(self.n_whole * self._T)

    def _logits(self, n: int) -> bytes:
        content = self._connection.recv_bytes(4 * n * self._vocab_size + LONGEST)
        if content[:1] == b"{":  # in place of logits, an error
            with contextlib.suppress(ValueError):
                _raise_failure(read_json(content))
        return content


class Runner:
    """Runs recipes under some rules, in sandboxes or, of who is trusted, without."""

    def __init__(
        self, rules: Rules, stories: Sequence[list[int]], places: Sandboxed | Trusted
    ):
        self.rules, self.places = rules, places
        by = tokenizer()
        self.vocab_size, self.end_of_text = by.vocab_size, by.end_of_text
        self._row = in_a_row(stories, self.end_of_text)
        self._shape = Shape(self.vocab_size, N_POSITIONS, rules.max_parameters)

    def run(self, recipe: str, seed: int) -> dict:
        """Train a recipe, given as its text, and measure it; ``Fault`` if it breaks.

        Returns gap, error, loss and floor in nats per token, and what was used.
        """
        numbers = deal(self.vocab_size)
        end = int(numbers[self.end_of_text])
        weights, used = self._trained(recipe, seed, numbers)
        stories = [  # drawn now, when the training is over
            Unseen(numbers[story.ids].tolist(), story.floor)
            for story in unseen(self.rules.held_out)
        ]
        files = {worker.RECIPE: recipe.encode(), worker.WEIGHTS: weights}

        @contextlib.contextmanager
        def start(n_rows: int, n_whole: int) -> Iterator[Bettor]:
            orders = {
                "part": "measure",
                "rows": n_rows,
                "whole": n_whole,
                "processor_seconds": self.rules.measuring,
            }
            late = f"it was still betting after {MEASURING:g} s, and was stopped"
            with self._running(files, orders, MEASURING, late) as connection:
                yield Bettor(connection, n_rows, n_whole, self.vocab_size)

        return {**measured(start, stories, end, self.vocab_size), **used}

    def _trained(
        self, recipe: str, seed: int, numbers: np.ndarray
    ) -> tuple[bytes, dict]:
        """Return the weights (safetensors) that a recipe comes to, and what it used."""
        rules, row = self.rules, io.BytesIO()
        limit = rules.seconds + rules.allowance
        np.save(row, numbers[self._row].astype(np.uint16))
        files = {worker.RECIPE: recipe.encode(), worker.STORIES: row.getvalue()}
        orders = {
            "part": "train",
            "seed": seed,
            "seconds": rules.seconds,
            "tokens": rules.tokens,
            "end_of_text": int(numbers[self.end_of_text]),
            "processor_seconds": rules.threads * limit + 1.0,
        }
        late = LATE.format(rules.seconds)
        with self._running(files, orders, limit, late) as connection:
            began = time.monotonic()
            said = _heard(connection)
            content = connection.recv_bytes(4 * rules.max_parameters + HEADER)
            used = {
                "seconds": round(time.monotonic() - began, 2),
                # As its own process says: for information, nothing rests on them.
                "processor_seconds": round(float(said["processor_seconds"]), 1),
                "tokens_read": int(said["tokens_read"]),
            }
        weights = _weights(content, rules.max_parameters)
        used["parameters"] = sum(tensor.numel() for tensor in weights.values())
        return to_safetensors(weights), used

    @contextlib.contextmanager
    def _running(
        self, files: dict[str, bytes], orders: dict, seconds: float, late: str
    ) -> Iterator:
        """Start a process on files and orders; yield the connection to it.

        It is killed after so many seconds. However it goes down, that is a ``Fault``.
        """
        orders = {
            **orders,
            "shape": asdict(self._shape),
            "threads": self.rules.threads,
        }
        with tempfile.TemporaryDirectory(prefix="race-") as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            process, is_late = self.places.start(Path(folder)), threading.Event()
            alarm = threading.Timer(seconds, lambda: (is_late.set(), process.kill()))
            alarm.daemon = True
            try:
                process.connection.send_bytes(json.dumps(orders).encode())
                if not process.connection.poll(START):
                    raise EOFError
                _heard(process.connection)
                alarm.start()
                yield process.connection
            except (EOFError, OSError):
                if is_late.is_set():
                    raise Fault(late) from None
                if process.exit_code(PATIENCE) == OUT_OF_TIME:
                    raise Fault(TOO_LONG.format(orders["processor_seconds"])) from None
                raise Fault(ENDED) from None
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                raise Fault("what its process sends makes no sense") from None
            finally:
                alarm.cancel()
                process.end()


def _heard(connection) -> dict:
    """Return what a process tells; ``Fault`` if it tells of an error."""
    message = read_json(connection.recv_bytes(LONGEST))
    _raise_failure(message)
    return message


def _raise_failure(message: dict) -> None:
    problems = message.get("problems")
    if "failed" in message or problems:
        line = message.get("line")
        where = f"line {line}: " if isinstance(line, int) else ""
        raise Fault(where + printable(str(message.get("failed", problems))))


def _weights(content: bytes, max_parameters: int) -> dict[str, torch.Tensor]:
    """Return the tensors in a file of safetensors that came from a recipe."""
    try:
        weights = read_safetensors(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise Fault(f"its weights cannot be read: {printable(str(error))}") from None
    n = sum(tensor.numel() for tensor in weights.values())
    if n > max_parameters:
        raise Fault(f"it has {n:,} parameters; at most {max_parameters:,} are allowed")
    return weights


# --- Seed after seed


def one_run(runner: Runner, recipe: str, seed: int) -> dict:
    """Return what a seed gave, and how it came about."""
    result = runner.run(recipe, seed)
    rounded = {name: round(value, 6) for name, value in result.items()}
    return {"seed": seed, "date": f"{datetime.now(UTC):%Y-%m-%d}", **rounded}


def race(
    runner: Runner,
    name: str,
    recipe: str,
    seeds: Sequence[int],
    table: Path,
    on_run: Callable[[dict, bool], None] = lambda run, was_there: None,
) -> list[dict]:
    """Run a recipe with each seed, those left out that are finished already.

    ``table`` is the folder of all that is ranked together. ``on_run(run, was_there)``
    is called after each. A recipe with a ``Fault`` is not ranked, and the seed is not
    kept: the next time it is tried again.
    """
    folder = table / f"{name}-{sha256(recipe.encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.py").write_text(recipe, encoding="utf-8")
    (folder / FAULT).unlink(missing_ok=True)
    runs = []
    for seed in seeds:
        make = partial(one_run, runner, recipe, seed)
        try:
            run, was_there = kept(folder / f"seed-{seed}.json", make)
        except Fault as fault:
            write_json(folder / FAULT, {"seed": seed, "fault": str(fault)})
            raise Fault(f"seed {seed}: {fault}") from None
        runs.append(run)
        on_run(run, was_there)
    return runs


def table_for(rules: Rules, sandboxed: bool, out: Path) -> Path:
    """Return the folder of the table for these rules, on this machine; make it."""
    terms = {**asdict(rules), "machine": machine(), "sandboxed": sandboxed}
    folder = out / f"table-{digest(terms)}"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "terms.json", terms)
    return folder
