"""The page on rewards: the loop, the frontier, a hack step by step, a live curve."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from ipywidgets import IntSlider, SelectionSlider

from course_utils.figures.charts import Axis, Chart, Panel
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.interactive import Interactive
from course_utils.figures.live import Live
from course_utils.figures.plots import BLUE, DARK, GREEN, PURPLE, VERMILION

Interval = tuple[float, float]  # a mean, and half of its 95% interval


def reward_loop(prompts: int, group: int) -> VectorPicture:
    """Draw one step of learning from rewards."""
    drawing = Drawing("One step: write, check, compare, learn", height=250)
    drawing.box("ask", f"{prompts} prompts", (70, 80))
    drawing.box("model", "model", (220, 80), GREEN)
    drawing.box("texts", f"{group} texts\nfor each", (370, 80))
    drawing.box("check", "check", (496, 80), PURPLE)
    drawing.box("reward", "a number\nfor each", (606, 80))
    drawing.box("compare", "minus the mean\nof its group", (606, 190))
    drawing.box("loss", "advantage · ∇ log p\nof each token", (400, 190))
    drawing.box("start", "start\n(frozen)", (70, 190), GREY, dashed=True)
    for one, other in (("ask", "model"), ("model", "texts"), ("texts", "check")):
        drawing.arrow(one, other)
    drawing.arrow("check", "reward")
    drawing.arrow("reward", "compare", sides=("bottom", "top"))
    drawing.arrow("compare", "loss")
    corner = [(220, 190)]
    drawing.arrow("loss", "model", "step", ("left", "bottom"), via=corner)
    drawing.arrow(
        "start",
        "compare",
        "how much likelier than at the start? That costs",
        ("bottom", "bottom"),
        via=[(70, 240), (606, 240)],
        dashed=True,
    )
    return drawing.picture(
        "Drawing of a loop: prompts go to the model, which writes a group of texts for "
        "each; a check gives each text a number; minus the mean of its group it is the "
        "text's advantage, which weighs the step of the model. A frozen copy of the "
        "start says how far the model has gone.",
        numbers=f"{prompts} prompts, {group} texts for each",
    )


class Frontier(Interactive):
    """How often right against how far from the truth; a slider chooses the weight.

    ``ways`` maps names to {"possible", "gap", "variety", "pass@1", "pass@16"}, each an
    interval over seeds; those in ``weights`` (name -> weight of the distance) lie on
    the slider. ``start`` is the name of where all began.
    """

    SHOWN = ("pass@1", "pass@16", "variety")

    def __init__(
        self,
        ways: Mapping[str, Mapping[str, Interval]],
        weights: Mapping[str, float],
        start: str,
    ):
        self.ways, self.start = ways, start
        self.weights = {name: f"{weight:g}" for name, weight in weights.items()}
        options = [(weight, name) for name, weight in self.weights.items()]
        slider = SelectionSlider(options=options, description="KL weight")
        super().__init__(self._frontier, weight=slider)

    def _frontier(self, weight: str) -> VectorPicture:
        drawing = Drawing("Right more often, and further from the truth", height=360)
        gaps = [way["gap"] for way in self.ways.values()]
        shares = [100 * way["possible"][0] for way in self.ways.values()]
        x = Axis(0, 1.12 * max(mean + half for mean, half in gaps))
        y = Axis(10 * (min(shares) // 10) - 2, 101)
        panel = Panel(
            drawing,
            (8, 34, 420, 320),
            x,
            y,
            "",
            "gap to the floor (nats per token)",
            "possible stories (%)",
        )
        on_line = [self.ways[name] for name in self.weights]
        panel.line(
            [way["gap"][0] for way in on_line],
            [100 * way["possible"][0] for way in on_line],
            colour=BLUE,
            thick=1.2,
            told=False,
        )
        told = []
        for name, way in self.ways.items():
            (gap, half), (share, half_share) = way["gap"], way["possible"]
            share, half_share = 100 * share, 100 * half_share
            chosen = name == weight
            colour = BLUE if name in self.weights else DARK
            colour = VERMILION if chosen else colour
            ends = [gap - half, gap + half], [share - half_share, share + half_share]
            panel.line(ends[0], [share] * 2, colour=colour, thick=1.2, told=False)
            panel.line([gap] * 2, ends[1], colour=colour, thick=1.2, told=False)
            panel.dots([gap], [share], "", colour, 6 if chosen else 4, told=False)
            if name in self.weights:
                panel.write(gap, share, self.weights[name], -9, -10, anchor="end")
            else:
                panel.write(gap, share, name, dx=9, dy=11, anchor="start")
            told.append(
                f"{name} {share:.0f} ± {half_share:.0f}%, gap {gap:.3f} ± {half:.3f}"
            )
        told.append(self._bars(drawing, weight))
        return drawing.picture(
            "Dots with intervals both ways: the share of possible stories over the gap "
            "to the floor, for each way to learn; beside them bars for the chosen KL "
            "weight and the start.",
            numbers="; ".join(told),
        )

    def _bars(self, drawing: Drawing, weight: str) -> str:
        names = dict(enumerate(self.SHOWN))
        x, y = Axis(-0.6, len(names) - 0.4, names), Axis(0, 119, range(0, 101, 20))
        panel = Panel(drawing, (436, 34, 230, 320), x, y, "", "", "%")
        for shift, name, colour in ((-0.2, self.start, GREY), (0.2, weight, VERMILION)):
            found = [self.ways[name][key] for key in self.SHOWN]
            means, halves = [[100 * f[i] for f in found] for i in (0, 1)]
            places = [place + shift for place in names]
            panel.bars(places, means, 0.38, name, colour)
            panel.errors(places, means, halves)
        panel.legend()
        return "; ".join(panel.numbers)


class HackWatch(Interactive):
    """A hack as it was recorded: choose a run and a step, and read what it writes.

    ``runs`` has for each seed {"reward", "possible"}: a number for each step, and
    "written": a text of every tenth step, beginning with the first.
    """

    def __init__(self, runs: Sequence[Mapping[str, Sequence]], step: int = 1):
        self.runs = runs
        n = len(runs[0]["written"])
        steps = [(f"{1 + 10 * i}", i) for i in range(n)]
        super().__init__(
            self._look,
            seed=IntSlider(value=0, min=0, max=len(runs) - 1),
            step=SelectionSlider(options=steps, value=(step - 1) // 10),
        )

    def _look(self, seed: int, step: int) -> VectorPicture:
        run, at = self.runs[seed], 1 + 10 * step
        steps = range(1, len(run["reward"]) + 1)
        reward, possible = (run[key][at - 1] for key in ("reward", "possible"))
        height = 250
        drawing = Drawing(
            f"Step {at}: reward {reward:.2f}, possible {100 * possible:.0f}%",
            height=height + 130,
        )
        x = Axis(0, len(run["reward"]))
        most = max(max(one["reward"]) for one in self.runs)
        for box, key, factor, high, title, colour in (
            ((8, 34, 324, 214), "reward", 1, 1.1 * most, "the reward", VERMILION),
            ((340, 34, 324, 214), "possible", 100, 105, "possible texts (%)", BLUE),
        ):
            panel = Panel(drawing, box, x, Axis(0, high), title, "step")
            values = [factor * value for value in run[key]]
            panel.line(steps, values, colour=colour, thick=1.6)
            panel.dots([at], [values[at - 1]], "", DARK, 5)
        text = run["written"][step]
        lines = textwrap.wrap(text, 100, max_lines=7, placeholder=" …")
        for row, line in enumerate(lines):
            drawing.words((8, height + 14 + 16 * row), line, 11, anchor="start")
        return drawing.picture(
            "Two curves over the steps of a run, the reward and the share of possible "
            "texts, a dot at the chosen step, and below them a text of that step.",
            numbers=f"seed {seed}, step {at}: reward {reward:.2f}, possible "
            f"{possible:.2f}; it writes {text[-60:]!r}",
        )


class LiveRewards(Live):
    """The reward while a model learns from it, and whatever else is looked at::

        with LiveRewards({"possible": is_possible}) as live:
            RewardTrainer(..., on_step=live).run()

    ``checks`` maps names to checks of a text; ``seen`` has the mean of each over a
    step's texts, step by step.
    """

    def __init__(self, checks: Mapping[str, Callable[[str], float]] | None = None):
        super().__init__()
        self.checks = checks or {}
        self.seen: dict[str, list[float]] = {name: [] for name in self.checks}

    def __call__(self, trainer) -> None:
        """Look at what was written, and draw if it is time to."""
        for name, check in self.checks.items():
            self.seen[name].append(fmean(map(check, trainer.texts)))
        super().__call__(trainer)

    def _draw(self) -> VectorPicture:
        lines = {"reward": [row["reward"] for row in self._history], **self.seen}
        most = max(1.0, *(max(values) for values in lines.values()))
        n = max(2, len(self._history))
        axes = Axis(1, n), Axis(0, 1.05 * most)
        chart = Chart("What it is paid for", "step", "mean of a step's texts", *axes)
        colours = (VERMILION, BLUE, GREEN)
        for colour, (name, values) in zip(colours, lines.items(), strict=False):
            chart.line(range(1, len(values) + 1), values, name, colour)
        chart.legend(left=chart.x.start + 12)
        # A checker sees the first drawing, before there are numbers.
        return chart.drawing.picture(
            "Curves over the steps of learning from rewards.", numbers=""
        )
