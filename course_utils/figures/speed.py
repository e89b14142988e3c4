"""Page 14: slots of a batch, a planned training run, a step in many processes."""

from collections.abc import Mapping, Sequence

from course_utils.figures.charts import Axis, Panel, ranks
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    PURPLE,
    VERMILION,
    Picture,
    new_axes,
)
from course_utils.planner import DEVICES, PUBLISHED, Plan


def readable(number: float) -> str:
    """Return a large number in a few characters: 1.56B, 34M, 12 thousand is 12k."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * size:
            return f"{float(f'{number / size:.3g}'):g}{letter}"
    return f"{float(f'{number:.3g}'):g}"


def draw_plan(plan: Plan) -> VectorPicture:
    """Return a picture of a plan: among published runs, its memory, its time."""
    takes = (
        f"{plan.flops:.2g} operations, {readable(plan.days)} days "
        f"on {plan.n_devices:,} x {plan.device}, ${readable(plan.dollars)}"
    )
    drawing = Drawing(takes, height=640)
    _draw_runs(drawing, (8, 36, 656, 360), plan)
    _draw_memory(drawing, (8, 410, 330, 222), plan)
    _draw_days(drawing, (350, 410, 314, 222), plan)
    text = (
        "A training run among published ones by parameters and tokens, its memory on "
        "each device, and its days by the number of devices."
    )
    parts = ", ".join(f"{name} {n / 1e9:.1f} GB" for name, n in plan.memory.items())
    fits = "fits" if plan.fits else "does not fit"
    numbers = f"{takes}. On each device: {parts}; it {fits}."
    return drawing.picture(text, numbers, numbers)


def _powers(first: int, last: int) -> dict[float, str]:
    """Return powers of ten with their names: 1B in the place of a formula."""
    return {10.0**power: readable(10.0**power) for power in range(first, last + 1)}


def _draw_runs(drawing: Drawing, box, plan: Plan) -> None:
    x = Axis(1e9, 1e14, _powers(9, 14), log=True)
    y = Axis(5e7, 5e12, _powers(8, 12), log=True)
    labels = "Your run among published ones", "tokens", "parameters"
    panel = Panel(drawing, box, x, y, *labels)
    for power in range(19, 28):  # lines of equal cost
        ends = [10**power / 6 / n_tokens for n_tokens in (1e9, 1e14)]
        panel.line((1e9, 1e14), ends, colour="#BBBBBB", thick=0.8)
        at = max(1.4e9, 10**power / 6 / 3e12)  # along the upper and left edges
        if at < 3e13:
            panel.write(at, 10**power / 6 / at, f"1e{power}", 14, -6, colour=GREY)
    for run in PUBLISHED:
        panel.dots([run.n_tokens], [run.n_parameters])
        left = run.name in ("GPT-2 XL", "Llama 3")  # there is no room on the right
        look = dict(dx=-9 if left else 9, anchor="end" if left else "start")
        panel.write(run.n_tokens, run.n_parameters, run.name, **look)
    yours = [plan.n_tokens], [plan.n_parameters], "your run", VERMILION
    panel.dots(*yours, radius=8)
    panel.legend(top=panel.y.start - 22)


def _draw_memory(drawing: Drawing, box, plan: Plan) -> None:
    room = DEVICES[plan.device].memory / 1e9
    sizes = {name: size / 1e9 for name, size in plan.memory.items()}
    sizes["all"] = sum(sizes.values())
    x = Axis(0, 1.3 * max(sizes["all"], room))
    x.ticks = {tick: readable(tick) for tick in x.ticks}
    labels = "Memory of one device", "GB, before activations"
    panel = Panel(drawing, box, x, ranks(list(sizes), room=0.8), *labels)
    ends = [readable(size) for size in sizes.values()]
    for row, (name, colour) in enumerate(zip(sizes, (*_PARTS, DARK), strict=True)):
        panel.rows([-row], [sizes[name]], 0.8, "", colour, [ends[row]])
    panel.mark(room, "its room", VERMILION, "--")
    panel.legend(top=panel.y.start - 20)


def _draw_days(drawing: Drawing, box, plan: Plan) -> None:
    x = Axis(1, 2e5, _powers(0, 5), log=True)
    names = {0.01: "15 min", 1: "1", 365: "a year", 36_500: "a century"}
    y = Axis(1e-3, 1e6, names, log=True)
    panel = Panel(drawing, box, x, y, "Days, by devices", "devices", "days")
    whole = plan.device_hours / 24
    panel.line((1, 1e5), (whole, whole / 1e5), colour=DARK)
    panel.dots([plan.n_devices], [plan.days], colour=VERMILION, radius=7)
    words = f"{readable(plan.days)} days, ${readable(plan.dollars)}"
    panel.write(1, 1e-3, words, 8, -10, anchor="start")


_PARTS = (BLUE, PURPLE, GREEN)  # of the memory


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


# --- A drawing: texts in the slots of a batch


def draw_slots(title: str, plans: Mapping[str, Sequence[tuple]]) -> Picture:
    """Draw which text is in which slot of a batch, step by step, for each plan.

    ``plans``: name -> (slot, first step, steps) of each text. Plans stand above each
    other on one axis of steps; what stays white is an empty slot.
    """
    figure, axes = new_axes(title, "step (one pass of the model)", "", height=3.0)
    rows, names, ends = 0, [], []
    for (name, plan), colour in zip(plans.items(), (BLUE, GREEN), strict=False):
        for slot, start, steps in plan:
            place = rows + slot
            axes.barh(place, steps, left=start, color=colour, edgecolor="white")
        n_slots = 1 + max(slot for slot, _, _ in plan)
        ends.append(max(start + steps for _, start, steps in plan))
        names.append((rows + (n_slots - 1) / 2, f"{name}\n{ends[-1]} steps"))
        rows += n_slots + 1
    axes.set_yticks([place for place, _ in names], [name for _, name in names])
    axes.invert_yaxis()
    text = f"Bars of {len(plan)} texts in the slots of a batch, over steps."
    pairs = zip(plans, ends, strict=True)
    told = ", ".join(f"{name}: the last ends after {end}" for name, end in pairs)
    return Picture(figure, text, numbers=f"{told} steps.")
