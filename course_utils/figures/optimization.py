"""Page 06: one recorded run among others."""

from collections.abc import Sequence

from course_utils.figures.charts import Axis, Panel
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.plots import DARK, MODEL


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
