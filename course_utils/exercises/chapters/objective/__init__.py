"""Exercises on the objective: what is predicted, what it costs, what that teaches.

Notebook 04. Lengths differ within a batch and some positions never count: only so are
the mean over tokens, the mean of means and the mean over padding three things.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "text_log_prob",
    "inputs_and_targets",
    "log_softmax",
    "cross_entropy",
    "loss_gradient",
    "text_perplexity",
    "text_bits_per_byte",
    "bigram_table",
    "divergence",
    "clinic",
)

QUESTIONS = (
    Question(
        "A batch holds a text of 8 tokens and one of 3. By which number do you divide "
        "the summed loss?",
        "By 11: every token that counts weighs the same. Means of means favour the "
        "short text, and padding must not count.",
        (
            "objective.cross_entropy: mean of the texts means",
            "objective.cross_entropy: divided by all positions",
            "objective.inputs_and_targets: padding counted",
        ),
    ),
    Question(
        "A model's loss is clearly below the entropy of its source. What do you do?",
        "Look for the bug: in the loss, the entropy or the split. No model gets there.",
        ("objective.divergence: sign turned round",),
    ),
    Question(
        "The loss is pulled down by which slope along the logits?",
        "By softmax minus one-hot, over the number of positions: what the model said "
        "minus what came.",
        (
            "objective.loss_gradient: number of positions forgotten",
            "objective.loss_gradient: only the targets logit moves",
        ),
    ),
    Question(
        "One model has 1.9 nats per token, another 2.4. Which is better?",
        "Nobody can say before both have the same tokens. Bits per byte compare them.",
        ("objective.text_bits_per_byte: bits per token",),
    ),
)
