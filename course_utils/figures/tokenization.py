"""Page 01: a text cut into tokens."""

from collections.abc import Sequence

from course_utils.figures.charts import Axis, Panel
from course_utils.figures.drawing import Drawing, VectorPicture
from course_utils.figures.plots import BLUE, GREEN, MODEL, TRUTH, VERMILION
from course_utils.figures.tokens import (
    LINE,
    draw_token,
    labels,
    token_label,
    token_places,
    width,
)

_COLUMNS, _LINES = 54, 10  # of the field on which the tokens are drawn


def merge_tree(word: bytes, merges: Sequence[tuple[int, int]]) -> VectorPicture:
    """Draw how the bytes of a word become tokens, merge after merge, downwards.

    ``merges`` are pairs of ids in the order learnt; bytes have the ids 0 to 255, and
    merge n, counted from 0, makes the id 256 + n. Those that do not occur in the word
    are passed over.
    """
    title = f"How {token_label(word)} becomes a token"
    drawing = Drawing(title, height=60 + 52 * len(word))
    row = []  # of ids, their bytes and their boxes' names
    for place, byte in enumerate(word):
        spelt = bytes([byte])
        drawing.box(f"byte {place}", token_label(spelt), (150 + 80 * place, 60))
        row.append((byte, spelt, f"byte {place}"))
    y, steps = 60, []
    for n, pair in enumerate(merges):
        place = 0
        while place + 1 < len(row):
            (one, left, start), (other, right, end) = row[place : place + 2]
            if (one, other) == pair:
                y += 52
                name = f"merge {n} at {place}"
                x = (drawing.nodes[start].x + drawing.nodes[end].x) / 2
                drawing.box(name, token_label(left + right), (x, y), GREEN)
                drawing.words((8, y), f"merge {n + 1}", 11, anchor="start")
                drawing.arrow(start, name)
                drawing.arrow(end, name)
                row[place : place + 2] = [(256 + n, left + right, name)]
                steps.append(f"merge {n + 1} makes {token_label(left + right)}")
            place += 1
    text = f"Drawing of the merges that make {token_label(word)} from its bytes."
    return drawing.picture(text, numbers="; ".join(steps))


def segmentation(
    pieces: Sequence[bytes], sizes: Sequence[int], lengths: Sequence[int], chosen: int
) -> VectorPicture:
    """Draw a text cut into tokens, beside the curve of what the merges buy.

    ``pieces``: the bytes of each token. ``lengths``: how many tokens a text has after
    each number of merges in ``sizes``; ``chosen`` is the number that made ``pieces``.
    """
    n_bytes = sum(map(len, pieces))
    title = f"{n_bytes} bytes, {len(pieces)} tokens after {chosen} merges"
    drawing = Drawing(title, height=44 + LINE * _LINES + 40)
    across = 410 / _COLUMNS
    places = token_places(pieces, _COLUMNS, _LINES)
    for place, (column, line, label) in enumerate(places):
        at = 8 + across * column, 40 + LINE * line
        colour = (BLUE, VERMILION)[place % 2]
        wide = across * width(label)
        draw_token(drawing, at, label, wide, share=0.03, colour=colour)
    # Each doubling is a step of the same width, as on a logarithmic axis with a 0.
    ticks = {i: size for i, size in enumerate(sizes) if i % 4 == 0}
    x = Axis(-0.3, len(sizes) - 0.7, ticks | {len(sizes) - 1: sizes[-1]})
    y = Axis(0, 1.05 * max(1, *lengths))
    box = (432, 34, 232, LINE * _LINES + 44)
    curve = Panel(drawing, box, x, y, "What merges buy", "merges", "tokens of the text")
    curve.line(range(len(sizes)), lengths, colour=MODEL)
    at = list(sizes).index(chosen)
    curve.dots([at], [lengths[at]], colour=TRUTH)
    text = (
        f"A text of {n_bytes} bytes cut into {len(pieces)} tokens by {chosen} merges, "
        f"beside the curve of its length: {lengths[0]} tokens without merges, "
        f"{lengths[-1]} with {sizes[-1]}."
    )
    cut = f"Tokens: {labels(pieces)}"
    numbers = "; ".join(curve.numbers)
    return drawing.picture(text, f"{text} {cut}", f"{cut}\n{numbers}")
