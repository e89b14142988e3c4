"""The bug clinic applications.invisible: patient, healthy twin, suspects."""

from course_utils.exercises.engine.clinics import Clinic


def _question_ids(tokenizer, prompt):
    return [tokenizer.end_of_text, *tokenizer.encode(prompt)]


def _question_ids_with_a_space(tokenizer, prompt):
    return [tokenizer.end_of_text, *tokenizer.encode(prompt + " ")]


invisible = Clinic(
    name="applications.invisible",
    complaint="On the test bench the assistant answers most questions. On the web "
    "page, with the same weights and, as far as anybody can see, the same questions, "
    "it answers far fewer.",
    patient=_question_ids_with_a_space,
    healthy=_question_ids,
    suspects={
        "end-of-text is missing at the start": "the first id would not be the "
        "tokenizer's end_of_text.",
        "the story is cut off": "the first ids would differ, and the decoded prompt "
        "would begin in the middle of the story.",
        "a space at the end": "one id more at the very end, and it decodes to a space.",
        "another tokenizer": "most ids would differ, not only their number.",
        "capitals are lost": "the decoded prompt would be written small.",
    },
    fault="a space at the end",
    evidence="The ids are the healthy ones and one more, a space alone. In every "
    "training text the space is part of the next word's token, so after a space alone "
    "the model has never seen an answer begin. Nothing on a screen shows it: strip a "
    "prompt's end before you encode it, and look at ids when a text looks right.",
)
