"""Exercises on the GPT block, and on the whole model as one function.

Notebook 03. Every parameter of every input is random and large: at GPT-2's own start
all gains are 1 and all biases 0, so a forgotten one could not be seen.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "embed",
    "layer_norm",
    "gelu",
    "mlp",
    "gpt_block",
    "count_parameters",
    "residual_std",
    "my_gpt",
    "clinic",
)

QUESTIONS = (
    Question(
        "To what does a GPT-2 block add attention's result: to x, or to the normalised "
        "x?",
        "To x as it was. Each half reads a normalised copy; the stream itself goes by.",
        (
            "block.gpt_block: normalised after adding",
            "block.gpt_block: added to the normalised stream",
            "block.gpt_block: nothing is added",
        ),
    ),
    Question(
        "LayerNorm takes a mean and a variance. Over what?",
        "Over the C channels of one position. Over time, the future would leak.",
        (
            "block.layer_norm: normalised over time",
            "block.layer_norm: normalised over the batch",
            "block.layer_norm: normalised over time and channels",
        ),
    ),
    Question(
        "Your model agrees with GPT-2 at the start, weights N(0, 0.02). What may still "
        "be wrong?",
        "Everything that gains of 1 and biases of 0 hide: a forgotten bias, one "
        "LayerNorm in the place of two. Compare with random values in every parameter.",
        (
            "block.gpt_block: one LayerNorm for both halves",
            "block.layer_norm: gain and bias unused",
            "block.mlp: expand bias left out",
        ),
    ),
    Question(
        "Why does the tied head add no parameters?",
        "It is the table of token vectors again: a position's score for a token is the "
        "product of their vectors.",
        ("block.count_parameters: tied head counted again",),
    ),
)
