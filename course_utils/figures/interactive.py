"""Figures with knobs: controls above one picture, which is drawn anew at each change.

``Interactive`` is made so that one cell serves every reader. In JupyterLab and Colab it
is alive. On GitHub, in print and before the page has run it is a still picture. For CI
it is what the first picture showed, in words and numbers. The picture is the value of
an HTML widget, not an Output widget: nothing flickers, it carries a text alternative,
and a test may turn a knob in plain Python and look at what is drawn. Works with
ipywidgets 7.7 and 8.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from html import escape
from itertools import count

from ipywidgets import HTML, Text, ToggleButtons, VBox, Widget

from course_utils.figures.plots import TRUTH, Picture


class Interactive(VBox):
    """Controls, and the picture that ``draw`` makes of their values.

    ``draw`` takes the controls' values under the names that they have here, and returns
    a ``plots.Picture``::

        Interactive(draw, power=IntSlider(value=2, min=1, max=4))

    A control without a description is labelled with its name. If ``draw`` raises, the
    message is shown above the last picture that worked; the first drawing raises as
    usual. ``picture`` is what is shown now. Raises TypeError for a control that is not
    a widget with a value.

    To choose from a list take SelectionSlider: in JupyterLab the arrow keys leave a
    Dropdown for the next cell, so that nobody can set it by keyboard.
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
        self.text = f"Interactive figure, controls: {names}. {self.picture!r}"
        self.frame = HTML()
        super().__init__([*controls.values(), self.frame])
        self._show()

    def _draw(self) -> Picture:
        return self.draw(**{name: box.value for name, box in self.controls.items()})

    def _redraw(self, change) -> None:
        try:
            self.picture = self._draw()
        except Exception as error:  # whatever it is, the learner must see it
            self._show(_apology(error))
        else:
            self._show()

    def _show(self, apology: str = "") -> None:
        """Show the picture as it is now, below an apology if there is one."""
        self.frame.value = apology + self.picture.to_html()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.picture._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data["application/vnd.jupyter.widget-view+json"] = view
        data["text/plain"] = self.text
        return data, metadata


class OverTokens(Interactive):
    """An interactive figure of a text: who clicks on a token chooses it.

    ``draw`` returns a ``tokens.TokenPicture``. The control named ``slider`` chooses a
    token too; ``value_of(picture, i)`` is its value for the i-th token of the text.
    """

    def __init__(self, draw, slider: str, value_of: Callable, **controls: Widget):
        self._slider, self._value_of = slider, value_of
        self.heading, self.tokens = HTML(), ToggleButtons()
        self.tokens.style.button_width = "max-content"
        self.tokens.layout.max_width = "98%"
        self._following = False  # whether the buttons are being set by us
        super().__init__(draw, **controls)
        self.tokens.add_class(self._name)
        self.tokens.observe(self._choose, "index")
        self.children = [*controls.values(), self.heading, self.tokens, self.frame]

    @property
    def _name(self) -> str:
        """The class of this figure's buttons, in its style sheet."""
        return f"tokens-{self.tokens.model_id}"

    def _choose(self, change) -> None:
        if self._following or self.tokens.index is None:
            return
        control = self.controls[self._slider]
        value = self._value_of(self.picture, self.tokens.index)
        value = min(max(value, control.min), control.max)
        if control.value == value:
            self._show()  # the slider stays, and so does the button that is pressed
        control.value = value

    def _show(self, apology: str = "") -> None:
        picture = self.picture
        lines = "<br>".join(map(escape, picture.above))
        above = f"<p>{lines}</p>" if lines else ""
        self.heading.value = f"{apology}{above}<b>{escape(picture.title)}</b>"
        self._following = True
        try:
            options = tuple(zip(_told_apart(picture.labels), count(), strict=False))
            if self.tokens.options != options:
                self.tokens.options = options
            self.tokens.index = picture.chosen
        finally:
            self._following = False
        self.frame.value = self._style(picture) + picture.panels

    def _style(self, picture) -> str:
        """Return the style sheet that shades the buttons."""
        here = f".{self._name} button"
        rules = [
            f"{here} {{height: 23px; line-height: 21px; padding: 0 2px; "
            "margin: 0 1px 2px 0; font: 12px monospace; border: 1px solid #EEEEEE; "
            "box-shadow: none}"
        ]
        for i, (ground, ink) in enumerate(picture.colours, 1):
            rules.append(
                f"{here}:nth-of-type({i}) {{background: {ground}; color: {ink}}}"
            )
        rules.append(f"{here}.mod-active {{outline: 2px solid {TRUTH}}}")
        return f"<style>{' '.join(rules)}</style>"


def _told_apart(labels: Iterable[str]) -> list[str]:
    """Return the labels, those that came before with spaces of no width.

    The browser's part of ToggleButtons finds a button by its label.
    """
    seen: Counter[str] = Counter()
    apart = []
    for label in labels:
        apart.append(label + "\u200b" * seen[label])
        seen[label] += 1
    return apart


def _prepare(name: str, control: Widget) -> None:
    """Label a control in full, fit it in the page, let it report while it moves.

    A text is reported when it is finished: half a word would only confuse a model.
    """
    if not isinstance(control, Widget) or not control.has_trait("value"):
        raise TypeError(f"{name} must be a widget with a value, got {control!r}")
    control.description = control.description or name.replace("_", " ")
    control.style.description_width = "initial"
    # A full width and its margins would be wider than the page, which then scrolls.
    control.layout.max_width = control.layout.max_width or "98%"
    # A slider's own 300 pixels would cut the words at its end ("175B (GPT-").
    wide = "98%" if isinstance(control, Text) else "450px"
    control.layout.width = control.layout.width or wide
    if control.has_trait("continuous_update"):
        control.continuous_update = not isinstance(control, Text)


def _apology(error: Exception) -> str:
    return (
        '<p role="alert"><b>This setting cannot be drawn.</b> '
        f"{type(error).__name__}: {escape(str(error))}<br>"
        "Change it and go on; below is the last picture that worked.</p>"
    )
