"""The figures of a training run: what they say, and when they are drawn."""

import signal
from types import SimpleNamespace

import pytest
import torch

from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.figures import live as live_pictures
from course_utils.figures import training
from course_utils.figures.training import (
    LiveLoss,
    LiveTraining,
    loss_curve,
    training_panels,
    written_at,
)
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig


def history(**columns):
    lists = dict(steps=[], losses=[], validation_steps=[], validation_losses=[])
    return SimpleNamespace(**(lists | columns))


def test_the_loss_curves_text_is_the_same_however_the_training_went():
    early = history(steps=[1], losses=[6.2])
    late = history(
        steps=[1, 2, 3],
        losses=[6.2, 3.1, 1.4],
        validation_steps=[3],
        validation_losses=[1.5],
    )
    first, last = loss_curve(early, 1.2), loss_curve(late, 1.2)
    assert first.text == last.text and first.png != last.png
    assert "training from 6.20 to 1.40" in last.alt
    assert "held-out text from 1.50 to 1.50" in last.alt and "floor 1.20" in last.alt


def test_a_loss_curve_without_a_floor_does_not_speak_of_one():
    picture = loss_curve(history(steps=[1, 2], losses=[2.0, 1.0]))
    assert "floor" not in picture.text + picture.alt
    assert picture.png != loss_curve(history(steps=[1], losses=[2.0]), 0.5).png


def test_before_the_first_step_there_is_a_picture_too():
    assert "no step yet" in loss_curve(history(), 1.0).alt


def test_training_panels_say_the_same_at_every_step_and_have_numbers_in_the_alt():
    columns = {"learning_rates": [0.1], "gradient_norms": [2.0]}
    columns |= {"tokens_per_second": [900.0], "validation_steps": [1]}
    full = history(steps=[1], losses=[4.0], validation_losses=[3.0], **columns)
    empty = history(learning_rates=[], gradient_norms=[], tokens_per_second=[])
    first, last = training_panels(empty), training_panels(full, 0.5, "Hi!")
    assert first.text == last.text and "gradient norm" in last.text
    assert "no step yet" in first.alt and "floor" not in first.alt
    assert "training loss from 4.00 to 4.00; floor 0.50; it writes: Hi!" in last.alt
    assert last.png != training_panels(full, 0.5).png  # the text is drawn


def held_out_curves(**changes):
    run = dict(steps=[1, 2], losses=[4.0, 2.0], validation_steps=[2])
    plain = history(**run | {"validation_losses": [3.0]} | changes)
    dropped = history(**run | {"validation_losses": [2.5]})
    return training.held_out_curves({("few", 0.0): plain, ("few", 0.2): dropped}, 0.5)


def test_held_out_curves_tell_their_ends_and_show_both_losses():
    picture = held_out_curves()
    assert "few, dropout 0.0: held out at the end 3.00" in picture.alt
    assert "few, dropout 0.2: held out at the end 2.50" in picture.alt
    for change in ({"losses": [4.0, 1.0]}, {"validation_losses": [3.5]}):
        other = held_out_curves(**change)
        assert other.text == picture.text and other.png != picture.png


def test_what_was_written_at_a_step_is_told_and_its_place_shown():
    picture = written_at([4.0, 2.0, 1.0], 0.5, 2, "One hot day", "impossible")
    assert "After step 2: impossible. It writes: One hot day" in picture.alt
    later = written_at([4.0, 2.0, 1.0], 0.5, 3, "One hot day", "impossible")
    assert later.text == picture.text and later.png != picture.png


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
    monkeypatch.setattr(live_pictures, "display", screen.display)
    monkeypatch.setattr(training, "loss_curve", screen.draw)
    monkeypatch.setattr(live_pictures, "time", screen)
    monkeypatch.setattr(live_pictures, "_in_notebook", lambda: True)
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
    monkeypatch.setattr(training, "training_panels", draw)
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
