"""Interactive figures, driven in plain Python: no browser and no kernel."""

import random
import re
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from ipywidgets import HTML, Button, Dropdown, FloatSlider, IntSlider

from course_utils import shipped, widgets
from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.model import GPT
from course_utils.plots import Picture, new_axes
from course_utils.tokenization import Tokenizer
from course_utils.training import Trainer, TrainingConfig
from course_utils.widgets import (
    Assistant,
    Interactive,
    LiveLoss,
    LiveTraining,
    NextWord,
    StoryLosses,
    TokenSurprises,
    word_losses,
)
from course_utils.world import WORD, World
from course_utils.world.tasks import Task, sample_tasks

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(power, side="left"):
    if power == 4:
        raise ValueError("power must be below 4, got 4 <b>")
    figure, axes = new_axes(f"x to the power {power}", "x", "y", height=1, width=2)
    axes.plot([x**power for x in range(4)])
    return Picture(figure, "The line of a power.", f"x to the {power}, {side}")


@pytest.fixture
def figure():
    return Interactive(
        draw,
        power=IntSlider(value=2, min=1, max=5),
        side=Dropdown(options=["left", "right"]),
    )


def test_moving_a_control_changes_the_picture_and_its_alternative(figure):
    before = figure.frame.value
    assert 'alt="x to the 2, left"' in before
    figure.controls["power"].value = 3
    assert 'alt="x to the 3, left"' in figure.frame.value
    figure.controls["side"].value = "right"
    assert 'alt="x to the 3, right"' in figure.frame.value
    assert figure.picture.to_html() == figure.frame.value != before


def test_it_shows_itself_alive_as_still_picture_and_as_a_fixed_text(figure):
    data, metadata = figure._repr_mimebundle_()
    assert data[VIEW]["model_id"] == figure.model_id
    assert data["image/png"] == figure.picture.base64
    assert metadata["image/png"]["alt"] == "x to the 2, left"
    text = "Interactive figure, controls: power, side. The line of a power."
    assert data["text/plain"] == text
    figure.controls["power"].value = 3
    moved, _ = figure._repr_mimebundle_()
    assert moved["text/plain"] == text and moved["image/png"] != data["image/png"]
    assert figure._ipython_display_ is None


def test_an_error_is_told_above_the_last_picture_and_forgotten_afterwards(figure):
    last = figure.picture.to_html()
    figure.controls["power"].value = 4
    message, picture = figure.frame.value.split("</p>")
    assert 'role="alert"' in message
    assert "ValueError: power must be below 4, got 4 &lt;b&gt;" in message
    assert picture == last
    figure.controls["power"].value = 3
    assert "alert" not in figure.frame.value


def test_an_error_in_the_first_drawing_is_raised():
    with pytest.raises(ValueError, match="power must be below 4"):
        Interactive(draw, power=IntSlider(value=4, min=1, max=5))


def test_every_control_has_a_whole_label_and_reports_when_its_movement_ends():
    labelled = FloatSlider(value=2, description="The power")
    figure = Interactive(
        lambda the_power, second: draw(second), the_power=FloatSlider(), second=labelled
    )
    assert [c.description for c in figure.children[:-1]] == ["the power", "The power"]
    assert all(c.style.description_width == "initial" for c in figure.children[:-1])
    assert not any(c.continuous_update for c in figure.children[:-1])
    assert isinstance(figure.children[-1], HTML)


@pytest.mark.parametrize("control", [3, Button()])
def test_a_control_without_a_value_is_refused_by_name(control):
    with pytest.raises(TypeError, match="power must be a widget with a value, got"):
        Interactive(draw, power=control)


# --- Next word


class TwoWordWorld:
    def next_words(self, prefix):
        return {" cat": 0.75, " dog": 0.25} if prefix.startswith("A") else {}


@pytest.fixture
def next_word(monkeypatch):
    def next_words(model, tokenizer, prompt, n):
        if prompt == "too long":
            raise ValueError("ids must fit into n_positions")
        return {" cat": 0.5, " dog": 0.4, " $": 0.1}

    monkeypatch.setattr(widgets, "next_words", next_words)
    return NextWord("model", "tokenizer", TwoWordWorld(), "A")


def test_next_word_draws_the_models_bars_beside_the_true_ones(next_word):
    assert "cat: model 50%, truth 75%" in next_word.picture.alt
    assert "“A”" in next_word.picture.alt
    assert "True are: cat 75%, dog 25%." in next_word.text


def test_next_word_follows_the_prompt_and_says_when_the_world_knows_none(next_word):
    next_word.controls["prompt"].value = "Nonsense"
    assert "The world never tells this" in next_word.picture.alt
    assert "truth" not in next_word.picture.alt
    next_word.controls["prompt"].value = "A"
    assert "truth 75%" in next_word.picture.alt


def test_next_word_shortens_a_long_prompt_and_tells_of_an_impossible_one(next_word):
    next_word.controls["prompt"].value = "A" + 80 * "b"
    assert "“…" + 29 * "b" + "”" in next_word.picture.alt
    next_word.controls["prompt"].value = "too long"
    assert "ids must fit into n_positions" in next_word.frame.value


# --- The live loss curve


class Screen:
    """Stands for a notebook and a clock: what is shown when, drawn in no time."""

    def __init__(self):
        self.now, self.drawing_takes = 0.0, 0.0
        self.shown, self.updates = [], []

    def monotonic(self):
        return self.now

    def draw(self, history, floor):
        self.now += self.drawing_takes
        return SimpleNamespace(steps=len(history.steps), losses=list(history.losses))

    def display(self, picture, display_id):
        self.shown.append(picture)
        return SimpleNamespace(update=self.updates.append)

    def train(self, live, losses):
        """Train with one step a tenth of a second."""
        history = SimpleNamespace(
            steps=[], losses=[], validation_steps=[], validation_losses=[]
        )
        with live:
            for step, loss in enumerate(losses, 1):
                self.now += 0.1
                history.steps.append(step)
                history.losses.append(loss)
                live(SimpleNamespace(history=history))


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(widgets, "display", screen.display)
    monkeypatch.setattr(widgets, "loss_curve", screen.draw)
    monkeypatch.setattr(widgets, "time", screen)
    monkeypatch.setattr(widgets, "_in_notebook", lambda: True)
    return screen


def test_the_live_curve_is_shown_once_and_ends_with_all_steps(screen):
    screen.train(live := LiveLoss(1.0), losses=[4.0, 3.0, 2.0])
    assert len(screen.shown) == 1
    assert screen.updates[-1] is live.picture
    assert live.picture.losses == [4.0, 3.0, 2.0]


def test_the_live_curve_is_drawn_at_most_twice_a_second(screen):
    screen.train(LiveLoss(), losses=range(100))
    assert 15 < len(screen.updates) <= 21


def test_drawing_the_live_curve_takes_a_twentieth_of_the_time_at_most(screen):
    screen.drawing_takes = 0.25
    screen.train(LiveLoss(), losses=range(1000))
    drawn = len(screen.updates) - 1  # one more at the end
    assert 0.04 < drawn * screen.drawing_takes / screen.now <= 0.05


def test_a_training_that_fails_still_leaves_its_curve(screen):
    def losses():
        yield 4.0
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        screen.train(LiveLoss(), losses())
    assert screen.updates[-1].losses == [4.0]


def test_in_a_plain_script_nothing_is_shown_but_the_picture_is_there(capsys):
    Screen().train(live := LiveLoss(1.0), losses=[4.0, 3.0])
    assert capsys.readouterr().out == ""
    assert "training from 4.00 to 3.00" in live.picture.alt
    with LiveLoss() as unused:
        pass
    assert unused.picture is None


# --- The live training figure


def small_trainer(steps):
    torch.manual_seed(0)
    model = GPT(GPTConfig(20, 8, n_layer=1, n_head=2, n_embd=8, dropout=0.1))
    batches = StreamBatches([i * i % 20 for i in range(90)], batch_size=2, T=8)
    return Trainer(model, batches, TrainingConfig(steps=steps, learning_rate=0.01))


def test_a_paused_training_goes_on_in_the_same_figure_as_if_never_stopped(capsys):
    never_stopped = small_trainer(steps=6)
    never_stopped.run(show_progress=False)
    live = LiveTraining(1.0, lambda model: "It writes.", every=2)
    trainer = small_trainer(steps=6)

    def watch(trainer):
        live(trainer)
        if trainer.steps_done == 3:
            signal.raise_signal(signal.SIGINT)  # what the stop button sends

    trainer.on_step = watch
    with live:
        trainer.run(show_progress=False)
    assert trainer.steps_done == 3 and "training loss from" in live.picture.alt
    assert "Stopped after step 3 of 6" in capsys.readouterr().out
    with live:
        trainer.run(show_progress=False)
    assert trainer.history.losses == never_stopped.history.losses
    assert list(live.samples) == [1, 2, 4, 6]
    assert "After step 6 it writes: It writes." in live.picture.alt


def test_a_cell_that_goes_on_has_a_figure_of_its_own(screen, monkeypatch):
    draw = lambda history, floor, sample: screen.draw(history, floor)  # noqa: E731
    monkeypatch.setattr(widgets, "training_panels", draw)
    live = LiveTraining()
    for _ in range(2):
        with live:
            live(
                SimpleNamespace(
                    steps_done=1, history=SimpleNamespace(steps=[1], losses=[2.0])
                )
            )
    assert len(screen.shown) == 2


def test_the_models_text_is_asked_for_by_a_positive_number_of_steps():
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        LiveTraining(every=0)


# --- A head of a trained model


@pytest.fixture
def heads():
    model, tokenizer = shipped.load("story")
    return widgets.HeadView(model, tokenizer, "One cold morning, Mia the baker", 1, 2)


def test_a_head_is_shown_and_the_model_without_it(heads):
    assert "Layer 1, head 2" in heads.picture.alt
    assert "with the head on" in heads.picture.alt
    assert "off" not in heads.picture.alt
    heads.controls["off"].value = True
    on, off = (float(n) for n in re.findall(r"loss ([\d.]+) with", heads.picture.alt))
    assert on > 0 and off > 0
    text = "controls: Text (then Enter), layer, head, tokens back from the end"
    assert text in heads.text


def test_the_token_that_looks_is_counted_from_the_end(heads):
    heads.controls["back"].value = 60  # further back than the text is long
    assert "It looks most at <|endoftext|> 100%" in heads.picture.alt


def test_a_text_without_a_word_is_answered_in_words(heads):
    heads.controls["prompt"].value = " "
    assert "write at least one word" in heads.frame.value


def test_looking_at_a_head_leaves_the_model_as_it_was(heads):
    before = heads.picture.alt
    heads.controls["off"].value = True
    heads.controls["off"].value = False
    assert heads.picture.alt == before


# --- What the words of a story cost


def test_the_losses_of_words_sum_to_the_loss_of_their_tokens():
    model, tokenizer = shipped.load("story")
    text = World().sample(random.Random(0)).text + " Xylophone."
    nats = word_losses(model, tokenizer, WORD.findall(text))
    ids = torch.tensor([tokenizer.end_of_text, *tokenizer.encode(text)])
    with torch.no_grad():
        loss = F.cross_entropy(model(ids[None, :-1])[0], ids[1:], reduction="sum")
    assert len(nats) == len(WORD.findall(text)) < len(ids) - 1
    assert sum(nats) == pytest.approx(loss.item(), rel=1e-5)


def test_story_losses_follow_the_word_and_refuse_a_text_that_the_world_cannot_tell():
    model, tokenizer = shipped.load("story")
    world = World()
    text = world.sample(random.Random(0)).text
    figure = StoryLosses(model, tokenizer, world, text, word=3)
    before, words = figure.picture.png, WORD.findall(text)
    figure.controls["word"].value = 4
    assert figure.picture.png != before
    assert f"Word 5, “{words[4].strip()}”" in figure.picture.alt
    with pytest.raises(ValueError, match="text must be a story of the world"):
        StoryLosses(model, tokenizer, world, "One day.")


def test_surprises_of_a_text_of_ones_own_follow_the_token_and_the_text():
    model, tokenizer = shipped.load("story")
    figure = TokenSurprises(model, tokenizer, "One cold morning, Mia", token=2)
    assert "Token 2, “cold”" in figure.picture.alt
    figure.controls["token"].value = 60
    assert "“Mia”" in figure.picture.alt
    figure.controls["text"].value = "Mia wrote 中文."
    assert figure.picture.text in figure.text
    assert "framed token ." in figure.picture.alt
    figure.controls["text"].value = " "
    assert "write at least one word" in figure.frame.value


def test_an_assistant_answers_examples_and_what_somebody_writes():
    model, tokenizer = shipped.load("story")
    examples = {kind: sample_tasks(kind, 3, seed=1) for kind in ("question", "summary")}
    figure = Assistant(model, tokenizer, examples)
    controls, seen = figure.controls, {figure.frame.value}
    for name, value in (("task", "summary"), ("example", 2), ("token", 3)):
        controls[name].value = value
        assert figure.frame.value not in seen
        seen.add(figure.frame.value)
    assert (
        f"Right answer:{examples['summary'][2].answer} (not the same)"
        in figure.frame.value
    )
    controls["own"].value = "A story that the world never tells."
    assert "the world does not know one" in figure.frame.value


def test_an_assistants_answer_stops_where_the_context_ends():
    model = GPT(
        GPTConfig(vocab_size=300, n_positions=24, n_layer=1, n_head=1, n_embd=8)
    )
    tokenizer = Tokenizer.train(["a b"], 300)
    model = GPT(replace(model.config, vocab_size=tokenizer.vocab_size))
    task = Task("summary", "it", "One day.\nIn short:", " One.")
    figure = Assistant(model, tokenizer, {"summary": [task]})
    assert "The model:" in figure.frame.value
