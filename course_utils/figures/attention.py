"""Page 02: what a head looks at, and what is lost without it."""

from collections.abc import Mapping, Sequence

import torch
from ipywidgets import Checkbox, IntSlider, Layout, Text
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from course_utils.ablation import heads_off
from course_utils.cross_entropy import cross_entropy
from course_utils.figures.interactive import Interactive
from course_utils.figures.numbers import drawn_numbers, series
from course_utils.figures.plots import MODEL, PURPLE, TRUTH, Picture, house_style
from course_utils.figures.tokens import (
    TINTS,
    percent,
    readable_word,
    text_over_panels,
    token_label,
)
from course_utils.sampling import encode_prompt, next_words


@house_style()
def head_view(
    pieces: Sequence[bytes],
    weights,
    chosen: int,
    guesses: Mapping[str, Mapping[str, float]],
    losses: Mapping[str, float],
    title: str,
) -> Picture:
    """Draw a text's tokens, darker where token ``chosen`` looks, and the next word.

    ``weights`` (T, T) is one head's attention. ``guesses`` and ``losses`` hold, for
    each state of the head such as "on" and "off", the probabilities of the next word
    and the loss on the text in nats per token.
    """
    shades = [float(weight) for weight in weights[chosen]]
    figure, grid = text_over_panels(pieces, shades, chosen, title, 3.2, 2.3)
    matrix = figure.add_subplot(grid[1, 0], xlabel="token looked at (key)")
    matrix.set(title="The whole head", ylabel="token that looks (query)")
    matrix.imshow(weights, cmap=TINTS, norm=PowerNorm(0.5, 0, 1), aspect="auto")
    matrix.axhline(chosen, color=TRUTH, linewidth=0.8)
    matrix.grid(False)
    _draw_guesses(figure.add_subplot(grid[1, 1]), guesses, losses)
    text = (
        "The tokens of a text, darker where one of them looks, over the whole matrix "
        "of the head's attention and the next word with the head on and off."
    )
    alt = _head_alt(title, pieces, weights[chosen], losses)
    looks = series("looks", shades)
    return Picture(figure, text, alt, f"{looks} | {drawn_numbers(figure)}")


def _draw_guesses(axes: Axes, guesses: Mapping, losses: Mapping) -> None:
    """Draw pairs of bars, with the loss on the text in the legend."""
    words = dict.fromkeys(word for guess in guesses.values() for word in guess)
    chances = {w: max(g.get(w, 0.0) for g in guesses.values()) for w in words}
    likely = [word for word, chance in chances.items() if chance >= 0.005]
    shown = sorted(likely, key=lambda word: (-chances[word], word))[:5]
    axes.set(title="The next word", xlabel="probability (%)", xlim=(0, 118))
    height = 0.8 / len(guesses)
    for place, (name, guess) in enumerate(guesses.items()):
        shift = height * (place - (len(guesses) - 1) / 2)
        at = [row + shift for row in range(len(shown))]
        values = [guess.get(word, 0.0) for word in shown]
        look = dict(color=(MODEL, PURPLE)[place], label=f"{name}: {losses[name]:.2f}")
        bars = axes.barh(at, [100 * p for p in values], 0.95 * height, **look)
        axes.bar_label(bars, [percent(p) for p in values], padding=2, fontsize=8)
    axes.set_yticks(range(len(shown)), [readable_word(word) for word in shown])
    axes.set_ylim(1.4 * len(shown), -0.5)  # downwards, with room for the legend
    axes.grid(False, axis="y")
    axes.legend(
        title="head, loss on the text", loc="lower right", fontsize=8, frameon=False
    )


def _head_alt(title, pieces, row, losses: Mapping) -> str:
    most = sorted(range(len(pieces)), key=lambda s: -float(row[s]))[:3]
    seen = ", ".join(
        f"{token_label(pieces[s])} {percent(float(row[s]))}%" for s in most
    )
    told = "; ".join(f"loss {loss:.2f} with the head {n}" for n, loss in losses.items())
    return f"{title}. It looks most at {seen}. {told}."


class HeadView(Interactive):
    """What a head of a trained model looks at, and what the model is without it.

    Choose the text, the head and the token that looks, counted from the end of the text
    so that it can be chosen in any; switch the head off, and the picture shows the next
    word and the loss on the text with and without it.
    """

    def __init__(self, model, tokenizer, prompt: str, layer: int = 0, head: int = 0):
        def draw(prompt: str, layer: int, head: int, back: int, off: bool) -> Picture:
            if not prompt.strip():
                raise ValueError("write at least one word")
            ids = torch.tensor([encode_prompt(model, tokenizer, prompt)])
            guesses, losses = {}, {}
            for state in ("on", "off") if off else ("on",):
                with heads_off(model, [(layer, head)] if state == "off" else []):
                    guesses[state] = next_words(model, tokenizer, prompt, n=5)
                    losses[state] = _loss(model, ids)
            with torch.no_grad():
                weights = model.attention_weights(ids)[layer][0, head]
            pieces = [tokenizer.token_bytes(token) for token in ids[0].tolist()]
            chosen = max(len(pieces) - 1 - back, 0)
            title = f"Layer {layer}, head {head}: where the framed token looks"
            return head_view(pieces, weights.numpy(), chosen, guesses, losses, title)

        half = Layout(width="450px")
        config = model.config
        super().__init__(
            draw,
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
