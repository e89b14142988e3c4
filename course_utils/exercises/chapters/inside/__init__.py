"""Exercises on the inside of a model: exchange a state, mark what was concluded.

Among the inputs are rows with places of their own, shares beyond 0 and 1, features that
are never active, and classifiers worse than chance.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "copy_state",
    "restored",
    "rank_correlation",
    "selectivity",
    "sparse_features",
    "precision_recall",
    "clinic",
)

QUESTIONS = (
    Question(
        "A probe reads a fact from a state with 95% accuracy. Does the model use it?",
        "Not shown. What can be read need not be read by any later part: exchange the "
        "state and see whether the answer changes. And ask first what the probe scores "
        "on a control task.",
        (
            "inside.selectivity: the control forgotten",
            "inside.restored: not normalised",
        ),
    ),
    Question(
        "Each row of a batch is patched at a place of its own. How is that indexed?",
        "With two indices: x[rows, places], rows being 0 … B - 1. x[:, places] writes "
        "every place into every row.",
        (
            "inside.copy_state: every place in every row",
            "inside.copy_state: everything up to the place",
        ),
    ),
    Question(
        "A sparse feature has precision 0.98 and recall 0.05 for a fact. What is it?",
        "Nearly always right when it speaks, and silent at 19 of 20 places where the "
        "fact holds: a feature of something narrower, not of the fact.",
        (
            "inside.precision_recall: the two exchanged",
            "inside.precision_recall: accuracy in place of precision",
        ),
    ),
)
