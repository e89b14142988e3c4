"""The page on parts since GPT-2: a block of 2025, a dial of angles, what each buys."""

import math
from collections.abc import Mapping, Sequence

import torch
from ipywidgets import IntSlider

from course_utils.figures.charts import Axis, Panel, ranks
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import BLUE, DARK, GREEN, PURPLE, VERMILION
from course_utils.figures.shapes import Dot, Line
from course_utils.modern.parts import rotary_angles


def modern_block() -> VectorPicture:
    """Draw a block of 2025, GPT-2's parts in brackets."""
    drawing = Drawing("A block of 2025; in brackets, what GPT-2 has", height=330)
    stream = {"x": 60, "add_1": 310, "add_2": 590}
    drawing.box("x", "stream x", (stream["x"], 62))
    drawing.operation("add_1", "+", (stream["add_1"], 62))
    drawing.operation("add_2", "+", (stream["add_2"], 62))
    drawing.arrow("x", "add_1", "(B, T, C)")
    drawing.arrow("add_1", "add_2", "(B, T, C)")
    halves = {
        ("x", "add_1", 190): (
            "RMSNorm\n(LayerNorm)",
            "H queries, G keys and values\n(H of each)",
            "normalise, rotate, attend\n(attend; positions are\nadded at the bottom)",
        ),
        ("add_1", "add_2", 470): (
            "RMSNorm\n(LayerNorm)",
            "SwiGLU\n(GELU between two layers)",
            "or 2 of E experts\n(one MLP)",
        ),
    }
    for (start, end, place), labels in halves.items():
        for i, label in enumerate(labels):
            drawing.box(f"{end}_{i}", label, (place, 136 + 70 * i), colour=GREEN)
        corner = [(stream[start], 136)]
        drawing.arrow(start, f"{end}_0", sides=("bottom", "left"), via=corner)
        drawing.arrow(f"{end}_0", f"{end}_1")
        drawing.arrow(f"{end}_1", f"{end}_2")
        corner = [(stream[end], 276)]
        drawing.arrow(f"{end}_2", end, sides=("right", "bottom"), via=corner)
    return drawing.picture(
        "Drawing of a block: the stream runs straight through. Attention reads it "
        "through RMSNorm, with fewer keys than queries, normalised and rotated, and "
        "adds to it; SwiGLU or experts do the same after a second RMSNorm."
    )


class RotaryDial(Interactive):
    """Turn a query and a key by their positions: each pair of channels is a dial."""

    def __init__(self, D: int = 8, base: float = 100.0, longest: int = 24):
        self.D, self.base = D, base
        super().__init__(
            self._dials,
            query=IntSlider(value=7, min=0, max=longest),
            key=IntSlider(value=4, min=0, max=longest),
        )

    def _dials(self, query: int, key: int) -> VectorPicture:
        positions = torch.tensor([query, key])
        cos, sin = rotary_angles(positions, self.D, self.base)  # (2, D/2)
        n, distance = self.D // 2, query - key
        drawing = Drawing(
            f"Query at {query}, key at {key}: what counts is the distance {distance}",
            height=230,
        )
        between = []
        for i in range(n):
            middle = (672 * (i + 0.5) / n, 112)
            drawing.shapes.append(Dot(*middle, 62, fill="#FFFFFF", edge=GREY))
            for row, colour in ((0, BLUE), (1, VERMILION)):
                end = (
                    middle[0] + 58 * cos[row, i].item(),
                    middle[1] - 58 * sin[row, i].item(),
                )
                drawing.shapes.append(Line((middle, end), colour, 2.5))
            speed = self.base ** (-2 * i / self.D)
            between.append(math.degrees(speed * distance))
            drawing.words((middle[0], 196), f"pair {i}: {speed:.2g} a step")
            drawing.words((middle[0], 214), f"cos {math.cos(speed * distance):.2f}")
        drawing.words((140, 40), "query", colour=BLUE)
        drawing.words((200, 40), "key", colour=VERMILION)
        angles = ", ".join(f"{angle:.0f}°" for angle in between)
        return drawing.picture(
            "Dials, one for each pair of channels: a hand for the query, one for the "
            "key. The angle between them depends on the distance alone.",
            numbers=f"query {query}, key {key}; between the hands {angles}",
        )


def what_it_buys(
    names: Sequence[str],
    columns: Mapping[str, Mapping[str, tuple[float, float]]],
) -> VectorPicture:
    """Draw differences to GPT-2's parts: title -> name -> (mean, half its interval)."""
    height = 100 + 24 * len(names)
    drawing = Drawing(
        "One change at a time: below 0 is better than GPT-2", height=height
    )
    told = []
    for number, (title, found) in enumerate(columns.items()):
        box = (8 + 400 * number, 34, 392 if not number else 264, height - 40)
        lowest = min(mean - half for mean, half in found.values())
        highest = max(mean + half for mean, half in found.values())
        rows = ranks(list(names) if not number else [""] * len(names), room=0.6)
        x = Axis(min(lowest, -0.02) * 1.1, max(highest, 0.02) * 1.1)
        panel = Panel(drawing, box, x, rows, title, "nats per token")
        panel.mark(0, look="--")
        for place, name in enumerate(names):
            mean, half = found[name]
            shown = abs(mean) > half
            colour = (GREEN if mean < 0 else PURPLE) if shown else GREY
            panel.line([mean - half, mean + half], [-place] * 2, colour=DARK)
            panel.dots([mean], [-place], "", colour)
            told.append(f"{title}, {name} {mean:+.3f} ± {half:.3f}")
    return drawing.picture(
        "Dots with intervals, a row for each change: the difference to GPT-2's parts "
        "on stories and on docstrings.",
        numbers="; ".join(told),
    )
