"""Pages 00 and 07: training as a loop; a run while it goes on and after its end."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from course_utils.figures.charts import Axis, Chart
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.live import Live
from course_utils.figures.plots import (
    DARK,
    GREEN,
    MODEL,
    PURPLE,
    TRUTH,
    VERMILION,
    WIDTH,
    Picture,
    house_style,
    new_axes,
)
from course_utils.figures.shapes import Rect


@house_style()
def loss_curve(history, floor: float | None = None) -> Picture:
    """Draw the losses of a ``training.History`` against the steps, and the floor.

    ``floor``: the entropy of the source in nats per token, which no model can beat.
    The picture's ``text`` is the same before, during and after the training.
    """
    title = "How the loss falls" if floor is None else "How the loss nears the floor"
    figure, axes = new_axes(title, "training step", "loss (nats per token)")
    axes.plot(history.steps, history.losses, color=MODEL, alpha=0.5, label="training")
    numbers = [from_to("training", history.losses)]
    if history.validation_losses:
        steps, losses = history.validation_steps, history.validation_losses
        axes.plot(steps, losses, color=DARK, marker="o", label="held-out text")
        numbers.append(from_to("held-out text", losses))
    text = "Line chart of the loss in nats per token against the training step"
    if floor is not None:
        axes.axhline(floor, color=TRUTH, linestyle="--", label="floor")
        text += ", with the floor that no model can beat as a dashed line"
        numbers.append(f"floor {floor:.2f}")
    axes.legend(frameon=False)
    # A checker sees the first drawing, before there are numbers.
    return Picture(figure, f"{text}.", f"{text}: {'; '.join(numbers)}.", numbers="")


def from_to(name: str, losses: Sequence[float]) -> str:
    if not losses:
        return f"{name}, no step yet"
    return f"{name} from {losses[0]:.2f} to {losses[-1]:.2f}"


@house_style()
def training_panels(history, floor: float | None = None, sample: str = "") -> Picture:
    """Draw the four curves that one watches while a model trains, and what it writes.

    The loss with the floor, and below each other at the right: learning rate, gradient
    norm and tokens per second. ``sample`` is the newest text. The picture's ``text`` is
    the same before, during and after the training.
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = figure.subplot_mosaic(
        [["loss", "rate"], ["loss", "norm"], ["loss", "speed"]], width_ratios=(3, 2)
    )
    for name, title, values in (
        ("loss", "How the loss nears the floor", history.losses),
        ("rate", "learning rate", history.learning_rates),
        ("norm", "gradient norm", history.gradient_norms),
        ("speed", "tokens per second", history.tokens_per_second),
    ):
        weight = "bold" if name == "loss" else "normal"
        axes[name].set_title(
            title, fontsize=12 if name == "loss" else 10, weight=weight
        )
        axes[name].plot(history.steps, values, color=MODEL, lw=1, alpha=0.7)
    for name in ("rate", "norm"):
        axes[name].tick_params(labelbottom=False)
    for name in ("rate", "norm", "speed"):
        axes[name].set_ylim(bottom=0)
    axes["speed"].set_xlabel("training step")
    loss = axes["loss"]
    loss.set(xlabel="training step", ylabel="nats per token (log scale)", yscale="log")
    loss.set_yticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
    loss.minorticks_off()
    if history.validation_losses:
        steps, losses = history.validation_steps, history.validation_losses
        loss.plot(steps, losses, "o", color=DARK, label="held-out text")
    if floor is not None:
        loss.axhline(floor, color=TRUTH, linestyle="--", label="floor")
    if loss.get_legend_handles_labels()[0]:
        loss.legend(frameon=False)
    if sample:
        _write_below(figure, sample)
    text = (
        "Four curves of a training run, by its steps: loss, learning rate, gradient "
        "norm, tokens per second"
    )
    numbers = [from_to("training loss", history.losses)]
    numbers += [f"floor {floor:.2f}"] if floor is not None else []
    numbers += [f"it writes: {sample}"] if sample else []
    return Picture(figure, f"{text}.", f"{text}: {'; '.join(numbers)}.", numbers="")


def _write_below(figure: Figure, sample: str) -> None:
    """Write what a model wrote below the figure's axes, six lines at most."""
    lines = textwrap.fill(sample, 100, max_lines=6, placeholder=" …")
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=9)


@house_style()
def held_out_curves(
    histories: Mapping[tuple[str, float], object], floor: float
) -> Picture:
    """Draw training and held-out losses, a panel for each corpus, with one scale.

    ``histories`` maps (corpus, dropout) to a ``training.History``. The training loss is
    drawn without dropout only, which would make it another number.
    """
    corpora = list(dict.fromkeys(corpus for corpus, _ in histories))
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    panels = figure.subplots(1, len(corpora), sharey=True, squeeze=False)[0]
    shares = sorted({dropout for _, dropout in histories})
    styles = (MODEL, "o-"), (TRUTH, "s--"), (GREEN, "^-."), (PURPLE, "d:")
    looks = dict(zip(shares, styles, strict=False))
    for axes, name in zip(panels, corpora, strict=True):
        axes.set(title=name, xlabel="training step", ylim=(0, 5))
        for (corpus, dropout), history in histories.items():
            if corpus != name:
                continue
            steps, losses = history.validation_steps, history.validation_losses
            colour, look = looks[dropout]
            label = f"held out, dropout {dropout}" if dropout else "held out"
            axes.plot(steps, losses, look, color=colour, ms=4, label=label)
            if not dropout:
                given = dict(color=MODEL, lw=1, alpha=0.7, label="training")
                axes.plot(history.steps, history.losses, ":", **given)
        axes.axhline(floor, color=DARK, lw=1, label="floor")
    panels[0].set_ylabel("nats per token")
    panels[0].legend(frameon=False)
    text = "Training and held-out losses, side by side for " + " and for ".join(corpora)
    ends = [
        f"{corpus}, dropout {dropout}: held out at the end "
        f"{history.validation_losses[-1]:.2f}"
        for (corpus, dropout), history in histories.items()
    ]
    return Picture(figure, f"{text}.", f"{text}. {'; '.join(ends)}.")


def written_at(
    losses: Sequence[float], floor: float, step: int, sample: str, verdict: str
) -> VectorPicture:
    """Draw a loss curve, a point on it, and what the model wrote at that step."""
    title = f"After step {step}: {verdict}"
    lines = textwrap.wrap(sample, 96, max_lines=6, placeholder=" …")
    x, y = Axis(0, len(losses)), Axis(0.4, 8, (0.5, 1, 2, 4, 8), log=True)
    chart = Chart(title, "training step", "nats per token", x, y, 340)
    chart.line(range(1, len(losses) + 1), losses, "loss", thick=1.4)
    chart.level(floor, "floor", TRUTH)
    chart.dots([step], [losses[step - 1]], "it writes", DARK, radius=5)
    chart.legend()
    text = "The loss curve of a run, a point on it, and what was written then"
    drawing = chart.drawing
    drawing.height += 10 + 16 * len(lines)
    ground = Rect(0, 0, drawing.width, drawing.height, edge="none")
    drawing.shapes[0] = ground
    for row, line in enumerate(lines):
        drawing.words((8, 346 + 16 * row), line, 11, anchor="start")
    return chart.picture(f"{text}.", f"{text}. {title}. It writes: {sample}")


class LiveLoss(Live):
    """The loss curve while a model trains, at its end as a still picture::

    with LiveLoss(floor) as live:
        Trainer(model, batches, config, on_step=live).run(show_progress=False)
    """

    def __init__(self, floor: float | None = None):
        super().__init__()
        self.floor = floor

    def _draw(self) -> Picture:
        return loss_curve(self._history, self.floor)


class LiveTraining(LiveLoss):
    """All that one watches in a run: loss, learning rate, gradient norm, speed, text::

        with LiveTraining(floor, lambda model: generate_text(model, ...)) as live:
            trainer.on_step = live
            trainer.run(show_progress=False)

    ``write(model)`` is asked for a text after the first step and after every ``every``
    steps; ``samples`` keeps them by step. Interrupting the cell pauses the run: it ends
    with its step, and running the cell again with the same trainer and the same
    ``LiveTraining`` goes on.
    """

    def __init__(
        self,
        floor: float | None = None,
        write: Callable[[object], str] | None = None,
        every: int = 50,
    ):
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        super().__init__(floor)
        self.write, self.every = write, every
        self.samples: dict[int, str] = {}

    def __enter__(self) -> "LiveTraining":
        self._handle = None  # a cell that goes on has a picture of its own
        return self

    def __call__(self, trainer) -> None:
        """Let the model write if it is time to, and draw if it is time to."""
        step = trainer.steps_done
        if self.write and (step == 1 or step % self.every == 0):
            self.samples[step] = self.write(trainer.model)
        super().__call__(trainer)

    def _draw(self) -> Picture:
        newest = max(self.samples, default=None)
        text = self.samples.get(newest, "")
        sample = f"After step {newest} it writes: {text}" if text else ""
        return training_panels(self._history, self.floor, sample)


# --- A drawing: training as a loop


def training_loop(B: int, T: int, V: int, n_parameters: int) -> VectorPicture:
    """Draw one step of training as a round: batch, loss, gradient, step, and again.

    ``V`` is the vocabulary's size, ``n_parameters`` how many numbers are learnt.
    """
    drawing = Drawing("Training is a loop", height=290)
    drawing.box("batch", "batch", (70, 110))
    drawing.box("model", "model", (236, 110), GREEN, (110, 48))
    drawing.box("loss", "loss,\none number", (586, 110), VERMILION)
    drawing.box("gradient", "gradient", (586, 222), VERMILION)
    drawing.box("step", "optimizer's step", (236, 222), PURPLE)
    drawing.box("rate", "learning rate", (70, 222), GREY)

    drawing.arrow("batch", "model", f"ids ({B}, {T})")
    drawing.arrow("model", "loss", f"logits ({B}, {T}, {V:,})")
    corners = [(70, 60), (586, 60)]
    label = f"targets ({B}, {T}): the ids, one place on"
    drawing.arrow("batch", "loss", label, ("top", "top"), corners)
    drawing.arrow("loss", "gradient", "backward")
    label = f"one number for each of {n_parameters:,} weights"
    drawing.arrow("gradient", "step", label)
    drawing.arrow("rate", "step")
    drawing.arrow("step", "model", "new weights")
    drawing.words((8, 272), "The next batch meets the new weights.", anchor="start")
    text = (
        "Drawing of training as a loop: a batch passes the model, the logits and the "
        "targets give the loss, backward gives gradients, a step moves the weights."
    )
    numbers = f"ids ({B}, {T}), logits ({B}, {T}, {V}), {n_parameters} weights"
    return drawing.picture(text, f"{text} {numbers}.", numbers)
