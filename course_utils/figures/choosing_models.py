"""Page 13: which models meet what is asked for, and the best size at a budget."""

from collections.abc import Callable, Sequence

from course_utils.figures.charts import Axis, Chart
from course_utils.figures.drawing import VectorPicture
from course_utils.figures.plots import BLUE, DARK, MODEL, VERMILION


def choice(candidates: Sequence, gap: float, ms: float, MB: float) -> VectorPicture:
    """Draw models by time and gap: filled are those that meet all three limits.

    Each candidate has a ``name``, a ``gap`` to the floor in nats per token, ``ms`` a
    token and ``MB`` of memory. Its numbers are not told: times differ between runs.
    """
    fit = [c for c in candidates if c.gap <= gap and c.ms <= ms and c.MB <= MB]
    names = ", ".join(c.name for c in fit) or "none"
    title = f"At most {gap} nats, {ms} ms, {MB} MB\nleaves: {names}"
    x = Axis(0.005, 50, (0.01, 0.1, 1, 10), log=True)
    y = Axis(0.0003, 5, (0.001, 0.01, 0.1, 1), log=True)
    label = "milliseconds a token (size of the dots: memory)"
    chart = Chart(title, label, "gap (nats per token)", x, y)
    chart.mark(ms, colour=VERMILION, look="--")
    chart.level(gap, colour=VERMILION)
    for c in candidates:
        radius = (30 + 60 * c.MB) ** 0.5 * 0.75
        chart.dots([c.ms], [c.gap], "", BLUE, radius, hollow=c not in fit)
        chart.write(c.ms, c.gap, c.name, dx=radius + 6, dy=-6, anchor="start")
    words = "Dots of models by time and gap; two lines: the requirements."
    alt = f"{' '.join(title.split())}. {words}"
    return chart.drawing.picture(words, alt)


def best_size(
    exponent: float, law: Callable, dots: Sequence[tuple[float, float]], best: float
) -> VectorPicture:
    """Draw the loss over the size of a model at one budget of 10^exponent FLOPs.

    ``law`` gives the loss at a size, ``dots`` are (size, loss) as measured, ``best`` is
    the law's best size.
    """
    title = f"Docstrings at 10^{exponent:.1f} FLOPs: N = {best:,.0f} is best by the law"
    ticks = {1e4: "10,000", 1e5: "100,000", 1e6: "1,000,000"}
    x, y = Axis(8e3, 1.2e6, ticks, log=True), Axis(4.2, 7.0)
    chart = Chart(title, "parameters N (log scale)", "loss (nats per token)", x, y)
    sizes = [8e3 * 150 ** (i / 199) for i in range(200)]
    chart.line(sizes, [float(law(n)) for n in sizes], "the law", MODEL)
    chart.mark(best, "its best size", VERMILION, "--")
    chart.dots(*zip(*dots, strict=True), "measured", DARK)
    chart.legend()
    words = "Loss over size at one budget: a valley, its lowest point marked."
    return chart.picture(words, f"{title}. {words}")
