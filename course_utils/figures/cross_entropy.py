"""Pages 04 and 09: what a probability costs, what is predicted from what, and where the
loss of a text sits, word by word and token by token.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from ipywidgets import IntSlider, Layout, Text

from course_utils.cross_entropy import log_softmax
from course_utils.figures.charts import Axis, Chart, Panel
from course_utils.figures.drawing import GREY, VERMILION, Drawing
from course_utils.figures.interactive import OverTokens
from course_utils.figures.numbers import series
from course_utils.figures.plots import MODEL, TRUTH, Picture
from course_utils.figures.tokens import (
    TextOverPanels,
    TokenPicture,
    draw_guesses,
    likeliest,
    remembered,
    token_label,
)
from course_utils.sampling import encode_prompt, next_words
from course_utils.world import WORD


def surprises(probabilities: Sequence[float]) -> Picture:
    """Draw -ln p over p: the curve, and a bar at each of the probabilities.

    Raises ValueError for one that is not above 0 and at most 1.
    """
    if not all(0 < p <= 1 for p in probabilities):
        raise ValueError(f"probabilities must be in (0, 1], got {probabilities}")
    nats = [abs(math.log(p)) for p in probabilities]
    high = 1.2 * max(0.5, *nats)
    title = "What a prediction costs: −ln p, and each halving costs 0.69 nats more"
    words = "probability p of the word that came", "surprise (nats)"
    chart = Chart(title, *words, Axis(0, 1.03), Axis(0, high), height=260)
    places = [math.exp(-high) + i / 200 for i in range(200)]
    curve = [-math.log(p) for p in places if p <= 1]
    chart.line(places[: len(curve)], curve, colour=GREY, look="--", told=False)
    chart.bars(probabilities, nats, 0.02)
    for p, cost in zip(probabilities, nats, strict=True):
        chart.write(p, cost, f"{cost:.2f}", dy=-9)
    return chart.picture("Bars under a falling curve: the surprise at some p.")


def shifted(pieces: Sequence[bytes], n_prompt: int) -> Picture:
    """Draw T + 1 tokens as T inputs over T targets, each the token after its input.

    The first ``n_prompt`` tokens are the prompt's: as targets they do not count.
    """
    labels = [token_label(piece) for piece in pieces]
    title = "Each input's target is the token after it; the prompt's do not count"
    drawing = Drawing(title, height=170)
    step = (drawing.width - 90) / (len(pieces) - 1)
    for y, name in ((66, "inputs"), (136, "targets")):
        drawing.words((12, y), name, anchor="start", bold=True)
    for t, (seen, wanted) in enumerate(itertools.pairwise(labels)):
        x, counts = 90 + (t + 0.5) * step, t + 1 >= n_prompt
        drawing.box(f"input {t}", seen, (x, 66))
        look = VERMILION if counts else GREY
        drawing.box(f"target {t}", wanted if counts else "−100", (x, 136), look)
        drawing.arrow(f"input {t}", f"target {t}", colour=look, dashed=not counts)
    counted = labels[max(1, n_prompt) :]
    text = f"Drawing of {len(labels) - 1} inputs and, below each, its target"
    alt = f"{title}. Tokens: {' '.join(labels)}. Counted: {' '.join(counted)}."
    return drawing.picture(f"{text}. Counted: {' '.join(counted)}.", alt)


def story_losses(
    pieces: Sequence[bytes],
    model: Sequence[float],
    truth: Sequence[float] | None,
    chosen: int,
    guesses: Mapping[str, Mapping[str, float]],
    title: str,
) -> TokenPicture:
    """Draw a story's words, darker where they cost the model more, and how it adds up.

    ``model`` and ``truth`` hold the surprise at each word in nats, of the model and of
    the true probabilities. ``guesses`` maps "model" and "truth" to probabilities of the
    word at ``chosen``, before it was seen. Where no truth is known it is None, and
    ``guesses`` has the model's alone.
    """
    shades = [min(1.0, nats / 4) for nats in model]  # 4 nats: one in 55
    drawing = TextOverPanels(pieces, shades, chosen, title, 240)
    top = drawing.below
    came = pieces[chosen].decode("utf-8", errors="replace")
    bars = draw_guesses(drawing, (8, top, 320, 232), guesses, came)
    unit = "words" if truth else "tokens"
    totals = {"model": list(itertools.accumulate(model, initial=0.0))}
    if truth is not None:
        totals["truth"] = list(itertools.accumulate(truth, initial=0.0))
    high = 1.05 * max(1.0, *(total[-1] for total in totals.values()))
    labels = "How it adds up", f"{unit} read", "nats so far"
    box = (340, top, 324, 232)
    sums = Panel(drawing, box, Axis(0, len(pieces)), Axis(0, high), *labels)
    sums.mark(chosen + 0.5)
    for name, look in zip(totals, ("-", "--"), strict=False):
        colour = MODEL if name == "model" else TRUTH
        label = f"{name}: {totals[name][-1]:.1f}"
        sums.line(range(len(pieces) + 1), totals[name], label, colour, look)
    sums.legend(top=sums.y.start - 4 - 16 * len(totals))
    text = (
        "The tokens of a text, darker where they cost the model more, over the next "
        "token's probabilities and the sum of the surprises."
        if truth is None
        else "The words of a story, darker where they cost the model more, over the "
        "next word's probabilities and the sum of the surprises, the model's and the "
        "true."
    )
    costs = f"the model {model[chosen]:.2f} nats"
    costs += "" if truth is None else f", the truth {truth[chosen]:.2f}"
    word = token_label(pieces[chosen])
    framed = f"The framed {unit[:-1]} {word} costs {costs}."
    numbers = [framed, series("costs", model), *bars.numbers, *sums.numbers]
    return drawing.picture(text, f"{title}. {framed}", "; ".join(numbers))


class StoryLosses(OverTokens):
    """Step through a story: what each word costs a model, and what it costs the truth.

    Below the story: the next word's probabilities, the model's beside the true, and how
    the surprises add up. ``word`` counts from 1, as the picture does. Raises ValueError
    if the world could not have told the text.
    """

    def __init__(self, model, tokenizer, world, text: str, word: int = 1):
        words = WORD.findall(text)
        befores = ["".join(words[:i]) for i in range(len(words))]
        if not world.is_valid(text):
            raise ValueError(f"text must be a story of the world, got {text!r}")
        truths = [world.next_words(before) for before in befores]
        chances = [truth[word] for truth, word in zip(truths, words, strict=True)]
        true = [max(0.0, -math.log(chance)) for chance in chances]
        nats = word_losses(model, tokenizer, words)
        pieces = [word.encode() for word in words]

        guess_next = remembered(model, partial(next_words, model, tokenizer, n=50))

        def draw(word: int) -> TokenPicture:
            i = word - 1
            guess = guess_next(befores[i])
            guesses = {"model": guess, "truth": truths[i]}
            costs = f"the model {nats[i]:.2f}, the truth {true[i]:.2f} nats"
            title = f"Word {word}, “{words[i].strip()}”, costs {costs}"
            return story_losses(pieces, nats, true, i, guesses, title)

        slider = IntSlider(word, 1, len(words), layout=Layout(width="98%"))
        super().__init__(draw, "word", lambda picture, i: i + 1, word=slider)


@torch.no_grad()
def word_losses(model, tokenizer, words: list[str]) -> list[float]:
    """Return a model's surprise at each word of a text, in nats: its tokens' sum.

    Words are cut as the tokenizer cuts them, so that no token belongs to two.
    """
    ids = [tokenizer.encode(word) for word in words]
    row = torch.tensor([[tokenizer.end_of_text, *itertools.chain(*ids)]])
    log_probs = log_softmax(model(row[:, :-1]))[0]
    nats = -log_probs.gather(-1, row[0, 1:, None]).squeeze(-1)
    return [part.sum().item() for part in nats.split([len(part) for part in ids])]


class TokenSurprises(OverTokens):
    """Write a text, and see what each of its tokens costs a model.

    Below: what the model expected in the place of the chosen token, and how the
    surprises add up. A token past the text's end is its last.
    """

    def __init__(self, model, tokenizer, text: str, token: int = 1):
        def reading(text: str):
            ids = encode_prompt(model, tokenizer, text)
            if len(ids) < 2:
                raise ValueError("write at least one word")
            with torch.no_grad():
                log_probs = log_softmax(model(torch.tensor([ids[:-1]])))[0]
            nats = [-row[i].item() for row, i in zip(log_probs, ids[1:], strict=True)]
            return ids, log_probs, nats

        read = remembered(model, reading)

        def draw(text: str, token: int) -> TokenPicture:
            ids, log_probs, nats = read(text)
            chosen = min(token, len(nats)) - 1
            guess = likeliest(tokenizer, log_probs[chosen].exp(), 8)
            pieces = [tokenizer.token_bytes(i) for i in ids[1:]]
            came = tokenizer.decode([ids[chosen + 1]])
            guess.setdefault(came, math.exp(-nats[chosen]))
            costs = f"costs {nats[chosen]:.2f} nats"
            title = f"Token {chosen + 1}, “{came.strip()}”, {costs}"
            return story_losses(pieces, nats, None, chosen, {"model": guess}, title)

        box = Text(text, description="Your text (then Enter)")
        slider = IntSlider(token, 1, 60, layout=Layout(width="450px"))
        chosen = lambda picture, i: i + 1  # noqa: E731
        super().__init__(draw, "token", chosen, text=box, token=slider)
