"""Tokens and words as several chapters draw them: cut, shaded, with their chances."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.figures.plots import BLUE, DARK, MODEL, STYLE, TRUTH, WIDTH

_COLUMNS = 88  # of the field on which a whole text is drawn
TINTS = LinearSegmentedColormap.from_list("tints", ["white", BLUE])
TOKEN_TEXT = {
    "ha": "center",
    "va": "center",
    "family": ["DejaVu Sans Mono", *STYLE["font.family"]],
    "fontsize": 8.5,
}


def token_label(piece: bytes) -> str:
    """Return a token as text; half a character as its bytes, a space as a dot."""
    try:
        label = piece.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<{byte:02x}>" for byte in piece)
    return label.replace(" ", "·").replace("\n", "⏎").replace("\t", "→")


def labels(pieces: Sequence[bytes]) -> str:
    """Return the tokens of a text as one line, with a bar between two."""
    return " | ".join(map(token_label, pieces))


def width(label: str) -> int:
    """Return how wide a label is: a Chinese character takes two columns."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in label)
    return len(label) + wide


def token_places(
    pieces: Sequence[bytes], columns: int, lines: int
) -> Iterator[tuple[int, int, str]]:
    """Yield (column, line, label) of each token, as far as the field reaches."""
    column = line = 0
    for label in map(token_label, pieces):
        if column and column + width(label) > columns:
            column, line = 0, line + 1
        if line == lines:
            return
        yield column, line, label
        column += width(label)


def text_over_panels(
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
    places = list(token_places(pieces, _COLUMNS, len(pieces)))
    n_lines = places[-1][1] + 1
    figure = Figure(figsize=(WIDTH, height + 0.24 * n_lines), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(0.24 * n_lines, panels))
    top = figure.add_subplot(grid[0, :], title=title)
    top.set(xlim=(0, _COLUMNS), ylim=(n_lines, 0))
    top.set_axis_off()
    for i, ((column, line, label), shade) in enumerate(
        zip(places, shades, strict=True)
    ):
        _draw_token(top, column, line, label, shade, i == chosen)
    return figure, grid


def _draw_token(axes: Axes, column, line, label, weight: float, is_chosen: bool):
    edge = dict(edgecolor=TRUTH, linewidth=1.6) if is_chosen else dict(edgecolor="#EEE")
    shade = TINTS(weight**0.5)
    box = Rectangle(
        (column + 0.05, line + 0.08), width(label) - 0.1, 0.84,
        facecolor=shade, zorder=3 if is_chosen else 2, **edge,
    )  # fmt: skip
    axes.add_patch(box)
    look = dict(color="white" if weight > 0.4 else DARK, fontsize=7.5, zorder=4)
    middle = column + width(label) / 2
    axes.text(middle, line + 0.5, label, **TOKEN_TEXT | look)


def percent(probability: float) -> str:
    """Return a probability in whole percent, without the sign; "<1" below a half."""
    # Rounded twice: 12.5 must not become 12 here and 13 there by its last binary digit.
    in_hundred = round(100 * probability, 6)
    return "<1" if 0 < in_hundred < 0.5 else f"{in_hundred:.0f}"


def readable_word(word: str) -> str:
    """Return a word without its space; what cannot be seen is named."""
    return word.strip() or ("(the end)" if word == "" else "(a space)")


def rank(word: str, truth: Mapping, model: Mapping):
    """Return the key that sorts words by their larger chance, likeliest first."""
    larger = max(truth.get(word, 0.0), model.get(word, 0.0))
    return -larger, -truth.get(word, 0.0), word


def draw_guesses(axes: Axes, guesses: Mapping, came: str) -> None:
    """Draw pairs of bars, likeliest on top, and among them the word that came."""
    model, truth = guesses["model"], guesses.get("truth", {})
    ranked = sorted({*model, *truth}, key=lambda word: rank(word, truth, model))
    words = ranked[:6] if came in ranked[:6] else [*ranked[:5], came]
    pairs = [("model", model, MODEL, -0.2), ("truth", truth, TRUTH, 0.2)]
    for name, guess, colour, shift in pairs if truth else pairs[:1]:
        at = [row + (shift if truth else 0) for row in range(len(words))]
        values = [guess.get(word, 0.0) for word in words]
        bars = axes.barh(at, [100 * p for p in values], 0.38, color=colour, label=name)
        axes.bar_label(bars, [percent(p) for p in values], padding=2, fontsize=8)
    axes.set(title="Before it came", xlabel="probability (%)", xlim=(0, 118))
    axes.set_yticks(range(len(words)), [readable_word(word) for word in words])
    axes.get_yticklabels()[words.index(came)].set_weight("bold")
    axes.set_ylim(len(words) + 0.8, -0.6)  # room for the legend
    axes.grid(False, axis="y")
    axes.legend(loc="lower right", fontsize=8, frameon=False)


def likeliest(tokenizer, chances: torch.Tensor, n: int) -> dict[str, float]:
    """Return the ``n`` likeliest tokens as text -> probability; chances are (V,)."""
    top = chances.topk(min(n, len(chances)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return {tokenizer.decode([token]): chance for token, chance in pairs}
