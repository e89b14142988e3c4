"""Read a notebook's cells as its kernel does: statements, and the names they touch.

IPython's own transformer turns magics, ``!commands`` and ``name?`` into Python. What a
statement binds comes from Python's symbol table; what it may change is read from its
tree, and rather too much than too little: the cost of running one statement too many is
time, that of one too few is a right answer that fails.
"""

import ast
import functools
import re
import symtable
from dataclasses import dataclass, field

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
IMPORTS = ast.Import | ast.ImportFrom
# Cell magics whose body is Python that runs in the page's own namespace.
PYTHON_MAGICS = ("time", "timeit", "capture", "prun")
# Magics that later cells may stand on: files, folders, names, variables.
LASTING_MAGICS = re.compile(
    r"get_ipython\(\)\.run_(line|cell)_magic\(\s*"
    r"'(writefile|cd|pushd|run|env|set_env|load|pylab)'"
)
# What binds names that only its run will tell.
BINDS_UNKNOWN = re.compile(
    r"from\s+\S+\s+import\s+\*|get_ipython\(\)\.run_line_magic\(\s*'run'"
)
# Functions that change nothing that they are given.
HARMLESS = (
    "print", "display", "len", "range", "sum", "max", "min", "sorted", "list",
    "tuple", "dict", "set", "str", "int", "float", "bool", "repr", "type",
    "isinstance", "zip", "enumerate", "abs", "round", "any", "all", "hasattr",
    "getattr", "id", "callable", "assert_close", "show", "hint", "recall",
    "predict", "whose", "progress", "mine", "solution",
)  # fmt: skip
# Functions of a module that set something in it: torch.set_default_dtype, random.seed.
SETTERS = re.compile(
    r"set|manual|seed|append|insert|extend|update|register|enable|disable|use|chdir|"
    r"add|install|reload|clear|init|simplefilter|filterwarnings"
)


@dataclass(frozen=True)
class Statement:
    """One top-level statement: its place, its text, and the names that it touches."""

    line: int
    text: str
    binds: frozenset[str]
    uses: frozenset[str]
    touches: frozenset[str] = frozenset()  # perhaps changed: x in ``y = f(x)``
    changes: frozenset[str] = frozenset()  # most likely: x in ``x[0] = 1``, ``x.f_()``
    sets: frozenset[str] = frozenset()  # modules in which it sets something
    defines: bool = False  # a def or class: what it uses is looked up when called
    imports: bool = False
    whole: bool = False  # whatever its names stood for before is forgotten
    lasting: bool = False  # needed by all that follows
    answers: tuple[str, ...] = field(default=())  # exercises in it


def read(cell: str) -> tuple[tuple[Statement, ...], str]:
    """Return (the statements of a cell, why it cannot be read or "")."""
    return _read(cell.replace("\r\n", "\n").replace("\r", "\n"))


@functools.lru_cache(maxsize=2048)
def _read(cell: str) -> tuple[tuple[Statement, ...], str]:
    try:
        source, tree = _python(cell)
        lines = [line.encode() for line in source.split("\n")]  # ast counts bytes
        return tuple(_statement(lines, node) for node in tree.body), ""
    except SyntaxError as error:
        return (), f"SyntaxError: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return (), f"{type(error).__name__}: {error}"


def _python(cell: str) -> tuple[str, ast.Module]:
    """Return a cell as Python, as text and as a tree. SyntaxError if it is none."""
    try:
        tree = ast.parse(cell)
    except SyntaxError:
        cell = _translated(cell)
        tree = ast.parse(cell)
    # Some faults, such as one parameter twice, are found only now.
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compile(cell, "<cell>", "exec", flags, dont_inherit=True)
    return cell, tree


def _translated(cell: str) -> str:
    """Return the cell as IPython would run it, bodies of ``%%time`` in its place."""
    from IPython.core.inputtransformer2 import TransformerManager

    source = TransformerManager().transform_cell(cell)
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return source  # the caller says what is wrong
    lines = [line.encode() for line in source.split("\n")]
    parts = []
    for node in body:
        magic = _magic_of(node)
        if magic and magic[0] in PYTHON_MAGICS:
            parts.append(_translated(magic[-1]))
        else:
            parts.append(_segment(lines, node))
    return "\n".join(parts) + "\n"


def _magic_of(node: ast.stmt) -> list[str]:
    """Return the arguments of ``get_ipython().run_cell_magic(...)``, [] if not that."""
    call = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    name = getattr(getattr(call, "func", None), "attr", "")
    if name not in ("run_cell_magic", "run_line_magic"):
        return []
    return [getattr(argument, "value", "") for argument in call.args]


def _statement(lines: list[bytes], node: ast.stmt) -> Statement:
    text = _segment(lines, node)
    rest = lines[node.end_lineno - 1][node.end_col_offset :].decode()
    if rest.lstrip().startswith("#"):  # a comment on its last line belongs to it
        text += rest
    binds, uses = _names(text)
    # A function's own variables are nobody else's, whatever they are called.
    touched = {kind: names & (binds | uses) for kind, names in _touched(node).items()}
    if BINDS_UNKNOWN.match(text):
        binds |= {"*"}
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    dotted = isinstance(node, ast.Import) and any("." in a.name for a in node.names)
    return Statement(
        line=_first_line(node),
        text=text,
        binds=binds,
        uses=uses | touched["again"],
        touches=touched["touches"] | touched["changes"],
        changes=touched["changes"],
        sets=touched["sets"],
        defines=isinstance(node, DEFINITIONS),
        imports=isinstance(node, IMPORTS),
        whole=not dotted
        and isinstance(node, DEFINITIONS | IMPORTS | ast.Assign | ast.AnnAssign),
        lasting=future or bool(LASTING_MAGICS.search(text)),
        answers=tuple(_exercises(node)),
    )


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _segment(lines: list[bytes], node: ast.stmt) -> str:
    """Return a statement's source: ast.get_source_segment, with its decorators."""
    first = _first_line(node)
    part = lines[first - 1 : node.end_lineno]
    part[-1] = part[-1][: node.end_col_offset]
    if first == node.lineno:
        part[0] = part[0][node.col_offset :]
    return b"\n".join(part).decode()


def _exercises(node: ast.stmt) -> list[str]:
    """Return the names of all ``exercise("name")`` in a statement."""
    return [
        call.args[0].value
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and _last_name(call.func) == "exercise"
        and len(call.args) == 1
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    ]


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
    return frozenset(binds), frozenset(uses)


def _touched(node: ast.stmt) -> dict[str, frozenset[str]]:
    """Return the names that a statement may change, surely or perhaps, by kind."""
    found = {"touches": set(), "changes": set(), "sets": set(), "again": set()}
    thrown_away = {id(n.value) for n in ast.walk(node) if isinstance(n, ast.Expr)}
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute | ast.Subscript) and not isinstance(
            part.ctx, ast.Load
        ):
            found["changes"].add(_root(part))
            found["sets"].add(_root(part))
        elif isinstance(part, ast.AugAssign | ast.Delete):
            targets = getattr(part, "targets", [getattr(part, "target", None)])
            found["changes"].update(map(_root, targets))
            found["again"].update(map(_root, targets))
        elif isinstance(part, ast.Global):
            found["changes"].update(part.names)
        elif isinstance(part, ast.Call):
            _touched_by_call(part, id(part) in thrown_away, found)
    return {kind: frozenset(names - {""}) for kind, names in found.items()}


def _touched_by_call(call: ast.Call, thrown_away: bool, found: dict) -> None:
    name = _last_name(call.func)
    likely = "changes" if thrown_away or name.endswith("_") else "touches"
    if isinstance(call.func, ast.Attribute):
        found[likely].add(_root(call.func))
        if thrown_away and SETTERS.match(name):
            found["sets"].add(_root(call.func))
    if name not in HARMLESS:
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        found[likely].update(map(_root, arguments))


def _last_name(function: ast.expr) -> str:
    return getattr(function, "id", None) or getattr(function, "attr", None) or ""


def _root(node: ast.expr | None) -> str:
    """Return x of ``x``, ``x.a``, ``x[i].b()``, ``*x``; "" if there is no such name."""
    while node is not None and not isinstance(node, ast.Name):
        node = getattr(node, "value", None) or getattr(node, "func", None)
        node = node if isinstance(node, ast.expr) else None
    return node.id if node is not None else ""
