"""The four trained models that come with the course: no page has to train first.

- ``story``: trained on stories of the course's world;
- ``docstrings``: trained on the docstrings of Python's standard library;
- ``base``: trained on stories, reports that ask for their facts, and bilingual notes:
  where the tasks of ``course_utils.world.tasks`` begin;
- ``beginner``: one layer, trained on stories for a short time, so that a third of what
  it writes is impossible: where learning from rewards begins.

Each lies in ``course_utils/models/<name>``: weights in half precision, the tokenizer in
GPT-2's files, and ``figures.json`` with the command that trained it and the loss that
was measured then. A maintainer makes such a folder from a finished training run:

    python -m course_utils.models story runs/story
"""

import json
import os
import random
import re
import shlex
from pathlib import Path
from statistics import fmean

import torch

from course_utils.files import write_json
from course_utils.model import GPT
from course_utils.sampling import decode_rows, generate
from course_utils.tokenization import Tokenizer
from course_utils.training import DIALS, measure_gap, story_world
from course_utils.world import World

FOLDER = Path(__file__).parent
NAMES = ("story", "docstrings", "base", "beginner")
FIGURES_FILE = "figures.json"


def folder_of(name: str) -> Path:
    """Return the folder of a shipped model. Raises ValueError for another name."""
    if name not in NAMES:
        raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
    return FOLDER / name


def load(name: str) -> tuple[GPT, Tokenizer]:
    """Return a shipped model (float32, evaluation mode) and its tokenizer."""
    folder = folder_of(name)
    return GPT.load(folder), Tokenizer.from_pretrained(folder)


def figures(name: str) -> dict:
    """Return what was recorded when the model was trained: command, seed and losses."""
    return json.loads((folder_of(name) / FIGURES_FILE).read_text("utf-8"))


def corpus_options(name: str) -> dict:
    """Return the options of the recorded command that say what a model has read."""
    given = dict(re.findall(r"--(\S+) (\S+)", figures(name)["command"]))
    options = {"data": given["data"], "seed": int(given["seed"])}
    if given["data"] == "world":
        options["stories"] = int(given["stories"])
        options |= {dial: float(given[dial]) for dial in DIALS}
    return options


def gap_on_new_stories(
    model: GPT,
    tokenizer: Tokenizer,
    n: int = 300,
    seed: int = 2**31,
    world: World | None = None,
) -> tuple[float, float]:
    """Return the gap to the floor on ``n`` texts told anew: (gap, standard error).

    In nats per token. ``world`` tells them: stories only, unless one is given. The seed
    is none of the training seeds.
    """
    world, rng = world or World(), random.Random(seed)
    texts = [world.sample(rng).text for _ in range(n)]
    return measure_gap(model, tokenizer, world, texts)


def share_of_possible_stories(
    model: GPT, tokenizer: Tokenizer, n: int = 500, seed: int = 0
) -> float:
    """Return the share of ``n`` sampled stories that the world could have told.

    Plain sampling, at temperature 1 with nothing cut off.
    """
    return fmean(map(World().is_valid, sample_stories(model, tokenizer, n, seed)))


def sample_stories(
    model: GPT,
    tokenizer: Tokenizer,
    n: int,
    seed: int = 0,
    max_new_tokens: int = 130,
    **knobs,
) -> list[str]:
    """Return ``n`` stories that the model writes, all at once.

    ``knobs`` are those of ``sampling.generate``.
    """
    end = tokenizer.end_of_text
    prompts = torch.tensor([[end, *tokenizer.encode("One")]] * n)
    room = model.config.n_positions - prompts.shape[1]
    longest = min(max_new_tokens, room)
    rows = generate(model, prompts, longest, end_of_text=end, seed=seed, **knobs)
    return decode_rows(tokenizer, rows)


def ship(name: str, run: str | os.PathLike) -> dict:
    """Make the shipped folder ``name`` from a finished run; return its figures."""
    run, folder = Path(run), folder_of(name)
    options = json.loads((run / "run.json").read_text("utf-8"))
    model, tokenizer = GPT.load(run), Tokenizer.from_pretrained(run)
    model.save(folder, dtype=torch.float16)
    tokenizer.save_pretrained(folder)
    recorded = {
        "command": _command(options),
        "torch": torch.__version__.split("+")[0],
        "parameters": model.count_parameters(),
        "steps": options["steps"],
        "seed": options["seed"],
        "validation_loss_nats_per_token": _last_validation_loss(run),
    }
    if options["data"] == "world":
        shipped = load(name)  # as it ships: in half precision
        gap, error = gap_on_new_stories(*shipped, world=story_world(options))
        recorded["gap_to_the_floor_nats_per_token"] = round(gap, 4)
        recorded["standard_error"] = round(error, 4)
        share = share_of_possible_stories(*shipped)
        recorded["share_of_possible_stories"] = round(share, 3)
    write_json(folder / FIGURES_FILE, recorded)
    return recorded


def _command(options: dict) -> str:
    given = {k: v for k, v in options.items() if v is not None and v is not False}
    parts = [f"--{k.replace('_', '-')} {shlex.quote(str(v))}" for k, v in given.items()]
    return " ".join(["python -m course_utils.training --out RUN", *parts])


def _last_validation_loss(run: Path) -> float:
    rows = (run / "history.csv").read_text("utf-8").splitlines()
    column = rows[0].split(",").index("validation_losses")
    losses = [row.split(",")[column] for row in rows[1:]]
    return round(float([loss for loss in losses if loss][-1]), 4)
