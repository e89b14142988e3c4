"""The process in which a recipe runs: it trains once, or bets on token after token.

Nothing that comes out of it is believed (``measuring``). It tells JSON, but for the
weights, a file of safetensors, and the bets, which are raw numbers.
"""

import importlib.util
import json
import random
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from safetensors.torch import load_model, save_model

from course_utils.exercises.grading.containment import limit_processor_time
from course_utils.exercises.grading.worker import run_contained
from course_utils.race.inside import Budget, Data, Shape

WORLD = "course_utils.world"
RECIPE, STORIES, WEIGHTS = "recipe.py", "stories.npy", "weights.safetensors"


def work(connection, handed_in: Path, home: Path) -> None:
    """Do one part of a race, which the first message names; this process ends then."""
    run_contained(_do, connection, handed_in, home)


def _do(connection, home: Path, part: str, **orders) -> None:
    _tell(connection, ready=True)  # none of the recipe has run: the clock starts here
    parts = {"try": lambda *_: _tell(connection, done=True)}
    parts |= {"train": _train, "measure": _measure}
    _forget_the_world()
    try:
        parts[part](connection, home, orders)
    except BaseException as error:  # exit() as well
        _tell(connection, failed=_what(error), line=_line(error))


def _train(connection, home: Path, orders: dict) -> None:
    """Run a recipe; send what its model's weights are."""
    began = time.monotonic()
    _limit(orders)
    for set_seed in (torch.manual_seed, random.seed, np.random.seed):
        set_seed(orders["seed"])
    recipe, shape = _recipe(home), Shape(**orders["shape"])
    model = _built(recipe, shape)
    budget = Budget(orders["seconds"], orders["tokens"], began)
    end, row = orders["end_of_text"], np.load(home / STORIES).tolist()
    data = Data(split_at(row, end), end, shape, budget, orders["seed"])
    recipe.train(model, data, budget)
    save_model(model, str(home / WEIGHTS))
    _tell(
        connection,
        trained=True,
        tokens_read=budget.tokens_read,
        processor_seconds=time.process_time(),
    )
    connection.send_bytes((home / WEIGHTS).read_bytes())


def _measure(connection, home: Path, orders: dict) -> None:
    """Load weights into a new model and bet, column after column, as tokens come.

    A column is the next token of every story, raw int64 (B,); the answer is the logits
    of the tokens after it, raw float32 (B, V). At the end, for some of the stories, the
    logits of one pass over the whole, (B, T, V).
    """
    _limit(orders)
    model = _built(_recipe(home), Shape(**orders["shape"]))
    load_model(model, str(home / WEIGHTS))
    model.eval()
    ids = torch.empty((orders["rows"], 0), dtype=torch.int64)
    with torch.no_grad():
        while column := connection.recv_bytes():
            new = torch.frombuffer(bytearray(column), dtype=torch.int64)
            ids = torch.cat([ids, new[:, None]], dim=1)
            connection.send_bytes(_raw(model(ids)[:, -1]))
        connection.send_bytes(_raw(model(ids[: orders["whole"]])))


def split_at(row: list[int], end_of_text: int) -> list[list[int]]:
    """Return the stories of a row in which each is followed by an end of text."""
    stories, start = [], 0
    while start < len(row):
        end = row.index(end_of_text, start)
        stories.append(row[start:end])
        start = end + 1
    return stories


def _forget_the_world() -> None:
    """Empty the modules that hold the world's grammar, which a recipe is to learn.

    In a sandbox their files are out of reach, too: they cannot be imported again.
    """
    for name in [name for name in sys.modules if f"{name}.".startswith(WORLD + ".")]:
        vars(sys.modules.pop(name)).clear()


def _limit(orders: dict) -> None:
    torch.set_num_threads(orders["threads"])
    limit_processor_time(orders["processor_seconds"], sealed=True)


def _recipe(home: Path) -> ModuleType:
    """Return the recipe as a module."""
    spec = importlib.util.spec_from_file_location("recipe", home / RECIPE)
    recipe = sys.modules["recipe"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    return recipe


def _built(recipe: ModuleType, shape: Shape) -> torch.nn.Module:
    model = recipe.build(shape)
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"build must return a Module, got {type(model).__name__}")
    kept = {t.data_ptr(): t.numel() for t in model.state_dict().values()}
    if (n := sum(kept.values())) > shape.max_parameters:
        raise ValueError(
            f"build must give at most {shape.max_parameters:,} parameters, got {n:,}"
        )
    return model


def _raw(logits: torch.Tensor) -> bytes:
    return logits.detach().to(torch.float32).contiguous().numpy().tobytes()


def _what(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


def _line(error: BaseException) -> int | None:
    """Return the recipe's own line at which an error arose."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f.lineno for f in frames if Path(f.filename).name == RECIPE]
    return own[-1] if own else None


def _tell(connection, **message) -> None:
    connection.send_bytes(json.dumps(message).encode())
