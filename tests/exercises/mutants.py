"""Change a solution in every small way, as a hasty writer would, and run each change.

A check that lets a changed solution through lets learners through. ``changed_sources``
makes the changes in the syntax tree, one at a time: an operator or a comparison another
one, a number one off, a term, a call, an argument or a statement left out, arguments
exchanged, a condition turned round, a loop over the first element only, an argument not
used. ``results_in_another_form`` keeps the source and gives the result another type.

Changes that give the same source count once. Each is known by what it changes, "old
line → new line", which is how ``equivalent_mutants`` names those that are still right.
"""

import ast
import difflib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from course_utils.exercises.engine.answers import answer_from
from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.diagnosis import FIRST, SECOND, reference_outcomes
from course_utils.exercises.engine.limits import TimeLimit, time_limit
from course_utils.exercises.engine.outcomes import random_state_kept, run, same

SECONDS = 0.3  # for all cases of one mutant: the slowest solution takes 0.05

OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
IN_ANY_ORDER = ast.Add, ast.Mult, ast.BitAnd, ast.BitOr
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
NEIGHBOURS = (  # names of which one is easily taken for the other
    ("sum", "mean", "prod", "max"),
    ("min", "max"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("tril", "triu"),
    ("any", "all"),
    ("exp", "log"),
    ("log", "log2", "log10"),
    ("softmax", "log_softmax"),
    ("sqrt", "square"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("clip_grad_norm_", "clip_grad_value_"),
    ("append", "extend"),
    ("keys", "values"),
    ("cumsum", "cumprod"),
    ("floor", "ceil", "round"),
    ("split", "chunk"),
    ("masked_fill", "masked_fill_"),
)


@dataclass(frozen=True)
class Mutant:
    """A changed solution of an exercise: what it changes, and the function."""

    exercise: str
    change: str
    function: Callable


def mutants(task: Exercise) -> list[Mutant]:
    """Return all mutants of an exercise's solution, those that cannot run left out."""
    found = [
        Mutant(task.name, change, _defined_by(source, f"<mutant of {task.name}>"))
        for change, source in changed_sources(task.solution()).items()
    ]
    return [
        *(mutant for mutant in found if mutant.function is not None),
        *results_in_another_form(task),
    ]


def survives(task: Exercise, function: Callable) -> bool:
    """Return whether a function passes as solved: ``check``, ended at the first fault.

    It is run where a learner's answer is, on the inputs of seed 0, under a shorter
    time limit.
    """
    cases = list(task.cases(random.Random(0)))
    with random_state_kept():
        try:
            expected = reference_outcomes(task, cases)
            with time_limit(SECONDS):
                return all(
                    same(want, run(task.observe, function, case, seed), task.tolerance)
                    for seed in (FIRST, SECOND)
                    for case, want in zip(cases, expected, strict=True)
                )
        except TimeLimit:
            return False


def _defined_by(source: str, filename: str) -> Callable | None:
    try:
        return answer_from(source, filename)
    except Exception:  # the change broke what runs when the function is made
        return None


# --- the source changed ---------------------------------------------------------------


def changed_sources(source: str) -> dict[str, str]:
    """Return the changed sources of a solution, by what they change."""
    tree = ast.parse(source)
    solution = tree.body[-1]  # what stands before it, it only needs
    _leave_the_task(solution)
    plain, sources = ast.unparse(tree), {}
    for changed in dict.fromkeys(_changed(tree)):
        if changed != plain:
            key, n = _difference(plain, changed), 1
            while key in sources:  # the same line stands there twice
                n += 1
                key = f"{_difference(plain, changed)} (place {n})"
            sources[key] = f"{changed}\n__answer__ = {solution.name}\n"
    return sources


def _leave_the_task(solution: ast.AST) -> None:
    """Take out what a function of the course has beyond the task.

    Docstring, annotations, and the refusal of input that no task gives.
    """
    for node in ast.walk(solution):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            node.body = [item for item in node.body if not _is_beyond_the_task(item)]
        if isinstance(node, ast.arg):
            node.annotation = None


def _is_beyond_the_task(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return isinstance(statement.body[0], ast.Raise)
    value = getattr(statement, "value", None)
    if not isinstance(statement, ast.Expr):
        return False
    is_check = isinstance(value, ast.Call) and ast.unparse(value.func) == "require"
    return is_check or isinstance(value, ast.Constant)


def _difference(old: str, new: str) -> str:
    lines = list(difflib.ndiff(old.split("\n"), new.split("\n")))
    gone = "; ".join(line[2:].strip() for line in lines if line[0] == "-")
    come = "; ".join(line[2:].strip() for line in lines if line[0] == "+")
    return f"{gone} → {come}".strip()


def _changed(tree: ast.Module) -> Iterator[str]:
    """Yield the whole source once for each small change."""
    solution = tree.body[-1]
    names, alias = _names(solution), _alias(solution)
    for owner, field, i in list(_places(solution)):
        node = _get(owner, field, i)
        for other in _changes(node, names, alias):
            _put(owner, field, i, other)
            yield ast.unparse(ast.fix_missing_locations(tree))
        _put(owner, field, i, node)
    for function in ast.walk(solution):
        if isinstance(function, ast.FunctionDef):
            body = function.body
            for statement in _arguments_spoilt(function):
                function.body = [statement, *body]
                yield ast.unparse(ast.fix_missing_locations(tree))
            function.body = body


def _names(solution: ast.AST) -> list[str]:
    """Return the arguments that the task names, and the variables of a solution."""
    stored = [
        node.id
        for node in ast.walk(solution)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return list(dict.fromkeys(_arguments(solution) + stored))


def _arguments(function: ast.FunctionDef) -> list[str]:
    """Return the names of the arguments without a default: no task knows the others."""
    names = [item.arg for item in function.args.args]
    return names[: len(names) - len(function.args.defaults)]


def _alias(solution: ast.AST) -> dict[str, str]:
    """Return the variables that are but other names: C for n_embd, and back."""
    pairs = [
        (node.targets[0].id, node.value.id)
        for node in ast.walk(solution)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Name)
    ]
    return dict(pairs) | {value: name for name, value in pairs}


def _places(solution: ast.AST) -> Iterator[tuple[ast.AST, str, int | None]]:
    """Yield where a node stands that may change: (its owner, field, place in a list).

    The left sides of assignments stay.
    """
    for owner in ast.walk(solution):
        for field, value in ast.iter_fields(owner):
            if isinstance(value, ast.AST) and _may_change(value):
                yield owner, field, None
            if isinstance(value, list):
                for i, item in enumerate(value):
                    if isinstance(item, ast.AST) and _may_change(item):
                        yield owner, field, i


def _may_change(node: ast.AST) -> bool:
    fixed = ast.FunctionDef | ast.arguments | ast.arg | ast.expr_context | ast.operator
    return not (
        isinstance(node, fixed) or isinstance(getattr(node, "ctx", None), ast.Store)
    )


def _get(owner, field, i):
    value = getattr(owner, field)
    return value if i is None else value[i]


def _put(owner, field, i, node) -> None:
    if i is None:
        setattr(owner, field, node)
    else:
        getattr(owner, field)[i] = node


def _changes(node: ast.AST, names: list[str], alias: dict) -> Iterator[ast.AST]:
    """Yield what may stand in a node's place."""
    if isinstance(node, ast.Name) and node.id in names:
        same = node.id, alias.get(node.id)
        yield from (ast.Name(name, ast.Load()) for name in names if name not in same)
    if isinstance(node, ast.stmt):
        yield from _statement_changes(node)
    rule = RULES.get(type(node))
    if rule:
        yield from rule(node)


def _statement_changes(node: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(node, ast.Return | ast.Pass):
        yield ast.Pass()
    if isinstance(node, ast.With):
        yield ast.If(ast.Constant(True), node.body, [])
    if isinstance(node, ast.AugAssign):
        for kind in OPERATORS.get(type(node.op), ()):
            yield ast.AugAssign(node.target, kind(), node.value)
        yield ast.Assign([node.target], node.value)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        target, left = node.targets[0], node.value.left
        if ast.unparse(target) == ast.unparse(left):  # in place
            yield ast.AugAssign(target, node.value.op, node.value.right)
    if isinstance(node, ast.If | ast.While):
        for test in (_not(node.test), ast.Constant(True), ast.Constant(False)):
            yield type(node)(test, node.body, node.orelse)
    if isinstance(node, ast.For):
        for values in _fewer(node.iter):
            yield ast.For(node.target, values, node.body, node.orelse)


def _fewer(values: ast.expr) -> Iterator[ast.expr]:
    """Yield what to loop over in place of the values: the first, all but one, back."""
    text = ast.unparse(values)
    for form in ("list({})[:1]", "list({})[1:]", "list({})[:-1]", "list({})[::-1]"):
        yield _expression(form.format(text))


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _binary(node: ast.BinOp) -> Iterator[ast.expr]:
    for kind in OPERATORS.get(type(node.op), ()):
        yield ast.BinOp(node.left, kind(), node.right)
    if not isinstance(node.op, IN_ANY_ORDER):
        yield ast.BinOp(node.right, node.op, node.left)
    yield node.left
    yield node.right


def _unary(node: ast.UnaryOp) -> Iterator[ast.expr]:
    yield node.operand


def _comparison(node: ast.Compare) -> Iterator[ast.expr]:
    for i, op in enumerate(node.ops):
        for kind in COMPARISONS.get(type(op), ()):
            ops = [*node.ops[:i], kind(), *node.ops[i + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def _boolean(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield ast.BoolOp(
        ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values
    )
    for i in range(len(node.values)):
        rest = node.values[:i] + node.values[i + 1 :]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from map(ast.Constant, (value + 1, value - 1))
    elif isinstance(value, float):
        yield from map(ast.Constant, (value * 2, value + 1, 0.0))
    elif isinstance(value, str | bytes) and value:
        yield from map(ast.Constant, (value[:-1], value[1:]))


def _condition(node: ast.IfExp) -> Iterator[ast.expr]:
    yield node.body
    yield node.orelse
    yield ast.IfExp(node.test, node.orelse, node.body)


def _call(node: ast.Call) -> Iterator[ast.expr]:
    """An argument left out, two exchanged, the call itself left out, another name."""
    function, arguments, keywords = node.func, node.args, node.keywords
    for i in range(len(arguments)):
        yield ast.Call(function, arguments[:i] + arguments[i + 1 :], keywords)
    for i in range(len(keywords)):
        yield ast.Call(function, arguments, keywords[:i] + keywords[i + 1 :])
    for i in range(len(arguments) - 1):
        one, other = arguments[i : i + 2]
        swapped = [*arguments[:i], other, one, *arguments[i + 2 :]]
        yield ast.Call(function, swapped, keywords)
    if isinstance(function, ast.Attribute):
        yield function.value
    yield from arguments
    attribute = isinstance(function, ast.Attribute)
    name = function.attr if attribute else getattr(function, "id", "")
    for names in NEIGHBOURS:
        for other in names if name in names else ():
            renamed = ast.Name(other, ast.Load())
            if attribute:
                renamed = ast.Attribute(function.value, other, ast.Load())
            yield ast.Call(renamed, arguments, keywords)


def _subscript(node: ast.Subscript) -> Iterator[ast.expr]:
    yield node.value


def _slice(node: ast.Slice) -> Iterator[ast.expr]:
    """A bound left out, or one off."""
    lower, upper, step = node.lower, node.upper, node.step
    if lower or upper or step:
        yield ast.Slice(None, upper, step)
        yield ast.Slice(lower, None, step)
        yield ast.Slice(lower, upper, None)
    for op in (ast.Add, ast.Sub):
        if lower and not isinstance(lower, ast.Constant):
            yield ast.Slice(ast.BinOp(lower, op(), ast.Constant(1)), upper, step)
        if upper and not isinstance(upper, ast.Constant):
            yield ast.Slice(lower, ast.BinOp(upper, op(), ast.Constant(1)), step)


def _tuple(node: ast.Tuple | ast.List) -> Iterator[ast.expr]:
    """An element left out, two neighbours exchanged."""
    kind, items = type(node), node.elts
    for i in range(len(items)):
        yield kind(items[:i] + items[i + 1 :], node.ctx)
    for i in range(len(items) - 1):
        one, other = items[i : i + 2]
        yield kind([*items[:i], other, one, *items[i + 2 :]], node.ctx)


def _comprehension(node: ast.comprehension) -> Iterator[ast.comprehension]:
    for values in _fewer(node.iter):
        yield ast.comprehension(node.target, values, node.ifs, node.is_async)
    for i, test in enumerate(node.ifs):
        for tests in ([], [_not(test)]):
            ifs = [*node.ifs[:i], *tests, *node.ifs[i + 1 :]]
            yield ast.comprehension(node.target, node.iter, ifs, node.is_async)


def _formatted(node: ast.JoinedStr) -> Iterator[ast.expr]:
    for i in range(len(node.values)):
        yield ast.JoinedStr(node.values[:i] + node.values[i + 1 :])


RULES = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _comparison,
    ast.BoolOp: _boolean,
    ast.Constant: _constant,
    ast.IfExp: _condition,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.Tuple: _tuple,
    ast.List: _tuple,
    ast.comprehension: _comprehension,
    ast.JoinedStr: _formatted,
}


SPOILT = (  # an argument as it must not be used
    "0",
    "1",
    "abs({0})",
    "-{0}",
    "{0} + 1",
    "{0} - 1",
    "{0}.double()",
    # the ends: cut off, or the only ones used
    "{0}[:1]",
    "{0}[1:]",
    "{0}[:-1]",
    "{0}[:1].expand_as({0})",
    "[{0}[0]] * len({0})",
    # the order, and what comes twice
    "{0}[::-1]",
    "{0}.flip(0)",
    "sorted({0})",
    "{0}.sort().values",
    "list(dict.fromkeys({0} + []))",
    # 0 taken for 1: a whole number that is mistaken for "none"
    "{0} | ({0} == 0)",
    "[item | (item == 0) for item in {0}]",
)


def _arguments_spoilt(function: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield first statements that spoil an argument, or put another in its place."""
    names = _arguments(function)
    for name in names:
        others = [other for other in names if other != name]
        for value in [*(form.format(name) for form in SPOILT), *others]:
            yield ast.parse(f"{name} = {value}").body[0]


# --- the result in another form -------------------------------------------------------


def results_in_another_form(task: Exercise) -> list[Mutant]:
    """Return mutants that are right but for the type of what they return."""

    def mutant(change):
        def changed(*arguments):
            return change(task.reference(*arguments))

        return Mutant(task.name, change.__doc__, changed)

    return list(map(mutant, FORMS))


def _tensors_doubled(value):
    """tensors of float64"""
    return _each(value, torch.Tensor, torch.Tensor.double)


def _tensors_halved(value):
    """tensors of float16"""
    return _each(value, torch.Tensor, torch.Tensor.half)


def _tensors_of_int32(value):
    """tensors of int32"""
    return _each(value, torch.Tensor, torch.Tensor.int)


def _tensors_as_lists(value):
    """lists in place of tensors"""
    return _each(value, torch.Tensor, torch.Tensor.tolist)


def _numbers_as_tensors(value):
    """0-dimensional tensors in place of the numbers of a list"""
    if not isinstance(value, list):
        raise TypeError("no list")
    return _each(value, int | float, torch.tensor)


def _numbers_as_text(value):
    """text in place of numbers"""
    return _each(value, int | float, str)


def _ints_as_floats(value):
    """floats in place of ints"""
    return _each(value, int, float)


def _floats_as_ints(value):
    """ints in place of floats"""
    return _each(value, float, int)


def _iterators(value):
    """an iterator in place of a list or tuple"""
    return _each(value, list | tuple, iter)


def _sets(value):
    """a set in place of a list"""
    return _each(value, list, lambda items: set(map(tuple, items)))


def _first_only(value):
    """the first of several results"""
    return value[0] if isinstance(value, tuple | list) else _first_row(value)


def _first_row(value):
    first = value[:1]
    return first.expand(value.shape)


FORMS = (
    _tensors_doubled,
    _tensors_halved,
    _tensors_of_int32,
    _tensors_as_lists,
    _numbers_as_tensors,
    _numbers_as_text,
    _ints_as_floats,
    _floats_as_ints,
    _iterators,
    _sets,
    _first_only,
)


def _each(value, kind, change):
    """Return a value with everything of one kind in it changed.

    ``TypeError`` where there is nothing of that kind: the mutant fails, as it should.
    """
    changed = _changed_parts(value, kind, change)
    if changed is value:
        raise TypeError("nothing to change")
    return changed


def _changed_parts(value, kind, change):
    if isinstance(value, kind) and not isinstance(value, bool):
        return change(value)
    if isinstance(value, list | tuple):
        parts = [_changed_parts(item, kind, change) for item in value]
        if any(one is not other for one, other in zip(parts, value, strict=True)):
            return type(value)(parts)
    if isinstance(value, dict):
        parts = {key: _changed_parts(item, kind, change) for key, item in value.items()}
        if any(parts[key] is not value[key] for key in value):
            return parts
    return value
