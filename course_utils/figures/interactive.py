"""Figures with knobs: controls above one picture, which is drawn anew at each change.

``Interactive`` is made so that one cell serves every reader. In JupyterLab and Colab it
is alive. On GitHub, in print and before the page has run it is a still picture. For CI
it is what the first picture showed, in words and numbers. The picture is the value of
an HTML widget, not an Output widget: nothing flickers, it carries a text alternative,
and a test may turn a knob in plain Python and look at what is drawn. Works with
ipywidgets 7.7 and 8.
"""

from collections.abc import Callable
from html import escape

from ipywidgets import HTML, Text, VBox, Widget

from course_utils.figures.plots import Picture


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
    """Label a control in full, fit it in the page, let it report a movement's end."""
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
        control.continuous_update = False


def _apology(error: Exception) -> str:
    return (
        '<p role="alert"><b>This setting cannot be drawn.</b> '
        f"{type(error).__name__}: {escape(str(error))}<br>"
        "Change it and go on; below is the last picture that worked.</p>"
    )
