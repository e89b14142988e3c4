"""Find the answers in a notebook, each with the statements that it needs, and run them.

An answer is what stands under ``@exercise("name")``. To run it alone, without the
training runs and plots around it, we follow the names that it uses back to the
statements that bind or change them, and the names that those use, and leave out all
the rest. What is left runs as it does on the page: cell by cell, and a cell that fails
costs what is left of that cell.
"""

import asyncio
import codeop
import contextlib
import inspect
import linecache
import sys
from ast import PyCF_ALLOW_TOP_LEVEL_AWAIT
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from .cells import Statement, read

BORDER = "# %%"  # between cells in a source
# While an answer runs from its source: exercise -> function. Else None.
noted: ContextVar[dict[str, Callable] | None] = ContextVar("noted", default=None)


def answers(cells: Sequence[str]) -> dict[str, str]:
    """Return the answers in the code cells of a notebook, by the exercise's name.

    Each is a source for ``answer_from``. The last answer to an exercise counts.
    """
    return dict(all_answers(cells))


def all_answers(cells: Sequence[str]) -> list[tuple[str, str]]:
    """Return (exercise, source) of all answers in their order, several of one too.

    Cells that cannot be read cost what is in them and nothing else: ``unreadable``.
    """
    places, statements = [], []
    for number, cell in enumerate(cells):
        for statement in read(cell)[0]:
            places.append(number)
            statements.append(statement)
    return [
        (name, _source(statements, places, i, name))
        for i, statement in enumerate(statements)
        for name in statement.answers
    ]


def unreadable(cells: Sequence[str]) -> list[str]:
    """Return "code cell 3: SyntaxError: ..." for each cell that is no Python."""
    faults = enumerate((read(cell)[1] for cell in cells), start=1)
    return [f"code cell {number}: {fault}" for number, fault in faults if fault]


def excerpt(source: str, line: int) -> tuple[str, str]:
    """Return (what it needs, the statement on this line) of a module's source."""
    statements = read(source)[0]
    target = next(i for i, item in enumerate(statements) if item.line == line)
    needed = [statements[i].text for i in _needed(statements, target) if i != target]
    return "\n".join(needed), statements[target].text


def answer_from(source: str, filename: str) -> Callable:
    """Run the source of an answer and return what it defines.

    Under the file name its lines can be shown when it fails.
    """
    linecache.cache[filename] = len(source), None, source.splitlines(True), filename
    namespace = {"__name__": "__main__", "exercise": _note, "__noted__": {}}
    *before, last = source.split(f"{BORDER}\n")
    compiler, line = codeop.Compile(), 0  # it keeps what __future__ switches on
    compiler.flags |= PyCF_ALLOW_TOP_LEVEL_AWAIT
    with _noting(namespace):
        for cell in before:
            with contextlib.suppress(Exception, SystemExit):
                _run(compiler, cell, filename, line, namespace)
            line += cell.count("\n") + 1
        _run(compiler, last, filename, line, namespace)
    return namespace["__answer__"]


@contextmanager
def importing_from(place: Path, below: Path | None = None) -> Iterator[None]:
    """Let modules in a folder be imported, as a kernel does that was started there.

    Afterwards those that came from the folder ``below`` (``place`` itself, if none is
    given) are forgotten: another folder has its own.
    """
    sys.path.insert(0, str(place))
    before = set(sys.modules)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(str(place))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if str(file).startswith(str(below or place)):
                del sys.modules[name]


def _run(compiler, cell: str, filename: str, line: int, namespace: dict) -> None:
    code = compiler("\n" * line + cell, filename, "exec")
    waiting = eval(code, namespace)
    if inspect.iscoroutine(waiting):  # a cell may say await
        asyncio.run(waiting)


def _note(name: str) -> Callable:
    def note(function: Callable) -> Callable:
        noted.get()[name] = function
        return function

    return note


@contextmanager
def _noting(namespace: dict) -> Iterator[None]:
    """Let exercises in the body only note their functions; offer IPython's magics."""
    import IPython

    if IPython.get_ipython() is None:
        namespace["get_ipython"] = lambda: _shell(namespace)
    token = noted.set(namespace["__noted__"])
    try:
        yield
    finally:
        noted.reset(token)


def _shell(namespace: dict):
    """Return an IPython of its own, for magics; it keeps no history."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(
        config=Config({"HistoryManager": {"enabled": False}}), user_ns=namespace
    )
    namespace["get_ipython"] = lambda: shell
    return shell


def _source(statements, places, target: int, name: str) -> str:
    lines, cell = [], None
    for i in _needed(statements, target):
        if cell is not None and places[i] != cell:
            lines.append(BORDER)
        cell = places[i]
        lines.append(statements[i].text)
    return "\n".join([*lines, f'__answer__ = __noted__["{name}"]\n'])


def _needed(statements: Sequence[Statement], target: int) -> list[int]:
    """Return the places of all statements that the target stands on, and its own."""
    return _Slice(statements, target).places()


class _Slice:
    """What one statement of a page stands on.

    ``effects[i]`` is what statement i may change by calling functions of the page.
    """

    def __init__(self, statements: Sequence[Statement], target: int):
        self.statements, self.target = statements, target
        self.needed: set[int] = set()
        self.followed: dict[str, int] = {}  # name -> up to which statement
        self.definitions: dict[str, list[int]] = {}
        for i in range(target):
            if statements[i].defines:
                for name in statements[i].binds:
                    self.definitions.setdefault(name, []).append(i)
        self.effects = [self._effects(i) for i in range(target)]

    def places(self) -> list[int]:
        todo = [self.target]
        todo += [i for i in range(self.target) if self._always(self.statements[i])]
        while todo:
            i = todo.pop()
            if i in self.needed:
                continue
            self.needed.add(i)
            # A function's names are looked up when it runs: up to the answer's place.
            end = self.target if self.statements[i].defines else i
            for name in self.statements[i].uses | self.statements[i].changes:
                todo += self._follow(name, end)
            todo += [j for j in range(i) if "*" in self.statements[j].binds]
        return sorted(self.needed)

    def _always(self, statement: Statement) -> bool:
        """Return whether all that follows stands on it: sys.path, magics."""
        sets = bool(statement.sets & {"sys", "os"}) and not statement.defines
        return statement.lasting or sets

    def _effects(self, i: int) -> frozenset[str]:
        """Return what a statement may change through functions that it calls."""
        if self.statements[i].defines or self.statements[i].imports:
            return frozenset()
        found, seen = set(), set()
        todo = [*self.statements[i].uses]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for j in self.definitions.get(name, ()):
                found |= self.statements[j].changes
                todo += self.statements[j].uses
        return frozenset(found)

    def _follow(self, name: str, end: int) -> list[int]:
        """Return the statements before ``end`` that bind or may change a name."""
        if self.followed.get(name, 0) >= end:
            return []
        self.followed[name] = end
        found, start = [], None
        for j in reversed(range(end)):
            if name in self.statements[j].binds:
                found.append(j)
                if self.statements[j].whole and name not in self.statements[j].uses:
                    start = j
                    break
        if not found:  # a builtin, or from an import of everything
            return [j for j in range(end) if name in self.effects[j]]
        first = min(found)
        return found + self._changing(name, first if start is None else start, end)

    def _changing(self, name: str, start: int, end: int) -> list[int]:
        """Return the statements from ``start`` to ``end`` that may change a value.

        Also by another name that was given to it, or to a part of it.
        """
        first = self.statements[start]
        if first.imports or first.defines:
            between = range(start + 1, end)
            return [j for j in between if name in self.statements[j].sets]
        aliases = {name} | {n for n in first.uses if not self._is_code(n)}
        found = []
        for j in range(start + 1, end):
            other = self.statements[j]
            if other.defines or other.imports:
                continue
            if name in other.touches or (other.changes | self.effects[j]) & aliases:
                found.append(j)
            if other.uses & aliases:
                aliases |= other.binds
        return found

    def _is_code(self, name: str) -> bool:
        """Return whether a name is a module's, function's or class's."""
        return any(
            name in item.binds and (item.imports or item.defines)
            for item in self.statements[: self.target]
        )
