"""Exercises on parts since GPT-2: norm, positions, heads, window, gate, experts.

The last page of the architecture. Among the inputs are odd sizes, more than one head a
group, and experts whose probabilities are far from equal.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "rms_norm",
    "rotate",
    "grouped_attention",
    "window_mask",
    "swiglu",
    "route",
    "clinic",
)

QUESTIONS = (
    Question(
        "Queries and keys are turned by angles that grow with the position. What do "
        "their products then depend on?",
        "On the distance alone: turning both by the same angle changes no product.",
        (
            "modern.rotate: turned the other way",
            "modern.rotate: one speed for all pairs",
        ),
    ),
    Question(
        "32 heads ask, 8 are asked. What gets smaller, and by how much?",
        "The cache of keys and values, to a quarter; so does what is read for each "
        "token that is written. Queries and the output stay as they were.",
        (
            "modern.grouped_attention: heads dealt out in turn",
            "modern.grouped_attention: one key for all",
        ),
    ),
    Question(
        "A token goes to 2 of 8 experts. Do the two shares sum to 1?",
        "Yes in Mixtral: they are scaled after the choice. Without it the layer would "
        "add less the less sure the router is.",
        (
            "modern.route: shares not scaled",
            "modern.route: equal shares",
        ),
    ),
)
