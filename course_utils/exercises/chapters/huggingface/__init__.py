"""Exercises on Hugging Face's GPT-2: its weights, its batches, its labels, its layers.

Notebook 09. Nothing here loads transformers before a learner asks for the clinic: the
weights are made up, under the library's names and in its layout.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "new_tokens",
    "convert",
    "learnt_numbers",
    "batch",
    "labels",
    "logit_lens",
    "clinic",
)

QUESTIONS = (
    Question(
        "generate(max_length=50) on a prompt of 12 tokens: how many are new?",
        "At most 38: max_length counts the prompt, and padding too.",
        (
            "huggingface.new_tokens: max length taken for the new tokens",
            "huggingface.new_tokens: the prompt not taken off",
        ),
    ),
    Question(
        "All shapes fit, the weights load without a word, and the text is nonsense. "
        "What do you suspect?",
        "A square Conv1D matrix, attn.c_proj, that was not transposed: it fits either "
        "way. Compare logits.",
        (
            "huggingface.convert: square matrices not transposed",
            "huggingface.convert: nothing transposed",
        ),
    ),
    Question(
        "Padding and end-of-text have one id. How does a loss leave out the one and "
        "keep the other?",
        "By the attention mask, which knows the lengths, never by the id.",
        (
            "huggingface.labels: every pad id left out",
            "huggingface.batch: mask made from the ids",
        ),
    ),
    Question(
        "Two models give equal logits. May they still train differently?",
        "Yes: where one has tied its head and the other has copied it, the gradients "
        "part. Compare gradients, and count parameters.",
        ("huggingface.learnt_numbers: tied table counted twice",),
    ),
)
