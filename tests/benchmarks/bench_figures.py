"""How long from a key to the new picture, for each interactive figure?

    python tests/benchmarks/bench_figures.py [--before FOLDER] [--busy 2] [--rounds 5]

A slider is moved and the time is taken until the figure's HTML is new: what the kernel
does. (The browser adds about 30 ms; measured in JupyterLab 4.6 it is 45 to 80 ms in all
with both cores busy.) Every value is asked for once, so that no figure shows what it
remembers. ``--before``: a checkout of an earlier state, measured in turns with this
one in processes of their own, and the ratio of the medians. ``--busy``: so many
processes work meanwhile, as a learner's machine does.

Why it is quick: the figures are SVG, which is text with places that are reckoned once;
they were PNG, drawn and laid out anew by matplotlib.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]


def figures():
    """Return {name: (figure, control, values to set)} of the code that is imported."""
    import torch
    from ipywidgets import IntSlider

    from course_utils import models
    from course_utils.figures.applications import Assistant
    from course_utils.figures.attention import HeadView
    from course_utils.figures.cross_entropy import StoryLosses, TokenSurprises
    from course_utils.figures.interactive import Interactive
    from course_utils.figures.optimization import run_among_others
    from course_utils.figures.primer import number_tables
    from course_utils.figures.sampling import knob_bars
    from course_utils.figures.speed import draw_plan
    from course_utils.figures.start_here import NextWord, next_word_bars
    from course_utils.figures.tokenization import segmentation
    from course_utils.figures.training import written_at
    from course_utils.planner import Plan
    from course_utils.world import World
    from course_utils.world.tasks import sample_tasks

    torch.set_num_threads(1)
    model, tokenizer = models.load("story")
    world = World()
    story = world.sample(random.Random(0)).text
    pieces = [tokenizer.token_bytes(i) for i in tokenizer.encode(story)]
    sizes = [0, *(2**i for i in range(11))]
    rows, columns = torch.arange(12.0).view(3, 4), torch.ones(3, 4)
    share = [0.3 / (i + 1) for i in range(24)]
    losses = [7 * 0.99**i + 0.5 for i in range(600)]
    runs = [[6 - 0.2 * i + 0.01 * n for i in range(20)] for n in range(35)]
    words = [f" word{i}" for i in range(8)]

    def stepped(draw):
        return Interactive(draw, k=IntSlider(0, 0, 99)), "k", range(1, 12)

    tasks = {"question": sample_tasks("question", 3, seed=1)}
    beginnings = [story[: story.index(" ", 10 * i) + 1].strip() for i in range(2, 13)]
    return {
        "00 next word, bars": stepped(
            lambda k: next_word_bars(
                {w: 0.1 + k / 50 for w in words}, {w: 0.125 for w in words}
            )
        ),
        "00 next word, model": (
            NextWord(model, tokenizer, world, story[:20]),
            "prompt",
            beginnings,
        ),
        "01 segmentation": stepped(
            lambda k: segmentation(pieces[: 40 + k], sizes, sizes[::-1], 64)
        ),
        "02 head, token": (
            HeadView(model, tokenizer, story, 1, 2),
            "back",
            range(1, 12),
        ),
        "02 head, another": (
            HeadView(model, tokenizer, story, 1, 0),
            "head",
            (1, 2, 3),
        ),
        "04 story, word": (
            StoryLosses(model, tokenizer, world, story, word=4),
            "word",
            range(5, 16),
        ),
        "05 runs": stepped(lambda k: run_among_others("A run", runs[k], runs, share)),
        "06 what it writes": stepped(
            lambda k: written_at(losses, 0.49, 50 + k, story[:300], "impossible")
        ),
        "07 knobs": stepped(
            lambda k: knob_bars(
                pieces[:24], share, share, f"{k} left", [story[:80]] * 3
            )
        ),
        "08 own text, token": (
            TokenSurprises(model, tokenizer, story, 2),
            "token",
            range(3, 14),
        ),
        "09 answer, token": (
            Assistant(model, tokenizer, tasks),
            "token",
            range(2, 6),
        ),
        "12 plan": stepped(lambda k: draw_plan(Plan(1e9 * (k + 1), 3e11))),
        "primer tables": stepped(
            lambda k: number_tables(
                f"Plus {k}",
                [("a", rows + k, (9, 9)), ("b", columns, (1, 9))],
                "Tables of numbers.",
            )
        ),
    }


def measure() -> dict[str, float]:
    """Return the median milliseconds of each figure from key to picture."""
    found = {}
    for name, (figure, control, values) in figures().items():
        times = []
        for value in values:
            before, start = figure.frame.value, time.perf_counter()
            figure.controls[control].value = value
            times.append(1000 * (time.perf_counter() - start))
            assert figure.frame.value != before, name
        found[name] = statistics.median(times)
    return found


def measured_in(folder: Path) -> dict[str, float]:
    """Measure the code of a checkout, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = [sys.executable, str(Path(__file__).resolve()), "--once"]
    run = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(run.stdout.splitlines()[-1])


def work() -> None:
    while True:
        sum(range(10_000))


@contextlib.contextmanager
def busy(n: int):
    """Let ``n`` processes work meanwhile."""
    workers = [multiprocessing.Process(target=work, daemon=True) for _ in range(n)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--before", type=Path, help="a checkout of an earlier state")
    parser.add_argument("--busy", type=int, default=0, help="processes that work too")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(measure()))
        return
    states = {"now": HERE} | ({"before": given.before} if given.before else {})
    rounds = {state: [] for state in states}
    with busy(given.busy):
        for _ in range(given.rounds):
            for state, folder in states.items():
                rounds[state].append(measured_in(folder))
    print(f"milliseconds from key to picture, {given.rounds} rounds, median (min–max)")
    for name in rounds["now"][0]:
        cells = {s: [one[name] for one in rounds[s]] for s in rounds}
        shown = [
            f"{state} {statistics.median(ms):6.1f} ({min(ms):.1f}–{max(ms):.1f})"
            for state, ms in cells.items()
        ]
        if given.before:
            ratio = statistics.median(cells["before"]) / statistics.median(cells["now"])
            shown.append(f"{ratio:.0f} times as fast")
        print(f"{name:22}", "  ".join(shown))


if __name__ == "__main__":
    main()
