"""The page on the inside of a model: what patches restore, and rows of dots."""

from collections.abc import Mapping, Sequence

import torch
from ipywidgets import IntSlider

from course_utils.figures.charts import Axis, Chart, Panel, ranks
from course_utils.figures.drawing import PAGE, VectorPicture
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import BLUE, DARK, GREEN, PURPLE, VERMILION
from course_utils.figures.shapes import Line
from course_utils.figures.tokens import TextOverPanels, TokenPicture, token_label
from course_utils.inside.pairs import Pairs
from course_utils.inside.patching import grid
from course_utils.model import GPT

STREAM = {"dropout": "embedding"}  # the embedding is handed on by the dropout


def stream_names(model: GPT) -> list[str]:
    """Return the modules that hand on the stream: the embedding, then each block."""
    return ["dropout", *(f"blocks.{i}" for i in range(model.config.n_layer))]


def patching_grid(
    pieces: Sequence[bytes], shares: torch.Tensor, names: Sequence[str], title: str
) -> TokenPicture:
    """Draw what is restored at each place (column) after each part (row), first below.

    ``shares`` is (rows, T). Above, the text: a token has the shade of its best row. The
    line joins, from part to part, the place that restores most.
    """
    rows, T = shares.shape
    best, where = shares.clamp(0, 1).max(1)
    shades = shares.amax(0).clamp(0, 1).tolist()
    drawing = TextOverPanels(pieces, shades, int(where[0]), title, 62 + 24 * rows)
    box = (8, drawing.below, PAGE - 16, 50 + 24 * rows)
    names = [name.replace("blocks.", "block ") for name in names]
    y = ranks([STREAM.get(name, name) for name in reversed(names)])
    panel = Panel(drawing, box, Axis(-0.5, T - 0.5), y, "", "place of the token")
    panel.table(shares.flip(0), VERMILION)
    path = [(panel.x(int(w)), panel.y(r + 1 - rows)) for r, w in enumerate(where)]
    drawing.shapes.append(Line(tuple(path), DARK, 2, head=True))
    steps = [
        f"{STREAM.get(name, name)} at {w} ({token_label(pieces[w])}) {share:.2f}"
        for name, w, share in zip(names, where.tolist(), best.tolist(), strict=True)
    ]
    return drawing.picture(
        "A text, and below it a row for each layer: how much of the answer comes back "
        "if the state at that place is copied from the clean run. A line joins the "
        "places that restore most.",
        numbers="restored most: " + ", ".join(steps),
    )


class PatchingGrid(Interactive):
    """Choose a pair: the clean text, and what each of its states restores."""

    def __init__(self, model: GPT, tokenizer, pairs: Pairs):
        names, known = stream_names(model), {}

        def draw(pair: int) -> TokenPicture:
            if pair not in known:
                known[pair] = grid(model, pairs[pair : pair + 1], names)
            ids = pairs.clean[pair, : int(pairs.last[pair]) + 1].tolist()
            pieces = [tokenizer.token_bytes(token) for token in ids]
            answer, other = (
                tokenizer.decode([int(tokens[pair])])
                for tokens in (pairs.answer, pairs.other)
            )
            title = f"What restores{answer} in place of{other}"
            return patching_grid(pieces, known[pair], names, title)

        super().__init__(draw, pair=IntSlider(0, max=len(pairs) - 1))


def dot_rows(
    title: str,
    x_label: str,
    rows: Mapping[str, Mapping[str, tuple[float, float]]],
    text: str,
) -> VectorPicture:
    """Draw a row of dots for each name: name -> kind -> (share, half its interval)."""
    names, kinds = list(rows), list(next(iter(rows.values())))
    y = ranks(names, room=0.6)
    height = 96 + 22 * len(names)
    chart = Chart(title, x_label, "", Axis(0, 1.35, [0, 0.25, 0.5, 0.75, 1]), y, height)
    colours = (BLUE, VERMILION, GREEN, PURPLE)
    for kind, colour in zip(kinds, colours, strict=False):
        for place, name in enumerate(names):
            share, half = rows[name][kind]
            ends = [max(share - half, 0), min(share + half, 1)]
            chart.line(ends, [-place] * 2, colour=colour, told=False)
        shares = [rows[name][kind][0] for name in names]
        chart.dots(shares, [-i for i in range(len(names))], kind, colour)
    chart.legend()
    told = [
        f"{name}: " + ", ".join(f"{kind} {row[kind][0]:.2f}" for kind in kinds)
        for name, row in rows.items()
    ]
    return chart.drawing.picture(text, numbers="; ".join(told))
