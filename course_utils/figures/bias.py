"""Page 12: what a remedy does to a model's bias, and what it costs."""

from collections.abc import Mapping

from course_utils.figures.charts import Axis, Panel
from course_utils.figures.drawing import Drawing, VectorPicture
from course_utils.figures.plots import DARK, PALETTE

Remedy = tuple[tuple[float, float], tuple[float, float]]


def remedy_bars(remedies: Mapping[str, Remedy], dial: float) -> VectorPicture:
    """Draw bias and loss with and without a remedy, for a world whose dial is known.

    ``remedies`` maps names to ((bias, half of its interval), (loss above the floor in
    the biased world, in the even world)), losses in nats a text.
    """
    drawing = Drawing("", height=330)
    n = len(remedies)
    x = Axis(-0.6, n - 0.4, dict(enumerate(remedies)))
    title = f"Bias, dial at {dial}"
    bias = Panel(drawing, (8, 8, 320, 318), x, Axis(-0.2, 1.1), title)
    worlds = {(n - 1) / 2: "biased world", n + 1 + (n - 1) / 2: "even world"}
    title, x = "Above the floor (nats a text)", Axis(-0.6, 2 * n + 0.6, worlds)
    loss = Panel(drawing, (340, 8, 324, 318), x, Axis(0, 7), title)
    for i, (name, ((mean, half), costs)) in enumerate(remedies.items()):
        bias.bars([i], [mean], 0.7, name, PALETTE[i])
        bias.errors([i], [mean], [half])
        loss.bars([i, n + 1 + i], costs, 0.8, name, PALETTE[i])
    bias.level(dial, "the dial", DARK, ":")
    loss.legend()
    numbers = "; ".join([*bias.numbers, *loss.numbers])
    words = " and ".join(remedies)
    return drawing.picture(f"Bars: bias and loss, dial {dial}, {words}.", None, numbers)
