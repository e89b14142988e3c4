"""Page 06: paths in a ravine, a race, one recorded run among others."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import torch
from ipywidgets import SelectionSlider

from course_utils.figures.charts import Axis, Chart, Panel
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import BLUE, DARK, GREEN, MODEL, PALETTE, VERMILION


def ravine(
    title: str, curvatures: torch.Tensor, paths: Mapping[str, torch.Tensor]
) -> VectorPicture:
    """Draw the first 40 steps of paths in a loss that is steep one way, flat the other.

    The loss is half the sum of ``curvatures`` (2,) times the squared weights. ``paths``
    are up to three, each (n + 1, 2): the weights before the first step and after each.
    """
    flat, steep = Axis(-1.1, 0.6), Axis(-0.36, 0.36)
    chart = Chart(title, "flat direction", "steep direction", flat, steep, 300)
    turns = torch.linspace(0, 2 * torch.pi, 121)
    for height in (0.02, 0.1, 0.3, 0.7, 1.5, 3):  # lines of equal loss
        reach = (2 * height / curvatures).sqrt()
        rim = reach[0] * turns.cos(), reach[1] * turns.sin()
        chart.line(*rim, colour="#CCCCCC", thick=1, told=False)
    needed = []
    for (name, path), colour in zip(
        paths.items(), (BLUE, VERMILION, GREEN), strict=False
    ):
        n = int((path.norm(dim=1) > 0.05).sum())
        needed.append(f"{name}: {n}")
        label = f"{name}: near 0 after {n} steps"
        chart.line(*path[:41].T, label, colour, marker=3)
    chart.legend()
    text = (
        "Paths in a ravine, over lines of equal loss. Steps until a path is within "
        f"0.05 of the lowest point: {'; '.join(needed)}."
    )
    return chart.picture(text)


def draw_race(
    losses: Mapping[str, Sequence[float]],
    floor: float,
    seconds: Mapping[str, float] | None = None,
) -> VectorPicture:
    """Draw the losses of several runs so far, and the floor, in means of five steps.

    Over steps; or over time, if ``seconds`` holds those of a step of each run. The
    picture tells no numbers: it is drawn while runs go on, and with measured times.
    """
    cost = seconds or dict.fromkeys(losses, 1)
    unit = "seconds" if seconds else "steps"
    longest = max(len(run) * cost[name] for name, run in losses.items())
    axes = Axis(0, 1.02 * longest), Axis(0, 7.2)
    chart = Chart(f"The race, in {unit}", unit, "loss (nats per token)", *axes)
    looks = zip(PALETTE, ("-", "--", "-.", ":", "-"), strict=True)
    for (name, run), (colour, look) in zip(losses.items(), looks, strict=False):
        starts = range(0, len(run), 5)
        means = [fmean(run[i : i + 5]) for i in starts]
        at = [(i + 2.5) * cost[name] for i in starts]
        label = f"{name}, {1000 * cost[name]:.0f} ms a step" if seconds else name
        chart.line(at, means, label, colour, look)
    chart.level(floor, "the floor", VERMILION)
    chart.legend()
    text = f"Line chart: the loss of the runs over {unit}, above the floor."
    return chart.drawing.picture(text)


def run_among_others(
    title: str,
    run: Sequence[float],
    others: Sequence[Sequence[float]],
    rates: Sequence[float],
) -> VectorPicture:
    """Draw a recorded run's loss before other runs', in grey, and its rate below.

    ``rates`` holds one number for each step, as shares of the peak; each loss is the
    mean of equally many steps.
    """
    drawing = Drawing(title, height=420)
    width = len(rates) / len(run)  # steps that one loss stands for
    steps = [width * (i + 0.5) for i in range(len(run))]
    ends = 0, len(rates)
    box, scale = (8, 34, 656, 240), Axis(1, 8)
    losses = Panel(drawing, box, Axis(*ends), scale, y_label="loss (nats per token)")
    for other in others:
        losses.line(steps, other, colour="#CCCCCC", thick=1, told=False)
    losses.line(steps, run, "loss", MODEL, thick=3)
    box = (8, 280, 656, 112)
    scale = Axis(0, 1.1, (0, 0.5, 1))
    rate = Panel(drawing, box, Axis(*ends), scale, "", "step", "rate")
    rate.line(range(len(rates)), rates, "rate / peak", DARK)
    note = f"One of {len(others)} recorded runs: made beforehand, not computed now."
    drawing.words((8, 406), note, 11, GREY, anchor="start")
    text = "Line chart of one recorded run's loss, others in grey, and of its rate."
    alt = f"{title}: the loss ends at {run[-1]:.2f}. {note}"
    return drawing.picture(text, alt, "; ".join([*losses.numbers, *rate.numbers]))


class RateAndWarmup(Interactive):
    """One recorded run among the others, chosen by its peak and its warm-up.

    ``runs`` maps (peak, warm-up) to losses, with one for each pair of the two;
    ``schedule(step, peak, warmup, total)`` is the rate of a step.
    """

    def __init__(
        self,
        runs: Mapping[tuple[float, int], Sequence[float]],
        schedule: Callable[[int, float, int, int], float],
        peak: float,
        warmup: int,
        steps: int = 100,
    ):
        def draw(peak: float, warmup: int) -> VectorPicture:
            rates = [schedule(step, 1.0, warmup, steps) for step in range(steps)]
            title = f"Peak {peak}, {warmup} steps of warm-up"
            return run_among_others(title, runs[peak, warmup], [*runs.values()], rates)

        peaks, warmups = (sorted(set(each)) for each in zip(*runs, strict=True))
        super().__init__(
            draw,
            peak=SelectionSlider(options=peaks, value=peak),
            warmup=SelectionSlider(options=warmups, value=warmup),
        )
