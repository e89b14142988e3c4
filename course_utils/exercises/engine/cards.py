"""Cards: what an exercise answers, as text and as HTML with the same content.

A card is a list of parts, and both forms are made from them, so they cannot drift
apart. It holds no timing, no memory address and no random id: stored pages are compared
with fresh runs, their HTML too. Colours come from JupyterLab's own variables, with fall
backs that suit a light and a dark page; the words say everything without any colour.
"""

import html
import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from .definition import Exercise
from .diagnosis import Verdict
from .outcomes import Outcome, dtype_name, number_text, type_name

WIDTH = 78  # columns of the text form
SMALL = 64  # numbers of a tensor that are worth printing
LONG = 12  # lines

MARKS = {"solved": "✓", "not yet": "✗", "error": "!", "not started": "○"}
COLOURS = {
    "solved": "var(--jp-success-color1, #388e3c)",
    "not yet": "var(--jp-warn-color1, #c77700)",
    "error": "var(--jp-error-color1, #d32f2f)",
}
NEUTRAL = "var(--jp-info-color1, #0288d1)"
BOX = "border-left:4px solid {};padding:0.2em 0.9em;margin:0.4em 0;color:inherit"
CODE = (
    "background:var(--jp-layout-color2, rgba(128,128,128,0.15));color:inherit;"
    "padding:0.4em 0.6em;margin:0.3em 0 0.7em;overflow-x:auto;line-height:1.3"
)


@dataclass(frozen=True)
class Part:
    """A labelled paragraph, or text whose line breaks count (``code``).

    A ``folded`` one shows its label until the reader opens it.
    """

    label: str
    text: str
    code: bool = False
    folded: bool = False


@dataclass(frozen=True)
class Card:
    """A headed list of parts that shows itself as text and as HTML."""

    status: str
    name: str
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        lines = [f"{self._mark}{self.status} · {self.name}"]
        for part in self.parts:
            if part.code:
                lines += [part.label] if part.label else []
                lines += textwrap.indent(part.text, "    ").split("\n")
            elif part.folded:
                lines += [f"{part.label}: folded"]
            else:
                words = f"{part.label}: {part.text}" if part.label else part.text
                lines += textwrap.wrap(words, WIDTH)
        return "\n".join(line.rstrip() for line in lines)

    @property
    def html(self) -> str:
        box = BOX.format(COLOURS.get(self.status, NEUTRAL))
        status, name = html.escape(self.status), html.escape(self.name)
        body = [f"<p><b>{self._mark}{status}</b> · <code>{name}</code></p>"]
        for part in self.parts:
            label = f"<b>{html.escape(part.label)}</b>" if part.label else ""
            text = html.escape(part.text)
            if part.code:
                body += [f"<p>{label}</p>"] if label else []
                body += [f'<pre style="{CODE}">{text}</pre>']
            elif part.folded:
                opened = f"<summary>{label}</summary><p>{text}</p>"
                body += [f"<details>{opened}</details>"]
            else:
                body += [f"<p>{label}{': ' if label else ''}{text}</p>"]
        return f'<div style="{box}">\n' + "\n".join(body) + "\n</div>"

    @property
    def _mark(self) -> str:
        mark = MARKS.get(self.status)
        return f"{mark} " if mark else ""

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": self.text, "text/html": self.html}


def shell():
    """Return the IPython shell that runs this code, None in plain Python."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def show(thing) -> None:
    """Display a card (or anything that shows itself) under the running cell."""
    if shell() is None:
        print(thing)
    else:
        from IPython.display import display

        display(thing)


def verdict_card(exercise: Exercise, verdict: Verdict) -> Card:
    """Return the card that answers one attempt."""
    parts = {
        "solved": _solved_parts,
        "not started": _not_started_parts,
        "not yet": _wrong_parts,
        "error": _wrong_parts,
    }[verdict.status](exercise, verdict)
    return Card(verdict.status, exercise.name, tuple(parts))


def _solved_parts(exercise, verdict) -> list[Part]:
    tolerance = f"{exercise.tolerance:.0e}".replace("e-0", "e-")
    same = (
        f"same as the course's solution on all {verdict.n_cases} inputs "
        f"(numbers within {tolerance})."
    )
    return [Part("", exercise.proves), Part("Compared", same)]


def _not_started_parts(exercise, verdict) -> list[Part]:
    return [
        Part("Task", exercise.task),
        Part("", "Until you solve it, the page goes on with the course's own version."),
    ]


def _wrong_parts(exercise, verdict) -> list[Part]:
    """Diagnosis first, then what was called, what was expected and what came."""
    parts = []
    if verdict.misconception:
        title, why = verdict.misconception.title, verdict.misconception.explanation
        label = "First of two mistakes" if verdict.second else "Diagnosis"
        parts.append(Part(label, f"{title}. {why}"))
        if verdict.second:
            title, why = verdict.second.title, verdict.second.explanation
            parts.append(Part("Second", f"{title}. {why}"))
    elif verdict.fault != "error":
        parts.append(Part("What is wrong", _fault_text(exercise, verdict)))
    if verdict.beside:
        parts.append(Part("Beside that", verdict.beside))
    if verdict.fault == "forbidden":
        parts.append(
            Part("", f"The results are right on all {verdict.n_cases} inputs.")
        )
        return parts
    if verdict.line:
        parts.append(Part("Your own line", verdict.line, code=True))
    if verdict.got is not None and verdict.got.error is not None:
        parts.append(Part("Message", error_text(verdict.got.error), code=True))
    parts.append(Part("Called with", case_text(exercise, verdict.case), code=True))
    if verdict.expected is not None and verdict.got.error is None:
        pair = beside(
            "expected\n" + outcome_text(verdict.expected),
            "yours\n" + outcome_text(verdict.got),
        )
        parts.append(Part("", pair, code=True))
        if verdict.difference and parts[0].text != f"{verdict.difference.text}.":
            parts.append(Part("First difference", verdict.difference.text))
    if verdict.got is not None and verdict.got.printed.strip():
        parts.append(Part("It printed", _cut(verdict.got.printed, LONG), code=True))
    return parts


def _fault_text(exercise, verdict) -> str:
    if verdict.symptom:
        return verdict.symptom[0].lower() + verdict.symptom[1:]
    if verdict.fault == "type" and verdict.got.value is None:
        return "your function gives None back: is the return missing?"
    named = ("type", "length", "shape", "dtype")
    if verdict.fault in named and verdict.difference:
        return f"{verdict.difference.text}."
    return {
        "time limit": f"stopped after {exercise.seconds:g} seconds. Does a loop never "
        "end?",
        "changes its input": "your function changes the argument that it was given. "
        "Work on a copy (.clone() for a tensor, list(...) for a list).",
        "depends on chance": "the same input gave two different results: you draw at "
        "random." + (" Is a dropout left on?" if _has_model(verdict.case) else ""),
        "no error": "this input is not allowed, and your function takes it.",
        "NaN": "there is NaN (not a number) in it: 0/0, infinity minus infinity, the "
        "logarithm of a negative number, or softmax over nothing but -inf.",
    }[verdict.fault]


def _has_model(case: tuple) -> bool:
    return any(isinstance(value, torch.nn.Module) for value in case)


def case_text(exercise: Exercise, case: tuple) -> str:
    """Return the arguments of one call, one below the other."""
    names = list(inspect.signature(exercise.reference).parameters)
    names += [f"argument {i + 1}" for i in range(len(names), len(case))]
    lines = []
    for name, value in zip(names, case, strict=False):
        text = value_text(value)
        joint = "\n" if "\n" in text else " "
        text = textwrap.indent(text, "  ") if joint == "\n" else text
        lines.append(f"{name} ={joint}{text}")
    return "\n".join(lines)


def outcome_text(outcome: Outcome) -> str:
    """Return what came of a call: the value, or the error's name."""
    if outcome.error is not None:
        return error_text(outcome.error)
    return value_text(outcome.value)


def error_text(error: BaseException) -> str:
    """Return "ValueError: message", short and without memory addresses."""
    message = re.sub(r"0x[0-9a-fA-F]{4,}", "0x…", str(error))
    return _cut(f"{type(error).__name__}: {message}".rstrip(": "), 6)


def value_text(value) -> str:
    """Return a value as text: shapes first, the numbers of small tensors after."""
    if isinstance(value, torch.Tensor):
        return _tensor_text(value.detach())
    if isinstance(value, tuple | list) and any(
        isinstance(item, torch.Tensor) for item in value
    ):
        parts = [f"[{i}] {value_text(item)}" for i, item in enumerate(value)]
        return "\n".join(parts)
    if isinstance(value, Mapping):
        lines = [f"{key!r}: {_inline(item)}" for key, item in value.items()]
        if len(lines) > LONG:
            return f"{type_name(value)} of {len(lines)} items"
        joined = "{" + ", ".join(lines) + "}"
        return joined if len(joined) <= WIDTH // 3 else "\n".join(lines)
    return _inline(value)


def _inline(value) -> str:
    if isinstance(value, torch.Tensor):
        return f"{tuple(value.shape)} {dtype_name(value)}"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, str | bytes | int | bool | list | tuple | set | None):
        text = repr(value)
        return text if len(text) <= 160 else f"{text[:150]} … ({len(value)} items)"
    return getattr(value, "__name__", None) or f"a {type_name(value)}"


def _tensor_text(tensor: torch.Tensor) -> str:
    head = f"{tuple(tensor.shape)} {dtype_name(tensor)}"
    if not 0 < tensor.numel() <= SMALL:
        return head
    cells = [_cell(number) for number in tensor.flatten().tolist()]
    width = max(map(len, cells))
    row_length = tensor.shape[-1] if tensor.ndim else 1
    rows = [
        " ".join(cell.rjust(width) for cell in cells[start : start + row_length])
        for start in range(0, len(cells), row_length)
    ]
    if tensor.ndim > 2:  # an empty line between matrices
        height = tensor.shape[-2]
        rows = [
            row + ("\n" if (i + 1) % height == 0 and i + 1 < len(rows) else "")
            for i, row in enumerate(rows)
        ]
    return "\n".join([head, *rows])


def _cell(number) -> str:
    if isinstance(number, bool):
        return "T" if number else "F"
    return f"{number:.3f}" if isinstance(number, float) else str(number)


def beside(left: str, right: str) -> str:
    """Return two texts in two columns, or one below the other if they are wide."""
    lefts, rights = left.split("\n"), right.split("\n")
    width = max(map(len, lefts)) + 3
    if width + max(map(len, rights)) > WIDTH - 4:
        return f"{left}\n\n{right}"
    height = max(len(lefts), len(rights))
    lefts += [""] * (height - len(lefts))
    rights += [""] * (height - len(rights))
    return "\n".join(
        (one.ljust(width) + other).rstrip()
        for one, other in zip(lefts, rights, strict=True)
    )


def _cut(text: str, n_lines: int) -> str:
    lines = [line[:200] for line in text.rstrip("\n").split("\n")]
    more = len(lines) - n_lines
    return "\n".join(lines if more <= 0 else [*lines[:n_lines], f"… {more} more"])
