"""Exercises on putting a model to work: prompts, marks, chats, adapters.

Notebook 10. Rows of a conversation differ in length and no matrix is square: what works
by luck on even shapes is seen.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "report_prompt",
    "exact_match",
    "chat_targets",
    "low_rank",
    "clinic",
)

QUESTIONS = (
    Question(
        "A prompt that you understand at once gets nonsense from a base model. Why?",
        "A base model continues documents. Unless the prompt looks like the beginning "
        "of one that it knows, the likeliest continuation is no answer.",
        (
            "applications.report_prompt: words that people understand",
            "applications.report_prompt: the question before the story",
        ),
    ),
    Question(
        "Fine-tuning on conversations: which tokens count in the loss?",
        "The assistant's, and the end after each of its turns; never the user's.",
        (
            "applications.chat_targets: the user is learnt too",
            "applications.chat_targets: the end is not learnt",
        ),
    ),
    Question(
        "Which tells more about a model that answers questions: its loss or exact "
        "match?",
        "It depends on the use: a low loss may still put the wrong name first. Measure "
        "what will be used, and look at which answers are wrong.",
        ("applications.exact_match: right if it is found inside",),
    ),
)
