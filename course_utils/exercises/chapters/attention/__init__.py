"""Exercises on attention: averaging the past, the mask, scores, heads.

Notebook 02. Every input has more than one head and sizes that differ from each other:
with one head, or with H = T, some faults cannot be seen.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "mean_of_past",
    "causal_mask",
    "mask_with_past",
    "masked_softmax",
    "scaled_dot_product_attention",
    "split_heads",
    "merge_heads",
    "multi_head",
    "clinic",
)

QUESTIONS = (
    Question(
        "Why are the scores divided by √D before softmax?",
        "The variance of a dot product grows with D; unscaled, softmax saturates and "
        "its gradient vanishes.",
        (
            "attention.scaled_dot_product_attention: not scaled",
            "attention.scaled_dot_product_attention: scaled by all channels",
            "attention.multi_head: scores not scaled",
        ),
    ),
    Question(
        "In the causal mask, is the row the one who looks or the one looked at?",
        "The row is the query, the one who looks; the column is the key.",
        (
            "attention.causal_mask: mask transposed",
            "attention.causal_mask: True where it is hidden",
        ),
    ),
    Question(
        "The weights are exactly 0 above the diagonal. Is the future hidden for sure?",
        "No: masked after softmax, it is still in the denominator. Change a late token "
        "and look whether early outputs move.",
        (
            "attention.masked_softmax: mask after softmax",
            "attention.scaled_dot_product_attention: mask only after softmax",
            "attention.multi_head: masked too late",
        ),
    ),
    Question(
        "Why view(B, T, H, D).transpose(1, 2) and not view(B, H, T, D)?",
        "A view keeps the order in memory: (B, H, T, D) at once gives head 0 the first "
        "positions with all their channels.",
        (
            "attention.split_heads: viewed as B H T D at once",
            "attention.multi_head: heads cut with one view",
        ),
    ),
)
