"""Exercises on writing with a model: the loop, the knobs, beams, padding, drafts.

Notebook 08. Distributions are never sorted and never alike in two rows of a batch: what
works on sorted or on single rows only is seen. No probability lies on an edge.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "greedy",
    "temperature",
    "top_k",
    "top_p",
    "penalize_repetition",
    "beam_step",
    "positions",
    "clinic",
    "acceptance",
)

QUESTIONS = (
    Question(
        "Temperature 0.5: what is divided by 0.5, and what happens to likely tokens?",
        "The logits, before softmax. Their distances double: likely tokens gain.",
        (
            "sampling.temperature: multiplied by the temperature",
            "sampling.temperature: probabilities divided",
            "sampling.temperature: temperature without effect",
        ),
    ),
    Question(
        "Top-p 0.6 on the probabilities .5, .3, .15, .05: which tokens stay?",
        "The first two. The one with which the sum passes p stays.",
        (
            "sampling.top_p: the token that crosses p is dropped",
            "sampling.top_p: not sorted",
        ),
    ),
    Question(
        "Why are prompts of a batch filled up on the left?",
        "New tokens are appended to the last one, which must be a real one. Positions "
        "count real tokens only, so each text gets what it would get alone.",
        (
            "sampling.positions: what fills up counts",
            "sampling.positions: the gap taken off the wrong way",
        ),
    ),
    Question(
        "Beam search finds likelier texts than sampling does. Are they better?",
        "Not as texts: they are short, or they repeat themselves. Real text is not "
        "made of the likeliest words.",
        ("sampling.beam_step: each beam keeps its own best",),
    ),
)
