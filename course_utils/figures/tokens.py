"""Tokens and words as several chapters draw them: cut, shaded, with their chances."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from html import escape

import torch
from matplotlib.colors import LinearSegmentedColormap

from course_utils.figures.charts import Axis, Panel, ranks
from course_utils.figures.drawing import PAGE, Drawing, VectorPicture, mixed
from course_utils.figures.plots import BLUE, DARK, MODEL, STYLE, TRUTH
from course_utils.figures.shapes import Rect, Words, to_svg

_COLUMNS = 88  # of the field on which a whole text is drawn
LINE = 23  # pixels: a line of tokens
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


class TokenPicture(VectorPicture):
    """A text's tokens over panels. In a live figure the tokens are buttons.

    ``labels``, ``colours`` (ground and ink of each) and ``chosen`` are what is drawn
    of the text; ``panels`` is what stands below it, as SVG; ``first`` is the token that
    can be chosen first; ``above`` are lines to be read over the picture.
    """

    def __init__(self, drawing, text, alt, numbers="", first=0, above=()):
        size = drawing.width, drawing.height
        super().__init__(drawing.shapes, *size, text, alt, numbers)
        self.title, self.labels = drawing.title, drawing.labels
        self.colours, self.chosen = drawing.colours, drawing.chosen
        self.first, self.above = first, list(above)
        self._below = drawing.below, drawing.n_shapes

    @property
    def panels(self) -> str:
        """What stands below the tokens, as SVG with the words of the whole picture."""
        top, n = self._below
        size = self.width, self.height - top
        return to_svg(self.shapes[n:], *size, self.alt, top)

    def to_html(self) -> str:
        """Return the lines above as a paragraph, and the picture below it."""
        lines = "<br>".join(map(escape, self.above))
        return (f"<p>{lines}</p>" if lines else "") + super().to_html()


class TextOverPanels(Drawing):
    """A text's tokens, each with its shade in [0, 1], the chosen one framed.

    Below them, from ``below`` on, is room for ``panels`` pixels.
    """

    def __init__(self, pieces, shades, chosen: int, title: str, panels: float):
        places = list(token_places(pieces, _COLUMNS, len(pieces)))
        n_lines = places[-1][1] + 1
        self.below = 36 + LINE * n_lines + 12
        super().__init__(title, height=self.below + panels)
        self.labels = [label for _, _, label in places]
        self.colours = [token_colours(shade) for shade in shades]
        self.chosen = chosen
        across = (PAGE - 16) / _COLUMNS
        for i, (column, line, label) in enumerate(places):
            at = 8 + across * column, 36 + LINE * line
            draw_token(self, at, label, across * width(label), shades[i], i == chosen)
        self.n_shapes = len(self.shapes)

    def picture(self, text, alt=None, numbers="", first=0, above=()) -> TokenPicture:
        """Return the drawing as a picture; see ``TokenPicture``."""
        return TokenPicture(self, text, alt, numbers, first, above)


def token_colours(share: float, colour: str = BLUE) -> tuple[str, str]:
    """Return a token's ground, ``share`` of a colour in it, and its letters' colour."""
    return mixed(colour, share**0.5), "white" if share > 0.4 else DARK


def draw_token(drawing, at, label, wide, share, framed=False, colour=BLUE) -> None:
    """Draw a token's box at (left, top) and its label; ``share`` of the colour."""
    edge, thick = (TRUTH, 2.0) if framed else ("#EEEEEE", 1.0)
    ground, ink = token_colours(share, colour)
    box = Rect(at[0] + 0.5, at[1] + 2, wide - 1, LINE - 4, ground, edge, thick)
    middle = at[0] + wide / 2, at[1] + LINE / 2
    drawing.shapes += [box, Words(*middle, label, 10.5, ink, mono=True)]


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


def draw_guesses(drawing: Drawing, box, guesses: Mapping, came: str) -> Panel:
    """Draw pairs of bars, likeliest on top, and among them the word that came.

    ``box`` is the panel's (left, top, width, height); ``guesses`` maps "model", and
    "truth" where it is known, to the probabilities of words.
    """
    model, truth = guesses["model"], guesses.get("truth", {})
    ranked = sorted({*model, *truth}, key=lambda word: rank(word, truth, model))
    words = ranked[:6] if came in ranked[:6] else [*ranked[:5], came]
    names = [readable_word(word) for word in words]
    y = ranks(names, room=1.2, strong=words.index(came))
    panel = Panel(drawing, box, percents(), y, "Before it came", "probability (%)")
    pairs = [("model", model, MODEL, 0.2), ("truth", truth, TRUTH, -0.2)]
    high = 0.38 if truth else 0.7
    for name, guess, colour, shift in pairs if truth else pairs[:1]:
        at = [(shift if truth else 0) - row for row in range(len(words))]
        values = [guess.get(word, 0.0) for word in words]
        ends = [percent(p) for p in values]
        panel.rows(at, [100 * p for p in values], high, name, colour, ends)
    panel.legend(top=panel.y.start - (36 if truth else 20))
    return panel


def percents() -> Axis:
    """Return an axis from 0 to 100 with room for a bar's number at its end."""
    return Axis(0, 115, range(0, 101, 20))


def likeliest(tokenizer, chances: torch.Tensor, n: int) -> dict[str, float]:
    """Return the ``n`` likeliest tokens as text -> probability; chances are (V,)."""
    top = chances.topk(min(n, len(chances)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return {tokenizer.decode([token]): chance for token, chance in pairs}


def remembered(model, function):
    """Return the function with a memory, which lasts as long as the model's weights.

    A moving slider asks again for what it has shown already.
    """

    @lru_cache(maxsize=256)
    def look_up(version: int, *args):
        return function(*args)

    def ask(*args):
        # torch counts the changes of each tensor in place: a step of training is one.
        return look_up(sum(p._version for p in model.parameters()), *args)

    return ask
