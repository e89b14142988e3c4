"""The bug clinic training.forgetful: patient, healthy twin, suspects."""

import random

import torch

from course_utils.config import GPTConfig
from course_utils.data import StreamBatches
from course_utils.exercises.engine.clinics import Clinic
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig


def _small_trainer():
    rng = random.Random(5)
    tokens = [rng.choice((0, 3, 7)) + i % 13 for i in range(400)]
    with torch.random.fork_rng([]):
        torch.manual_seed(5)
        model = GPT(GPTConfig(24, 12, n_layer=1, n_head=2, n_embd=16, dropout=0.0))
    batches = StreamBatches(tokens, batch_size=4, T=12, seed=5)
    config = TrainingConfig(steps=20, learning_rate=0.02)
    trainer = Trainer(model, batches, config, on_step=_note_what_was_read)
    trainer.read = []
    return trainer


def _note_what_was_read(trainer):
    inputs, _ = trainer.batches.batch(trainer.batches.n_drawn - 1)
    trainer.read.append(inputs[0, :4].tolist())


def _stopped_and_gone_on(stop_after, steps, with_averages):
    first = _small_trainer()
    first.run(stop_after, show_progress=False)
    second = _small_trainer()
    second.model.load_state_dict(first.model.state_dict())
    second.batches.load_state_dict(first.batches.state_dict())
    second.steps_done = first.steps_done
    if with_averages:
        for new, old in zip(second.optimizers, first.optimizers, strict=True):
            new.load_state_dict(old.state_dict())
    second.run(steps - stop_after, show_progress=False)
    parts = first.history, second.history
    return {
        "learning rate": [x for part in parts for x in part.learning_rates],
        "first tokens": first.read + second.read,
        "loss": [x for part in parts for x in part.losses],
        "gradient norm": [x for part in parts for x in part.gradient_norms],
    }


def _forgetful(stop_after, steps):
    return _stopped_and_gone_on(stop_after, steps, with_averages=False)


def _faithful(stop_after, steps):
    return _stopped_and_gone_on(stop_after, steps, with_averages=True)


forgetful = Clinic(
    name="training.forgetful",
    complaint="After a power cut, training went on from this run's checkpoint. Nothing "
    "is reported, the loss falls on. But it does not end where the run ends that was "
    "never stopped.",
    patient=_forgetful,
    healthy=_faithful,
    suspects={
        "the weights were not restored": "the first loss after the stop would be that "
        "of a new model, near ln V.",
        "the position in the data was not restored": "the first tokens after the stop "
        "would be those of step 1 again, and the loss would differ at once.",
        "the number of the step was not restored": "the learning rate would warm up "
        "again after the stop.",
        "the optimizer's averages were not restored": "rate, tokens and loss of the "
        "first step after the stop would be right, and the second loss wrong.",
        "the gradients were not restored": "nothing would differ: each step zeroes "
        "them before it computes its own.",
    },
    fault="the optimizer's averages were not restored",
    evidence="Learning rates and tokens agree in all steps, and so does the first loss "
    "after the stop: weights, data and step are right. The second one differs, so that "
    "first step moved the weights elsewhere. What else makes a step? The averages that "
    "Muon and AdamW keep, up to twice as many numbers as there are weights: the first "
    "thing that is left out to save space.",
)
