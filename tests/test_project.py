"""The files around the code agree with each other."""

import re
from pathlib import Path

import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    tomllib = pytest.importorskip("tomli")

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
COMMANDS = [
    "pip install -r requirements.txt && jupyter lab notebooks",
    "pip install -r requirements.txt && pytest --nbval",
]


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
