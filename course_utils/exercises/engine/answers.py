"""Find the answers in a notebook, each with the statements that it needs.

An answer is a function (or class) under ``@exercise("name")``. To run it alone, without
the training runs and plots around it, we follow the names that it uses back to the
statements that bind them, and the names that those use, and leave out all the rest.
"""

import ast
import functools
import linecache
import re
import symtable
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Statement:
    """One top-level statement: its place, its text, what it binds and uses."""

    line: int
    text: str
    binds: frozenset[str]
    uses: frozenset[str]
    defines: bool  # a def or class: what it uses is looked up when it is called
    answer_to: str = ""


def answers(cells: Sequence[str]) -> dict[str, str]:
    """Return the answers in the code cells of a notebook, by the exercise's name.

    Each is a source text that defines the answer and everything it needs, and binds it
    to ``__answer__``. The last answer to an exercise counts. Cells that are no Python
    are passed over: they cost what is in them and nothing else.
    """
    statements = [item for cell in cells for item in _statements(cell)]
    found = {}
    for i, statement in enumerate(statements):
        if statement.answer_to:
            needed = _needed(statements, i)
            lines = [statements[j].text for j in needed]
            lines.append(f"__answer__ = {min(statement.binds)}\n")
            found[statement.answer_to] = "\n".join(lines)
    return found


def excerpt(source: str, line: int) -> tuple[str, str]:
    """Return (what it needs, the statement on this line) of a module's source."""
    statements = _statements(source)
    target = next(i for i, item in enumerate(statements) if item.line == line)
    needed = [statements[i].text for i in _needed(statements, target) if i != target]
    return "\n".join(needed), statements[target].text


def answer_from(source: str, filename: str) -> Callable:
    """Run the source of an answer and return what it defines.

    Under the file name its lines can be shown when it fails.
    """
    linecache.cache[filename] = len(source), None, source.splitlines(True), filename
    namespace = {"__name__": filename}
    exec(compile(source, filename, "exec"), namespace)
    return namespace["__answer__"]


def _needed(statements: list[Statement], target: int) -> list[int]:
    """Return the places of all statements that the target stands on, and its own."""
    needed, todo = set(), [target]
    while todo:
        i = todo.pop()
        if i in needed:
            continue
        needed.add(i)
        # A function's names are looked up when it runs: up to the answer's place.
        end = target + 1 if statements[i].defines else i
        for name in statements[i].uses:
            binding = [j for j in range(end) if name in statements[j].binds]
            todo += binding[-1:]
        todo += [j for j in range(i) if "*" in statements[j].binds]
    return sorted(needed)


@functools.lru_cache(maxsize=512)
def _statements(cell: str) -> tuple[Statement, ...]:
    source = _without_magics(cell)
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    lines = [line.encode() for line in source.split("\n")]  # ast counts bytes
    return tuple(_statement(lines, node) for node in body)


def _statement(lines: list[bytes], node: ast.stmt) -> Statement:
    text, name = _segment(lines, node), ""
    rest = lines[node.end_lineno - 1][node.end_col_offset :].decode()
    if rest.lstrip().startswith("#"):  # a comment on its last line belongs to it
        text += rest
    if isinstance(node, DEFINITIONS):
        others = []
        for decorator in node.decorator_list:
            name = _exercise_name(decorator) or name
            if not _exercise_name(decorator):
                others.append("@" + _segment(lines, decorator))
        text = "\n".join([*others, text])
    binds, uses = _names(text)
    defines = isinstance(node, DEFINITIONS)
    return Statement(node.lineno, text, binds, uses, defines, name)


def _segment(lines: list[bytes], node: ast.AST) -> str:
    """Return a node's source: ast.get_source_segment, without splitting every time."""
    part = lines[node.lineno - 1 : node.end_lineno]
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode()


def _exercise_name(decorator: ast.expr) -> str:
    """Return the name in ``@exercise("name")``, "" for any other decorator."""
    if not (isinstance(decorator, ast.Call) and len(decorator.args) == 1):
        return ""
    function, argument = decorator.func, decorator.args[0]
    called = getattr(function, "id", None) or getattr(function, "attr", None)
    is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return argument.value if called == "exercise" and is_text else ""


def _names(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the global names that a statement binds and those that it uses."""
    top = symtable.symtable(text, "<cell>", "exec")
    binds, uses = set(), set()
    for symbol in top.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            uses.add(symbol.get_name())
    tables = list(top.get_children())
    while tables:
        table = tables.pop()
        tables += table.get_children()
        uses |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    if re.match(r"from\s+\S+\s+import\s+\*", text):
        binds.add("*")
    return frozenset(binds), frozenset(uses)


def _without_magics(cell: str) -> str:
    """Return the cell without IPython's own lines (``%time``, ``!pip``, ``name?``)."""
    if cell.lstrip().startswith("%%"):
        return ""
    lines = [
        re.match(r"\s*", line).group() + "pass"
        if re.match(r"\s*[%!]", line) or re.match(r"\s*[\w.]+\?+\s*$", line)
        else line
        for line in cell.split("\n")
    ]
    return "\n".join(lines)
