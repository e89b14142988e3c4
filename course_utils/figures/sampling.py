"""Page 08: knobs on a distribution, a beam search as a tree, a round of guesses."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from ipywidgets import FloatSlider, IntSlider, SelectionSlider

from course_utils.figures.charts import Axis, Chart, Panel
from course_utils.figures.drawing import GREY, Drawing, VectorPicture, number
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    MODEL,
    PURPLE,
    VERMILION,
    Picture,
    house_style,
    new_axes,
)
from course_utils.figures.shapes import Words, text_width
from course_utils.figures.tokens import token_label
from course_utils.sampling import adjust_logits, encode_prompt, generate_text

_CUT = "#BBBBBB"


def knob_bars(
    tokens: Sequence[bytes],
    before: Sequence[float],
    after: Sequence[float],
    title: str,
    samples: Sequence[str] = (),
) -> VectorPicture:
    """Draw what the knobs make of a distribution, and texts written with them.

    ``before`` and ``after`` are the probabilities of ``tokens``, likeliest first. What
    has 0 afterwards is cut, and grey.
    """
    n = len(tokens)
    names = [token_label(token) for token in tokens]
    below = 300 + max(text_width(name, 11, mono=True) for name in names)
    drawing = Drawing(title, height=below + 8 + 17 * len(samples))
    y = Axis(0, 105 * max(*before, *after))
    box = (8, 34, 656, 250)
    panel = Panel(drawing, box, Axis(-0.6, n - 0.4, ()), y, y_label="probability (%)")
    places, room = range(n), 0.8
    kept = [p if q else 0.0 for p, q in zip(before, after, strict=True)]
    gone = [0.0 if q else p for p, q in zip(before, after, strict=True)]
    panel.bars(places, [100 * p for p in after], room, "with the knobs", MODEL)
    panel.bars(places, [100 * p for p in gone], room, "cut off", _CUT)
    outlines = [DARK if p else "none" for p in kept]
    own = dict(colour="none", edge=outlines)
    panel.bars(places, [100 * p for p in kept], room, "the model's own", **own)
    panel.legend()
    for place, name in enumerate(names):
        at = panel.x(place), panel.y.start + 8
        label = Words(*at, name, 11, anchor="end", mono=True, turned=True)
        drawing.shapes.append(label)
    for row, sample in enumerate(samples):
        line = textwrap.shorten(sample, 98, placeholder=" …")
        drawing.words((8, below + 12 + 17 * row), line, 11, anchor="start")
    text = (
        "Bar chart of the likeliest next tokens: the model's own probabilities as "
        "outlines, those with the knobs filled, what is cut off grey"
    )
    n_cut = sum(p == 0 for p in after)
    told = f"{text}. {title}; {n_cut} of the {n} shown are cut off. "
    numbers = "; ".join(panel.numbers)
    return drawing.picture(f"{text}.", told + " ".join(samples), numbers)


class Knobs(Interactive):
    """The next token after a beginning, and three texts, with knobs to turn."""

    def __init__(self, model, tokenizer, beginning: str, top_p: float = 0.25):
        ids = torch.tensor([encode_prompt(model, tokenizer, beginning)])
        with torch.no_grad():
            scores = model(ids)[:, -1]  # (1, V)
        own, best = scores.softmax(dim=-1)[0].sort(descending=True)
        best, shown = best[:24], own[:24].tolist()
        tokens = [tokenizer.token_bytes(token) for token in best.tolist()]

        def draw(temperature, top_k, top_p, seed) -> VectorPicture:
            knobs = dict(temperature=temperature, top_k=top_k, top_p=top_p)
            after = adjust_logits(scores, ids, **knobs).softmax(dim=-1)[0]
            texts = [
                generate_text(model, tokenizer, beginning, 20, seed=seed + i, **knobs)
                for i in range(3)
            ]
            title = f"After “{beginning}”, tokens left: {int((after > 0).sum()):,}"
            return knob_bars(tokens, shown, after[best].tolist(), title, texts)

        V = scores.shape[-1]
        super().__init__(
            draw,
            temperature=FloatSlider(1.0, min=0.1, max=2.0, step=0.1),
            top_k=SelectionSlider(options=[1, 2, 5, 10, 20, 50, 200, V], value=V),
            top_p=FloatSlider(top_p, min=0.05, max=1.0, step=0.05),
            seed=IntSlider(0, min=0, max=90, step=3),
        )


class Twig(NamedTuple):
    """A text of a beam search: what it adds to which text of the step before."""

    parent: int  # its place among the kept ones of the step before
    label: bytes
    log_prob: float  # of the whole text, in nats
    kept: bool


@house_style()
def beam_tree(steps: Sequence[Sequence[Twig]], title: str) -> Picture:
    """Draw a beam search as a tree, a column for each step, likeliest text on top.

    The texts that are kept are blue, those that lose against them grey. A line goes to
    the text of the step before that each one extends.
    """
    rows = max(map(len, steps))
    figure, axes = new_axes(title, "", "", height=0.8 + 0.42 * rows)
    axes.set(xlim=(-0.35, len(steps) + 0.5), ylim=(rows - 0.4, -0.6))
    axes.set_axis_off()
    above = [(0.0, (rows - 1) / 2)]
    root = dict(facecolor="white", edgecolor="none", pad=2)
    axes.text(*above[0], "start", ha="center", va="center", weight="bold", bbox=root)
    for column, step in enumerate(steps, 1):
        kept = []
        for row, twig in enumerate(step):
            colour = MODEL if twig.kept else _CUT
            x, y = above[twig.parent]
            # From the middle of a box, hidden behind it, straight out and across.
            places = [x, x + 0.4, column - 0.34], [y, y, row]
            axes.plot(*places, color=colour, lw=1, zorder=1 + twig.kept)
            label = f"{_shown(twig)}  {twig.log_prob:.1f}"
            box = dict(boxstyle="round,pad=0.25", fc="white", ec=colour)
            ink = dict(color=DARK if twig.kept else "#767676", zorder=4)
            axes.text(column - 0.33, row, label, va="center", bbox=box, **ink)
            if twig.kept:
                kept.append((column - 0.2, float(row)))
        above = kept
    n_kept = sum(twig.kept for twig in steps[-1])
    text = (
        f"Tree of a beam search over {len(steps)} steps: in each, the {n_kept} "
        "likeliest texts are kept, and the others end there"
    )
    last = " ".join(f"{_shown(twig)} {twig.log_prob:.1f};" for twig in steps[-1])
    numbers = [
        ", ".join(f"{_shown(twig)} {twig.log_prob:.1f}" for twig in step)
        for step in steps
    ]
    alt = f"{text}. Last step: {last}"
    return Picture(figure, f"{text}.", alt, " | ".join(numbers))


def _shown(twig: Twig) -> str:
    return "(end)" if twig.label == b"<|endoftext|>" else token_label(twig.label)


# --- Drawings: the rule of speculative decoding, and one round of it


def kept_and_missing(
    tokens: Sequence[str], model: Sequence[float], draft: Sequence[float]
) -> VectorPicture:
    """Draw what a draft's distribution and the model's share, and what only one has.

    ``model`` and ``draft`` hold a probability for each of ``tokens``.
    """
    both = list(map(min, model, draft))
    missing = sum(model) - sum(both)
    title = f"Shared {sum(both):.2f}, missing {missing:.2f}, too much {missing:.2f}"
    places, top = range(len(tokens)), 1.15 * max(*model, *draft)
    names = Axis(-0.6, len(tokens) - 0.4, dict(zip(places, tokens, strict=True)))
    chart = Chart(title, "", "probability", names, Axis(0, top))
    chart.bars(places, model, 0.7, "missing: the model p has more", VERMILION)
    chart.bars(places, both, 0.7, "shared: min(p, q)", BLUE)
    chart.bars(places, draft, 0.7, "the draft's q", "none", DARK)
    chart.legend()
    return chart.picture(
        "Bars of two distributions: what the model's and the draft's share, what is "
        "missing in the draft, and outlines where the draft has too much."
    )


def speculative_round(
    guesses: Sequence[bytes],
    draft: Sequence[float],
    model: Sequence[float],
    draws: Sequence[float],
    then: bytes,
) -> VectorPicture:
    """Draw one round: what a draft guesses, how the model judges it, what is written.

    ``draft`` and ``model`` hold the probability that each gives to every guess,
    ``draws`` a random number in [0, 1) for each. A guess is kept while its draw is
    below model / draft; ``then`` is the token that the model adds after the last kept
    one. Raises ValueError if the lengths differ.
    """
    columns = [list(guesses), list(draft), list(model), list(draws)]
    if len({len(column) for column in columns}) > 1:
        got = ", ".join(str(len(column)) for column in columns)
        raise ValueError(f"guesses, draft, model and draws must be as many, got {got}")
    keep = [min(1.0, p / q) for p, q in zip(model, draft, strict=True)]
    n_kept = next((i for i, k in enumerate(keep) if draws[i] >= k), len(guesses))
    title = f"One round: {len(guesses)} guessed, {n_kept} kept, {n_kept + 1} written"
    drawing = Drawing(title, height=292)
    across = min(110.0, 480 / (len(guesses) + 1))
    rows = {
        "the draft guesses": [token_label(guess) for guess in guesses],
        "draft's probability": [number(q) for q in draft],
        "model's, in one pass": [number(p) for p in model],
        "kept with": [number(k) for k in keep],
        "drawn": [number(u) for u in draws],
        "written": [token_label(guess) for guess in guesses[:n_kept]],
    }
    _draw_round(drawing, rows, n_kept, across)
    at = (230 + across * n_kept, 62 + 38 * 5)
    drawing.box("then", token_label(then), at, BLUE, (across - 12, 28))
    why = "drawn from what is left" if n_kept < len(guesses) else "a token for nothing"
    drawing.words((at[0], at[1] + 26), why, 11, GREY)
    text = (
        "Drawing of one round of speculative decoding: a draft guesses some tokens, "
        "the model judges all of them in one pass, the first refused one ends it."
    )
    told = ", ".join(
        f"{token_label(g)} {number(q)} {number(p)} {number(k)} {number(u)}"
        for g, q, p, k, u in zip(guesses, draft, model, keep, draws, strict=True)
    )
    numbers = f"{title}. Guess, draft, model, kept with, drawn: {told}; then "
    numbers += token_label(then)
    return drawing.picture(text, f"{text} {numbers}.", numbers)


def _draw_round(drawing: Drawing, rows: Mapping, n_kept: int, across: float) -> None:
    """Draw a round's rows of boxes, a column for each guess."""
    colours = {"the draft guesses": PURPLE, "model's, in one pass": BLUE}
    colours |= {"written": GREEN}
    for row, (name, entries) in enumerate(rows.items()):
        y = 62 + 38 * row
        drawing.words((166, y), name, anchor="end")
        for column, entry in enumerate(entries):
            colour = colours.get(name, GREY)
            if name == "drawn" and column == n_kept:
                colour = VERMILION  # refused; what follows is not looked at
            dashed = column > n_kept and name in ("kept with", "drawn")
            at, size = (230 + across * column, y), (across - 12, 28)
            drawing.box(f"{name} {column}", entry, at, colour, size, dashed)
