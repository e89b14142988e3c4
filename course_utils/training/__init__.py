"""Training: many small steps from random weights to a language model.

One step takes some batches, computes the mean loss over their tokens and its gradient,
limits the gradient's length and lets the optimizers move the weights. Around the step:
a learning rate that rises and falls, evaluation on text that was held out, a history to
plot, and checkpoints from which a stopped run goes on as if nothing had happened.

The same loop runs in a notebook (``Trainer``) and as a command, on one processor or
under ``torchrun`` on many (``python -m course_utils.training --help``). The parts:
``config`` (how to train), ``measuring`` (loss on held-out text, gap to the floor),
``processes`` (several at once), ``trainer`` (the loop), ``corpus`` (texts to train on)
and ``command``.

Floors: joins ``model``, ``data``, ``optimizers``, ``cross_entropy``, ``checkpoints``.
Sources: Brown et al. 2020, appendix B (warm-up, cosine, clipping); Li et al. 2020,
"PyTorch Distributed" (gradients averaged over processes while they are computed).
"""

from course_utils.training.config import TrainingConfig
from course_utils.training.corpus import DIALS, frame, read_corpus, story_world
from course_utils.training.measuring import (
    count_targets,
    evaluate,
    gap_and_error,
    measure_gap,
)
from course_utils.training.trainer import History, Trainer, accumulate_gradients

__all__ = [
    "DIALS",
    "History",
    "Trainer",
    "TrainingConfig",
    "accumulate_gradients",
    "count_targets",
    "evaluate",
    "frame",
    "gap_and_error",
    "measure_gap",
    "read_corpus",
    "story_world",
]
