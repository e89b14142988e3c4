"""Page 12: a planned training run among published ones, a step in many processes."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_utils.figures.drawing import GREY, Drawing
from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    PURPLE,
    VERMILION,
    WIDTH,
    Picture,
    house_style,
)
from course_utils.planner import DEVICES, PUBLISHED, Plan


def readable(number: float) -> str:
    """Return a large number in a few characters: 1.56B, 34M, 12 thousand is 12k."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            return f"{float(f'{number / size:.3g}'):g}{letter}"
    return f"{float(f'{number:.3g}'):g}"


@house_style()
def draw_plan(plan: Plan) -> Picture:
    """Return a picture of a plan: among published runs, its memory, its time."""
    # Placed by hand: to have it laid out would take longer than to draw it.
    figure = Figure(figsize=(WIDTH, 6.6))
    _draw_runs(figure.add_axes((0.1, 0.44, 0.85, 0.46)), plan)
    _draw_memory(figure.add_axes((0.13, 0.08, 0.35, 0.23)), plan)
    _draw_days(figure.add_axes((0.66, 0.08, 0.29, 0.23)), plan)
    takes = (
        f"{plan.flops:.2g} operations, {readable(plan.days)} days "
        f"on {plan.n_devices:,} x {plan.device}, ${readable(plan.dollars)}"
    )
    figure.suptitle(takes, x=0.01, y=0.985, ha="left", weight="bold")
    text = (
        "A training run among published ones by parameters and tokens, its memory on "
        "each device, and its days by the number of devices."
    )
    parts = ", ".join(f"{name} {n / 1e9:.1f} GB" for name, n in plan.memory.items())
    fits = "fits" if plan.fits else "does not fit"
    numbers = f"{takes}. On each device: {parts}; it {fits}."
    return Picture(figure, text, numbers, numbers)


def _draw_runs(axes: Axes, plan: Plan) -> None:
    axes.set(title="Your run among published ones", xlabel="tokens")
    axes.set(ylabel="parameters", xscale="log", yscale="log")
    _label(axes.set_xticks, range(9, 15))
    _label(axes.set_yticks, range(8, 13))
    axes.minorticks_off()
    axes.set(xlim=(1e9, 1e14), ylim=(5e7, 5e12))
    for power in range(19, 28):  # lines of equal cost
        ends = [10**power / 6 / n_tokens for n_tokens in (1e9, 1e14)]
        axes.plot((1e9, 1e14), ends, color="#BBBBBB", linewidth=0.8, zorder=1)
        at = max(1.4e9, 10**power / 6 / 3e12)  # along the upper and left edges
        place = dict(fontsize=8, color="#555555", rotation=-32, va="center")
        if at < 3e13:
            axes.text(at, 10**power / 6 / at, f"1e{power}", **place)
    for run in PUBLISHED:
        axes.plot(run.n_tokens, run.n_parameters, "o", color=BLUE)
        left = run.name in ("GPT-2 XL", "Llama 3")  # there is no room on the right
        label = dict(xytext=(-9 if left else 9, -4), textcoords="offset points")
        label |= dict(fontsize=9, ha="right" if left else "left")
        axes.annotate(run.name, (run.n_tokens, run.n_parameters), **label)
    yours = dict(color=VERMILION, markersize=16, zorder=3, label="your run")
    axes.plot([plan.n_tokens], [plan.n_parameters], "*", **yours)
    axes.legend(loc="lower right", numpoints=1)


def _label(set_ticks, powers) -> None:
    """Label powers of ten in words: 1B in the place of a formula."""
    ticks = [10.0**power for power in powers]
    set_ticks(ticks, [readable(tick) for tick in ticks])


def _draw_memory(axes: Axes, plan: Plan) -> None:
    room = DEVICES[plan.device].memory / 1e9
    axes.set(title="Memory of one device", xlabel="GB, before activations")
    sizes = {name: size / 1e9 for name, size in plan.memory.items()}
    sizes["all"] = sum(sizes.values())
    colours = (BLUE, PURPLE, GREEN, DARK)
    bars = axes.barh(list(sizes), list(sizes.values()), color=colours)
    labels = [readable(size) for size in sizes.values()]
    axes.bar_label(bars, labels, padding=3, fontsize=9)
    axes.axvline(room, color=VERMILION, linestyle="--", label="its room")
    axes.invert_yaxis()
    axes.set_xlim(0, 1.3 * max(sizes["all"], room))
    axes.legend(frameon=False, loc="upper right")


def _draw_days(axes: Axes, plan: Plan) -> None:
    axes.set(title="Days, by devices", xlabel="devices", ylabel="days")
    axes.set(xscale="log", yscale="log")
    _label(axes.set_xticks, range(0, 6, 1))
    axes.set_yticks([0.01, 1, 365, 36_500], ["15 min", "1", "a year", "a century"])
    axes.minorticks_off()
    axes.set(xlim=(1, 2e5), ylim=(1e-3, 1e6))
    whole = plan.device_hours / 24
    axes.plot((1, 1e5), (whole, whole / 1e5), color=DARK)
    axes.plot([plan.n_devices], [plan.days], "*", color=VERMILION, markersize=14)
    words = f"{readable(plan.days)} days, ${readable(plan.dollars)}"
    axes.text(0.04, 0.06, words, transform=axes.transAxes, fontsize=9)


# --- A drawing: one step in several processes


def data_parallel_step(n: int = 3, B: int = 8, losses: Sequence[float] = ()):
    """Draw one step of ``n`` processes that share a batch of B texts (DDP).

    ``losses``, if they are known, one for each process. Raises ValueError unless B can
    be shared out evenly among at least two.
    """
    if n < 2 or B % n or len(losses) not in (0, n):
        raise ValueError(
            f"B must be a multiple of n, n at least 2, losses none or n; got B={B}, "
            f"n={n}, {len(losses)} losses"
        )
    height = 60 + 62 * n
    drawing = Drawing("One step in several processes", height=height)
    middle = 80 + 62 * (n - 1) / 2
    label = "mean of all\ngradients\n(all-reduce)"
    drawing.box("mean", label, (430, middle), VERMILION)
    for process in range(n):
        y = 80 + 62 * process
        loss = f"loss {losses[process]:.2f}" if losses else "loss"
        drawing.words((8, y), f"process {process}", anchor="start")
        drawing.box(f"batch {process}", f"{B // n} texts", (122, y))
        drawing.box(f"model {process}", "model", (208, y), GREEN)
        drawing.box(f"gradient {process}", f"{loss},\ngradient", (302, y), VERMILION)
        drawing.box(f"step {process}", "step", (540, y), PURPLE)
        drawing.box(f"next {process}", "model", (626, y), GREEN)
        drawing.arrow(f"batch {process}", f"model {process}")
        drawing.arrow(f"model {process}", f"gradient {process}")
        drawing.arrow(f"gradient {process}", "mean")
        drawing.arrow("mean", f"step {process}")
        drawing.arrow(f"step {process}", f"next {process}")
    drawing.words((208, 46), "the same weights", 11, GREY)
    drawing.words((616, 46), "the same again", 11, GREY)
    text = (
        "Drawing of one step in several processes: each computes the gradient of its "
        "share of the batch, all take the mean of the gradients, all do the same step."
    )
    numbers = f"{n} processes, {B // n} of {B} texts each"
    if losses:
        numbers += f"; losses {', '.join(f'{loss:.2f}' for loss in losses)}"
    return drawing.picture(text, f"{text} {numbers}.", numbers)
