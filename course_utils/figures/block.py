"""Page 03: a block with its stream, which one token walks through; the whole model."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from ipywidgets import IntSlider

from course_utils.block import Block, gelu
from course_utils.config import GPTConfig
from course_utils.figures.charts import Axis, Chart, ranks
from course_utils.figures.drawing import GREY, Drawing, VectorPicture, number
from course_utils.figures.interactive import Interactive
from course_utils.figures.numbers import series
from course_utils.figures.plots import BLUE, GREEN, PURPLE, VERMILION
from course_utils.figures.tokens import token_label

# The stations of a token in a block: name, where it stands, what happens there.
_STATIONS = {
    "x": ((30, 170), "the stream comes in"),
    "norm_1": ((112, 90), "a copy is normalised: mean 0, variance 1"),
    "attention": ((204, 90), "attention fetches what other positions hold"),
    "+ attention": ((272, 170), "what it fetched is added to the stream"),
    "norm_2": ((336, 90), "another copy is normalised"),
    "expand": ((416, 90), "a linear layer makes four times as many channels"),
    "GELU": ((488, 90), "GELU lets large values pass and stops very negative ones"),
    "contract": ((566, 90), "a linear layer leads back to C channels"),
    "+ MLP": ((640, 170), "what the MLP found is added to the stream"),
}
_COLOURS = {"x": BLUE, "GELU": PURPLE}  # the others hold learnt numbers
SHOWN = 8  # channels whose numbers are written


@torch.no_grad()
def stations(block: Block, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what each part of a block makes of x (1, T, C): (1, T, C), MLP's (…, 4C).

    In the order of the computation; the last is the block's output, without dropout.
    """
    seen = {"x": x, "norm_1": block.norm_1(x)}
    seen["attention"] = block.attention(seen["norm_1"])
    seen["+ attention"] = x + seen["attention"]
    seen["norm_2"] = block.norm_2(seen["+ attention"])
    seen["expand"] = block.mlp.expand(seen["norm_2"])
    seen["GELU"] = gelu(seen["expand"])
    seen["contract"] = block.mlp.contract(seen["GELU"])
    seen["+ MLP"] = seen["+ attention"] + seen["contract"]
    return seen


def block_walk(values: Mapping[str, Sequence[float]], step: int, token: str):
    """Draw a block, and the numbers of one token at one of its stations.

    ``values`` maps each station to the token's channels there, as ``stations`` names
    them; ``step`` counts the stations from 1. Raises ValueError for a step beyond them.
    """
    names = list(_STATIONS)
    if not 1 <= step <= len(names):
        raise ValueError(f"step must be 1 to {len(names)}, got {step}")
    now = names[step - 1]
    vector = [float(v) for v in values[now]]
    drawing = _block(f"“{token}” in a block, step {step}: {now}", names[:step])
    drawing.words((8, 40), _STATIONS[now][1], anchor="start")
    spread = (sum(v * v for v in vector) / len(vector)) ** 0.5
    largest = max(map(abs, vector)) or 1.0
    shown = vector[:SHOWN]
    shades = [[0.7 * abs(v) / largest for v in shown]]
    at = (330, 252)
    drawing.table("numbers", [shown], at, VERMILION, (52, 26), shades)
    drawing.words((10, 252), f"{now}: ({len(vector)},)", anchor="start")
    more = len(vector) - len(shown)
    drawing.words((546, 252), f"and {more} more" if more else "", anchor="start")
    size = f"size (root mean square): {number(spread)}"
    drawing.words((122, 282), size, 11, GREY, anchor="start")
    text = (
        "Drawing of a block: the stream runs straight through; attention and MLP each "
        "read a normalised copy of it and add to it. One token walks through the parts."
    )
    numbers = f"Step {step}, {now}, {series('channels', shown)}; {size}"
    happens = f"{drawing.title}: {_STATIONS[now][1]}"
    return drawing.picture(text, f"{text} {happens}. {numbers}.", numbers)


def _block(title: str, passed: Sequence[str]) -> Drawing:
    """Draw the parts; the last that is ``passed`` is where the token is now."""
    drawing = Drawing(title, height=300)
    for name, (at, _) in _STATIONS.items():
        colour = VERMILION if name == passed[-1] else _COLOURS.get(name, GREEN)
        if name not in passed:
            colour = GREY
        if name.startswith("+"):
            drawing.operation(name, "+", at, colour)
        else:
            drawing.box(name, name, at, colour)
    for tap, start, x in (("tap 1", "x", 66), ("tap 2", "+ attention", 298)):
        drawing.area(tap, (x, 170), (0, 0))
        branch = "norm_1" if tap == "tap 1" else "norm_2"
        end = "+ attention" if tap == "tap 1" else "+ MLP"
        drawing.arrow(tap, branch, via=[(x, 90)], sides=("top", "left"))
        drawing.arrow(start, end, "the stream (T, C)", sides=("right", "left"))
    for start, end in (("norm_1", "attention"), ("norm_2", "expand")):
        drawing.arrow(start, end)
    drawing.arrow("expand", "GELU")
    drawing.arrow("GELU", "contract")
    drawing.words((490, 58), "(T, C) → (T, 4C) → (T, 4C) → (T, C)", 11)
    for end, start in (("+ attention", "attention"), ("+ MLP", "contract")):
        x = drawing.nodes[end].x
        sides = ("right", "top")
        drawing.arrow(start, end, via=[(x, 90)], sides=sides)
    return drawing


class BlockWalk(Interactive):
    """Walk one token of a text through a block of a model, station by station."""

    def __init__(self, model, tokenizer, text: str, layer: int = 0, token: int = -1):
        ids = [tokenizer.end_of_text, *tokenizer.encode(text)]
        token = range(len(ids))[token]
        with torch.no_grad():
            x = model.embed(torch.tensor([ids]))
            for block in model.blocks[:layer]:
                x = block(x)
        values = {
            name: numbers[0, token].tolist()
            for name, numbers in stations(model.blocks[layer], x).items()
        }
        word = token_label(tokenizer.token_bytes(ids[token])).strip("·")

        def draw(step: int) -> VectorPicture:
            return block_walk(values, step, word)

        super().__init__(draw, step=IntSlider(1, 1, len(_STATIONS)))


# --- What a shape costs


def size_bars(shares: Mapping[str, int], flops: float, memory: float) -> VectorPicture:
    """Draw how many learnt numbers each part of a GPT has.

    ``flops``: operations a token; ``memory``: bytes that training takes, at 16 for each
    learnt number.
    """
    title = f"{memory / 16e6:,.0f} million parameters"
    note = f"a token costs {flops / 1e9:.2f} billion FLOPs; "
    note += f"training takes {memory / 1e9:.1f} GB"
    millions = [n / 1e6 for n in shares.values()]
    x = Axis(0, 1.2 * max(millions))
    x.ticks = {tick: f"{tick:,.10g}" for tick in x.ticks}
    chart = Chart(title, "millions of parameters", "", x, ranks(list(shares)), 200)
    ends = [f"{n:,.0f}" for n in millions]
    chart.rows([-i for i in range(len(millions))], millions, 0.7, ends=ends)
    chart.drawing.words((664, 16), note, 12, GREY, anchor="end")
    return chart.picture(f"Bars of parameters by part: {title}; {note}.")


# --- The whole model


def part_sizes(config: GPTConfig) -> dict[str, int]:
    """Return how many learnt numbers each part of a GPT has, in reading order."""
    C = config.n_embd
    return {
        "token embedding": config.vocab_size * C,
        "position embedding": config.n_positions * C,
        "each block": 12 * C * C + 13 * C,
        "final norm": 2 * C,
    }


def whole_model(config: GPTConfig, B: int = 1, T: int = 8) -> VectorPicture:
    """Draw a GPT from ids to logits: the shape on each arrow, the size of each part."""
    C, V, n = config.n_embd, config.vocab_size, config.n_layer
    stream = f"({B}, {T}, {C})"
    drawing = Drawing("From ids to logits", height=560)
    x = 250
    drawing.box("ids", "ids", (x, 56))
    places = {"token embedding": (150, 120), "position embedding": (370, 120)}
    for name, at in places.items():
        drawing.box(name, name, at, GREEN)
    drawing.operation("+", "+", (x, 176))
    blocks = ["block 1"] if n == 1 else ["block 1", f"block {n}"]
    for i, name in enumerate(blocks):
        drawing.box(name, name, (x, 240 + 76 * i), GREEN, (110, 30))
    drawing.box("final norm", "final norm", (x, 392), GREEN, (110, 30))
    drawing.box("head", "head", (x, 456), GREEN, (110, 30), dashed=True)
    drawing.box("logits", "logits", (x, 530))

    drawing.arrow("ids", "token embedding", f"({B}, {T})")
    drawing.arrow("ids", "position embedding", f"0 … {T - 1}")
    drawing.arrow("token embedding", "+", stream)
    drawing.arrow("position embedding", "+", f"({T}, {C})")
    chain = ["+", *blocks, "final norm", "head"]
    for start, end in pairwise(chain):
        between = n > 2 and (start, end) == tuple(blocks)
        label = f"{stream}, {n - 2} more blocks" if between else stream
        drawing.arrow(start, end, label, dashed=between)
    drawing.arrow("head", "logits", f"({B}, {T}, {V:,})")
    drawing.arrow(
        "token embedding",
        "head",
        "the same\nmatrix",
        ("left", "left"),
        [(50, 120), (50, 456)],
        GREY,
        dashed=True,
    )
    rows = _draw_sizes(drawing, config)
    text = (
        "Drawing of the whole model: ids, token and position embeddings added, "
        f"{n} blocks, a last norm, the head that shares the token embedding, logits."
    )
    numbers = f"{stream} in the stream, logits ({B}, {T}, {V}); " + "; ".join(rows)
    return drawing.picture(text, f"{text} {numbers}.", numbers)


def _draw_sizes(drawing: Drawing, config: GPTConfig) -> list[str]:
    """Write beside each part how many numbers it learns; return what is written."""
    sizes = part_sizes(config)
    total = sum(sizes.values()) + (config.n_layer - 1) * sizes["each block"]
    rows = {
        98: f"token: V · C = {sizes['token embedding']:,}",
        142: f"position: n_positions · C = {sizes['position embedding']:,}",
        240: f"each block: 12C² + 13C = {sizes['each block']:,}",
        392: f"final norm: 2C = {sizes['final norm']:,}",
        456: "head: none of its own",
        530: f"in all {total:,} learnt numbers",
    }
    for y, label in rows.items():
        drawing.words((440, y), label, 11, GREY, anchor="start", bold=y == 530)
    return list(rows.values())
