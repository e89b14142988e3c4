"""Exercises on a whole training run: from documents to batches, the loop, evaluation.

Notebook 07. The models here are a table of logits with a dropout: all that an exercise
on training needs of a model is that it maps ids (B, T) to logits (B, T, V).
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "windows",
    "pad_documents",
    "packed_mask",
    "hold_out",
    "evaluate",
    "train",
    "clinic",
)

QUESTIONS = (
    Question(
        "Your loss on held-out text falls together with the training loss, to nearly "
        "0. Good news?",
        "No. No model gets below the entropy of its source. Look for held-out text in "
        "the training text, or for targets that are not shifted.",
        (
            "training.hold_out: copies stay in the training",
            "training.hold_out: trained on everything",
            "training.windows: targets not shifted",
        ),
    ),
    Question(
        "A batch is padded with end_of_text. Which end_of_text is a target?",
        "The one right after the document. All after it are -100.",
        (
            "training.pad_documents: padding counted",
            "training.pad_documents: the end never learnt",
        ),
    ),
    Question(
        "What must a checkpoint hold besides the weights, so that nobody can tell that "
        "the run was stopped?",
        "The optimizer's averages, the number of the step (for the learning rate), the "
        "position in the data, and the state of chance (for dropout).",
        (),
    ),
    Question(
        "Why is model.eval() called before the validation loss is measured, and what "
        "after it?",
        "Dropout would make the loss higher and random. After it the model goes back "
        "to training mode, or it would train without dropout.",
        (
            "training.evaluate: dropout left on",
            "training.evaluate: left in evaluation mode",
        ),
    ),
)
