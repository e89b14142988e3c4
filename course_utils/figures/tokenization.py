"""Page 01: a text cut into tokens."""

from collections.abc import Sequence

from course_utils.figures.charts import Axis, Panel
from course_utils.figures.drawing import Drawing, VectorPicture
from course_utils.figures.plots import BLUE, MODEL, TRUTH, VERMILION
from course_utils.figures.tokens import LINE, draw_token, labels, token_places, width

_COLUMNS, _LINES = 54, 10  # of the field on which the tokens are drawn


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
