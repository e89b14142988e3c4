"""The parts of a page that move: buttons and what only this run knows.

A live part offers a widget to front ends that show widgets, and a fixed text to all
others. The widget is never compared when a stored page is checked, so it may hold what
changes from run to run: a timing, a guess, this learner's own progress.
"""

import statistics
import time
from collections.abc import Callable, Mapping

from .cards import shell

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Live:
    """A widget, built when it is shown, and the stable text and HTML in its place."""

    def __init__(self, build: Callable, text: str, html: str | None = None):
        self.build, self.text, self.html = build, text, html

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = {"text/plain": self.text}
        if self.html is not None:
            bundle["text/html"] = self.html
        if getattr(shell(), "kernel", None) is not None:
            self.widget = self.build()  # kept: its callbacks live as long as it does
            bundle[WIDGET_VIEW] = {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.widget.model_id,
            }
        return bundle


def buttons_with_answers(answers: Mapping[str, Callable[[], str]], first: str = ""):
    """Return a widget: a row of buttons, and below it the HTML that the last one gave.

    ``first`` stands there before any is pressed. Its ``children`` are row and place.
    """
    import ipywidgets as widgets

    place = widgets.HTML(first)

    def button(label, answer):
        made = widgets.Button(description=label, layout={"width": "max-content"})
        made.on_click(lambda _: setattr(place, "value", answer()))
        return made

    row = widgets.HBox([button(*entry) for entry in answers.items()])
    return widgets.VBox([row, place])


def html_widget(html: str):
    """Return a widget that shows HTML."""
    import ipywidgets as widgets

    return widgets.HTML(html)


def seconds_of(function: Callable, budget: float = 0.05) -> float:
    """Return the median time of one call, measured for about ``budget`` seconds."""
    times, end = [], time.perf_counter() + budget
    while not times or (time.perf_counter() < end and len(times) < 200):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
