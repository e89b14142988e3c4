"""Pictures that say in words what they show: style, Picture, axes, curves.

A ``Picture`` is what every function here returns: a drawing as PNG together with what
it shows in words, and with the numbers that it draws, rounded, so that a notebook's
stored output can be compared. Nothing here touches matplotlib's global state: figures
are made without pyplot, and one that a cell made with it is closed, so that none is
shown twice.

Colours: after Okabe and Ito, "Color Universal Design" (2008), those of their eight that
stand out from white by 3 : 1 and from each other in all kinds of colour blindness. The
ground is white in JupyterLab's dark theme too, like a printed figure.
"""

import base64
import io
import itertools
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import matplotlib.style
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from course_utils.figures.numbers import drawn_numbers
from course_utils.files import atomic_path

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, DARK = "#CC79A7", "#333333"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, DARK)
# One colour, one meaning, on every page.
MODEL, TRUTH = BLUE, VERMILION

WIDTH = 7.0  # inches: a notebook's text column
PIXELS_PER_INCH = 96  # on the page; the file has more, for sharp screens


def chinese_fonts(installed: Iterable[str]) -> list[str]:
    """Return those fonts that have Chinese characters; matplotlib's own has none.

    Of a collection with a face for each language (SC, TC, JP, KR) matplotlib lists the
    first alone, and that may be the Japanese one. It has the Chinese characters too.
    """
    known = ("CJK SC", "PingFang", "Hiragino Sans GB", "YaHei", "WenQuanYi", "CJK")
    names = sorted(set(installed))
    found = [name for part in known for name in names if part in name]
    return list(dict.fromkeys(found))


FONTS = chinese_fonts(font.name for font in font_manager.fontManager.ttflist)
STYLE = {
    "axes.edgecolor": DARK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": DARK,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "font.family": ["DejaVu Sans", *FONTS],
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "grid.color": "#DDDDDD",
    "text.color": DARK,
    "text.parse_math": False,  # a learner's "$5 or $6" is no formula
    "xtick.color": DARK,
    "ytick.color": DARK,
}


def house_style():
    """Return matplotlib's settings for our pictures, as a ``with`` or a decorator.

    They do not depend on the learner's own settings, and leave these as they were.
    """
    return matplotlib.style.context(["default", STYLE])


class Picture:
    """A finished drawing: PNG bytes, and what they show in words.

    Jupyter shows it as an image/png. Its text/plain, which CI compares, is ``text`` and
    below it ``numbers``, by default those that the figure draws, rounded. Give "" for
    what differs from run to run, such as times. ``alt`` (by default the same as
    ``text``) goes with the image. Raises ValueError if ``text`` says nothing.
    """

    def __init__(
        self,
        figure: Figure,
        text: str,
        alt: str | None = None,
        numbers: str | None = None,
    ):
        self.describe(text, alt, drawn_numbers(figure) if numbers is None else numbers)
        self.width = round(figure.get_figwidth() * PIXELS_PER_INCH)
        self.png = png_of(figure)
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close(figure)  # if it made the figure, Jupyter would show it again

    def describe(self, text: str, alt: str | None, numbers: str) -> None:
        """Say what the picture shows: the sentence, the image's, and the numbers."""
        if len(text.split()) < 3:
            raise ValueError(f"text must say what the picture shows, got {text!r}")
        self.text, self.alt, self.numbers = text, alt or text, numbers

    def __repr__(self) -> str:
        return f"{self.text}\n{self.numbers}".strip()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": self.base64, "text/plain": repr(self)}
        return data, {"image/png": {"width": self.width, "alt": self.alt}}

    @property
    def base64(self) -> str:
        """The PNG as text, as notebooks and web pages hold it."""
        return base64.b64encode(self.png).decode("ascii")

    def to_html(self) -> str:
        """Return an ``<img>`` that carries its image and its ``alt`` with it."""
        return (
            f'<img alt="{escape(self.alt)}" width="{self.width}" '
            f'style="max-width: 100%" src="data:image/png;base64,{self.base64}">'
        )

    def save(self, path) -> None:
        """Write the PNG to a file."""
        with atomic_path(path) as temporary:
            Path(temporary).write_bytes(self.png)


@house_style()
def png_of(figure: Figure) -> bytes:
    """Draw the figure as PNG: the same bytes for the same figure."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # What no font has is drawn as an empty box; a warning would not help.
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        figure.savefig(
            file, format="png", dpi=1.5 * PIXELS_PER_INCH, metadata={"Software": None}
        )
    return file.getvalue()


@house_style()
def new_axes(
    title: str, x_label: str, y_label: str, height: float = 3.6, width: float = WIDTH
) -> tuple[Figure, Axes]:
    """Return an empty figure in the course's style, and its axes. Sizes in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot(title=title, xlabel=x_label, ylabel=y_label)


@house_style()
def curves(
    title: str,
    x_label: str,
    y_label: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    text: str,
    marker: str = "",
    numbers: str | None = None,
    **settings,
) -> Picture:
    """Draw several curves with a legend: name -> (places, heights).

    ``text`` and ``numbers`` are those of the ``Picture``.
    ``settings`` are those of matplotlib's ``Axes.set``, such as ``xscale="log"``.
    """
    figure, axes = new_axes(title, x_label, y_label)
    for (name, (places, heights)), look in zip(
        lines.items(), itertools.cycle(("-", "--", "-.", ":", "-")), strict=False
    ):
        axes.plot(places, heights, look, marker=marker, markersize=4, label=name)
    axes.set(**settings)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogLocator(subs=(1, 3)))
            axis.set_major_formatter("{x:g}")  # matplotlib's own are formulas
            axis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False)
    return Picture(figure, text, numbers=numbers)
