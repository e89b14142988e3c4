"""The package is built in floors: a module imports only from floors below its own.

Components lie at the bottom, then the wings: models and records, figures, experiments,
exercises, and the maintainers' commands. The imports are read from the source, so an
import inside a function counts too.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_utils

ROOT = Path(course_utils.__file__).parent

COMPONENTS = [
    "files pages console fast_tokenization",
    "tokenizer_files",
    "world tokenization config cross_entropy optimizers weights checkpoints comparison "
    "confidence scaling_laws autograd edits "
    "token_files",
    "attention data torch_names gpt2_files",
    "block",
    "model",
    "model_folders",
    "training sampling huggingface ablation lora quantization planner induction "
    "gradients",
    "answers bias modern rewards inside packed_weights",
]
WINGS = [
    "models records",
    "figures experiments export",
    "exercises",
    "site race",
    "notebooks commands",
    "jupyter",
]
FLOOR = {
    place: number
    for number, floor in enumerate(COMPONENTS + WINGS)
    for place in floor.split()
}

# The training command ends by printing a sample; the loop itself needs no sampling.
NEIGHBOURS = {("training", "sampling")}

# Slow to load or not always there: whoever needs them is asked for by name.
IMPORTERS = {
    "transformers": {"huggingface"},
    "huggingface_hub": {"huggingface"},
    "matplotlib": {"figures"},
    "ipywidgets": {"figures"},
}
INSIDE_FUNCTIONS = {("exercises", "ipywidgets")}

LONGEST = 500  # lines of a module
LONGER = "course_utils.exercises.chapters."  # content: one thing after the other


def name_of(path: Path) -> str:
    """course_utils/world/notes.py -> course_utils.world.notes"""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def place_of(name: str) -> str:
    """course_utils.world.notes -> world"""
    return name.split(".")[1]


SOURCES = {
    name_of(path): (path, ast.parse(path.read_text(encoding="utf-8")))
    for path in sorted(ROOT.rglob("*.py"))
    if path != ROOT / "__init__.py"
}


def imports(tree: ast.AST, package: str) -> Iterator[tuple[str, str | None]]:
    """Yield (module, name) for all that the code imports: name None for a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: -node.level + 1 or None] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((source, alias.name) for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the package's modules that one of them imports, by their full names."""
    path, tree = SOURCES[name]
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for module, imported in imports(tree, package):
        whole = f"{module}.{imported}"
        found.add(whole if whole in SOURCES else module)
    return (found & SOURCES.keys()) - {name}


def test_the_reader_of_imports_finds_every_kind():
    code = """
import a.b
from c import d
from . import e
from .f import g
from ..h import i
def function():
    import j
"""
    found = set(imports(ast.parse(code), "course_utils.world"))
    assert found == {
        ("a.b", None),
        ("c", "d"),
        ("course_utils.world", "e"),
        ("course_utils.world.f", "g"),
        ("course_utils.h", "i"),
        ("j", None),
    }


def test_every_place_has_a_floor_and_every_floor_its_places():
    assert {place_of(name) for name in SOURCES} == set(FLOOR)


def test_a_module_imports_only_from_floors_below_its_own():
    wrong = [
        f"{name} (floor {FLOOR[here]}) imports {other} (floor {FLOOR[there]})"
        for name in SOURCES
        for other in sorted(own_imports(name))
        if (here := place_of(name)) != (there := place_of(other))
        and FLOOR[there] >= FLOOR[here]
        and (here, there) not in NEIGHBOURS
    ]
    assert not wrong, "\n".join(wrong)


def circles() -> list[list[str]]:
    """Return the groups of modules that import each other in a round (Tarjan 1972)."""
    order, low, stack, found = {}, {}, [], []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(own_imports(name)):
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(group)

    for name in SOURCES:
        if name not in order:
            visit(name)
    return found


def test_no_modules_import_each_other_in_a_circle():
    assert circles() == []


def test_a_circle_is_found(monkeypatch):
    package = {"p": "from p import a", "p.a": "from p import b", "p.b": "import p.c"}
    package |= {"p.c": "def f():\n    from p.a import x", "p.d": "import p.c"}
    sources = {n: (Path(f"{n}.py"), ast.parse(code)) for n, code in package.items()}
    monkeypatch.setattr(sys.modules[__name__], "SOURCES", sources)
    assert [sorted(group) for group in circles()] == [["p.a", "p.b", "p.c"]]


@pytest.mark.parametrize("name", SOURCES)
def test_a_module_says_what_it_is_and_is_short_enough_to_read(name):
    path, tree = SOURCES[name]
    first = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert re.match(r".{8,}?[.:?]", first, re.DOTALL), f"{name} does not say what it is"
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert name.startswith(LONGER) or n_lines <= LONGEST, f"{name}: {n_lines} lines"


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_heavy_library_is_imported_only_where_it_belongs(library):
    wrong = []
    for name, (_, tree) in SOURCES.items():
        if (place := place_of(name)) in IMPORTERS[library]:
            continue
        if (place, library) in INSIDE_FUNCTIONS:
            outside = [node for node in tree.body if not has_a_body(node)]
            tree = ast.Module(outside, [])
        if library in {module.split(".")[0] for module, _ in imports(tree, name)}:
            wrong.append(name)
    assert not wrong, f"{library} is imported in {wrong}"


def has_a_body(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.ClassDef))


def loaded_after(statement: str) -> set[str]:
    """Run an import in a fresh process and return the libraries that it loaded."""
    code = f"import sys; {statement}; print(*{{n.split('.')[0] for n in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"torch", "numpy", "transformers", "matplotlib", "ipywidgets", "IPython"}
    loaded = loaded_after("import course_utils")
    assert "course_utils" in loaded and not loaded & heavy


def test_no_component_loads_what_only_pages_and_comparisons_need():
    places = [name for name, floor in FLOOR.items() if floor < FLOOR["figures"]]
    places.remove("huggingface")
    loaded = loaded_after("import " + ", ".join(f"course_utils.{n}" for n in places))
    assert "torch" in loaded
    assert not loaded & {"transformers", "matplotlib", "ipywidgets", "IPython"}
