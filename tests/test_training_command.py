"""The training command as people use it: any text, console, machine and ending."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.model import GPT
from course_utils.token_files import open_tokens
from course_utils.tokenization import END_OF_TEXT, Tokenizer
from course_utils.training import command, preparation
from course_utils.training.command import main, opening
from course_utils.training.corpus import (
    FileTexts,
    clip,
    split_at_end_of_text,
    split_at_mark,
)
from course_utils.training.preparation import (
    TOKEN_FILES,
    count_parameters,
    model_config,
)

TINY = ["--n-layer=1", "--n-head=2", "--n-embd=8", "--vocab-size=300", "--context=12"]
TINY += ["--batch-size=2", "--steps=3"]
rng = random.Random(0)
WORDS = " ".join(rng.choices(["Tom", "saw", "the", "cat", "café", "."], k=900))
CHINESE = "\n".join("".join(rng.choices("天地玄黄宇宙洪荒日月", k=300)) for _ in "123")
EMOJI = "".join(rng.choices("😀🎈🦊🌍", k=900))
DNA = "".join(rng.choices("ACGT", k=4000))


@pytest.fixture
def train(tmp_path, capsys):
    """Run the command on a text; return status, output and the run's folder."""

    def run(text, *options, out="run"):
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8", newline="")
        out = tmp_path / out
        status = main(["--data", str(path), "--out", str(out), *TINY, *options])
        printed = capsys.readouterr()
        return status, printed.out + printed.err, out

    return run


def weights_in(folder):
    return GPT.load(folder).state_dict()


def assert_same_bits(folder, other):
    torch.testing.assert_close(weights_in(folder), weights_in(other), rtol=0, atol=0)


# --- any text, any context, any prompt


@pytest.mark.parametrize(
    "text", [CHINESE, DNA, WORDS.replace(" ", "\r\n"), WORDS.replace(" ", "\r"), EMOJI]
)
def test_a_text_without_words_trains_and_ends_with_a_sample(text, train):
    status, printed, out = train(text)
    assert status == 0
    assert "a sample:" in printed
    assert f"model and tokenizer are in {out}" in printed


@pytest.mark.parametrize("context", [1, 2, 3, 4])
@pytest.mark.parametrize("text", [WORDS, CHINESE])
def test_the_smallest_contexts_train_to_the_end(text, context, train):
    status, printed, out = train(text, f"--context={context}")
    assert status == 0
    assert ("a sample:" in printed) == (context > 1)  # end-of-text takes a place
    assert GPT.load(out).config.n_positions == context


def test_a_prompt_that_fits_is_the_samples_beginning(train):
    assert "a sample:\nTom saw" in train(WORDS, "--prompt=Tom saw")[1]
    assert train(WORDS, "--prompt=", out="empty")[0] == 0


def test_a_prompt_that_cannot_fit_is_refused_before_training(train):
    status, printed, out = train(WORDS, "--prompt=" + "x y" * 9)
    assert status == 1
    assert "--prompt must leave room in --context 12" in printed
    assert not out.exists()
    assert train(WORDS)[0] == 0
    assert main(["--out", str(out), "--resume", "--prompt=" + "x y" * 9]) == 1


@given(st.text(min_size=1, max_size=300), st.integers(-1, 20))
def test_the_opening_of_any_text_fits(small, text, longest):
    words = opening(text, small, longest)
    assert text.startswith(words)
    assert len(small.encode(words)) <= max(0, longest)


@pytest.fixture(scope="module")
def small():
    return Tokenizer.train(WORDS + CHINESE, 350)


def test_the_opening_is_four_words_where_they_fit(small):
    assert opening("\n Tom saw the cat and more", small, 60) == "\n Tom saw the cat"


# --- end of text in the data


def documents_in(out):
    tokenizer = Tokenizer.from_pretrained(out)
    return [
        tokenizer.decode(ids)
        for name in TOKEN_FILES
        for ids in split_at_end_of_text(open_tokens(out / name), tokenizer.end_of_text)
    ]


def test_end_of_text_in_a_file_ends_a_document_and_that_is_told(train):
    documents = [f"Story {i}.\nTom saw {i} cats.\n" for i in range(60)]
    text = f"{END_OF_TEXT}\n".join(documents) + END_OF_TEXT * 2
    status, printed, out = train(text)
    assert status == 0
    assert "stands in the text 61 times: read as the end of a document" in printed
    found = documents_in(out)
    assert "".join(found) == text.replace(END_OF_TEXT, "")
    assert len(found) == 61  # one was cut in two, to be held out from there on
    assert not any(b"<|" in token for token in Tokenizer.from_pretrained(out).vocab)

    status, printed, out = train(text, "--end-of-text=characters", out="letters")
    assert status == 0
    assert "61 times: read as the characters that stand there" in printed
    assert "".join(documents_in(out)) == text
    assert "endoftext" not in train(WORDS, out="none")[1]


@given(
    st.lists(st.sampled_from(["<", "<e", "nd>", "<end>", "x", "e"])).map("".join),
    st.lists(st.integers(0, 60)),
)
def test_a_mark_is_found_wherever_the_text_is_cut(text, places):
    borders = [0, *sorted(min(p, len(text)) for p in places), len(text)]
    chunks = [text[a:b] for a, b in itertools.pairwise(borders)]
    pieces = list(split_at_mark(chunks, "<end>"))
    assert "" not in pieces
    joined = "".join("<end>" if piece is None else piece for piece in pieces)
    assert joined == text
    assert pieces.count(None) == text.count("<end>")


@given(st.lists(st.text(max_size=5)), st.integers(0, 20), st.integers(0, 20))
def test_clipping_chunks_is_slicing_their_text(chunks, start, stop):
    assert "".join(clip(chunks, start, stop)) == "".join(chunks)[start:stop]


def test_the_texts_of_a_file_are_read_in_pieces_and_again(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("one|two||three|", encoding="utf-8")
    texts = FileTexts(path, 1, 14, "|")
    for _ in range(2):
        assert ["".join(text) for text in texts] == ["ne", "two", "three"]
    assert texts.count("|") == 3


# --- any machine


def test_the_model_may_be_compiled_and_products_rounded(train, monkeypatch):
    def eager(model):
        return torch_compile(model, backend="eager")

    torch_compile = torch.compile
    monkeypatch.setattr(torch, "compile", eager)
    assert train(WORDS)[0] == train(WORDS, "--compile", out="compiled")[0] == 0
    runs = [train(WORDS)[2], train(WORDS, out="compiled")[2]]
    assert_same_bits(*runs)
    assert main(["--out", str(runs[1]), "--resume", "--no-compile", "--steps=4"]) == 0
    status, _, out = train(WORDS, "--dtype=bfloat16", "--device=cpu", out="rounded")
    assert status == 0
    assert json.loads((out / "run.json").read_text())["dtype"] == "bfloat16"
    assert main(["--out", str(out), "--resume", "--dtype=float32"]) == 1


def test_a_machine_that_cannot_compile_says_so(train, monkeypatch):
    def without_compiler(graph, inputs):
        raise RuntimeError("no working C++ compiler found")

    torch_compile = torch.compile
    monkeypatch.setattr(
        torch, "compile", lambda model: torch_compile(model, backend=without_compiler)
    )
    status, printed, _ = train(WORDS, "--compile")
    assert status == 1
    assert "error: --compile must find what torch.compile needs" in printed
    assert "no working C++ compiler found" in printed


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(device, train, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    status, printed, out = train(WORDS, f"--device={device}")
    assert status == 1
    assert f"--device must be one that this torch finds, got {device}" in printed
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "needs"),
    [
        (["--n-embd=1000000"], 144_000_432_000_000),  # 12 C^2 weights of 12 bytes
        (["--n-layer=1000000000", "--optimizer=adamw"], None),
        (["--context=100000000000000000000"], 2**63),
    ],
)
def test_a_model_of_impossible_size_names_its_bytes(options, needs, train):
    status, printed, out = train(WORDS, *options)
    assert status == 1
    assert "a model of this size needs at least" in printed
    if needs:
        assert f"{needs:,} bytes"[:4] in printed
    assert not out.exists()


@pytest.mark.parametrize("changes", [{}, {"n_layer": 7, "n_embd": 96, "n_head": 3}])
def test_parameters_are_counted_without_a_model(changes):
    config = model_config({"preset": "course", **changes})
    assert count_parameters(config) == GPT(config).count_parameters()


# --- any ending


class Killed(BaseException):
    """Stands for a kill: no code of the course runs after it on the way out."""


def test_a_preparation_that_is_cut_anywhere_is_done_again(train, monkeypatch):
    expected = train(WORDS, out="whole")[2]
    replace, removed = Path.replace, []

    def dies_at(n):
        moved = []

        def dies(path, target):
            if path.parent.name.startswith(".prepare-"):
                if len(moved) == n:
                    raise Killed
                moved.append(path)
            return replace(path, target)

        return dies

    for n in range(5):
        out = f"cut-{n}"
        monkeypatch.setattr(Path, "replace", dies_at(n))
        monkeypatch.setattr(
            preparation.TemporaryDirectory, "cleanup", lambda s: removed.append(s)
        )
        with pytest.raises(Killed):
            train(WORDS, out=out)
        monkeypatch.undo()
        folder = expected.parent / out
        assert (folder / "run.json").exists()
        (folder / ".prepare-left").mkdir(exist_ok=True)  # of an earlier kill
        assert train(WORDS, out=out)[0] == 1  # it is not a new folder any more
        assert main(["--out", str(folder), "--resume"]) == 0
        assert not list(folder.glob(".prepare*"))
        for name in (*TOKEN_FILES, "vocab.json", "merges.txt", "model.safetensors"):
            assert (expected / name).read_bytes() == (folder / name).read_bytes()
        assert_same_bits(folder, expected)


def test_control_c_while_preparing_leaves_nothing(train, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "write_tokens", interrupted)
    status, printed, out = train(WORDS)
    assert status == 130
    assert "Nothing was written." in printed
    assert not out.exists()


def test_the_way_to_go_on_can_be_copied(train, monkeypatch):
    monkeypatch.setattr(
        command, "print_evaluation", lambda _: signal.raise_signal(signal.SIGINT)
    )
    status, printed, out = train(WORDS, out="it's mine")
    assert status == 130
    [line] = [line for line in printed.splitlines() if line.startswith("To go on: ")]
    monkeypatch.undo()
    typed = line.removeprefix("To go on: python").replace(
        "-m course_utils.training", "-c 'import sys; print(sys.argv[1:])'"
    )
    if os.name != "nt":
        shown = subprocess.check_output(f"{sys.executable}{typed}", shell=True)
        assert str(out) in shown.decode()


def test_damaged_tokens_and_options_are_named_when_a_run_goes_on(train):
    status, _, out = train(WORDS)
    tokens, options = out / TOKEN_FILES[0], out / "run.json"
    content = bytearray(tokens.read_bytes())
    content[-50:] = bytes(50)
    tokens.write_bytes(content)
    assert status == 0
    with pytest.raises(ValueError, match="its checksum is wrong"):
        open_tokens(tokens)
    assert main(["--out", str(out), "--resume", "--steps=4"]) == 1
    options.write_text("{", encoding="utf-8")
    assert main(["--out", str(out), "--resume"]) == 1


HANGS_UP = """
import os, signal, sys
from course_utils.console import prepare_console, stop_like_control_c
from course_utils.training import command

def hang_up(trainer):
    if trainer.steps_done == 2:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)  # shell and kernel may both say it

command.print_evaluation = hang_up
prepare_console(), stop_like_control_c()
sys.exit(command.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGHUP")
def test_a_lost_terminal_and_a_closed_pipe_cost_no_step(train, tmp_path):
    text, whole, lost = tmp_path / "text.txt", train(CHINESE)[2], tmp_path / "lost"
    pipe_without_reader = os.pipe()
    os.close(pipe_without_reader[0])
    arguments = ["--data", str(text), "--out", str(lost), *TINY]
    run = subprocess.run(
        [sys.executable, "-c", HANGS_UP, *arguments],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"},
        stdout=pipe_without_reader[1],
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(pipe_without_reader[1])
    assert run.stderr == ""
    assert run.returncode == 130
    assert [p.name for p in (lost / "checkpoints").iterdir()] == ["step-00000002.pt"]
    GPT.load(lost)
    assert main(["--out", str(lost), "--resume"]) == 0
    assert_same_bits(lost, whole)


def test_the_whole_command_speaks_to_a_small_console(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text(CHINESE, encoding="utf-8")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "course_utils.training", *TINY),
            *("--data", text, "--out", tmp_path / "中文"),
        ],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
    )
    assert run.returncode == 0
    assert run.stderr == b""
    assert rb"model and tokenizer are in" in run.stdout
    assert rb"\u4e2d\u6587" in run.stdout


def test_out_of_memory_is_an_error_with_advice(train, monkeypatch):
    def full(*arguments):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes")

    monkeypatch.setattr(command.Trainer, "step", full)
    status, printed, _ = train(WORDS)
    assert status == 1
    assert "error: out of memory" in printed
    assert "--batch-size" in printed
