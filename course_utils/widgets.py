"""Figures with knobs: controls above one picture, which is drawn anew at each change.

``Interactive`` is made so that one cell serves every reader. In JupyterLab and Colab it
is alive. On GitHub, in print and before the page has run it is a still picture. For CI
it is a sentence that never changes. The picture is the value of an HTML widget, not an
Output widget: nothing flickers, it carries a text alternative, and a test may turn a
knob in plain Python and look at what is drawn. Works with ipywidgets 7.7 and 8.

Floor 6: stands on ``plots`` and ``sampling``; the only importer of ipywidgets.
"""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape

import torch
from IPython import get_ipython
from IPython.display import display
from ipywidgets import (
    HTML,
    Checkbox,
    IntSlider,
    Layout,
    SelectionSlider,
    Text,
    VBox,
    Widget,
)

from course_utils.ablation import heads_off
from course_utils.cross_entropy import cross_entropy, log_softmax
from course_utils.plots import (
    Picture,
    answer_view,
    head_view,
    loss_curve,
    next_word_bars,
    story_losses,
    training_panels,
)
from course_utils.sampling import encode_prompt, next_words, stream
from course_utils.world import WORD
from course_utils.world.tasks import Task, in_own_words


class Interactive(VBox):
    """Controls, and the picture that ``draw`` makes of their values.

    ``draw`` takes the controls' values under the names that they have here, and returns
    a ``plots.Picture``::

        Interactive(draw, power=IntSlider(value=2, min=1, max=4))

    A control without a description is labelled with its name. If ``draw`` raises, the
    message is shown above the last picture that worked; the first drawing raises as
    usual. ``picture`` is what is shown now. Raises TypeError for a control that is not
    a widget with a value.

    To choose from a list take SelectionSlider: in JupyterLab the arrow keys leave a
    Dropdown for the next cell, so that nobody can set it by keyboard.
    """

    # ipywidgets 7 would show itself through this, without the still picture.
    _ipython_display_ = None

    def __init__(self, draw: Callable[..., Picture], **controls: Widget):
        self.draw, self.controls = draw, controls
        for name, control in controls.items():
            _prepare(name, control)
            control.observe(self._redraw, "value")
        self.picture = self._draw()
        names = ", ".join(control.description for control in controls.values())
        self.text = f"Interactive figure, controls: {names}. {self.picture.text}"
        self.frame = HTML(self.picture.to_html())
        super().__init__([*controls.values(), self.frame])

    def _draw(self) -> Picture:
        return self.draw(**{name: box.value for name, box in self.controls.items()})

    def _redraw(self, change) -> None:
        try:
            self.picture = self._draw()
        except Exception as error:  # whatever it is, the learner must see it
            self.frame.value = _apology(error) + self.picture.to_html()
        else:
            self.frame.value = self.picture.to_html()

    def _repr_mimebundle_(self, include=None, exclude=None):
        data, metadata = self.picture._repr_mimebundle_()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        data["application/vnd.jupyter.widget-view+json"] = view
        data["text/plain"] = self.text
        return data, metadata


def _prepare(name: str, control: Widget) -> None:
    """Label a control in full, fit it in the page, let it report a movement's end."""
    if not isinstance(control, Widget) or not control.has_trait("value"):
        raise TypeError(f"{name} must be a widget with a value, got {control!r}")
    control.description = control.description or name.replace("_", " ")
    control.style.description_width = "initial"
    # A full width and its margins would be wider than the page, which then scrolls.
    control.layout.max_width = control.layout.max_width or "98%"
    # A slider's own 300 pixels would cut the words at its end ("175B (GPT-").
    wide = "98%" if isinstance(control, Text) else "450px"
    control.layout.width = control.layout.width or wide
    if control.has_trait("continuous_update"):
        control.continuous_update = False


def _apology(error: Exception) -> str:
    return (
        '<p role="alert"><b>This setting cannot be drawn.</b> '
        f"{type(error).__name__}: {escape(str(error))}<br>"
        "Change it and go on; below is the last picture that worked.</p>"
    )


class NextWord(Interactive):
    """Edit a prompt and see what comes next: the model's bars beside the true ones.

    ``world`` knows the true distribution. Where it would never tell a story with this
    beginning, the picture says so and shows the model's bars alone.
    """

    def __init__(self, model, tokenizer, world, prompt: str):
        def draw(prompt: str) -> Picture:
            # Many words, so that hardly a true one is missing among the model's.
            guess = next_words(model, tokenizer, prompt, n=100)
            truth = world.next_words(prompt)
            end = prompt if len(prompt) <= 30 else "…" + prompt[-29:]
            title = f"What follows “{end}”?"
            if not truth:
                title += "\nThe world never tells this: the model guesses alone"
            return next_word_bars(guess, truth, title)

        box = Text(prompt, description="The story so far (then Enter)")
        super().__init__(draw, prompt=box)


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


class StoryLosses(Interactive):
    """Step through a story: what each word costs a model, and what it costs the truth.

    Below the story: the next word's probabilities, the model's beside the true, and how
    the surprises add up. Raises ValueError if the world could not have told the text.
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

        def draw(word: int) -> Picture:
            guess = next_words(model, tokenizer, befores[word], n=50)
            guesses = {"model": guess, "truth": truths[word]}
            costs = f"the model {nats[word]:.2f}, the truth {true[word]:.2f} nats"
            title = f"Word {word + 1}, “{words[word].strip()}”, costs {costs}"
            return story_losses(pieces, nats, true, word, guesses, title)

        slider = IntSlider(word, 1, len(words) - 1, layout=Layout(width="98%"))
        super().__init__(draw, word=slider)


class TokenSurprises(Interactive):
    """Write a text, and see what each of its tokens costs a model.

    Below: what the model expected in the place of the chosen token, and how the
    surprises add up. A token past the text's end is its last.
    """

    def __init__(self, model, tokenizer, text: str, token: int = 1):
        def draw(text: str, token: int) -> Picture:
            ids = encode_prompt(model, tokenizer, text)
            if len(ids) < 2:
                raise ValueError("write at least one word")
            with torch.no_grad():
                log_probs = log_softmax(model(torch.tensor([ids[:-1]])))[0]
            nats = [-row[i].item() for row, i in zip(log_probs, ids[1:], strict=True)]
            chosen = min(token, len(nats)) - 1
            guess = _likeliest(tokenizer, log_probs[chosen].exp(), 8)
            pieces = [tokenizer.token_bytes(i) for i in ids[1:]]
            came = tokenizer.decode([ids[chosen + 1]])
            guess.setdefault(came, math.exp(-nats[chosen]))
            title = (
                f"Token {chosen + 1}, “{came.strip()}”, costs {nats[chosen]:.2f} nats"
            )
            return story_losses(pieces, nats, None, chosen, {"model": guess}, title)

        box = Text(text, description="Your text (then Enter)")
        slider = IntSlider(token, 1, 60, layout=Layout(width="450px"))
        super().__init__(draw, text=box, token=slider)


class Assistant(Interactive):
    """Set a model a task, and read its answer token by token beside the right one.

    ``examples`` maps a kind of task to some tasks of it. What is written into the text
    box takes the place of the example's question, story or sentence. The answer is the
    greedy one; a token past its end is its last.
    """

    def __init__(self, model, tokenizer, examples: Mapping[str, Sequence[Task]]):
        def draw(task: str, example: int, own: str, token: int) -> Picture:
            posed = examples[task][example]
            prompt, right = posed.prompt, posed.answer
            if own.strip():
                prompt, right = in_own_words(posed, own.strip())
            ids = encode_prompt(model, tokenizer, prompt)
            new, every = _greedy_answer(model, tokenizer, ids)
            chances = [row[i].item() for row, i in zip(every, new, strict=True)]
            pieces = [tokenizer.token_bytes(i) for i in [*ids[1:], *new]]
            chosen = min(token, len(new)) - 1
            answer = tokenizer.decode([i for i in new if i != tokenizer.end_of_text])
            above = [f"The model: {answer.strip()}", _verdict(answer, right)]
            guess = _likeliest(tokenizer, every[chosen], 6)
            return answer_view(pieces, chances, chosen, guess, above)

        n = min(map(len, examples.values()))
        half = Layout(width="450px")
        super().__init__(
            draw,
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


def _likeliest(tokenizer, chances: torch.Tensor, n: int) -> dict[str, float]:
    """Return the ``n`` likeliest tokens as text -> probability; chances are (V,)."""
    top = chances.topk(min(n, len(chances)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return {tokenizer.decode([token]): chance for token, chance in pairs}


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


class LiveLoss:
    """The loss curve while a model trains, at its end as a still picture::

        with LiveLoss(floor) as live:
            Trainer(model, batches, config, on_step=live).run(show_progress=False)

    In a notebook the picture is drawn again at most twice a second, and only so often
    that drawing takes a twentieth of the time. In a plain script nothing is shown.
    ``picture`` holds the last one.
    """

    def __init__(self, floor: float | None = None):
        self.floor = floor
        self.picture: Picture | None = None
        self._history = self._handle = None
        self._next_drawing = 0.0

    def __enter__(self) -> "LiveLoss":
        return self

    def __call__(self, trainer) -> None:
        """Draw ``trainer.history`` if it is time to."""
        self._history = trainer.history
        if _in_notebook() and time.monotonic() >= self._next_drawing:
            self._show()

    def __exit__(self, *error) -> None:
        if self._history is not None:
            self._show()

    def _show(self) -> None:
        start = time.monotonic()
        self.picture = self._draw()
        if self._handle is not None:
            self._handle.update(self.picture)
        elif _in_notebook():
            self._handle = display(self.picture, display_id=True)
        took = time.monotonic() - start
        self._next_drawing = time.monotonic() + max(0.5, 19 * took)

    def _draw(self) -> Picture:
        return loss_curve(self._history, self.floor)


class LiveTraining(LiveLoss):
    """All that one watches in a run: loss, learning rate, gradient norm, speed, text::

        with LiveTraining(floor, lambda model: generate_text(model, ...)) as live:
            trainer.on_step = live
            trainer.run(show_progress=False)

    ``write(model)`` is asked for a text after the first step and after every ``every``
    steps; ``samples`` keeps them by step. Interrupting the cell pauses the run: it ends
    with its step, and running the cell again with the same trainer and the same
    ``LiveTraining`` goes on.
    """

    def __init__(
        self,
        floor: float | None = None,
        write: Callable[[object], str] | None = None,
        every: int = 50,
    ):
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        super().__init__(floor)
        self.write, self.every = write, every
        self.samples: dict[int, str] = {}

    def __enter__(self) -> "LiveTraining":
        self._handle = None  # a cell that goes on has a picture of its own
        return self

    def __call__(self, trainer) -> None:
        """Let the model write if it is time to, and draw if it is time to."""
        step = trainer.steps_done
        if self.write and (step == 1 or step % self.every == 0):
            self.samples[step] = self.write(trainer.model)
        super().__call__(trainer)

    def _draw(self) -> Picture:
        newest = max(self.samples, default=None)
        text = self.samples.get(newest, "")
        sample = f"After step {newest} it writes: {text}" if text else ""
        return training_panels(self._history, self.floor, sample)


def _in_notebook() -> bool:
    return hasattr(get_ipython(), "kernel")
