"""The learner: exercise, hint, solution, mine, whose and progress on a page."""

import contextlib
import html
import io
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from . import store
from .answers import answer_from, answers, noted
from .cards import BOX, NEUTRAL, Card, Part, shell, show, verdict_card
from .catalogue import Catalogue
from .definition import Exercise
from .diagnosis import Verdict, check, is_stub
from .limits import TimeLimit, time_limit
from .live import Live, buttons_with_answers, html_widget, seconds_of
from .outcomes import random_state_kept

Row = tuple[str, list[Exercise], list[Exercise]]  # chapter, its exercises, those solved


@dataclass
class Session:
    """What happened since the kernel started."""

    solved: dict[str, Callable] = field(default_factory=dict)
    hints: Counter = field(default_factory=Counter)
    asked_for_solution: Counter = field(default_factory=Counter)


class Learner:
    """Who sits before the pages: solves, asks, and finds again what is solved.

    ``catalogue`` says which exercises there are.
    """

    def __init__(self, catalogue: Catalogue):
        self.catalogue, self.session = catalogue, Session()

    def exercise(self, name: str) -> Callable:
        """Check the function below at once and show a card under the cell.

        The name then stands for the learner's function, or, while it is still the stub,
        for the course's own, so that the rest of the page runs.
        """
        if noted.get() is not None:
            return self._only_noted(name)
        task = self.catalogue.find(name)

        def check_and_show(function: Callable) -> Callable:
            verdict, problem = self._attempt(task, function)
            show(verdict_card(task, verdict))
            below = _speed if verdict.status == "solved" else self._help
            show(below(task, function, problem))
            return task.reference if verdict.status == "not started" else function

        return check_and_show

    def _only_noted(self, name: str) -> Callable:
        """While answers run from their source: keep the function, check nothing.

        The name stands for the same as on the page, a stub's for the course's own.
        """

        def note(function: Callable) -> Callable:
            noted.get()[name] = function
            try:
                task = self.catalogue.find(name)
            except ValueError:
                return function
            return task.reference if is_stub(function) else function

        return note

    def _attempt(self, task: Exercise, function: Callable) -> tuple[Verdict, str]:
        """Return the verdict, and why it could not be kept ("" if it is)."""
        verdict, problem = check(task, function), ""
        if verdict.status == "solved":
            self.session.solved[task.name] = function
            source = _source(task.name)
            problem = store.record(task.name, solved=True, source=source)
        elif verdict.misconception:
            title = verdict.misconception.title
            problem = store.record(task.name, misconception=title)
        return verdict, problem

    def hint(self, name: str) -> Card:
        """Return the next hint: a question, then a shape, then pseudocode.

        Every call gives one more; after the last it starts again.
        """
        task = self.catalogue.find(name)
        i = self.session.hints[name] % len(task.hints)
        self.session.hints[name] += 1
        store.record(name, hints=i + 1)
        last = i + 1 == len(task.hints)
        more = (
            f'solution("{name}") shows the solution.' if last else "Ask again for more."
        )
        parts = (Part(f"Hint {i + 1} of {len(task.hints)}", task.hints[i], code=last),)
        return Card("hint", name, (*parts, Part("", more)))

    def solution(self, name: str) -> Card:
        """Return the course's solution, but only to whoever asks twice."""
        task = self.catalogue.find(name)
        self.session.asked_for_solution[name] += 1
        if self.session.asked_for_solution[name] < 2:
            text = "Sure? A hint teaches more. Ask once more and it is shown."
            return Card("solution", name, (Part("", text),))
        return self._solution(task)

    def mine(self, name: str) -> Callable:
        """Return the learner's own solved function, else the course's.

        Solved in this notebook, or in an earlier one: then it is made anew from its
        source in the progress file, and checked again before it is trusted.
        """
        task = self.catalogue.find(name)
        if name not in self.session.solved:
            function = _from_source(task, store.load().get(name, {}).get("source", ""))
            if function is None:
                return task.reference
            self.session.solved[name] = function
        return self.session.solved[name]

    def whose(self, *names: str) -> Live:
        """Say which of these exercises' functions are the learner's own."""
        parts = [
            (name, self.mine(name) is not self.catalogue.find(name).reference)
            for name in names
        ]
        rows = "".join(
            f"<li><code>{html.escape(name)}</code>: "
            f"{'your own' if own else 'the course&#x27;s'}</li>"
            for name, own in parts
        )
        text = "Your own where solved, else the course's: " + ", ".join(names)
        return Live(lambda: html_widget(f"<ul>{rows}</ul>"), text)

    def take_over(self, sources: Mapping[str, str]) -> None:
        """Record exercises as solved by these sources."""
        for name, source in sources.items():
            store.record(name, solved=True, source=source)

    def progress(self) -> Live:
        """Show what is solved, over all notebooks."""
        this_run = set(self.session.solved)
        entries = store.load()
        ever = this_run | {name for name, entry in entries.items() if entry["solved"]}
        hints = {name: entry["hints"] for name, entry in entries.items()}
        chart = _chart_html(self._rows(ever), hints, "In all notebooks so far")
        still = _chart_html(self._rows(this_run), {}, "In this run of this notebook")
        text = _chart_text(self._rows(ever if shell() is None else this_run))
        return Live(lambda: html_widget(chart), text, still)

    def _help(self, task: Exercise, function: Callable, problem: str = "") -> Live:
        """Return the buttons below an answer that is not right (yet).

        The solution can be had once the last hint was seen. "Check again" runs the same
        function, which sees what other cells have changed since.
        """

        def hints_left() -> bool:
            return self.session.hints[task.name] < len(task.hints)

        def check_again() -> str:
            return verdict_card(task, self._attempt(task, function)[0]).html

        def build():
            answers = {
                "Hint": lambda: self.hint(task.name).html,
                "Show solution": lambda: self._solution(task).html,
                "Check again": check_again,
            }
            widget = buttons_with_answers(answers, _note(problem))
            hint, solution, _ = widget.children[0].children
            solution.disabled = hints_left()
            hint.on_click(lambda _: setattr(solution, "disabled", hints_left()))
            return widget

        return Live(build, f'hint("{task.name}") gives a hint.')

    def _solution(self, task: Exercise) -> Card:
        store.record(task.name, hints=len(task.hints) + 1)
        return Card("solution", task.name, (Part("", task.solution(), code=True),))

    def _rows(self, solved: set[str]) -> list[Row]:
        """Return (chapter, its exercises, those of them that are solved)."""
        return [
            (chapter, all_of_it, [task for task in all_of_it if task.name in solved])
            for chapter in self.catalogue.chapters
            if (all_of_it := self.catalogue.asked(chapter))
        ]


def _source(name: str) -> str:
    """Return the learner's answer with what it needs, "" outside a notebook."""
    ipython = shell()
    cells = ipython.user_ns.get("In", []) if ipython else []
    return answers(cells).get(name, "")


def _from_source(task: Exercise, source: str) -> Callable | None:
    """Return the function that the source defines, if it still solves the exercise."""
    if not source:
        return None
    try:
        with time_limit(task.seconds):
            function = answer_from(source, f"<{task.name}>")
        return function if check(task, function).status == "solved" else None
    except (Exception, TimeLimit):
        return None


def _speed(task: Exercise, function: Callable, problem: str) -> Live:
    """Show, live only, how long the answer takes beside the course's solution."""

    def build():
        case = list(task.cases(random.Random(0)))[-1]
        with random_state_kept(), contextlib.redirect_stdout(io.StringIO()):
            own = seconds_of(lambda: task.observe(function, *case))
            course = seconds_of(lambda: task.observe(task.reference, *case))
        return html_widget(
            f"<p>On the largest input yours takes {own * 1e6:,.0f} µs, the course's "
            f"{course * 1e6:,.0f} µs.</p>{_note(problem)}"
        )

    return Live(build, "How fast it is beside the course's is shown live.")


def _note(problem: str) -> str:
    """Return what went wrong as HTML: for live parts, since pages are compared."""
    return f"<p>{html.escape(problem)}</p>" if problem else ""


def _chart_text(rows: Sequence[Row]) -> str:
    lines = []
    for chapter, tasks, done in rows:
        bar = "■" * len(done) + "□" * (len(tasks) - len(done))
        lines.append(f"{chapter:<16}{bar} {len(done)} of {len(tasks)}")
    return "\n".join(lines)


def _chart_html(rows: Sequence[Row], hints: dict[str, int], title: str) -> str:
    items = []
    for chapter, tasks, done in rows:
        bar = "■" * len(done) + "□" * (len(tasks) - len(done))
        asked = sum(hints.get(task.name, 0) for task in tasks)
        note = f", {asked} hint{'s' if asked > 1 else ''} used" if asked else ""
        names = "".join(
            f"<li>{'✓' if task in done else '○'} <code>{html.escape(task.name)}</code>"
            "</li>"
            for task in tasks
        )
        items.append(
            f"<details><summary><code>{bar}</code> {html.escape(chapter)}: "
            f"{len(done)} of {len(tasks)} solved{note}</summary><ul>{names}</ul>"
            "</details>"
        )
    head = f"<p><b>{html.escape(title)}</b></p>"
    return (
        f'<div style="{BOX.format(NEUTRAL)}">\n{head}\n' + "\n".join(items) + "</div>"
    )
