"""Page 09: which token a model would say after each of its layers."""

from collections.abc import Sequence

from matplotlib.patches import Rectangle

from course_utils.figures.plots import DARK, TRUTH, Picture, house_style, new_axes
from course_utils.figures.tokens import TINTS, TOKEN_TEXT, token_label, width


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
                facecolor=TINTS(share**0.5), **look,
            )  # fmt: skip
            axes.add_patch(box)
            ink = dict(color="white" if share > 0.4 else DARK, fontsize=7.5, zorder=4)
            label = token_label(piece)
            label = label if width(label) <= 9 else f"{label[:8]}…"
            axes.text(column + 0.5, row + 0.5, label, **TOKEN_TEXT | ink)
    names = ["embedding", *(f"block {i}" for i in range(1, n_rows))]
    axes.set_yticks([row + 0.5 for row in range(n_rows)], names)
    labels = map(token_label, pieces)
    axes.set_xticks([column + 0.5 for column in range(n_columns)], labels, rotation=30)
    axes.tick_params(length=0)
    text = (
        "Table of the likeliest next token after each layer and token, darker where "
        "it is likelier, framed where it is what the last layer says."
    )
    ends = ", ".join(token_label(said[-1]) for said in guesses)
    numbers = []
    for name, said, shares in zip(names, guesses, chances, strict=True):
        cells = zip(map(token_label, said), shares, strict=True)
        row = ", ".join(f"{guess} {share:.1f}" for guess, share in cells)
        numbers.append(f"{name}: {row}")
    alt = f"{text} {title}. After the last token: {ends}."
    return Picture(figure, text, alt, "\n".join(numbers))
