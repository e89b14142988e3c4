"""Commands: each does what its module's function does, and names what is wrong."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import transformers

from course_utils import commands, models
from course_utils.sampling import generate_text

ROOT = Path(commands.__file__).parents[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that the training command left, after two steps."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    text = folder.parent / "text.txt"
    text.write_text("The cat sat on the mat. The dog sat on the log.\n" * 40)
    shape = "--n-layer 1 --n-head 2 --n-embd 16 --context 32 --vocab-size 270"
    options = f"--steps 2 --batch-size 2 {shape} --device cpu".split()
    given = ["train", "--data", str(text), "--out", str(folder), *options]
    assert commands.main(given) == 0
    return folder


def test_course_is_the_entry_point_and_each_command_a_module_that_runs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {"course": "course_utils.commands:main"}
    for command in commands.COMMANDS.values():
        assert (ROOT / "course_utils" / command.module / "__main__.py").is_file()


def test_help_lists_the_commands_and_loads_nothing(capsys):
    assert commands.main([]) == commands.main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in commands.COMMANDS)
    code = "import sys; from course_utils.commands import main; main([]); "
    code += "print({'torch', 'numpy', 'transformers', 'IPython'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.endswith("set()\n")


def test_an_unknown_command_is_named_with_the_nearest(capsys):
    assert commands.main(["wriet"]) == 2
    assert "no command 'wriet'; did you mean 'write'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["write", "export", "train", "experiment"])
def test_a_commands_own_help_comes_from_its_module(name, capsys):
    before = list(sys.argv)
    assert commands.main([name, "--help"]) == 0
    module = commands.COMMANDS[name].module
    assert f"usage: python -m course_utils.{module}" in capsys.readouterr().out
    assert sys.argv == before


KNOBS = dict(temperature=0.9, top_k=50, top_p=0.95, repetition_penalty=1.1)


@pytest.mark.parametrize("stream", [[], ["--stream"]])
def test_write_writes_what_generate_text_does(stream, capsys):
    options = [f"--{k.replace('_', '-')}={v}" for k, v in KNOBS.items()]
    given = ["story", "--prompt", "One cold morning", "-n", "2", "--seed", "7"]
    given += ["--max-new-tokens", "12", *options, *stream]
    assert commands.main(["write", *given]) == 0
    texts = [
        generate_text(*models.load("story"), "One cold morning", 12, seed=seed, **KNOBS)
        for seed in (7, 8)
    ]
    assert capsys.readouterr().out == f"{texts[0]}\n---\n{texts[1]}\n"


def test_write_takes_a_trained_run_and_its_export(run, tmp_path, capsys):
    assert commands.main(["export", str(run), str(tmp_path / "exported")]) == 0
    capsys.readouterr()
    texts = []
    for folder in (run, tmp_path / "exported"):
        given = ["write", str(folder), "--prompt", "The cat", "--temperature", "0"]
        assert commands.main(given) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] and texts[0].startswith("The cat")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["stroy"], "one of base, beginner, docstrings, story; got 'stroy'"),
        (["story", "--top-p", "2"], "top_p must be in (0, 1], got 2.0"),
        (["story", "-n", "0"], "-n must be at least 1, got 0"),
        (["story", "--max-new-tokens", "999"], "must fit into n_positions=256"),
        (["story", "--prompt", "a b " * 300], "must fit into n_positions=256"),
    ],
)
def test_write_names_what_is_wrong(given, message, capsys):
    assert commands.main(["write", *given]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and message in printed.err
    assert printed.out == ""


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_export_writes_weights_of_the_type_that_was_asked_for(run, tmp_path, dtype):
    folder = tmp_path / "new" / "folder"
    assert commands.main(["export", str(run), str(folder), "--dtype", dtype]) == 0
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert theirs.dtype == getattr(torch, dtype)  # of what the file holds
    assert theirs.generation_config.max_length == 32


def test_export_refuses_to_overwrite_a_run(run, capsys):
    before = {path.name: path.read_bytes() for path in run.glob("*.*")}
    assert commands.main(["export", str(run), str(run)]) == 1
    assert "holds a model of the course, which would be lost" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in run.glob("*.*")} == before


def test_export_names_a_folder_that_cannot_be_written(run, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert commands.main(["export", str(run), str(tmp_path / "file")]) == 1
    assert "could not write" in capsys.readouterr().err
