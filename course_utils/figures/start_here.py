"""Page 00: how a model writes, the course's map, next words beside the true ones."""

import textwrap
from collections.abc import Mapping, Sequence

from ipywidgets import Text
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from course_utils.figures.charts import Chart, ranks
from course_utils.figures.drawing import Drawing, VectorPicture
from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import (
    BLUE,
    DARK,
    GREEN,
    MODEL,
    TRUTH,
    VERMILION,
    Picture,
    house_style,
    new_axes,
)
from course_utils.figures.tokens import percent, percents, rank, readable_word
from course_utils.pages import Page
from course_utils.sampling import next_words
from course_utils.world import WORD


@house_style()
def course_map(pages: Sequence[Page], per_row: int = 4) -> Picture:
    """Draw the pages as boxes, in reading order from left to right, row by row."""
    n_rows = -(-len(pages) // per_row)
    hours = round(sum(page.minutes_to_study for page in pages) / 60)
    title = f"{len(pages)} pages, {hours} hours (seconds to run · minutes to study)"
    figure, axes = new_axes(title, "", "", height=0.5 + 0.85 * n_rows)
    axes.set(xlim=(-0.5, per_row - 0.5), ylim=(n_rows - 0.5, -0.5))
    axes.set_axis_off()
    for place, page in enumerate(pages):
        row, column = divmod(place, per_row)
        _draw_box(axes, column, row, page)
        if place + 1 < len(pages) and column + 1 < per_row:
            ends = dict(xy=(column + 0.58, row), xytext=(column + 0.42, row))
            axes.annotate("", **ends, arrowprops=dict(arrowstyle="->", color=DARK))
    boxes = [
        f"{page.label} (runs {page.seconds_to_run} s, "
        f"{page.minutes_to_study} min to study)"
        for page in pages
    ]
    return Picture(figure, "Map of the course, in order: " + "; ".join(boxes) + ".")


def _draw_box(axes: Axes, column: int, row: int, page: Page) -> None:
    corner = (column - 0.42, row - 0.4)
    style = "round,pad=0,rounding_size=0.08"
    fill = dict(facecolor="#EAF3F9", edgecolor=BLUE)
    axes.add_patch(FancyBboxPatch(corner, 0.84, 0.8, boxstyle=style, **fill))
    centred = dict(ha="center", va="center")
    name = "\n".join(textwrap.wrap(page.label, 16))
    axes.text(column, row - 0.1, name, weight="bold", **centred)
    times = f"{page.seconds_to_run} s · {page.minutes_to_study} min"
    axes.text(column, row + 0.26, times, fontsize=9, **centred)


def writing_loop(
    pieces: Sequence[str],
    ids: Sequence[int],
    guesses: Mapping[str, float],
    n_parameters: int,
) -> VectorPicture:
    """Draw one round of writing: text, ids, model, probabilities, the token chosen.

    ``pieces`` and ``ids`` are the text's tokens, the last four of which are drawn;
    ``guesses`` maps the likeliest next pieces to probabilities, the first one is the
    token chosen. ``n_parameters`` is how many numbers the model has learnt.
    """
    drawing = Drawing("A text is written token by token", height=310)
    text = "".join(pieces)
    drawing.box("text", "\n".join(textwrap.wrap(text, 15)), (70, 110))
    rows = [[piece, str(i)] for piece, i in zip(pieces, ids, strict=True)][-4:]
    drawing.table("ids", rows, (252, 110), cell=(62, 24))
    model = f"model\n{n_parameters:,}\nlearnt numbers"
    drawing.box("model", model, (410, 110), GREEN)
    likeliest = max(guesses.values())
    shares = [[word, f"{p:.1%}"] for word, p in guesses.items()]
    shades = [[0.1, 0.5 * p / likeliest] for p in guesses.values()]
    drawing.table("shares", shares, (592, 110), cell=(66, 24), shades=shades)
    chosen = next(iter(guesses))
    drawing.box("next", f"next token: {chosen.strip()}", (592, 230), VERMILION)
    drawing.words((252, 46), "tokens and their ids", 11)
    drawing.words((592, 46), "a probability for each token", 11)

    drawing.arrow("text", "ids", "encode")
    drawing.arrow("ids", "model")
    drawing.arrow("model", "shares")
    drawing.arrow("shares", "next", "choose one")
    label = "append its id, and ask the model again"
    drawing.arrow("next", "ids", label, ("left", "bottom"), [(252, 230)], VERMILION)
    corners = [(214, 280), (70, 280)]
    drawing.area("end", (214, 157), (2, 2))
    label = "at the end: decode"
    drawing.arrow("end", "text", label, ("bottom", "bottom"), corners)
    words = ", ".join(f"{word.strip()} {p:.1%}" for word, p in guesses.items())
    numbers = f"ids {', '.join(map(str, ids))}; next: {words}; chosen: {chosen.strip()}"
    told = (
        "Drawing of one round of writing: encode a text, ask the model, choose a token"
    )
    return drawing.picture(f"{told}, append it, ask again.", numbers=numbers)


def next_word_bars(
    model: Mapping[str, float],
    truth: Mapping[str, float],
    title: str = "The next word: the model's guess beside the truth",
    n: int = 8,
) -> VectorPicture:
    """Draw the probabilities of next words as pairs of bars, likeliest on top.

    ``model`` and ``truth`` map words (with the space before them; "" is the end) to
    probabilities. An empty ``truth`` leaves the model's bars alone. The ``n`` words
    that are likeliest in either are shown. The picture's ``text`` names words only by
    ``truth``, which is the same on every machine.
    """
    shown = sorted({*model, *truth}, key=lambda word: rank(word, truth, model))[:n]
    y, height = ranks([readable_word(word) for word in shown]), 90 + 34 * len(shown)
    chart = Chart(title, "probability (%)", "", percents(), y, height)
    pairs = [("model", model, MODEL, 0.2), ("truth", truth, TRUTH, -0.2)]
    high = 0.38 if truth else 0.7
    for name, chances, colour, shift in pairs if truth else pairs[:1]:
        values = [chances.get(word, 0.0) for word in shown]
        at = [(shift if truth else 0) - place for place in range(len(shown))]
        ends = [percent(p) for p in values]
        chart.rows(at, [100 * p for p in values], high, name, colour, ends)
    chart.legend(top=chart.y.start - 20 * (2 if truth else 1))
    return chart.picture(_bars_text(truth, n), _bars_alt(title, shown, model, truth))


def _bars_text(truth: Mapping[str, float], n: int) -> str:
    if not truth:
        return "Bar chart of the model's probabilities for the next word."
    ranked = sorted(truth, key=lambda word: (-round(truth[word], 9), word))[:n]
    words = ", ".join(
        f"{readable_word(word)} {percent(truth[word])}%" for word in ranked
    )
    return (
        "Bar chart of the probabilities of the next word, the model's beside the true "
        f"ones. True are: {words}."
    )


def _bars_alt(title: str, shown: Sequence[str], model: Mapping, truth: Mapping) -> str:
    rows = []
    for word in shown:
        row = f"{readable_word(word)}: model {percent(model.get(word, 0.0))}%"
        if truth:
            row += f", truth {percent(truth.get(word, 0.0))}%"
        rows.append(row)
    return f"{' '.join(title.split())} ({'; '.join(rows)})"


def split_begun_word(prompt: str, truth: Mapping[str, float]) -> tuple[str, str]:
    """Return the prompt without the word that it stops in, and what it has of it.

    ``truth`` is what the world says comes next: rests of a word if the prompt stops
    inside one. Nearly no text of the training set stopped there, so that a model is
    asked for whole words instead.
    """
    if truth and prompt[-1:].isalpha() and all(rest[:1].isalpha() for rest in truth):
        begun = WORD.findall(prompt)[-1]
        return prompt.removesuffix(begun), begun
    return prompt, ""


def with_beginning(chances: Mapping[str, float], begun: str) -> dict[str, float]:
    """Return the words that begin so, and their probabilities given that one does."""
    fitting = {word: p for word, p in chances.items() if word.startswith(begun)}
    total = sum(fitting.values())
    return {word: p / total for word, p in fitting.items()}


class NextWord(Interactive):
    """Edit a prompt and see what comes next: the model's bars beside the true ones.

    ``world`` knows the true distribution. Where it would never tell a story with this
    beginning, the picture says so and shows the model's bars alone. Where the beginning
    stops inside a word, the bars are of whole words that begin so.
    """

    def __init__(self, model, tokenizer, world, prompt: str):
        def draw(prompt: str) -> VectorPicture:
            truth = world.next_words(prompt)
            before, begun = split_begun_word(prompt, truth)
            if begun:
                guess = with_beginning(
                    next_words(model, tokenizer, before, n=1000), begun
                )
                truth = with_beginning(world.next_words(before), begun)
                title = f"Which word begins with “{begun.strip()}”?"
                if not guess:
                    title += "\nNone, says the model"
            else:
                # Many words, so that hardly a true one is missing among the model's.
                guess = next_words(model, tokenizer, prompt, n=100)
                end = prompt if len(prompt) <= 30 else "…" + prompt[-29:]
                title = f"What follows “{end}”?"
                if not truth:
                    title += "\nThe world never tells this: the model guesses alone"
            return next_word_bars(guess, truth, title)

        box = Text(prompt, description="The story so far (then Enter)")
        super().__init__(draw, prompt=box)
