"""Exercises on optimization: from a gradient to better weights.

Notebook 06. Among the inputs are gradients that are 0 or tiny, first and later steps,
and matrices that are wider than tall and taller than wide.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "gradient_descent",
    "momentum_step",
    "adamw_step",
    "orthogonal",
    "cosine_schedule",
    "decaying",
    "clip_gradients",
    "clinic",
)

QUESTIONS = (
    Question(
        "Adam divides the mean gradient by its usual size. The loss is multiplied by "
        "10: how does the step change?",
        "Not at all: mean and usual size both grow tenfold (but for epsilon, and if "
        "nothing is clipped).",
        (
            "optimization.adamw_step: root left out",
            "optimization.adamw_step: square of the mean",
        ),
    ),
    Question(
        "Why does the first step of a warm-up not have a learning rate of 0?",
        "It would be wasted: nothing would move. Step 0 has peak/warmup.",
        ("optimization.cosine_schedule: the first step at rate 0",),
    ),
    Question(
        "You clip each weight's gradient on its own. What changes that must not?",
        "The direction of the step. One factor for all keeps it.",
        (
            "optimization.clip_gradients: each tensor on its own",
            "optimization.clip_gradients: each entry on its own",
        ),
    ),
    Question(
        "Four small batches of unequal length in place of one large batch: how do you "
        "weigh their losses?",
        "By their numbers of targets. The mean of means gives tokens of short batches "
        "too much weight.",
    ),
)
