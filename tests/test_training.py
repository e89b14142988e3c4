"""Tests of course_utils.training: the step, the loop, checkpoints and the command."""

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils.checkpoints import list_checkpoints, load_checkpoint
from course_utils.config import GPTConfig
from course_utils.cross_entropy import IGNORE
from course_utils.data import (
    DocumentBatches,
    StreamBatches,
    evaluation_documents,
    evaluation_windows,
)
from course_utils.model import GPT
from course_utils.token_files import open_tokens
from course_utils.tokenization import Tokenizer
from course_utils.training import (
    Trainer,
    TrainingConfig,
    accumulate_gradients,
    command,
    corpus,
    evaluate,
    measure_gap,
)
from course_utils.training import trainer as loop
from course_utils.training.command import main
from course_utils.training.config import SCHEDULES
from course_utils.training.corpus import split_at_end_of_text
from course_utils.training.preparation import TOKEN_FILES
from course_utils.world import World


@pytest.fixture(autouse=True)
def one_thread():
    """Models this small gain nothing from a second thread and wait for it instead."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


SHAPE = GPTConfig(
    vocab_size=20, n_positions=12, n_layer=2, n_head=2, n_embd=8, dropout=0.2
)
CONFIG = TrainingConfig(steps=6, eval_every=2, checkpoint_every=2)
END = 19
TOKENS = [random.Random(0).randrange(19) for _ in range(400)]
DOCUMENTS = [TOKENS[i : i + 1 + i % 9] for i in range(30)]  # 1 to 9 tokens


def make_model(shape=SHAPE):
    torch.manual_seed(1)
    return GPT(shape)


def stream_batches(seed=0):
    return StreamBatches(TOKENS, batch_size=4, T=12, seed=seed)


def document_batches():
    return DocumentBatches(DOCUMENTS, 4, END, n_positions=12)


def make_trainer(config=CONFIG, batches=stream_batches, shape=SHAPE, **arguments):
    return Trainer(make_model(shape), batches(), config, **arguments)


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_same_bits(model, weights):
    torch.testing.assert_close(model.state_dict(), weights, rtol=0, atol=0)


def gradients_of(model):
    return {name: p.grad.clone() for name, p in model.named_parameters()}


# --- the gradient


def test_micro_batches_give_the_gradient_of_one_big_batch():
    model = make_model().eval()
    ends = (3, 4, 13, 25, 30)  # batches of unequal size, documents of unequal length
    parts = [
        evaluation_documents(DOCUMENTS[start:end], 100, END, 12)[0]
        for start, end in zip((0, *ends), ends, strict=False)
    ]
    [(inputs, targets)] = evaluation_documents(DOCUMENTS, 100, END, 12)
    loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    loss.backward()
    expected = gradients_of(model)
    model.zero_grad()

    accumulated = accumulate_gradients(model, parts)

    assert accumulated == pytest.approx(loss.item(), abs=1e-6)
    torch.testing.assert_close(gradients_of(model), expected, rtol=0, atol=1e-6)


def test_a_batch_without_counted_targets_changes_nothing():
    model = make_model().eval()
    batch = stream_batches().next_batch()
    nothing = (batch[0], torch.full_like(batch[1], IGNORE))
    alone = accumulate_gradients(model, [batch])
    expected = gradients_of(model)
    model.zero_grad()

    assert accumulate_gradients(model, [nothing, batch]) == alone
    torch.testing.assert_close(gradients_of(model), expected, rtol=0, atol=0)
    with pytest.raises(ValueError, match="at least one target that counts"):
        accumulate_gradients(model, [nothing])
    with pytest.raises(ValueError, match="at least one target that counts"):
        evaluate(model, [nothing])


def test_a_step_of_two_micro_batches_equals_a_step_of_one_twice_as_large():
    class Halves(StreamBatches):
        def batch(self, k):
            inputs, targets = super().batch(k // 2)
            half = slice(0, 2) if k % 2 == 0 else slice(2, 4)
            return inputs[half], targets[half]

    shape = replace(SHAPE, dropout=0.0)
    whole = make_trainer(shape=shape)
    halves = make_trainer(
        replace(CONFIG, micro_steps=2), lambda: Halves(TOKENS, 4, 12), shape
    )
    whole.run(), halves.run()
    torch.testing.assert_close(
        halves.model.state_dict(), whole.model.state_dict(), rtol=0, atol=1e-5
    )


# --- the step


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_every_step_uses_the_learning_rate_of_the_schedule(schedule):
    config = replace(CONFIG, schedule=schedule, warmup_steps=2, optimizer="muon")
    used = []
    trainer = make_trainer(
        config,
        on_step=lambda t: used.append(
            {group["lr"] for o in t.optimizers for group in o.param_groups}
        ),
    )
    history = trainer.run()
    peak, final = config.learning_rate, config.learning_rate * config.final_fraction
    expected = [SCHEDULES[schedule](step, peak, 2, 6, final) for step in range(6)]
    assert history.learning_rates == expected
    assert used == [{rate} for rate in expected]
    assert expected[:2] == pytest.approx([peak / 2, peak])
    assert expected[-1] == pytest.approx(final)


def test_the_gradient_is_clipped_and_its_length_before_is_recorded():
    free, clipped = make_trainer(), make_trainer(replace(CONFIG, clip=1e-3))
    free.step(), clipped.step()

    def length(trainer):
        parts = [p.grad.norm() for p in trainer.model.parameters()]
        return torch.stack(parts).norm().item()

    assert 1e-3 < length(free) <= 1
    assert length(clipped) == pytest.approx(1e-3, rel=1e-3)
    assert clipped.history.gradient_norms == free.history.gradient_norms
    assert free.history.gradient_norms[0] >= length(free)


def test_one_step_does_not_feel_the_gradient_of_the_step_before():
    trainer, other = make_trainer(), make_trainer()
    for parameter in other.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    trainer.step(), other.step()
    assert_same_bits(other.model, weights_of(trainer.model))


def test_training_learns_what_can_be_learnt():
    config = TrainingConfig(steps=40, learning_rate=0.1)
    pattern = [1, 5, 2, 7, 3] * 40
    shape = replace(SHAPE, dropout=0.0)
    trainer = make_trainer(config, lambda: StreamBatches(pattern, 4, 8), shape)
    trainer.validation = evaluation_windows(pattern[:50], 4, 8)
    history = trainer.run()
    assert history.losses[0] == pytest.approx(math.log(20), abs=0.2)
    assert history.validation_losses[-1] < 0.5


def test_a_run_that_diverges_stops_before_it_spoils_weights_and_checkpoints(tmp_path):
    trainer = make_trainer(out=tmp_path)
    trainer.run(steps=2)
    with torch.no_grad():
        trainer.model.final_norm.bias[0] = math.nan
    before = weights_of(trainer.model)
    with pytest.raises(FloatingPointError, match=r"step 3.*try a learning_rate below"):
        trainer.run()
    torch.testing.assert_close(
        trainer.model.state_dict(), before, rtol=0, atol=0, equal_nan=True
    )
    assert [path.name for path in list_checkpoints(tmp_path / "checkpoints")] == [
        "step-00000002.pt"
    ]


# --- evaluation


def test_evaluation_is_the_mean_over_all_tokens_without_dropout():
    model = make_model().train()
    batches = evaluation_documents(DOCUMENTS, 7, END, 12)
    loss = evaluate(model, batches)
    assert model.training
    model.eval()
    assert evaluate(model, batches) == loss
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    [(inputs, targets)] = evaluation_documents(DOCUMENTS, 100, END, 12)
    expected = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    assert loss == pytest.approx(expected.item(), abs=1e-6)


def test_evaluation_happens_on_time_and_leaves_training_as_it_is():
    validation = evaluation_windows(TOKENS[:100], 4, 12)
    with_it, without = make_trainer(validation=validation), make_trainer()
    history = with_it.run()
    without.run()
    assert history.validation_steps == [2, 4, 6]
    assert history.validation_losses[-1] == evaluate(with_it.model, validation)
    assert_same_bits(with_it.model, weights_of(without.model))


# --- the history


def test_the_history_has_one_entry_a_step_and_can_be_stored(tmp_path):
    validation = evaluation_windows(TOKENS[:100], 4, 12)
    history = make_trainer(validation=validation, out=tmp_path).run()
    columns = asdict(history)
    assert json.loads(json.dumps(columns, allow_nan=False)) == columns
    assert history.steps == [1, 2, 3, 4, 5, 6]
    assert history.seconds == sorted(history.seconds)
    assert min(history.tokens_per_second) > 0
    assert not history.interrupted

    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert [float(row["losses"]) for row in rows] == history.losses
    assert [row["validation_losses"] != "" for row in rows] == [False, True] * 3
    assert float(rows[-1]["validation_losses"]) == history.validation_losses[-1]


def test_progress_is_shown_only_if_it_takes_long_and_is_asked_for(monkeypatch):
    made = []

    class Bar(loop.tqdm):
        def __init__(self, *arguments, **options):
            made.append(options)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(loop, "tqdm", Bar)
    make_trainer().run(show_progress=False)
    make_trainer().run(steps=2)
    monkeypatch.setenv("TQDM_DISABLE", "1")  # tests of notebooks want the same outputs
    make_trainer().run(steps=1)
    assert [options["disable"] for options in made] == [True, False, True]
    assert made[1]["delay"] == 2
    assert made[1]["leave"] is False


# --- stopping and going on


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("batches", [stream_batches, document_batches])
def test_a_resumed_run_ends_with_the_same_bits(optimizer, batches, tmp_path):
    config = replace(CONFIG, optimizer=optimizer, micro_steps=2)
    whole = make_trainer(config, batches)
    whole.run()

    first = make_trainer(config, batches, out=tmp_path)
    first.run(steps=3)
    torch.manual_seed(99)  # a new session has another history of chance
    torch.rand(7)
    second = make_trainer(config, batches, out=tmp_path)
    assert second.resume() == 3
    history = second.run()

    assert SHAPE.dropout > 0
    assert_same_bits(second.model, weights_of(whole.model))
    assert history.losses == whole.history.losses
    assert history.steps == whole.history.steps


@pytest.mark.parametrize("compiled_first", [True, False])
def test_a_run_goes_on_whether_its_model_is_compiled_or_not(compiled_first, tmp_path):
    def trainer(compiled):
        model = make_model()
        if compiled:  # "eager" changes no bit and needs no compiler
            model = torch.compile(model, backend="eager")
        return Trainer(model, stream_batches(), CONFIG, out=tmp_path)

    whole = make_trainer()
    whole.run()
    trainer(compiled_first).run(steps=3)
    state = load_checkpoint(tmp_path / "checkpoints").state
    assert state["weights"].keys() == whole.model.state_dict().keys()
    second = trainer(not compiled_first)
    assert second.resume() == 3
    second.run()
    weights = weights_of(whole.model).values()
    for ours, expected in zip(second.model.state_dict().values(), weights, strict=True):
        assert torch.equal(ours, expected)


def test_a_part_that_is_compiled_has_the_plain_names_too(tmp_path):
    trainer = make_trainer(out=tmp_path)
    trainer.model.blocks[1] = torch.compile(trainer.model.blocks[1], backend="eager")
    trainer.run(steps=1)
    assert make_trainer(out=tmp_path).resume() == 1


def test_bfloat16_rounds_the_products_and_keeps_weights_and_gradients():
    exact, rounded = make_trainer(), make_trainer(replace(CONFIG, dtype="bfloat16"))
    losses = exact.step(), rounded.step()
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], abs=0.02)  # 8 bits of precision
    for parameter in rounded.model.parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32
    ours, theirs = gradients_of(rounded.model), gradients_of(exact.model)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0.1, atol=2e-2)


def test_two_processes_cannot_run_in_one_folder(tmp_path):
    code = (
        "import sys\nfrom course_utils.files import locked\n"
        "with locked(sys.argv[1]): print('locked', flush=True), sys.stdin.read()"
    )
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path], **pipes)
    assert holder.stdout.readline() == "locked\n"
    trainer = make_trainer(out=tmp_path)
    with pytest.raises(ValueError, match="another process is at work in"):
        trainer.run()
    assert trainer.steps_done == 0
    holder.communicate()
    assert trainer.run(steps=1).steps == [1]


def test_drawing_random_numbers_between_steps_changes_nothing():
    whole, disturbed = make_trainer(), make_trainer()
    disturbed.on_step = lambda trainer: (torch.rand(3), random.random())
    whole.run(), disturbed.run()
    assert_same_bits(disturbed.model, weights_of(whole.model))


def test_training_leaves_the_random_numbers_of_others_alone():
    torch.manual_seed(5)
    expected = torch.rand(4)
    trainer = make_trainer()
    torch.manual_seed(5)
    trainer.step()
    assert torch.equal(torch.rand(4), expected)


def test_dropout_differs_from_step_to_step_and_from_seed_to_seed():
    def first_losses(seed, steps_done):
        trainer = make_trainer(replace(CONFIG, seed=seed))
        trainer.steps_done = steps_done
        return trainer.step()

    assert len({first_losses(0, 0), first_losses(0, 1), first_losses(1, 0)}) == 3


def test_a_paused_run_goes_on_and_past_the_end_of_the_schedule():
    whole, paused = make_trainer(), make_trainer()
    whole.run(), paused.run(steps=2), paused.run()
    assert_same_bits(paused.model, weights_of(whole.model))
    history = paused.run(steps=2)
    assert history.steps[-1] == 8
    assert history.learning_rates[-2:] == [history.learning_rates[5]] * 2


def test_control_c_finishes_the_step_saves_and_says_how_to_go_on(tmp_path, capsys):
    usual = signal.getsignal(signal.SIGINT)

    def press_control_c(trainer):
        if trainer.steps_done == 3:
            signal.raise_signal(signal.SIGINT)

    whole = make_trainer()
    whole.run()
    trainer = make_trainer(out=tmp_path, on_step=press_control_c)
    history = trainer.run()
    assert history.interrupted
    assert history.steps == [1, 2, 3]
    assert signal.getsignal(signal.SIGINT) is usual
    printed = capsys.readouterr().out
    assert printed == f"Stopped after step 3 of 6, saved in {tmp_path}.\n"

    other = make_trainer(out=tmp_path)
    assert other.resume() == 3
    other.run()
    assert not other.history.interrupted
    assert_same_bits(other.model, weights_of(whole.model))


def test_a_second_control_c_stops_at_once():
    def press_twice(trainer):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    trainer = make_trainer(on_step=press_twice)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.steps_done == 1


# --- checkpoints


def checkpoint_names(folder):
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_the_last_two_checkpoints_are_kept(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    left_over = tmp_path / "checkpoints" / ".step-00000001.pt.abcd.tmp"
    left_over.write_bytes(b"a process was killed while it wrote this")
    make_trainer(out=tmp_path).run()
    assert checkpoint_names(tmp_path) == ["step-00000004.pt", "step-00000006.pt"]


def test_a_damaged_checkpoint_is_left_for_the_one_before(tmp_path, capsys):
    whole = make_trainer(out=tmp_path)
    whole.run()
    newest = tmp_path / "checkpoints" / "step-00000006.pt"
    content = newest.read_bytes()
    weight = whole.model.token_embedding.weight.detach().numpy().tobytes()
    wrong = content.replace(weight, bytes(len(weight)))  # whole, but not the same
    for damaged in (content[: len(content) // 2], content[:-1], b"", wrong):
        newest.write_bytes(damaged)
        trainer = make_trainer(out=tmp_path)
        assert trainer.resume() == 4
        message = capsys.readouterr().out
        assert "step-00000006.pt is damaged or cut short" in message
        assert "going back to step-00000004.pt" in message
    trainer.run(steps=1)  # the damaged file must not push out the good one
    assert checkpoint_names(tmp_path) == ["step-00000004.pt", "step-00000005.pt"]
    trainer.run()
    assert_same_bits(trainer.model, weights_of(whole.model))


def test_without_a_usable_checkpoint_the_error_names_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        make_trainer(out=tmp_path).resume()
    with pytest.raises(ValueError, match="out must be a folder to resume from"):
        make_trainer().resume()
    make_trainer(out=tmp_path).run()
    for path in (tmp_path / "checkpoints").iterdir():
        os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(
        ValueError, match=r"cut short: step-00000006\.pt, step-00000004\.pt"
    ):
        make_trainer(out=tmp_path).resume()


def test_a_checkpoint_that_holds_code_is_not_run(tmp_path):
    class Code:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "was_run"),))

    (tmp_path / "checkpoints").mkdir()
    torch.save({"weights": Code()}, tmp_path / "checkpoints" / "step-00000001.pt")
    with pytest.raises(ValueError, match="no usable checkpoint"):
        make_trainer(out=tmp_path).resume()
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": replace(SHAPE, n_layer=3)}, "n_layer is 2 there and 3 here"),
        ({"shape": replace(SHAPE, n_head=1)}, "n_head is 2 there and 1 here"),
        ({"config": replace(CONFIG, clip=2.0)}, "clip is 1.0 there and 2.0 here"),
        ({"config": replace(CONFIG, optimizer="adamw")}, "'muon' there and 'adamw'"),
        (
            {"config": replace(CONFIG, dtype="bfloat16")},
            "'float32' there and 'bfloat16'",
        ),
        ({"batches": lambda: stream_batches(seed=3)}, "seed 3, got 0"),
        ({"batches": lambda: StreamBatches(TOKENS, 4, 11)}, "T 11, got 12"),
        ({"batches": lambda: StreamBatches(TOKENS[1:], 4, 12)}, "checksum of tokens"),
        ({"batches": document_batches}, "kind DocumentBatches, got StreamBatches"),
    ],
)
def test_a_checkpoint_of_another_configuration_says_what_differs(
    arguments, message, tmp_path
):
    make_trainer(out=tmp_path).run()
    trainer = make_trainer(out=tmp_path, **arguments)
    before = weights_of(trainer.model)
    with pytest.raises(ValueError, match=f"of another configuration: .*{message}"):
        trainer.resume()
    assert_same_bits(trainer.model, before)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    torch.save({"step": 3}, tmp_path / "checkpoints" / "step-00000003.pt")
    with pytest.raises(ValueError, match=r"step-00000003\.pt is of another"):
        make_trainer(out=tmp_path).resume()


def test_a_run_may_be_made_longer_when_it_goes_on(tmp_path):
    make_trainer(out=tmp_path).run()
    longer = make_trainer(replace(CONFIG, steps=8, eval_every=1), out=tmp_path)
    assert longer.resume() == 6
    assert longer.run().steps[-1] == 8


def test_two_runs_are_not_mixed_in_one_folder(tmp_path):
    make_trainer(out=tmp_path).run()
    with pytest.raises(ValueError, match="without checkpoints of another run"):
        make_trainer(out=tmp_path).run()


def test_a_full_disk_is_a_clear_error_and_the_last_checkpoint_stays(tmp_path):
    resource = pytest.importorskip("resource", reason="needs limits on file size")
    trainer = make_trainer(out=tmp_path)
    trainer.run(steps=2)
    trainer.run(steps=1)
    trainer.step()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"could not write .*step-00000004\.pt"):
            trainer.save_checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint_names(tmp_path) == ["step-00000002.pt", "step-00000003.pt"]
    assert make_trainer(out=tmp_path).resume() == 3
    trainer.save_checkpoint()  # there is room again
    assert make_trainer(out=tmp_path).resume() == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be a positive integer, got 0"),
        ({"micro_steps": 1.5}, "micro_steps must be a positive integer, got 1.5"),
        ({"learning_rate": 0.0}, "learning_rate must be positive and finite, got 0"),
        ({"clip": math.inf}, "clip must be positive and finite, got inf"),
        ({"warmup_steps": 6}, r"warmup_steps must be in 0\.\.5"),
        ({"final_fraction": 1.1}, r"final_fraction must be in \[0, 1\], got 1.1"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0, got -1.0"),
        ({"schedule": "step"}, "schedule must be one of cosine, linear, got 'step'"),
        ({"optimizer": "sgd"}, "optimizer must be .*, got 'sgd'"),
        ({"dtype": "int8"}, "dtype must be one of float32, bfloat16, got 'int8'"),
    ],
)
def test_a_wrong_configuration_names_argument_allowed_and_got(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)


# --- the command

TINY = ["--n-layer=1", "--n-head=2", "--n-embd=16", "--dropout=0.1", "--context=24"]
TINY += ["--vocab-size=270", "--batch-size=4", "--eval-every=10"]
TEXT = "".join(
    f"Tom saw {random.Random(i).randrange(9)} cats and {i % 7} dogs in the café.\n"
    for i in range(150)
)


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def weights_in(folder):
    return GPT.load(folder).state_dict()


def test_the_command_trains_reports_and_saves_a_model_that_loads(
    text_file, tmp_path, capsys
):
    out = tmp_path / "run"
    arguments = ["--data", str(text_file), "--out", str(out), *TINY]
    assert main([*arguments, "--steps=20"]) == 0
    printed = capsys.readouterr().out
    assert "bits per byte" in printed
    assert "a sample:" in printed
    model, tokenizer = GPT.load(out), Tokenizer.from_pretrained(out)
    assert model.config.vocab_size == tokenizer.vocab_size == 270
    assert (model.config.n_positions, model.config.n_layer) == (24, 1)

    # Nine tenths to train on, the rest held out, nothing lost between them.
    files = [open_tokens(out / name).tolist() for name in TOKEN_FILES]
    texts = [tokenizer.decode(ids[1:-1]) for ids in files]
    assert "".join(texts) == TEXT
    assert len(texts[1]) == pytest.approx(len(TEXT) / 10, abs=1)

    # The bits per byte are those of the held-out text.
    windows = evaluation_windows(files[1], 4, 24)
    nats = evaluate(model, windows) * (len(files[1]) - 1)
    bits = nats / math.log(2) / len(texts[1].encode())
    assert f"{bits:.4f} bits per byte" in printed

    # A second run does not write over the first one; going on is another matter.
    assert main([*arguments, "--steps=20"]) == 1
    error = capsys.readouterr().err
    assert "--out must be a new or empty folder, or --resume" in error
    assert main([*arguments, "--steps=20", "--resume", "--n-layer=2"]) == 1
    assert "n_layer is 1 there and 2 here" in capsys.readouterr().err
    assert main(["--out", str(out), "--steps=30", "--resume"]) == 0
    assert "Going on after step 20" in capsys.readouterr().out
    assert len((out / "history.csv").read_text().splitlines()) == 31


def test_the_command_measures_the_gap_to_the_floor_of_the_world(tmp_path, capsys):
    out = tmp_path / "run"
    options = [*TINY, "--context=400", "--steps=2", "--stories=60", "--notes=0.5"]
    assert main(["--data=world", "--out", str(out), *options]) == 0
    printed = capsys.readouterr().out
    assert "gap to the floor" in printed

    model, tokenizer = GPT.load(out), Tokenizer.from_pretrained(out)
    ids = open_tokens(out / TOKEN_FILES[1])
    documents = split_at_end_of_text(ids, tokenizer.end_of_text)
    texts = [tokenizer.decode(document) for document in documents]
    world = World(notes=0.5)
    assert len(texts) == 6
    gap, error = measure_gap(model, tokenizer, world, texts)
    validation = evaluation_documents(documents, 4, tokenizer.end_of_text, 400)
    n_tokens = sum(len(document) + 1 for document in documents)
    floor = -sum(map(world.log_prob, texts)) / n_tokens
    assert gap == pytest.approx(evaluate(model, validation) - floor, abs=1e-5)
    assert 0 < error < gap


def test_the_command_trains_on_docstrings(tmp_path, capsys, monkeypatch):
    documents = [
        f"Return the {i}th item of the list.\n\nSee also: {i}" for i in range(50)
    ]
    monkeypatch.setattr(corpus, "python_docstrings", lambda: documents)
    out = tmp_path / "run"
    assert main(["--data=python-docs", "--out", str(out), *TINY, "--steps=2"]) == 0
    tokenizer = Tokenizer.from_pretrained(out)
    files = [open_tokens(out / name) for name in TOKEN_FILES]
    texts = [
        tokenizer.decode(ids)
        for tokens in files
        for ids in split_at_end_of_text(tokens, tokenizer.end_of_text)
    ]
    assert sorted(texts) == sorted(documents)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", [], "got an empty file"),
        (b"a", [], "--data must hold at least two characters, got 'a'"),
        (b"abc\xff" * 99, [], "valid UTF-8, got byte 0xff at byte offset 3"),
        (b"text " * 99, ["--vocab-size=256"], "vocab_size must be"),
        (b"text " * 99, ["--n-head=3"], "n_embd must be divisible by n_head"),
        (b"text " * 99, ["--clip=0"], "clip must be positive"),
        (b"text " * 99, ["--context=999"], "--context must be below the number of"),
        (b"text " * 99, ["--data=world", "--stories=0"], "got 0.1 of 0 documents"),
        (b"text " * 99, ["--data=world", "--stories=9"], "n_positions - 1 = 23 tokens"),
        (None, [], "No such file"),
    ],
)
def test_bad_input_is_a_clear_error_and_leaves_no_files(
    content, options, message, tmp_path, capsys
):
    path, out = tmp_path / "text.txt", tmp_path / "run"
    if content is not None:
        path.write_bytes(content)
    assert main(["--data", str(path), "--out", str(out), *TINY, *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert "Traceback" not in error
    assert not list(out.rglob("*"))


def test_the_command_says_what_is_missing(tmp_path, capsys):
    assert main(["--out", str(tmp_path / "new")]) == 1
    assert "--data must be a text file, 'world' or 'python-docs'" in (
        capsys.readouterr().err
    )
    assert main(["--out", str(tmp_path), "--resume"]) == 1
    assert "--resume needs a run in --out" in capsys.readouterr().err


def test_control_c_in_the_command_saves_and_prints_how_to_resume(
    text_file, tmp_path, capsys, monkeypatch
):
    def press_control_c(trainer):
        if trainer.steps_done == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "print_evaluation", press_control_c)
    out = tmp_path / "run"
    assert main(["--data", str(text_file), "--out", str(out), *TINY]) == 130
    printed = capsys.readouterr().out
    assert f"python -m course_utils.training --out {out} --resume" in printed
    assert checkpoint_names(out) == ["step-00000003.pt"]
    GPT.load(out)  # what was learnt so far can be used


# The command, but for one process that is killed after a step, between checkpoints.
KILLED_ONCE = """
import os, signal, sys
from course_utils.training import command

def die(trainer):
    first_time = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
    if trainer.steps_done == 6 and trainer.rank == int(sys.argv[1]) and first_time:
        os.kill(os.getpid(), signal.SIGKILL)

command.print_evaluation = die
sys.exit(command.main(sys.argv[2:]))
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(text_file, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = ["--data", str(text_file), *TINY, "--steps=12", "--checkpoint-every=4"]
    command = [sys.executable, "-c", KILLED_ONCE, "0", *arguments, "--out", killed]
    # The same bits need the same number of threads: sums are split among them.
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed_run = subprocess.run(command, env=one_thread)
    assert killed_run.returncode == -signal.SIGKILL
    assert checkpoint_names(killed) == ["step-00000004.pt"]
    assert main(["--out", str(killed), "--resume"]) == 0
    assert main([*arguments, "--out", str(whole)]) == 0
    torch.testing.assert_close(weights_in(killed), weights_in(whole), rtol=0, atol=0)


def test_two_processes_learn_what_one_learns_even_if_one_is_killed(
    text_file, tmp_path, capfd
):
    one, two, script = tmp_path / "one", tmp_path / "two", tmp_path / "command.py"
    script.write_text(KILLED_ONCE)
    arguments = ["--data", str(text_file), *TINY, "--dropout=0", "--micro-steps=2"]
    arguments += ["--steps=12", "--checkpoint-every=4", "--batch-size=3"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    torchrun += ["--nproc-per-node=2", "--max-restarts=1", "--monitor-interval=0.1"]
    subprocess.run([*torchrun, script, "1", *arguments, "--out", two], check=True)
    assert "Going on after step 4." in capfd.readouterr().out
    assert main([*arguments, "--out", str(one)]) == 0
    torch.testing.assert_close(weights_in(two), weights_in(one), rtol=0, atol=1e-5)


# The command, and what is left of the process group's threads afterwards.
THREADS_LEFT = """
import gc, sys
from pathlib import Path
from course_utils.training.command import main

main(sys.argv[1:])
gc.collect()
names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
print("threads of gloo left:", sum("gloo" in name for name in names))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_no_thread_of_the_process_group_outlives_a_run(text_file, tmp_path):
    script = tmp_path / "command.py"
    script.write_text(THREADS_LEFT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node=1", "--monitor-interval=0.1", script]
    command += ["--data", text_file, *TINY, "--steps=2", "--out", tmp_path / "run"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "threads of gloo left: 0" in run.stdout


def test_settings_may_be_numbers_of_numpy():
    config = TrainingConfig(steps=np.int64(6), eval_every=np.int32(2))
    assert config == TrainingConfig(steps=6, eval_every=2)
    assert json.dumps(asdict(config))
    with pytest.raises(ValueError, match="steps must be a positive integer, got True"):
        TrainingConfig(steps=True)
