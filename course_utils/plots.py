"""Pictures that say in words what they show.

A ``Picture`` is what every function here returns: a drawing as PNG together with two
texts. ``text`` is the same whenever the picture is drawn, so that a notebook's stored
output can be compared; ``alt`` may hold the numbers that were drawn. Nothing here
touches matplotlib's global state: figures are made without pyplot, and one that a cell
made with it is closed, so that none is shown twice.

Colours: after Okabe and Ito, "Color Universal Design" (2008), those of their eight that
stand out from white by 3 : 1 and from each other in all kinds of colour blindness. The
ground is white in JupyterLab's dark theme too, like a printed figure.

Floor 6: together with ``widgets`` the only importer of matplotlib.
"""

import base64
import io
import itertools
import sys
import textwrap
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

from course_utils.files import atomic_path

BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, DARK = "#CC79A7", "#333333"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, DARK)
# One colour, one meaning, on every page.
MODEL, TRUTH = BLUE, VERMILION

WIDTH = 7.0  # inches: a notebook's text column
PIXELS_PER_INCH = 96  # on the page; the file has more, for sharp screens

# Fonts with Chinese signs, wherever one is; matplotlib's own has none.
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
)
_INSTALLED_FONTS = {font.name for font in font_manager.fontManager.ttflist}
_STYLE = {
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
    "font.family": [
        "DejaVu Sans",
        *(font for font in _CHINESE_FONTS if font in _INSTALLED_FONTS),
    ],
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
    return matplotlib.style.context(["default", _STYLE])


class Picture:
    """A finished drawing: PNG bytes, and what they show in words.

    Jupyter shows it as an image/png; ``text`` is its text/plain, which CI compares, so
    it must not depend on digits that differ between machines. ``alt`` (by default the
    same) goes with the image. Raises ValueError if ``text`` says nothing.
    """

    def __init__(self, figure: Figure, text: str, alt: str | None = None):
        if len(text.split()) < 3:
            raise ValueError(f"text must say what the picture shows, got {text!r}")
        self.text = text
        self.alt = alt or text
        self.width = round(figure.get_figwidth() * PIXELS_PER_INCH)
        self.png = _render(figure)
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close(figure)  # if it made the figure, Jupyter would show it again

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include=None, exclude=None):
        data = {"image/png": self.base64, "text/plain": self.text}
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
def _render(figure: Figure) -> bytes:
    """Draw the figure as PNG: the same bytes for the same figure."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # A sign that no font has is drawn as an empty box; a warning would not help.
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


# --- The losses of a training run


@house_style()
def loss_curve(history, floor: float | None = None) -> Picture:
    """Draw the losses of a ``training.History`` against the steps, and the floor.

    ``floor``: the entropy of the source in nats per token, which no model can beat.
    The picture's ``text`` is the same before, during and after the training.
    """
    title = "How the loss falls" if floor is None else "How the loss nears the floor"
    figure, axes = new_axes(title, "training step", "loss (nats per token)")
    axes.plot(history.steps, history.losses, color=MODEL, alpha=0.5, label="training")
    numbers = [_from_to("training", history.losses)]
    if history.validation_losses:
        steps, losses = history.validation_steps, history.validation_losses
        axes.plot(steps, losses, color=DARK, marker="o", label="held-out text")
        numbers.append(_from_to("held-out text", losses))
    text = "Line chart of the loss in nats per token against the training step"
    if floor is not None:
        axes.axhline(floor, color=TRUTH, linestyle="--", label="floor")
        text += ", with the floor that no model can beat as a dashed line"
        numbers.append(f"floor {floor:.2f}")
    axes.legend(frameon=False)
    return Picture(figure, f"{text}.", f"{text}: {'; '.join(numbers)}.")


def _from_to(name: str, losses: Sequence[float]) -> str:
    if not losses:
        return f"{name}, no step yet"
    return f"{name} from {losses[0]:.2f} to {losses[-1]:.2f}"


# --- What comes next


@house_style()
def next_word_bars(
    model: Mapping[str, float],
    truth: Mapping[str, float],
    title: str = "The next word: the model's guess beside the truth",
    n: int = 8,
) -> Picture:
    """Draw the probabilities of next words as pairs of bars, likeliest on top.

    ``model`` and ``truth`` map words (with the space before them; "" is the end) to
    probabilities. An empty ``truth`` leaves the model's bars alone. The ``n`` words
    that are likeliest in either are shown. The picture's ``text`` names words only by
    ``truth``, which is the same on every machine.
    """
    shown = sorted({*model, *truth}, key=lambda word: _rank(word, truth, model))[:n]
    figure, axes = new_axes(
        title, "probability (%)", "", height=1.2 + 0.36 * len(shown)
    )
    places = range(len(shown))
    pairs = [("model", model, MODEL, -0.2), ("truth", truth, TRUTH, 0.2)]
    for name, chances, colour, shift in pairs if truth else pairs[:1]:
        values = [chances.get(word, 0.0) for word in shown]
        at, lengths = [place + shift for place in places], [100 * p for p in values]
        bars = axes.barh(at, lengths, 0.38, color=colour, label=name)
        axes.bar_label(bars, [_percent(p) for p in values], padding=3, fontsize=9)
    axes.set_yticks(places, [_readable(word) for word in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, 108)
    axes.grid(False, axis="y")
    axes.legend(frameon=False, loc="lower right")
    return Picture(figure, _bars_text(truth, n), _bars_alt(title, shown, model, truth))


def _rank(word: str, truth: Mapping, model: Mapping):
    larger = max(truth.get(word, 0.0), model.get(word, 0.0))
    return -larger, -truth.get(word, 0.0), word


def _percent(probability: float) -> str:
    # Rounded twice: 12.5 must not become 12 here and 13 there by its last binary digit.
    percent = round(100 * probability, 6)
    return "<1" if 0 < percent < 0.5 else f"{percent:.0f}"


def _readable(word: str) -> str:
    return word.strip() or ("(the end)" if word == "" else "(a space)")


def _bars_text(truth: Mapping[str, float], n: int) -> str:
    if not truth:
        return "Bar chart of the model's probabilities for the next word."
    ranked = sorted(truth, key=lambda word: (-round(truth[word], 9), word))[:n]
    words = ", ".join(f"{_readable(word)} {_percent(truth[word])}%" for word in ranked)
    return (
        "Bar chart of the probabilities of the next word, the model's beside the true "
        f"ones. True are: {words}."
    )


def _bars_alt(title: str, shown: Sequence[str], model: Mapping, truth: Mapping) -> str:
    rows = []
    for word in shown:
        row = f"{_readable(word)}: model {_percent(model.get(word, 0.0))}%"
        if truth:
            row += f", truth {_percent(truth.get(word, 0.0))}%"
        rows.append(row)
    return f"{' '.join(title.split())} ({'; '.join(rows)})"


# --- The map of the course


class Chapter(NamedTuple):
    """A box on the map: how long the page runs, and how long it takes to study."""

    title: str
    seconds_to_run: int
    minutes_to_study: int


@house_style()
def course_map(chapters: Sequence[Chapter], per_row: int = 4) -> Picture:
    """Draw the chapters as boxes, in reading order from left to right, row by row."""
    n_rows = -(-len(chapters) // per_row)
    hours = round(sum(chapter.minutes_to_study for chapter in chapters) / 60)
    title = f"{len(chapters)} pages, {hours} hours (seconds to run · minutes to study)"
    figure, axes = new_axes(title, "", "", height=0.5 + 0.85 * n_rows)
    axes.set(xlim=(-0.5, per_row - 0.5), ylim=(n_rows - 0.5, -0.5))
    axes.set_axis_off()
    for place, chapter in enumerate(chapters):
        row, column = divmod(place, per_row)
        _draw_box(axes, column, row, chapter)
        if place + 1 < len(chapters) and column + 1 < per_row:
            ends = dict(xy=(column + 0.58, row), xytext=(column + 0.42, row))
            axes.annotate("", **ends, arrowprops=dict(arrowstyle="->", color=DARK))
    boxes = [
        f"{name} (runs {seconds} s, {minutes} min to study)"
        for name, seconds, minutes in chapters
    ]
    return Picture(figure, "Map of the course, in order: " + "; ".join(boxes) + ".")


def _draw_box(axes: Axes, column: int, row: int, chapter: Chapter) -> None:
    corner = (column - 0.42, row - 0.4)
    style = "round,pad=0,rounding_size=0.08"
    fill = dict(facecolor="#EAF3F9", edgecolor=BLUE)
    axes.add_patch(FancyBboxPatch(corner, 0.84, 0.8, boxstyle=style, **fill))
    centred = dict(ha="center", va="center")
    name = "\n".join(textwrap.wrap(chapter.title, 16))
    axes.text(column, row - 0.1, name, weight="bold", **centred)
    times = f"{chapter.seconds_to_run} s · {chapter.minutes_to_study} min"
    axes.text(column, row + 0.26, times, fontsize=9, **centred)


# --- 01 Tokenization: a text cut into tokens

_TOKEN_GROUNDS = ("#CFE5F3", "#F9DCC8")  # tints of blue and vermilion, in turn
_COLUMNS, _LINES = 44, 9  # of the field on which the tokens are drawn
_TOKEN_TEXT = {
    "ha": "center",
    "va": "center",
    "family": ["DejaVu Sans Mono", *_STYLE["font.family"]],
    "fontsize": 8.5,
}


@house_style()
def segmentation(
    pieces: Sequence[bytes], sizes: Sequence[int], lengths: Sequence[int], chosen: int
) -> Picture:
    """Draw a text cut into tokens, beside the curve of what the merges buy.

    ``pieces``: the bytes of each token. ``lengths``: how many tokens a text has after
    each number of merges in ``sizes``; ``chosen`` is the number that made ``pieces``.
    """
    figure = Figure(figsize=(WIDTH, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    n_bytes = sum(map(len, pieces))
    left.set_title(f"{n_bytes} bytes, {len(pieces)} tokens after {chosen} merges")
    left.set(xlim=(0, _COLUMNS), ylim=(_LINES, 0))
    left.set_axis_off()
    for place, (column, line, label) in enumerate(_token_places(pieces)):
        box = dict(facecolor=_TOKEN_GROUNDS[place % 2], edgecolor="white")
        left.add_patch(Rectangle((column, line + 0.1), _columns(label), 0.8, **box))
        middle = column + _columns(label) / 2
        left.text(middle, line + 0.5, label, **_TOKEN_TEXT)
    right.set(title="What merges buy", xlabel="merges", ylabel="tokens of the text")
    right.set_xscale("symlog")
    right.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    right.set_ylim(0, 1.05 * max(1, *lengths))
    right.plot(sizes, lengths, color=MODEL)
    right.plot([chosen], [lengths[list(sizes).index(chosen)]], "o", color=TRUTH)
    text = (
        f"A text of {n_bytes} bytes cut into {len(pieces)} tokens by {chosen} merges, "
        f"beside the curve of its length: {lengths[0]} tokens without merges, "
        f"{lengths[-1]} with {sizes[-1]}."
    )
    return Picture(figure, text, f"{text} Tokens: {_labels(pieces)}")


def _token_label(piece: bytes) -> str:
    """Return a token as text; half a character as its bytes, a space as a dot."""
    try:
        label = piece.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<{byte:02x}>" for byte in piece)
    return label.replace(" ", "·").replace("\n", "⏎").replace("\t", "→")


def _labels(pieces: Sequence[bytes]) -> str:
    return " | ".join(map(_token_label, pieces))


def _columns(label: str) -> int:
    """Return how wide a label is: a Chinese sign takes two columns."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in label)
    return len(label) + wide


def _token_places(
    pieces: Sequence[bytes], columns: int = _COLUMNS, lines: int = _LINES
) -> Iterator[tuple[int, int, str]]:
    """Yield (column, line, label) of each token, as far as the field reaches."""
    column = line = 0
    for label in map(_token_label, pieces):
        if column and column + _columns(label) > columns:
            column, line = 0, line + 1
        if line == lines:
            return
        yield column, line, label
        column += _columns(label)


# --- 02 Attention: what a head looks at, and what is lost without it

_WIDE = 88  # columns of the field on which a whole story is drawn


@house_style()
def head_view(
    pieces: Sequence[bytes],
    weights,
    chosen: int,
    guesses: Mapping[str, Mapping[str, float]],
    losses: Mapping[str, float],
    title: str,
) -> Picture:
    """Draw a text's tokens, darker where token ``chosen`` looks, and the next word.

    ``weights`` (T, T) is one head's attention. ``guesses`` and ``losses`` hold, for
    each state of the head such as "on" and "off", the probabilities of the next word
    and the loss on the text in nats per token.
    """
    shades = [float(weight) for weight in weights[chosen]]
    figure, grid = _text_over_panels(pieces, shades, chosen, title, 3.2, 2.3)
    matrix = figure.add_subplot(grid[1, 0], xlabel="token looked at (key)")
    matrix.set(title="The whole head", ylabel="token that looks (query)")
    matrix.imshow(weights, cmap=_TINTS, norm=PowerNorm(0.5, 0, 1), aspect="auto")
    matrix.axhline(chosen, color=TRUTH, linewidth=0.8)
    matrix.grid(False)
    _draw_guesses(figure.add_subplot(grid[1, 1]), guesses, losses)
    text = (
        "The tokens of a text, darker where one of them looks, over the whole matrix "
        "of the head's attention and the next word with the head on and off."
    )
    return Picture(figure, text, _head_alt(title, pieces, weights[chosen], losses))


def _text_over_panels(
    pieces: Sequence[bytes],
    shades: Sequence[float],
    chosen: int,
    title: str,
    height: float,
    panels: float,
):
    """Draw a text's tokens, each with its shade in [0, 1]; return (figure, 2 x 2 grid).

    Below them, in the grid's second row, is room for two panels. ``height`` is the
    figure's without the lines of text, ``panels`` that of the second row, in inches.
    """
    places = list(_token_places(pieces, _WIDE, len(pieces)))
    n_lines = places[-1][1] + 1
    figure = Figure(figsize=(WIDTH, height + 0.24 * n_lines), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(0.24 * n_lines, panels))
    top = figure.add_subplot(grid[0, :], title=title)
    top.set(xlim=(0, _WIDE), ylim=(n_lines, 0))
    top.set_axis_off()
    for i, ((column, line, label), shade) in enumerate(
        zip(places, shades, strict=True)
    ):
        _draw_token(top, column, line, label, shade, i == chosen)
    return figure, grid


_TINTS = LinearSegmentedColormap.from_list("tints", ["white", BLUE])


def _draw_token(axes: Axes, column, line, label, weight: float, is_chosen: bool):
    edge = dict(edgecolor=TRUTH, linewidth=1.6) if is_chosen else dict(edgecolor="#EEE")
    shade = _TINTS(weight**0.5)
    box = Rectangle(
        (column + 0.05, line + 0.08), _columns(label) - 0.1, 0.84,
        facecolor=shade, zorder=3 if is_chosen else 2, **edge,
    )  # fmt: skip
    axes.add_patch(box)
    look = dict(color="white" if weight > 0.4 else DARK, fontsize=7.5, zorder=4)
    middle = column + _columns(label) / 2
    axes.text(middle, line + 0.5, label, **_TOKEN_TEXT | look)


def _draw_guesses(axes: Axes, guesses: Mapping, losses: Mapping) -> None:
    """Draw pairs of bars, with the loss on the text in the legend."""
    words = dict.fromkeys(word for guess in guesses.values() for word in guess)
    chances = {w: max(g.get(w, 0.0) for g in guesses.values()) for w in words}
    likely = [word for word, chance in chances.items() if chance >= 0.005]
    shown = sorted(likely, key=lambda word: (-chances[word], word))[:5]
    axes.set(title="The next word", xlabel="probability (%)", xlim=(0, 118))
    height = 0.8 / len(guesses)
    for place, (name, guess) in enumerate(guesses.items()):
        shift = height * (place - (len(guesses) - 1) / 2)
        at = [row + shift for row in range(len(shown))]
        values = [guess.get(word, 0.0) for word in shown]
        look = dict(color=(MODEL, PURPLE)[place], label=f"{name}: {losses[name]:.2f}")
        bars = axes.barh(at, [100 * p for p in values], 0.95 * height, **look)
        axes.bar_label(bars, [_percent(p) for p in values], padding=2, fontsize=8)
    axes.set_yticks(range(len(shown)), [_readable(word) for word in shown])
    axes.set_ylim(1.4 * len(shown), -0.5)  # downwards, with room for the legend
    axes.grid(False, axis="y")
    axes.legend(
        title="head, loss on the text", loc="lower right", fontsize=8, frameon=False
    )


def _head_alt(title, pieces, row, losses: Mapping) -> str:
    most = sorted(range(len(pieces)), key=lambda s: -float(row[s]))[:3]
    seen = ", ".join(
        f"{_token_label(pieces[s])} {_percent(float(row[s]))}%" for s in most
    )
    told = "; ".join(f"loss {loss:.2f} with the head {n}" for n, loss in losses.items())
    return f"{title}. It looks most at {seen}. {told}."


# --- Primer: tables of numbers


@house_style()
def number_tables(title: str, parts: Sequence[tuple], text: str) -> Picture:
    """Draw tables of numbers beside each other, with parts of them strong.

    ``parts`` holds for each table its label, its numbers (rows, columns) and how many
    rows and columns, from the first, are strong; what is beyond them is pale. ``text``
    says what the picture shows.
    """
    tallest = max(table.shape[0] for _, table, _ in parts)
    figure, axes = new_axes(title, "", "", height=1.0 + 0.4 * tallest)
    left = 0
    for label, table, strong in parts:
        rows, columns = table.shape
        axes.text(left + columns / 2, -0.3, label, ha="center", va="bottom")
        for row in range(rows):
            for column in range(columns):
                is_strong = row < strong[0] and column < strong[1]
                _draw_number(axes, left + column, row, table[row, column], is_strong)
        left += columns + 1
    axes.set(xlim=(-0.1, left - 0.9), ylim=(tallest + 0.1, -1), aspect="equal")
    axes.axis("off")
    return Picture(figure, text)


def _draw_number(axes: Axes, x: float, y: float, number, is_strong: bool) -> None:
    colour = MODEL + ("55" if is_strong else "18")
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", lw=2))
    axes.text(
        x + 0.5,
        y + 0.5,
        f"{float(number):g}",
        ha="center",
        va="center",
        color=DARK + ("" if is_strong else "B0"),
    )


# --- 04 Cross-entropy: where the loss of a story sits


@house_style()
def story_losses(
    pieces: Sequence[bytes],
    model: Sequence[float],
    truth: Sequence[float] | None,
    chosen: int,
    guesses: Mapping[str, Mapping[str, float]],
    title: str,
) -> Picture:
    """Draw a story's words, darker where they cost the model more, and how it adds up.

    ``model`` and ``truth`` hold the surprise at each word in nats, of the model and of
    the true probabilities. ``guesses`` maps "model" and "truth" to probabilities of the
    word at ``chosen``, before it was seen. Where no truth is known it is None, and
    ``guesses`` has the model's alone.
    """
    shades = [min(1.0, nats / 4) for nats in model]  # 4 nats: one in 55
    figure, grid = _text_over_panels(pieces, shades, chosen, title, 3.4, 2.4)
    came = pieces[chosen].decode("utf-8", errors="replace")
    _draw_both_guesses(figure.add_subplot(grid[1, 0]), guesses, came)
    sums = figure.add_subplot(grid[1, 1], title="How it adds up")
    unit = "words" if truth else "tokens"
    sums.set(xlabel=f"{unit} read", ylabel="nats so far")
    known = [("model", model, "-")]
    known += [] if truth is None else [("truth", truth, "--")]
    for name, nats, look in known:
        colour = MODEL if name == "model" else TRUTH
        total = list(itertools.accumulate(nats, initial=0.0))
        sums.plot(total, look, color=colour, label=f"{name}: {total[-1]:.1f}")
    sums.axvline(chosen + 0.5, color=DARK, linewidth=0.8)
    sums.legend(frameon=False, loc="lower right", fontsize=8)
    text = (
        "The tokens of a text, darker where they cost the model more, over the next "
        "token's probabilities and the sum of the surprises."
        if truth is None
        else "The words of a story, darker where they cost the model more, over the "
        "next word's probabilities and the sum of the surprises, the model's and the "
        "true."
    )
    costs = f"the model {model[chosen]:.2f} nats"
    costs += "" if truth is None else f", the truth {truth[chosen]:.2f}"
    word = _token_label(pieces[chosen])
    framed = f"The framed {unit[:-1]} {word} costs {costs}."
    return Picture(figure, text, f"{title}. {framed}")


def _draw_both_guesses(axes: Axes, guesses: Mapping, came: str) -> None:
    """Draw pairs of bars, likeliest on top, and among them the word that came."""
    model, truth = guesses["model"], guesses.get("truth", {})
    ranked = sorted({*model, *truth}, key=lambda word: _rank(word, truth, model))
    words = ranked[:6] if came in ranked[:6] else [*ranked[:5], came]
    pairs = [("model", model, MODEL, -0.2), ("truth", truth, TRUTH, 0.2)]
    for name, guess, colour, shift in pairs if truth else pairs[:1]:
        at = [row + (shift if truth else 0) for row in range(len(words))]
        values = [guess.get(word, 0.0) for word in words]
        bars = axes.barh(at, [100 * p for p in values], 0.38, color=colour, label=name)
        axes.bar_label(bars, [_percent(p) for p in values], padding=2, fontsize=8)
    axes.set(title="Before it came", xlabel="probability (%)", xlim=(0, 118))
    axes.set_yticks(range(len(words)), [_readable(word) for word in words])
    axes.get_yticklabels()[words.index(came)].set_weight("bold")
    axes.set_ylim(len(words) + 0.8, -0.6)  # room for the legend
    axes.grid(False, axis="y")
    axes.legend(loc="lower right", fontsize=8, frameon=False)


# --- applications


class ReadablePicture(Picture):
    """A picture under a text that can be read without it, and selected.

    Where no installed font has Chinese signs, the picture shows boxes in their place.
    """

    def __init__(self, figure: Figure, text: str, alt: str, above: Sequence[str]):
        super().__init__(figure, text, alt)
        self.above = above

    def to_html(self) -> str:
        """Return the text's lines as a paragraph, and the picture below it."""
        return f"<p>{'<br>'.join(map(escape, self.above))}</p>{super().to_html()}"


@house_style()
def answer_view(
    pieces: Sequence[bytes],
    chances: Sequence[float],
    chosen: int,
    guess: Mapping[str, float],
    above: Sequence[str],
) -> ReadablePicture:
    """Draw a prompt with its answer, each answer token darker the surer the model was.

    ``chances`` are the probabilities of the answer's tokens, the last of ``pieces``;
    ``chosen`` is one of them, counted from 0; ``guess`` holds what might have stood in
    its place. ``above`` are lines of text that say the answer.
    """
    n_prompt = len(pieces) - len(chances)
    shades = [0.0] * n_prompt + list(chances)
    title = "What the model reads, and in blue what it answers"
    figure, grid = _text_over_panels(pieces, shades, n_prompt + chosen, title, 3.4, 2.4)
    came = pieces[n_prompt + chosen].decode("utf-8", errors="replace")
    bars = figure.add_subplot(grid[1, 0])
    _draw_both_guesses(bars, {"model": {came: chances[chosen], **guess}}, came)
    sure = figure.add_subplot(grid[1, 1], title="How sure of each token")
    sure.set(xlabel="token of the answer", ylabel="probability (%)", ylim=(0, 105))
    colours = [TRUTH if i == chosen else MODEL for i in range(len(chances))]
    sure.bar(range(1, len(chances) + 1), [100 * p for p in chances], color=colours)
    text = (
        "A prompt and a model's answer, each of its tokens darker the surer the model "
        "was, over what might have stood in one place and how sure it was of each."
    )
    framed = f"The framed token {_token_label(pieces[n_prompt + chosen])}"
    alt = f"{text} {' '.join(above)} {framed} had {_percent(chances[chosen])} percent."
    return ReadablePicture(figure, text, alt, above)


# --- training


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
    numbers = [_from_to("training loss", history.losses)]
    numbers += [f"floor {floor:.2f}"] if floor is not None else []
    numbers += [f"it writes: {sample}"] if sample else []
    return Picture(figure, f"{text}.", f"{text}: {'; '.join(numbers)}.")


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
    for axes, name in zip(panels, corpora, strict=True):
        axes.set(title=name, xlabel="training step", ylim=(0, 5))
        for (corpus, dropout), history in histories.items():
            if corpus != name:
                continue
            steps, losses = history.validation_steps, history.validation_losses
            colour, look = (TRUTH, "s--") if dropout else (MODEL, "o-")
            label = f"held out, dropout {dropout}" if dropout else "held out"
            axes.plot(steps, losses, look, color=colour, ms=4, label=label)
            if not dropout:
                given = dict(color=MODEL, lw=1, alpha=0.7, label="training")
                axes.plot(history.steps, history.losses, ":", **given)
        axes.axhline(floor, color=DARK, lw=1, label="floor")
    panels[0].set_ylabel("nats per token")
    panels[-1].legend(frameon=False)
    text = "Training and held-out losses, side by side for " + " and for ".join(corpora)
    ends = [
        f"{corpus}, dropout {dropout}: held out at the end "
        f"{history.validation_losses[-1]:.2f}"
        for (corpus, dropout), history in histories.items()
    ]
    return Picture(figure, f"{text}.", f"{text}. {'; '.join(ends)}.")


@house_style()
def written_at(
    losses: Sequence[float], floor: float, step: int, sample: str, verdict: str
) -> Picture:
    """Draw a loss curve, a point on it, and what the model wrote at that step."""
    title = f"After step {step}: {verdict}"
    figure, axes = new_axes(title, "training step", "nats per token")
    axes.plot(range(1, len(losses) + 1), losses, lw=1, alpha=0.7)
    axes.plot([step], [losses[step - 1]], "o", color=DARK)
    axes.axhline(floor, color=TRUTH, linestyle="--")
    axes.set_yscale("log")
    axes.set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    axes.minorticks_off()
    _write_below(figure, sample)
    text = "The loss curve of a run, a point on it, and what was written then"
    return Picture(figure, f"{text}.", f"{text}. {title}. It writes: {sample}")


# --- sampling

_CUT = "#BBBBBB"


@house_style()
def knob_bars(
    tokens: Sequence[bytes],
    before: Sequence[float],
    after: Sequence[float],
    title: str,
    samples: Sequence[str] = (),
) -> Picture:
    """Draw what the knobs make of a distribution, and texts written with them.

    ``before`` and ``after`` are the probabilities of ``tokens``, likeliest first. What
    has 0 afterwards is cut, and grey.
    """
    figure = Figure(figsize=(WIDTH, 3.7 + 0.22 * len(samples)), layout="constrained")
    axes = figure.add_subplot(title=title, ylabel="probability (%)")
    places = range(len(tokens))
    colours = [_CUT if p == 0 else "none" for p in after]
    edges = [_CUT if p == 0 else DARK for p in after]
    axes.bar(places, [100 * p for p in after], 0.8, color=MODEL, label="with the knobs")
    axes.bar(places, [100 * p for p in before], 0.8, color=colours, edgecolor=edges)
    axes.bar(0, 0, color="none", edgecolor=DARK, label="the model's own")
    axes.bar(0, 0, color=_CUT, label="cut off")
    axes.set_xticks(places, map(_token_label, tokens), rotation=60, fontsize=8.5)
    axes.grid(False, axis="x")
    axes.margins(x=0.01)
    axes.legend(frameon=False, loc="upper right")
    lines = [textwrap.shorten(sample, 92, placeholder=" …") for sample in samples]
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=9)
    text = (
        "Bar chart of the likeliest next tokens: the model's own probabilities as "
        "outlines, those with the knobs filled, what is cut off grey"
    )
    n_cut = sum(p == 0 for p in after)
    told = f"{text}. {title}; {n_cut} of the {len(tokens)} shown are cut off. "
    return Picture(figure, f"{text}.", told + " ".join(lines))


class Twig(NamedTuple):
    """A text of a beam search: what it adds to which text of the step before."""

    parent: int  # its place among the kept ones of the step before
    label: bytes
    log_prob: float  # of the whole text, in nats
    kept: bool


@house_style()
def beam_tree(steps: Sequence[Sequence[Twig]], title: str) -> Picture:
    """Draw a beam search as a tree, a column for each step, likeliest text on top.

    The texts that are kept are blue, those that lose against them grey. A line goes to
    the text of the step before that each one extends.
    """
    rows = max(map(len, steps))
    figure, axes = new_axes(title, "", "", height=0.8 + 0.42 * rows)
    axes.set(xlim=(-0.35, len(steps) + 0.5), ylim=(rows - 0.4, -0.6))
    axes.set_axis_off()
    above = [(0.0, (rows - 1) / 2)]
    root = dict(facecolor="white", edgecolor="none", pad=2)
    axes.text(*above[0], "start", ha="center", va="center", weight="bold", bbox=root)
    for column, step in enumerate(steps, 1):
        kept = []
        for row, twig in enumerate(step):
            colour = MODEL if twig.kept else _CUT
            x, y = above[twig.parent]
            # From the middle of a box, hidden behind it, straight out and across.
            places = [x, x + 0.4, column - 0.34], [y, y, row]
            axes.plot(*places, color=colour, lw=1, zorder=1 + twig.kept)
            label = f"{_shown(twig)}  {twig.log_prob:.1f}"
            box = dict(boxstyle="round,pad=0.25", fc="white", ec=colour)
            ink = dict(color=DARK if twig.kept else "#767676", zorder=4)
            axes.text(column - 0.33, row, label, va="center", bbox=box, **ink)
            if twig.kept:
                kept.append((column - 0.2, float(row)))
        above = kept
    n_kept = sum(twig.kept for twig in steps[-1])
    text = (
        f"Tree of a beam search over {len(steps)} steps: in each, the {n_kept} "
        "likeliest texts are kept, and the others end there"
    )
    last = " ".join(f"{_shown(twig)} {twig.log_prob:.1f};" for twig in steps[-1])
    return Picture(figure, f"{text}.", f"{text}. Last step: {last}")


def _shown(twig: Twig) -> str:
    return "(end)" if twig.label == b"<|endoftext|>" else _token_label(twig.label)


# --- 05 Optimization: curves beside each other


@house_style()
def curves(
    title: str,
    x_label: str,
    y_label: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    text: str,
    marker: str = "",
    **settings,
) -> Picture:
    """Draw several curves with a legend: name -> (places, heights).

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
    return Picture(figure, text)


@house_style()
def run_among_others(
    title: str,
    run: Sequence[float],
    others: Sequence[Sequence[float]],
    rates: Sequence[float],
) -> Picture:
    """Draw a recorded run's loss before other runs', in grey, and its rate below.

    ``rates`` holds one number for each step, as shares of the peak; each loss is the
    mean of equally many steps.
    """
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    width = len(rates) / len(run)  # steps that one loss stands for
    steps = [width * (i + 0.5) for i in range(len(run))]
    for other in others:
        top.plot(steps, other, color="#CCCCCC", linewidth=1)
    top.plot(steps, run, color=MODEL, linewidth=2.5)
    top.set(title=title, ylabel="loss (nats per token)", ylim=(1, 8))
    bottom.plot(range(len(rates)), rates, color=DARK)
    bottom.set(xlabel="step", ylabel="rate / peak", ylim=(0, 1.1))
    note = f"One of {len(others)} recorded runs: made beforehand, not computed now."
    figure.supxlabel(note, fontsize=9)
    text = "Line chart of one recorded run's loss, others in grey, and of its rate."
    return Picture(figure, text, f"{title}: the loss ends at {run[-1]:.2f}. {note}")


# --- 08 Hugging Face's GPT-2


@house_style()
def layer_lens(
    pieces: Sequence[bytes],
    guesses: Sequence[Sequence[bytes]],
    chances: Sequence[Sequence[float]],
    title: str,
) -> Picture:
    """Draw which token a model would say after each of its layers, as a table.

    A column for each token read, a row for each layer, the embedding at the bottom.
    ``guesses`` and ``chances`` hold its likeliest token and that token's probability.
    A cell that says what the last layer will say is framed.
    """
    n_rows, n_columns = len(guesses), len(pieces)
    figure, axes = new_axes(title, "token read", "", height=1.1 + 0.34 * n_rows)
    axes.set(xlim=(0, n_columns), ylim=(0, n_rows))
    axes.grid(False)
    for row, (said, shares) in enumerate(zip(guesses, chances, strict=True)):
        for column, (piece, share) in enumerate(zip(said, shares, strict=True)):
            agrees = piece == guesses[-1][column]
            edge = TRUTH if agrees else "#EEE"
            look = dict(edgecolor=edge, linewidth=1.4, zorder=3 if agrees else 2)
            box = Rectangle(
                (column + 0.04, row + 0.08), 0.92, 0.84,
                facecolor=_TINTS(share**0.5), **look,
            )  # fmt: skip
            axes.add_patch(box)
            ink = dict(color="white" if share > 0.4 else DARK, fontsize=7.5, zorder=4)
            label = _token_label(piece)
            label = label if _columns(label) <= 9 else f"{label[:8]}…"
            axes.text(column + 0.5, row + 0.5, label, **_TOKEN_TEXT | ink)
    names = ["embedding", *(f"block {i}" for i in range(1, n_rows))]
    axes.set_yticks([row + 0.5 for row in range(n_rows)], names)
    labels = map(_token_label, pieces)
    axes.set_xticks([column + 0.5 for column in range(n_columns)], labels, rotation=30)
    axes.tick_params(length=0)
    text = (
        "Table of the likeliest next token after each layer and token, darker where "
        "it is likelier, framed where it is what the last layer says."
    )
    ends = ", ".join(_token_label(said[-1]) for said in guesses)
    return Picture(figure, text, f"{text} {title}. After the last token: {ends}.")
