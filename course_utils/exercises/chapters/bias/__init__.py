"""Exercises on bias: measure it, sharpen it, swap it, weigh it; a secret's exposure.

Notebook 12. Groups of jobs are of unequal size, so that a sum of shares and a mean of
shares differ; texts hold every trap of a swap, and the letters of "he" inside words.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "name_biases",
    "at_temperature",
    "swap",
    "independence_weights",
    "exposure",
)

QUESTIONS = (
    Question(
        "A model near the floor, a world with bias 0.6: which bias has the model? And "
        "at temperature 0.5?",
        "0.6: such a model gives back what its data say. At temperature 0.5 it is "
        "larger, about 0.88, for the temperature sharpens every choice.",
        (
            "bias.at_temperature: the power is the temperature",
            "bias.at_temperature: the temperature has no effect",
        ),
    ),
    Question(
        "You replace she by he in a text, then he by she. What is wrong?",
        "All are women now. Each word must be decided once, from the text as it was.",
        (
            "bias.swap: one replacement after the other",
            "bias.swap: only women become men",
        ),
    ),
    Question(
        "A secret of four digits has an exposure of 13.3 bits. What does that mean?",
        "log2 of 10,000 is 13.3: the secret is the model's very first guess.",
        ("bias.exposure: the surprise of the secret",),
    ),
)
