"""Page 02: what a head looks at, and what is lost without it."""

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from ipywidgets import Checkbox, IntSlider, Layout, Text

from course_utils.ablation import heads_off
from course_utils.cross_entropy import cross_entropy
from course_utils.figures.charts import Axis, Panel, ranks
from course_utils.figures.drawing import GREY, Drawing, VectorPicture, mixed, number
from course_utils.figures.interactive import Interactive, OverTokens
from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    MODEL,
    PURPLE,
    TRUTH,
    VERMILION,
)
from course_utils.figures.shapes import Rect
from course_utils.figures.tokens import (
    TextOverPanels,
    TokenPicture,
    percent,
    percents,
    readable_word,
    remembered,
    token_label,
)
from course_utils.sampling import encode_prompt, next_words


def head_view(
    pieces: Sequence[bytes],
    weights,
    chosen: int,
    guesses: Mapping[str, Mapping[str, float]],
    losses: Mapping[str, float],
    title: str,
) -> TokenPicture:
    """Draw a text's tokens, darker where token ``chosen`` looks, and the next word.

    ``weights`` (T, T) is one head's attention. ``guesses`` and ``losses`` hold, for
    each state of the head such as "on" and "off", the probabilities of the next word
    and the loss on the text in nats per token.
    """
    shades = [float(weight) for weight in weights[chosen]]
    drawing = TextOverPanels(pieces, shades, chosen, title, 230)
    top = drawing.below
    T = len(pieces)
    box = (8, top, 310, 222)
    labels = "The whole head", "token looked at (key)", "token that looks (query)"
    every = max(1, round(T / 5))
    ticks = range(0, T, every)
    y = Axis(-T + 0.5, 0.5, {-t: t for t in ticks})
    matrix = Panel(drawing, box, Axis(-0.5, T - 0.5, ticks), y, *labels)
    matrix.table(weights)
    matrix.level(-chosen, colour=TRUTH, look="-")
    matrix.numbers[-1] = f"query {chosen}"
    words = _draw_guesses(drawing, (340, top, 324, 222), guesses, losses)
    text = (
        "The tokens of a text, darker where one of them looks, over the whole matrix "
        "of the head's attention and the next word with the head on and off."
    )
    alt = _head_alt(title, pieces, weights[chosen], losses)
    told = "; ".join([*matrix.numbers, *words.numbers])
    return drawing.picture(text, alt, f"{alt}\n{told}")


def _draw_guesses(drawing: Drawing, box, guesses: Mapping, losses: Mapping) -> Panel:
    """Draw pairs of bars, with the loss on the text in the legend."""
    words = dict.fromkeys(word for guess in guesses.values() for word in guess)
    chances = {w: max(g.get(w, 0.0) for g in guesses.values()) for w in words}
    likely = [word for word, chance in chances.items() if chance >= 0.005]
    shown = sorted(likely, key=lambda word: (-chances[word], word))[:5]
    y = ranks([readable_word(word) for word in shown], room=0.4 * len(shown))
    panel = Panel(drawing, box, percents(), y, "The next word", "probability (%)")
    height = 0.8 / len(guesses)
    for place, (name, guess) in enumerate(guesses.items()):
        shift = height * (place - (len(guesses) - 1) / 2)
        at = [-row - shift for row in range(len(shown))]
        values = [guess.get(word, 0.0) for word in shown]
        label = f"head {name}: loss {losses[name]:.2f}"
        look = (0.95 * height, label, (MODEL, PURPLE)[place])
        panel.rows(at, [100 * p for p in values], *look, [percent(p) for p in values])
    panel.legend(top=panel.y.start - 4 - 16 * len(guesses))
    return panel


def _head_alt(title, pieces, row, losses: Mapping) -> str:
    most = sorted(range(len(pieces)), key=lambda s: -float(row[s]))[:3]
    seen = ", ".join(
        f"{token_label(pieces[s])} {percent(float(row[s]))}%" for s in most
    )
    told = "; ".join(f"loss {loss:.2f} with the head {n}" for n, loss in losses.items())
    return f"{title}. It looks most at {seen}. {told}."


class HeadView(OverTokens):
    """What a head of a trained model looks at, and what the model is without it.

    Choose the text, the head and the token that looks: click on it, or count from the
    end of the text, so that it can be chosen in any. Switch the head off, and the
    picture shows the next word and the loss on the text with and without it.
    """

    def __init__(self, model, tokenizer, prompt: str, layer: int = 0, head: int = 0):
        def reading(prompt: str):
            ids = torch.tensor([encode_prompt(model, tokenizer, prompt)])
            with torch.no_grad():
                weights = [w[0].numpy() for w in model.attention_weights(ids)]
            pieces = [tokenizer.token_bytes(token) for token in ids[0].tolist()]
            return ids, pieces, weights

        def guessing(prompt: str, off: tuple):
            with heads_off(model, off):
                loss = _loss(model, read(prompt)[0])
                return next_words(model, tokenizer, prompt, n=5), loss

        read, guess = remembered(model, reading), remembered(model, guessing)

        def draw(prompt, layer, head, back, off) -> TokenPicture:
            if not prompt.strip():
                raise ValueError("write at least one word")
            _, pieces, weights = read(prompt)
            states = {"on": guess(prompt, ())}
            if off:
                states["off"] = guess(prompt, ((layer, head),))
            guesses = {state: words for state, (words, _) in states.items()}
            losses = {state: loss for state, (_, loss) in states.items()}
            chosen = max(len(pieces) - 1 - back, 0)
            title = f"Layer {layer}, head {head}: where the framed token looks"
            shown = weights[layer][head]
            return head_view(pieces, shown, chosen, guesses, losses, title)

        half = Layout(width="450px")
        config = model.config
        super().__init__(
            draw,
            "back",
            lambda picture, token: len(picture.labels) - 1 - token,
            prompt=Text(prompt, description="Text (then Enter)"),
            layer=IntSlider(layer, max=config.n_layer - 1, layout=half),
            head=IntSlider(head, max=config.n_head - 1, layout=half),
            back=IntSlider(
                0, max=100, description="tokens back from the end", layout=half
            ),
            off=Checkbox(False, description="switch this head off"),
        )


@torch.no_grad()
def _loss(model, ids: torch.Tensor) -> float:
    """Return the mean surprise at the tokens ids (1, T), in nats."""
    return cross_entropy(model(ids[:, :-1]), ids[:, 1:]).item()


# --- Drawings: one query's way, heads, the cache


def _attend(queries, keys, values, chosen: int):
    """Return a query's scores (T,), weights (T,) and output (D,); see ``one_query``."""
    queries, keys, values = (np.asarray(x, float) for x in (queries, keys, values))
    if not queries.shape == keys.shape == values.shape:
        got = ", ".join(str(x.shape) for x in (queries, keys, values))
        raise ValueError(f"queries, keys and values must all be (T, D), got {got}")
    scores = queries[chosen] @ keys.T / math.sqrt(keys.shape[1])
    seen = np.arange(len(keys)) <= chosen
    weights = np.where(seen, np.exp(scores - scores[seen].max()), 0.0)
    weights /= weights.sum()
    return scores, weights, weights @ values


def one_query(
    pieces: Sequence[bytes], queries, keys, values, chosen: int = -1
) -> VectorPicture:
    """Draw how one token asks: its query times each key, softmax, and values mixed.

    ``queries``, ``keys`` and ``values`` are (T, D), few and small: every number is
    written into the drawing. ``chosen`` is the token that asks; what comes after it is
    grey, as it may not look there. Raises ValueError if the shapes differ.
    """
    T = len(pieces)
    chosen = range(T)[chosen]
    scores, weights, mix = _attend(queries, keys, values, chosen)
    query = list(queries[chosen])
    title = f"{token_label(pieces[chosen]).strip('·')} asks: one query's way"
    drawing = Drawing(title, height=_TOP + _STEP * T + 66)
    for row, piece in enumerate(pieces):
        ink = VERMILION if row == chosen else DARK if row < chosen else GREY
        at = (74, _TOP + _STEP * row)
        drawing.words(at, token_label(piece), colour=ink, anchor="end", mono=True)
    _draw_tables(drawing, query, keys, values, scores, weights, mix, chosen)
    drawing.arrow(
        "query", "scores", f"q · k / √{len(query)}", ("right", "top"), [(282, 62)]
    )
    drawing.arrow("keys", "scores")
    drawing.arrow("scores", "weights", "softmax")
    drawing.arrow("weights", "values", "×")
    drawing.arrow("values", "mix", "add up")
    told = "; ".join(
        f"{token_label(piece)} {number(score)} {number(weight)}"
        for piece, score, weight in zip(pieces, scores, weights, strict=True)
        if weight
    )
    numbers = f"Query {_row(query)}; score and weight: {told}; output {_row(mix)}"
    text = (
        "Drawing of one query's way: its products with the keys become scores, softmax "
        "makes weights of them, and the values are mixed with these weights."
    )
    return drawing.picture(text, f"{text} {title}. {numbers}.", numbers)


_TOP, _STEP = 118, 26  # pixels: the middle of the first token's row, and to the next


def _draw_tables(drawing, query, keys, values, scores, weights, mix, chosen) -> None:
    """Draw what a query meets and makes, each table with its name and shape."""
    T, D = np.shape(keys)
    middle, cell = _TOP + _STEP * (T - 1) / 2, (42, _STEP)
    later = range(chosen + 1, T)
    hidden = [(row, column) for row in later for column in range(D)]
    look = dict(cell=cell, colour=BLUE, faint=hidden)
    drawing.table("keys", keys, (128, middle), **look)
    drawing.table("values", values, (512, middle), **look)
    drawing.table("query", [query], (128, 62), VERMILION, cell)
    asked = [[number(x) if t <= chosen else "−∞"] for t, x in enumerate(scores)]
    look = dict(cell=cell, faint=[(row, 0) for row in later])
    drawing.table("scores", asked, (282, middle), PURPLE, **look)
    shares = [[float(weight)] for weight in weights]
    look |= dict(colour=VERMILION, shades=shares)
    drawing.table("weights", shares, (402, middle), **look)
    below = drawing.height - 34
    drawing.table("mix", [mix], (512, below), VERMILION, cell)
    shapes = {"keys": (T, D), "scores": (T,), "weights": (T,), "values": (T, D)}
    for name, shape in shapes.items():
        place = drawing.nodes[name]
        left = 8 if name == "scores" else -place.width / 2  # right of an arrow
        at = place.x + left, place.y - place.height / 2 - 11
        drawing.words(at, f"{name} {shape}", 11, GREY, anchor="start")
    drawing.words((80, 62), f"query ({D},)", 11, GREY, anchor="end")
    drawing.words((462, below), f"output ({D},)", 11, GREY, anchor="end")


def _row(numbers) -> str:
    return f"({', '.join(map(number, numbers))})"


class OneQuery(Interactive):
    """``one_query`` with a slider for the token that asks."""

    def __init__(self, pieces: Sequence[bytes], queries, keys, values):
        def draw(asks: int) -> VectorPicture:
            return one_query(pieces, queries, keys, values, asks - 1)

        n = len(pieces)
        super().__init__(draw, asks=IntSlider(n, 1, n, description="token that asks"))


def heads_split(T: int = 4, C: int = 12, n_head: int = 3) -> VectorPicture:
    """Draw how (T, C) is cut into heads, each attends alone, and all are merged.

    Raises ValueError if the channels cannot be shared out evenly.
    """
    if C % n_head:
        raise ValueError(f"n_head must divide C={C}, got {n_head}")
    D, cell = C // n_head, (13, 18)
    colours = [HEAD_COLOURS[head % len(HEAD_COLOURS)] for head in range(n_head)]
    gap = T * cell[1] + 34
    height = max(180, 70 + gap * n_head)
    drawing = Drawing("Heads: split, attend, merge", height=height)
    middle = 48 + gap * n_head / 2
    drawing.words((96, middle - T * cell[1] / 2 - 14), f"({T}, {C})", 11)
    _striped(drawing, "whole", T, colours, D, cell, (96, middle))
    _striped(drawing, "merged", T, colours, D, cell, (500, middle))
    drawing.words((500, middle - T * cell[1] / 2 - 14), f"({T}, {C})", 11)
    for head, colour in enumerate(colours):
        y = 48 + gap * (head + 0.5)
        name = f"head {head}"
        _striped(drawing, name, T, [colour], D, cell, (240, y))
        drawing.words((240, y - T * cell[1] / 2 - 10), f"({T}, {D})", 11)
        drawing.box(f"attention {head}", f"attention\nof {name}", (352, y), colour)
        drawing.arrow("whole", name)
        drawing.arrow(name, f"attention {head}")
        drawing.arrow(f"attention {head}", "merged")
    drawing.box("project", "project", (632, middle), GREEN)
    drawing.arrow("merged", "project")
    numbers = f"(T, C) = ({T}, {C}); {n_head} heads of (T, D) = ({T}, {D})"
    text = (
        "Drawing of heads: the channels are cut into equal groups, attention works on "
        "each group alone, and the results are laid side by side and projected."
    )
    return drawing.picture(text, f"{text} {numbers}.", numbers)


HEAD_COLOURS = (BLUE, VERMILION, GREEN, PURPLE)


def _striped(drawing: Drawing, name: str, T: int, colours, D: int, cell, at) -> None:
    """Draw an empty table (T, D · colours), each D columns in their colour."""
    left = at[0] - len(colours) * D * cell[0] / 2
    top = at[1] - T * cell[1] / 2
    for stripe, colour in enumerate(colours):
        for row, column in itertools.product(range(T), range(D)):
            x, y = left + (stripe * D + column) * cell[0], top + row * cell[1]
            drawing.shapes.append(Rect(x, y, *cell, mixed(colour, 0.35), "white"))
    drawing.area(name, at, (len(colours) * D * cell[0], T * cell[1]))


def cache_filling(pieces: Sequence[bytes], step: int) -> VectorPicture:
    """Draw the KV cache when token ``step``, counted from 1, is read.

    Its query meets the keys of all tokens so far; only its own key and value are new.
    Raises ValueError for a step that no token has.
    """
    T = len(pieces)
    if not 1 <= step <= T:
        raise ValueError(f"step must be 1 to {T}, got {step}")
    across = min(84.0, 560 / T)
    word = token_label(pieces[step - 1]).strip("·")
    drawing = Drawing(f"Step {step}: “{word}” is read", height=268)
    drawing.box("query", f"query of “{word}”", (80 + across * step / 2, 62), VERMILION)
    for name, y in (("key", 136), ("value", 184)):
        drawing.words((66, y), f"{name}s", anchor="end")
        for column, piece in enumerate(pieces):
            at, size = (80 + across * (column + 0.5), y), (across - 6, 34)
            label = token_label(piece) if column < step else ""
            colour = BLUE if column < step - 1 else VERMILION if label else GREY
            drawing.box(f"{name} {column}", label, at, colour, size, dashed=not label)
    for column in range(step):
        drawing.arrow("query", f"key {column}")
    drawing.words((80, 218), "blue: kept · orange: computed now", 11, GREY, "start")
    counted = f"{step} query · key products here, {step * (step + 1) // 2} so far"
    with_all = f"without a cache: {sum(t * t for t in range(1, step + 1))}"
    drawing.words((80, 246), f"{counted} ({with_all})", 12, anchor="start")
    text = (
        "Drawing of the KV cache: keys and values of the tokens read are kept, only "
        "those of the newest are computed, and its query meets all keys."
    )
    numbers = f"Step {step} of {T}: {step - 1} kept, 1 new; {counted}; {with_all}"
    return drawing.picture(text, f"{text} {numbers}.", numbers)


class CacheFilling(Interactive):
    """``cache_filling`` with a slider for the step."""

    def __init__(self, pieces: Sequence[bytes], step: int = 3):
        def draw(step: int) -> VectorPicture:
            return cache_filling(pieces, step)

        super().__init__(draw, step=IntSlider(step, 1, len(pieces)))
