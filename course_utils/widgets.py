"""Figures with knobs: controls above one picture, which is drawn anew at each change.

``Interactive`` is made so that one cell serves every reader. In JupyterLab and Colab it
is alive. On GitHub, in print and before the page has run it is a still picture. For CI
it is a sentence that never changes. The picture is the value of an HTML widget, not an
Output widget: nothing flickers, it carries a text alternative, and a test may turn a
knob in plain Python and look at what is drawn. Works with ipywidgets 7.7 and 8.

Floor 6: stands on ``plots`` and ``sampling``; the only importer of ipywidgets.
"""

import time
from collections.abc import Callable
from html import escape

import torch
from IPython import get_ipython
from IPython.display import display
from ipywidgets import HTML, Checkbox, IntSlider, Layout, Text, VBox, Widget

from course_utils.ablation import heads_off
from course_utils.cross_entropy import cross_entropy
from course_utils.plots import Picture, head_view, loss_curve, next_word_bars
from course_utils.sampling import encode_prompt, next_words


class Interactive(VBox):
    """Controls, and the picture that ``draw`` makes of their values.

    ``draw`` takes the controls' values under the names that they have here, and returns
    a ``plots.Picture``::

        Interactive(draw, power=IntSlider(value=2, min=1, max=4))

    A control without a description is labelled with its name. If ``draw`` raises, the
    message is shown above the last picture that worked; the first drawing raises as
    usual. ``picture`` is what is shown now. Raises TypeError for a control that is not
    a widget with a value.
    """

    # ipywidgets 7 would show itself through this, without the still picture.
    _ipython_display_ = None

    def __init__(self, draw: Callable[..., Picture], **controls: Widget):
        self.draw, self.controls = draw, controls
        for name, control in controls.items():
            _prepare(name, control)
            control.observe(self._redraw, "value")
        self.picture = self._draw()
        names = ", ".join(control.description for control in controls.values())
        self.text = f"Interactive figure, controls: {names}. {self.picture.text}"
        self.frame = HTML(self.picture.to_html())
        super().__init__([*controls.values(), self.frame])

    def _draw(self) -> Picture:
        return self.draw(**{name: box.value for name, box in self.controls.items()})

    def _redraw(self, change) -> None:
        try:
            self.picture = self._draw()
        except Exception as error:  # whatever it is, the learner must see it
            self.frame.value = _apology(error) + self.picture.to_html()
        else:
            self.frame.value = self.picture.to_html()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.picture._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data["application/vnd.jupyter.widget-view+json"] = view
        data["text/plain"] = self.text
        return data, metadata


def _prepare(name: str, control: Widget) -> None:
    """Label a control in full, and let it report when its movement ends."""
    if not isinstance(control, Widget) or not control.has_trait("value"):
        raise TypeError(f"{name} must be a widget with a value, got {control!r}")
    control.description = control.description or name.replace("_", " ")
    control.style.description_width = "initial"
    if control.has_trait("continuous_update"):
        control.continuous_update = False


def _apology(error: Exception) -> str:
    return (
        '<p role="alert"><b>This setting cannot be drawn.</b> '
        f"{type(error).__name__}: {escape(str(error))}<br>"
        "Change it and go on; below is the last picture that worked.</p>"
    )


class NextWord(Interactive):
    """Edit a prompt and see what comes next: the model's bars beside the true ones.

    ``world`` knows the true distribution. Where it would never tell a story with this
    beginning, the picture says so and shows the model's bars alone.
    """

    def __init__(self, model, tokenizer, world, prompt: str):
        def draw(prompt: str) -> Picture:
            # Many words, so that hardly a true one is missing among the model's.
            guess = next_words(model, tokenizer, prompt, n=100)
            truth = world.next_words(prompt)
            end = prompt if len(prompt) <= 30 else "…" + prompt[-29:]
            title = f"What follows “{end}”?"
            if not truth:
                title += "\nThe world never tells this: the model guesses alone"
            return next_word_bars(guess, truth, title)

        wide = Layout(width="100%")
        box = Text(prompt, description="The story so far (then Enter)", layout=wide)
        super().__init__(draw, prompt=box)


class HeadView(Interactive):
    """What a head of a trained model looks at, and what the model is without it.

    Choose the text, the head and the token that looks, counted from the end of the text
    so that it can be chosen in any; switch the head off, and the picture shows the next
    word and the loss on the text with and without it.
    """

    def __init__(self, model, tokenizer, prompt: str, layer: int = 0, head: int = 0):
        def draw(prompt: str, layer: int, head: int, back: int, off: bool) -> Picture:
            if not prompt.strip():
                raise ValueError("write at least one word")
            ids = torch.tensor([encode_prompt(model, tokenizer, prompt)])
            guesses, losses = {}, {}
            for state in ("on", "off") if off else ("on",):
                with heads_off(model, [(layer, head)] if state == "off" else []):
                    guesses[state] = next_words(model, tokenizer, prompt, n=5)
                    losses[state] = _loss(model, ids)
            with torch.no_grad():
                weights = model.attention_weights(ids)[layer][0, head]
            pieces = [tokenizer.token_bytes(token) for token in ids[0].tolist()]
            chosen = max(len(pieces) - 1 - back, 0)
            title = f"Layer {layer}, head {head}: where the framed token looks"
            return head_view(pieces, weights.numpy(), chosen, guesses, losses, title)

        wide, half = Layout(width="98%"), Layout(width="450px")
        config = model.config
        super().__init__(
            draw,
            prompt=Text(prompt, description="Text (then Enter)", layout=wide),
            layer=IntSlider(layer, max=config.n_layer - 1, layout=half),
            head=IntSlider(head, max=config.n_head - 1, layout=half),
            back=IntSlider(
                0, max=100, description="tokens back from the end", layout=half
            ),
            off=Checkbox(False, description="switch this head off"),
        )


@torch.no_grad()
def _loss(model, ids: torch.Tensor) -> float:
    """Return the mean surprise at the tokens ids (1, T), in nats."""
    return cross_entropy(model(ids[:, :-1]), ids[:, 1:]).item()


class LiveLoss:
    """The loss curve while a model trains, at its end as a still picture::

        with LiveLoss(floor) as live:
            Trainer(model, batches, config, on_step=live).run(show_progress=False)

    In a notebook the picture is drawn again at most twice a second, and only so often
    that drawing takes a twentieth of the time. In a plain script nothing is shown.
    ``picture`` holds the last one.
    """

    def __init__(self, floor: float | None = None):
        self.floor = floor
        self.picture: Picture | None = None
        self._history = self._handle = None
        self._next_drawing = 0.0

    def __enter__(self) -> "LiveLoss":
        return self

    def __call__(self, trainer) -> None:
        """Draw ``trainer.history`` if it is time to."""
        self._history = trainer.history
        if _in_notebook() and time.monotonic() >= self._next_drawing:
            self._show()

    def __exit__(self, *error) -> None:
        if self._history is not None:
            self._show()

    def _show(self) -> None:
        start = time.monotonic()
        self.picture = loss_curve(self._history, self.floor)
        if self._handle is not None:
            self._handle.update(self.picture)
        elif _in_notebook():
            self._handle = display(self.picture, display_id=True)
        took = time.monotonic() - start
        self._next_drawing = time.monotonic() + max(0.5, 19 * took)


def _in_notebook() -> bool:
    return hasattr(get_ipython(), "kernel")
