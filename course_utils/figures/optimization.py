"""Page 05: one recorded run among others."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from course_utils.figures.numbers import series
from course_utils.figures.plots import DARK, MODEL, WIDTH, Picture, house_style


@house_style()
def run_among_others(
    title: str,
    run: Sequence[float],
    others: Sequence[Sequence[float]],
    rates: Sequence[float],
) -> Picture:
    """Draw a recorded run's loss before other runs', in grey, and its rate below.

    ``rates`` holds one number for each step, as shares of the peak; each loss is the
    mean of equally many steps.
    """
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = len(rates) / len(run)  # steps that one loss stands for
    steps = [width * (i + 0.5) for i in range(len(run))]
    for other in others:
        top.plot(steps, other, color="#CCCCCC", linewidth=1)
    top.plot(steps, run, color=MODEL, linewidth=2.5)
    top.set(title=title, ylabel="loss (nats per token)", ylim=(1, 8))
    bottom.plot(range(len(rates)), rates, color=DARK)
    bottom.set(xlabel="step", ylabel="rate / peak", ylim=(0, 1.1))
    note = f"One of {len(others)} recorded runs: made beforehand, not computed now."
    figure.supxlabel(note, fontsize=9)
    text = "Line chart of one recorded run's loss, others in grey, and of its rate."
    alt = f"{title}: the loss ends at {run[-1]:.2f}. {note}"
    numbers = "; ".join([series("loss", run), series("rate", rates)])
    return Picture(figure, text, alt, numbers)
