"""The quiz for elsewhere: Moodle's GIFT format, and a notebook."""

import html
import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .items import ITEMS, LETTERS, Item

SPECIAL = re.compile(r"([~=#{}:\\])")  # GIFT's own special characters


def gift() -> str:
    """Return all items in GIFT, a text that Moodle imports into its question bank.

    The feedback to a wrong option is what the exercise's card says of the mistake.
    https://docs.moodle.org/en/GIFT_format
    """
    return "\n".join(map(_gift_item, ITEMS))


def _gift_item(item: Item) -> str:
    options = [
        f"\t{'~' if option.mistake else '='}<code>{_escaped(option.text)}</code>"
        f"#{_escaped(option.why)}"
        for option in item.options
    ]
    head = f"::{_escaped(item.concept)}::[html]<p>{_escaped(item.question)}</p>"
    return "\n".join([f"{head} {{", *options, "}", ""])


def _escaped(text: str) -> str:
    """Return a text for GIFT's [html]: both languages' special characters escaped."""
    return SPECIAL.sub(r"\\\1", html.escape(text, quote=False))


def notebook() -> nbformat.NotebookNode:
    """Return the quiz as a notebook: a line to fill in below each item.

    Its last cell saves what was chosen, without a name.
    """
    cells = [
        new_markdown_cell(
            "# What do you know about GPT-2?\n\n"
            f"{len(ITEMS)} questions, one right option each. Write its letter between "
            "the quotes and run the cell; leave them empty where you do not know. No "
            "name is kept."
        ),
        new_code_cell("letters = {}"),
    ]
    for number, item in enumerate(ITEMS, start=1):
        cells.append(new_markdown_cell(_markdown_item(number, item)))
        cells.append(new_code_cell(f"letters[{item.concept!r}] = ''"))
    cells += [
        new_markdown_cell(
            "Write 'after' in the place of 'before' when you sit it a second time, in "
            "the same folder."
        ),
        new_code_cell(
            "from course_utils.exercises.quiz import results\n\n"
            "print('saved as', results.save('before', letters))"
        ),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"quiz-{number}"  # the same each time it is written
    return new_notebook(cells=cells)


def _markdown_item(number: int, item: Item) -> str:
    question = item.question.replace("<", "&lt;").replace("|", "\\|")
    lines = [f"**{number}. {item.concept}.** {question}", ""]
    lines += [
        f"- **{letter}** `{option.text}`"
        for letter, option in zip(LETTERS, item.options, strict=True)
    ]
    return "\n".join(lines)
