"""Exercises on the backward pass: a graph's slopes, and GPT-2's gradients by hand.

Between notebooks 04 and 06. Among the inputs are square matrices, on which a wrong
transpose raises no error, and numbers that are used twice, at equal depth and not.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "slopes",
    "unbroadcast",
    "matmul_backward",
    "softmax_backward",
    "layer_norm_backward",
    "gelu_backward",
    "embedding_backward",
    "attention_backward",
    "clinic",
)

QUESTIONS = (
    Question(
        "A number is used in two places. What is its gradient?",
        "The sum of what comes back from both. Set in place of added, one is lost; "
        "handed on before both are there, part of it never arrives further back.",
        (
            "backward.slopes: overwritten in place of added",
            "backward.slopes: handed on too early",
            "backward.embedding_backward: set in place of added",
        ),
    ),
    Question(
        "A bias of shape (C,) was added to (B, T, C). How does its gradient get its "
        "shape?",
        "It is summed over batch and time: broadcasting used each entry B·T times.",
        (
            "backward.unbroadcast: mean in place of the sum",
            "backward.unbroadcast: the first in place of the sum",
            "backward.unbroadcast: only new dimensions summed",
        ),
    ),
    Question(
        "y = a @ b. Which product gives the gradient of b?",
        "a.T @ g: the only order and transposes whose shapes fit when all three sizes "
        "differ. Over a batch it is added up.",
        (
            "backward.matmul_backward: a not transposed",
            "backward.matmul_backward: not summed over the batch",
        ),
    ),
    Question(
        "Why does training need more memory than running the model?",
        "The rules need what the forward pass computed, so all of it is kept until the "
        "backward pass. Checkpointing keeps less and computes it again.",
    ),
)
