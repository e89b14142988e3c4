"""Recall questions: two or three from earlier chapters at the head of a notebook.

Remembering is what fixes a thing in memory, rereading is not (Roediger and Karpicke,
"Test-Enhanced Learning", 2006). Questions about a misconception that this learner met
come first; the stored page shows those that everybody gets.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from . import store
from .cards import BOX, NEUTRAL
from .live import Live, html_widget


@dataclass(frozen=True)
class Question:
    """``about`` names misconceptions, "attention.causal_mask: mask transposed"."""

    ask: str
    answer: str
    about: tuple[str, ...] = ()


def choose(
    questions: Sequence[Question], met: set[str], n_questions: int
) -> list[Question]:
    """Return the questions to ask: those about a misconception met come first."""
    first = [question for question in questions if met & set(question.about)]
    rest = [question for question in questions if question not in first]
    return [*first, *rest][:n_questions]


def recall(questions: Sequence[Question], n_questions: int) -> Live:
    """Return a part of a page that asks the first of these, answers folded.

    The stored page shows the same to everybody, the live one this learner's own.
    """
    same_for_all = choose(questions, set(), n_questions)

    def own():
        met = {
            f"{name}: {title}"
            for name, entry in store.load().items()
            for title in entry["misconceptions"]
        }
        return html_widget(questions_html(choose(questions, met, n_questions)))

    lines = [f"{i}. {question.ask}" for i, question in enumerate(same_for_all, 1)]
    text = "\n".join(["From earlier chapters:", *lines])
    return Live(own, text, questions_html(same_for_all))


def questions_html(questions: Sequence[Question]) -> str:
    """Return a list of questions, each with its answer folded below it."""
    items = "\n".join(
        f"<li><p>{html.escape(question.ask)}</p><details><summary>Answer</summary>"
        f"<p>{html.escape(question.answer)}</p></details></li>"
        for question in questions
    )
    head = "<p><b>From earlier chapters</b>: answer in your head, then unfold.</p>"
    return f'<div style="{BOX.format(NEUTRAL)}">\n{head}\n<ol>\n{items}\n</ol>\n</div>'
