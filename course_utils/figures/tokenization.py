"""Page 01: a text cut into tokens."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from course_utils.figures.numbers import drawn_numbers
from course_utils.figures.plots import MODEL, TRUTH, WIDTH, Picture, house_style
from course_utils.figures.tokens import TOKEN_TEXT, labels, token_places, width

_TOKEN_GROUNDS = ("#CFE5F3", "#F9DCC8")  # tints of blue and vermilion, in turn
_COLUMNS, _LINES = 44, 9  # of the field on which the tokens are drawn


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
    for place, (column, line, label) in enumerate(
        token_places(pieces, _COLUMNS, _LINES)
    ):
        box = dict(facecolor=_TOKEN_GROUNDS[place % 2], edgecolor="white")
        left.add_patch(Rectangle((column, line + 0.1), width(label), 0.8, **box))
        middle = column + width(label) / 2
        left.text(middle, line + 0.5, label, **TOKEN_TEXT)
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
    cut = f"Tokens: {labels(pieces)}"
    return Picture(figure, text, f"{text} {cut}", f"{cut}\n{drawn_numbers(figure)}")
