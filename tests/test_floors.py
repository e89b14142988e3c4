"""The package is built in floors: a module imports only from floors below its own.

The imports are read from the source, so an import inside a function counts too.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

ROOT = Path(course_utils.__file__).parent

FLOORS = [
    "files pages",
    "world tokenization config cross_entropy optimizers weights checkpoints comparison "
    "autograd first_page",
    "attention data torch_names",
    "block gradients",
    "model",
    "training sampling huggingface ablation lora quantization",
    "planner shipped notebooks ladder speculative context learning_rates answers bias",
    "figures decoding pace scaling fine_tuning",
    "exercises site",
]
FLOOR = {
    module: number for number, floor in enumerate(FLOORS) for module in floor.split()
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


def module_of(path: Path) -> str:
    """course_utils/world/notes.py -> world"""
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(tree: ast.AST, package: str) -> set[str]:
    """Return the full names of all modules that the code imports, anywhere in it."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = (
                [*package.split(".")][: -node.level + 1 or None] if node.level else []
            )
            source = ".".join([*start, *([node.module] if node.module else [])])
            names.add(source)
            names |= {f"{source}.{alias.name}" for alias in node.names}
    return names


def sources():
    """Yield (module, path, tree) for each file of the package."""
    for path in sorted(ROOT.rglob("*.py")):
        if path != ROOT / "__init__.py":
            yield module_of(path), path, ast.parse(path.read_text(encoding="utf-8"))


def own_imports(path: Path, tree: ast.AST) -> set[str]:
    """Return the modules of the package that a file imports, without its own."""
    package = ".".join(["course_utils", *path.parent.relative_to(ROOT).parts])
    names = [name.split(".") for name in imports(tree, package)]
    own = {parts[1] for parts in names if parts[0] == "course_utils" and parts[1:]}
    return {name for name in own if name in FLOOR} - {module_of(path)}


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
    found = imports(ast.parse(code), "course_utils.world")
    assert {"a.b", "c", "c.d", "j"} <= found
    assert {"course_utils.world.e", "course_utils.world.f.g"} <= found
    assert {"course_utils.h.i"} <= found


def test_every_module_has_a_floor_and_every_floor_its_modules():
    assert {module for module, _, _ in sources()} == set(FLOOR)


def test_a_module_imports_only_from_floors_below_its_own():
    wrong = [
        f"{path.relative_to(ROOT)} (floor {FLOOR[module]}) imports {other} "
        f"(floor {FLOOR[other]})"
        for module, path, tree in sources()
        for other in sorted(own_imports(path, tree))
        if FLOOR[other] >= FLOOR[module] and (module, other) not in NEIGHBOURS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("library", IMPORTERS)
def test_a_heavy_library_is_imported_only_where_it_belongs(library):
    wrong = []
    for module, path, tree in sources():
        if module in IMPORTERS[library]:
            continue
        if (module, library) in INSIDE_FUNCTIONS:
            tree.body = [node for node in tree.body if not has_a_body(node)]
        tops = {name.split(".")[0] for name in imports(tree, "course_utils")}
        if library in tops:
            wrong.append(str(path.relative_to(ROOT)))
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
    components = [name for name, floor in FLOOR.items() if floor <= FLOOR["training"]]
    components.remove("huggingface")
    loaded = loaded_after(
        "import " + ", ".join(f"course_utils.{n}" for n in components)
    )
    assert "torch" in loaded
    assert not loaded & {"transformers", "matplotlib", "ipywidgets", "IPython"}
