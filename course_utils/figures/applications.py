"""Page 10: an answer to a task token by token, and what LoRA learns."""

from collections.abc import Mapping, Sequence

import torch
from ipywidgets import IntSlider, Layout, SelectionSlider, Text

from course_utils.cross_entropy import log_softmax
from course_utils.figures.charts import Axis, Panel
from course_utils.figures.drawing import GREY, Drawing, VectorPicture
from course_utils.figures.interactive import OverTokens
from course_utils.figures.plots import (
    GREEN,
    MODEL,
    TRUTH,
)
from course_utils.figures.tokens import (
    TextOverPanels,
    TokenPicture,
    draw_guesses,
    likeliest,
    percent,
    remembered,
    token_label,
)
from course_utils.sampling import encode_prompt, stream
from course_utils.world.tasks import Task, in_own_words


def answer_view(
    pieces: Sequence[bytes],
    chances: Sequence[float],
    chosen: int,
    guess: Mapping[str, float],
    above: Sequence[str],
) -> TokenPicture:
    """Draw a prompt with its answer, each answer token darker the surer the model was.

    ``chances`` are the probabilities of the answer's tokens, the last of ``pieces``;
    ``chosen`` is one of them, counted from 0; ``guess`` holds what might have stood in
    its place. ``above`` are lines of text that say the answer: where no installed font
    has Chinese characters, the picture shows boxes, and they can be read and selected.
    """
    n_prompt = len(pieces) - len(chances)
    shades = [0.0] * n_prompt + list(chances)
    title = "What the model reads, and in blue what it answers"
    drawing = TextOverPanels(pieces, shades, n_prompt + chosen, title, 240)
    top = drawing.below
    came = pieces[n_prompt + chosen].decode("utf-8", errors="replace")
    all_guesses = {"model": {came: chances[chosen], **guess}}
    bars = draw_guesses(drawing, (8, top, 320, 232), all_guesses, came)
    n = len(chances)
    x = Axis(0.4, n + 0.6, range(1, n + 1, max(1, n // 10)))
    labels = "How sure of each token", "token of the answer", "probability (%)"
    sure = Panel(drawing, (340, top, 324, 232), x, Axis(0, 105), *labels)
    colours = [TRUTH if i == chosen else MODEL for i in range(n)]
    sure.bars(range(1, n + 1), [100 * p for p in chances], colour=colours)
    text = (
        "A prompt and a model's answer, each of its tokens darker the surer the model "
        "was, over what might have stood in one place and how sure it was of each."
    )
    framed = f"The framed token {token_label(pieces[n_prompt + chosen])}"
    alt = f"{text} {' '.join(above)} {framed} had {percent(chances[chosen])} percent."
    numbers = "; ".join([" ".join(above), *bars.numbers, *sure.numbers])
    return drawing.picture(text, alt, numbers, n_prompt, above)


class Assistant(OverTokens):
    """Set a model a task, and read its answer token by token beside the right one.

    ``examples`` maps a kind of task to some tasks of it. What is written into the text
    box takes the place of the example's question, story or sentence. The answer is the
    greedy one; a token past its end is its last.
    """

    def __init__(self, model, tokenizer, examples: Mapping[str, Sequence[Task]]):
        def answering(prompt: str):
            ids = encode_prompt(model, tokenizer, prompt)
            return ids, *_greedy_answer(model, tokenizer, ids)

        answer_to = remembered(model, answering)

        def draw(task: str, example: int, own: str, token: int) -> TokenPicture:
            posed = examples[task][example]
            prompt, right = posed.prompt, posed.answer
            if own.strip():
                prompt, right = in_own_words(posed, own.strip())
            ids, new, every = answer_to(prompt)
            chances = [row[i].item() for row, i in zip(every, new, strict=True)]
            pieces = [tokenizer.token_bytes(i) for i in [*ids[1:], *new]]
            chosen = min(token, len(new)) - 1
            answer = tokenizer.decode([i for i in new if i != tokenizer.end_of_text])
            above = [f"The model: {answer.strip()}", _verdict(answer, right)]
            guess = likeliest(tokenizer, every[chosen], 6)
            return answer_view(pieces, chances, chosen, guess, above)

        n = min(map(len, examples.values()))
        half = Layout(width="450px")
        super().__init__(
            draw,
            "token",
            lambda picture, i: i - picture.first + 1,
            task=SelectionSlider(options=list(examples), layout=half),
            example=IntSlider(0, max=n - 1, layout=half),
            own=Text("", description="Your own words (then Enter)"),
            token=IntSlider(1, 1, 40, description="token of the answer", layout=half),
        )


def _verdict(answer: str, right: str | None) -> str:
    if right is None:
        return "Right answer: the world does not know one."
    same = "the same" if answer == right else "not the same"
    return f"Right answer: {right.strip()} ({same})"


@torch.no_grad()
def _greedy_answer(model, tokenizer, ids: list[int]) -> tuple[list[int], torch.Tensor]:
    """Return a greedy answer's tokens, and the chances in each place: (new, V)."""
    end, room = tokenizer.end_of_text, model.config.n_positions - len(ids)
    new = list(stream(model, ids, min(room, 100), temperature=0, end_of_text=end))
    logits = model(torch.tensor([ids + new]))[0, len(ids) - 1 : -1]
    return new, log_softmax(logits).exp()


# --- A question that is learnt late


def learnt_late(
    steps: Sequence[int],
    asked: Sequence[Sequence[float]],
    others: Sequence[Sequence[float]],
    losses: Sequence[Sequence[float]],
    guess: float,
) -> VectorPicture:
    """Draw shares of right answers over steps, and the loss beside; a line each seed.

    ``asked`` are of questions as in training, ``others`` of those about somebody else;
    ``guess`` is the loss of one who only knows what kind of word is the answer.
    """
    drawing = Drawing("A question is learnt late, and suddenly", height=270)
    top = drawing.top
    places = [Axis(0, max(steps), [*steps][::2]) for _ in range(2)]
    names, shares = ("", "fine-tuning steps", "right (%)"), range(0, 101, 25)
    right = Panel(drawing, (8, top, 320, 232), places[0], Axis(0, 142, shares), *names)
    looks = ("first", asked, MODEL, "-"), ("second", others, TRUTH, "--")
    for person, runs, colour, look in looks:
        for i, run in enumerate(runs):
            label = f"asked for the {person} person" if i == 0 else ""
            right.line(steps, [100 * x for x in run], label, colour, look, marker=2)
    right.legend()
    names = "", "fine-tuning steps", "loss (nats per token)"
    height = Axis(1e-4, 20, {0.0001: "0.0001", 0.01: "0.01", 1: "1", 10: "10"}, True)
    loss = Panel(drawing, (340, top, 324, 232), places[1], height, *names)
    for i, run in enumerate(losses):
        loss.line(steps, run, f"{len(losses)} seeds" if i == 0 else "", MODEL)
    loss.level(guess, "guessing the job", GREY)
    loss.legend()
    text = (
        "Lines over fine-tuning steps: the share of right answers stays low and jumps, "
        "and the loss leaves a plateau. About the second person hardly any is right."
    )
    numbers = "; ".join([*right.numbers, *loss.numbers])
    return drawing.picture(text, f"{text} {numbers}.", numbers)


# --- A drawing: LoRA's two thin matrices


def low_rank(n_in: int, n_out: int, rank: int) -> VectorPicture:
    """Draw a frozen (out, in) matrix and the two thin ones beside it, true to scale.

    Raises ValueError unless the rank is at least 1 and at most the smaller side.
    """
    if not 1 <= rank <= min(n_in, n_out):
        raise ValueError(f"rank must be in 1..{min(n_in, n_out)}, got {rank}")
    pixels = 130 / max(n_in, n_out)
    wide, high, thin = n_in * pixels, n_out * pixels, max(5.0, rank * pixels)
    frozen, trained = n_in * n_out, rank * (n_in + n_out)
    title = f"LoRA: {trained:,} numbers learn in the place of {frozen:,}"
    drawing = Drawing(title, height=250)
    y = 136
    drawing.box("x", "x", (36, y))
    drawing.box("W", "", (190, y), GREY, (wide, high))
    drawing.words((190, y + high / 2 + 14), f"W ({n_out}, {n_in}), frozen", colour=GREY)
    drawing.box("A", "", (370, y), GREEN, (wide, thin))
    drawing.box("B", "", (500, y), GREEN, (thin, high))
    drawing.words((370, y - thin / 2 - 14), f"A ({rank}, {n_in})", colour=GREEN)
    drawing.words((500, y + high / 2 + 14), f"B ({n_out}, {rank})", colour=GREEN)
    drawing.operation("+", "+", (590, y))
    drawing.box("y", "y", (646, y))
    drawing.arrow("x", "W", f"({n_in},)")
    bottom, top = y + high / 2 + 30, y - high / 2 - 24
    drawing.arrow("x", "A", "", ("bottom", "bottom"), [(36, bottom), (370, bottom)])
    drawing.arrow("A", "B", f"({rank},)")
    drawing.arrow("B", "+", "α / r")
    drawing.arrow("W", "+", f"({n_out},)", ("top", "top"), [(190, top), (590, top)])
    drawing.arrow("+", "y")
    text = (
        "Drawing of low-rank adaptation: beside a frozen matrix a flat and a tall thin "
        "one, whose product is added to what the frozen one gives."
    )
    numbers = f"W ({n_out}, {n_in}) {frozen}; A ({rank}, {n_in}) and B ({n_out}, "
    numbers += f"{rank}) {trained}, {percent(trained / frozen)}%"
    return drawing.picture(text, f"{text} {numbers}.", numbers)
