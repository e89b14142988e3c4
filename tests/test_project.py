"""The files around the code agree with each other."""

import ast
import re
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_utils.notebooks import FOLDER, reading_order

ROOT = Path(__file__).parent.parent
COMMANDS = [
    "pip install -r requirements.txt && jupyter lab notebooks",
    "pip install -r requirements.txt && pytest --nbval",
]
PYTHONS = ("3.11", "3.12", "3.13")


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line and line[0] not in "#-"]
    return {requirement.name: requirement for requirement in requirements}


def ranges() -> dict[str, Requirement]:
    project = pyproject()["project"]
    lines = project["dependencies"] + project["optional-dependencies"]["course"]
    return {Requirement(line).name: Requirement(line) for line in lines}


def test_requirements_pin_exactly_what_pyproject_asks_for_within_its_ranges():
    assert pins().keys() == ranges().keys()
    for name, pin in pins().items():
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert ranges()[name].specifier.contains(specifier.version), name


@pytest.mark.parametrize("version", PYTHONS)
def test_every_supported_python_can_have_the_pins_and_read_the_code(version):
    for name in pins():
        wanted = metadata(name)["Requires-Python"]
        assert SpecifierSet(wanted or "").contains(version), (name, wanted)
    parse_all(tuple(map(int, version.split("."))))


def parse_all(feature_version: tuple[int, int]) -> None:
    """Parse all code of the course with the grammar of one Python version."""
    for path in (ROOT / "course_utils").rglob("*.py"):
        ast.parse(path.read_text("utf-8"), path.name, feature_version=feature_version)
    for path in reading_order(FOLDER):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                plain = re.sub(r"^(\s*)%", r"\1pass  # %", cell.source, flags=re.M)
                ast.parse(plain, path.name, feature_version=feature_version)


def test_the_supported_pythons_are_those_of_pyproject_and_readme():
    asked = SpecifierSet(pyproject()["project"]["requires-python"])
    first, last = PYTHONS[0], PYTHONS[-1]
    assert asked == SpecifierSet(f">={first}")
    assert f"Python {first} to {last}" in (ROOT / "README.md").read_text("utf-8")


def test_requirements_install_the_package_itself_editable():
    assert "-e ." in (ROOT / "requirements.txt").read_text("utf-8").splitlines()


def test_environment_takes_everything_but_python_from_requirements():
    """Read without a YAML library: the file is eight lines."""
    lines = (ROOT / "environment.yml").read_text("utf-8").splitlines()
    items = [line.strip()[2:] for line in lines if line.strip().startswith("- ")]
    channels, python, pip, pip_part, requirements = items[:1], *items[2:]
    assert channels == ["conda-forge"]
    assert (pip, pip_part, requirements) == ("pip", "pip:", "-r requirements.txt")
    version = re.fullmatch(r"python=(3\.\d+)", python).group(1)
    (minimum,) = re.findall(r">=(3\.\d+)", pyproject()["project"]["requires-python"])
    assert int(minimum[2:]) <= int(version[2:]) <= 13


def test_both_readmes_show_the_two_commands_and_ci_runs_the_second():
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text("utf-8")
        for command in COMMANDS:
            assert f"\n{command}\n" in text, (name, command)
    assert "pytest" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_links_in_the_readmes_lead_somewhere():
    for name in ("README.md", "README.zh.md"):
        for target in re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text("utf-8")):
            if not target.startswith("http"):
                assert (ROOT / target).exists(), (name, target)


def test_colabs_versions_lie_within_the_ranges():
    """What Colab ships (2026-08) must satisfy pyproject, or it would be replaced."""
    colab = {
        "numpy": "2.1.3",
        "transformers": "5.15.0",
        "tokenizers": "0.22.2",
        "safetensors": "0.8.0",
        "regex": "2025.11.3",
        "tqdm": "4.67.3",
        "matplotlib": "3.10.0",
        "ipywidgets": "7.7.1",
        "torch": "2.11.0",
    }
    for name, version in colab.items():
        assert ranges()[name].specifier.contains(version), name
