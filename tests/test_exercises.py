"""Every exercise recognises right, wrong and unfinished answers; so do the cards.

The first half runs over the registry: a new chapter's exercises are covered as soon as
their module exists.
"""

import dataclasses
import inspect
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils import exercises as course
from course_utils.config import GPTConfig
from course_utils.exercises import learner, limits, live, store
from course_utils.exercises.answers import answer_from, answers
from course_utils.exercises.cards import verdict_card
from course_utils.exercises.chapters import (
    CHAPTERS,
    clinics,
    exercises,
    find,
    questions_before,
)
from course_utils.exercises.definition import Exercise
from course_utils.exercises.diagnosis import check
from course_utils.exercises.limits import TimeLimit, time_limit
from course_utils.exercises.outcomes import difference
from course_utils.exercises.questions import Question, choose
from course_utils.model import GPT

EXERCISES = exercises()
MISCONCEPTIONS = [(task, wrong) for task in EXERCISES for wrong in task.misconceptions]
every_exercise = pytest.mark.parametrize("task", EXERCISES, ids=lambda task: task.name)
every_misconception = pytest.mark.parametrize(
    ("task", "wrong"),
    MISCONCEPTIONS,
    ids=[f"{task.name}: {wrong.title}" for task, wrong in MISCONCEPTIONS],
)


@pytest.fixture(autouse=True)
def own_session(tmp_path, monkeypatch):
    """Every test starts as a new learner with an empty progress file."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(learner, "session", learner.Session())


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in tensors_of(item)]
    return []


def with_tensors(value, change):
    if isinstance(value, torch.Tensor):
        return change(value)
    return type(value)(with_tensors(item, change) for item in value)


def first_value(task, seed=0):
    case = next(iter(task.cases(random.Random(seed))))
    return task.observe(task.reference, *case)


def check_changed(task, change, seed=0):
    """Check an answer whose results are the reference's, changed.

    Where more is observed than a plain call, what is observed is changed.
    """

    def answer(*arguments):
        return task.reference(*arguments)

    def observe(function, *case):
        value = task.observe(function, *case)
        return change(value, case) if function is answer else value

    return check(dataclasses.replace(task, observe=observe), answer, seed)


# --- every exercise -------------------------------------------------------------------


@every_exercise
def test_an_exercise_is_described_in_full(task):
    assert task.name == f"{task.chapter}.{task.reference.__name__}"
    assert task.chapter in CHAPTERS
    assert find(task.name) is task
    assert 20 <= len(task.task) <= 300 and 20 <= len(task.proves) <= 240
    assert len(task.hints) >= 3
    titles = [wrong.title for wrong in task.misconceptions]
    assert len(titles) == len(set(titles))
    assert len(titles) >= 3 or len(task.few) > 20, "three misconceptions, or why not"
    assert all(len(wrong.explanation) > 25 for wrong in task.misconceptions)


@every_exercise
def test_the_reference_is_solved_on_any_seed(task):
    for seed in range(3):
        verdict = check(task, task.reference, seed)
        assert verdict.status == "solved", (verdict.label, verdict.difference)


@every_exercise
def test_the_solution_is_solved_when_pasted_into_a_cell_by_itself(task):
    source = answers([task.solution_cell()])[task.name]
    assert check(task, answer_from(source, "<solution>")).status == "solved"
    assert task.solution_cell().rstrip().endswith(task.solution().rstrip()[-40:])


@every_exercise
def test_the_stub_is_not_started(task):
    stub = task.stub_cell()
    for body in ("...", "return ...", "raise NotImplementedError", "pass"):
        source = answers([stub.replace("...  # your turn", body)])[task.name]
        verdict = check(task, answer_from(source, "<stub>"))
        assert verdict.status == "not started", (body, verdict)


@every_misconception
def test_a_misconception_is_diagnosed_as_itself_and_no_other(task, wrong):
    others = [other for other in task.misconceptions if other is not wrong]
    alone = dataclasses.replace(task, misconceptions=others)
    for seed in range(2):
        assert check(task, wrong.function, seed).misconception is wrong
        verdict = check(alone, wrong.function, seed)
        assert verdict.status in ("not yet", "error")
        assert verdict.misconception is None, verdict.label


@every_exercise
def test_garbage_is_not_yet_and_has_no_diagnosis(task):
    generator = torch.Generator()

    def scrambled(value, case=()):
        generator.manual_seed(len(str(case)))
        if isinstance(value, torch.Tensor):
            numbers = torch.rand(value.shape, generator=generator)
            return numbers > 0.5 if value.dtype == torch.bool else numbers.to(value)
        if isinstance(value, dict):
            return {key: scrambled(item, case) for key, item in value.items()} | {0: 0}
        if isinstance(value, tuple | list):
            return [*(scrambled(item, case) for item in value[::-1]), value]
        if isinstance(value, str | bytes):
            return value[::-1] + value[:1] * 2
        return -7

    for change in (
        scrambled,
        lambda value, case: object(),
        lambda value, case: case,
        lambda value, case: "",
        lambda value, case: torch.zeros(2, 2),
        lambda value, case: 1 / 0,
    ):
        verdict = check_changed(task, change)
        assert verdict.status in ("not yet", "error"), verdict
        assert verdict.misconception is None, verdict.label
        assert verdict_card(task, verdict).text


@every_exercise
def test_an_endless_loop_is_stopped_by_the_time_limit(task):
    def endless(*arguments):
        while True:
            pass

    quick = dataclasses.replace(task, seconds=0.3)
    quick.observe = lambda function, *case: (
        function() if function is endless else task.observe(function, *case)
    )
    verdict = check(quick, endless)
    assert (verdict.status, verdict.fault) == ("not yet", "time limit")
    text = verdict_card(quick, verdict).text
    assert "stopped after 0.3 seconds" in text


@every_exercise
def test_answers_learnt_by_heart_fail_on_fresh_inputs(task):
    known = {}

    def key(case):
        plain = [x.tolist() if isinstance(x, torch.Tensor) else x for x in case]
        return repr([sorted(x) if isinstance(x, set) else x for x in plain])

    for case in task.cases(random.Random(0)):
        known[key(case)] = task.observe(task.reference, *case)

    def recite(value, case):
        return known.get(key(case), "unknown")

    assert check_changed(task, recite).status == "solved"
    for seed in (1, 2, 3):
        assert check_changed(task, recite, seed).status == "not yet"


@every_exercise
def test_changed_arguments_are_recognised(task):
    def spoil(value, case):
        for argument in case:
            if isinstance(argument, torch.Tensor):
                argument.logical_not_() if argument.dtype == torch.bool else (
                    argument.add_(1)
                )
            elif isinstance(argument, list):
                argument.append(argument[0] if argument else 0)
            elif isinstance(argument, dict | set):
                argument.clear()
            else:
                continue
        return value

    cases = task.cases(random.Random(0))
    mutable = torch.Tensor | list | dict | set
    if not any(isinstance(argument, mutable) for case in cases for argument in case):
        pytest.skip("no argument of this exercise can be changed")
    verdict = check_changed(task, spoil)
    assert (verdict.status, verdict.fault) == ("not yet", "changes its input")
    assert verdict.misconception is None
    assert "changes the argument" in verdict_card(task, verdict).text


@every_exercise
def test_dependence_on_the_global_random_state_is_recognised(task):
    def moody(value, case):
        numbers = torch.rand(()).item(), random.random(), np.random.rand()
        return value if sum(numbers) < 1.5 else "heads"

    verdict = check_changed(task, moody)
    assert (verdict.status, verdict.fault) == ("not yet", "depends on chance")
    assert verdict.misconception is None


@every_exercise
def test_wrong_shape_dtype_and_NaN_are_recognised(task):
    if not tensors_of(first_value(task)):
        pytest.skip("this exercise returns no tensor")

    def other_dtype(tensor):
        return tensor.double() if tensor.is_floating_point() else tensor.float()

    faults = {"shape": lambda tensor: tensor[None], "dtype": other_dtype}
    if tensors_of(first_value(task))[0].is_floating_point():
        faults["NaN"] = lambda tensor: torch.full_like(tensor, torch.nan)
    for fault, change in faults.items():
        verdict = check_changed(task, lambda v, case, c=change: with_tensors(v, c))
        assert (verdict.status, verdict.fault) == ("not yet", fault)
        assert verdict.misconception is None


@every_exercise
def test_a_result_that_is_not_returned_is_pointed_out(task):
    verdict = check_changed(task, lambda value, case: None)
    assert (verdict.status, verdict.fault) == ("not yet", "type")
    assert "is the return missing" in verdict_card(task, verdict).text


# --- answers that are right in another way --------------------------------------------


def mean_by_dividing_sums(x):
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]


def mask_by_loops(T):
    return torch.tensor([[key <= query for key in range(T)] for query in range(T)])


def mask_then_renormalise(scores, mask):
    scores = scores - scores.masked_fill(~mask, -1e30).amax(-1, keepdim=True)
    weights = scores.clamp(max=0.0).exp() * mask
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-30)


def attention_by_einsum(query, key, value, mask):
    scores = torch.einsum("bhtd,bhkd->bhtk", query, key) * query.shape[-1] ** -0.5
    weights = (scores + torch.where(mask, 0.0, -1e9)).softmax(-1)
    return [torch.einsum("bhtk,bhkd->bhtd", weights, value), weights]


def heads_by_chunks(x, n_head):
    return torch.stack(x.chunk(n_head, dim=-1), dim=1)


def heads_joined_by_cat(x):
    return torch.cat([x[:, head] for head in range(x.shape[1])], dim=-1)


def layer_with_fused_attention(x, w, b, w_out, b_out, n_head):
    parts = [heads_by_chunks(part, n_head) for part in (x @ w + b).chunk(3, -1)]
    mixed = F.scaled_dot_product_attention(*parts, is_causal=True)
    return F.linear(heads_joined_by_cat(mixed), w_out.T, b_out)


def pairs_in_a_plain_dict(words):
    counts = {}
    for word, n in words.items():
        for i in range(len(word) - 1):
            pair = word[i], word[i + 1]
            counts[pair] = counts.get(pair, 0) + n
    return counts


def merged_into_a_tuple(ids, pair, new_id):
    result = []
    for i in ids:
        if result and (result[-1], i) == pair:
            result[-1] = new_id
        else:
            result.append(i)
    return tuple(result)


def merges_in_the_order_learnt(ids, merges):
    for pair, new_id in sorted(merges.items(), key=lambda entry: entry[1]):
        ids = merged_into_a_tuple(ids, pair, new_id)
    return list(ids)


def bytes_added_up(ids, vocabulary):
    data = bytearray()
    for i in ids:
        data += vocabulary[i]
    return str(data, "utf-8", "replace")


def stream_as_a_list_without_empty_pieces(tokens):
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [decoder.decode(token) for token in tokens]
    return [piece for piece in [*pieces, decoder.decode(b"", True)] if piece]


def block_without_a_helper(x, weights, n_head):
    w = weights
    for norm in ("ln_1", "ln_2"):
        y = F.layer_norm(x, x.shape[-1:], w[f"{norm}.weight"], w[f"{norm}.bias"])
        if norm == "ln_1":
            names = ("c_attn.weight", "c_attn.bias", "c_proj.weight", "c_proj.bias")
            parts = [w[f"attn.{name}"] for name in names]
            x = x + layer_with_fused_attention(y, *parts, n_head)
        else:
            y = F.linear(y, w["mlp.c_fc.weight"].T, w["mlp.c_fc.bias"])
            y = F.gelu(y, approximate="tanh")
            x = x + F.linear(y, w["mlp.c_proj.weight"].T, w["mlp.c_proj.bias"])
    return x


def gpt_in_place(ids, weights, n_head):
    w = {name.removeprefix("transformer."): value for name, value in weights.items()}
    x = w["wte.weight"][ids]
    x += w["wpe.weight"][torch.arange(ids.shape[1])]
    for i in range(max(int(name.split(".")[1]) for name in w if name[:2] == "h.") + 1):
        start = f"h.{i}."
        own = {n[len(start) :]: v for n, v in w.items() if n.startswith(start)}
        x = block_without_a_helper(x, own, n_head)
    x = F.layer_norm(x, x.shape[-1:], w["ln_f.weight"], w["ln_f.bias"])
    return F.linear(x, weights["lm_head.weight"])


def parameters_of_a_model(vocab_size, n_positions, n_layer, n_embd):
    from course_utils.config import GPTConfig
    from course_utils.model import GPT

    sizes = vocab_size, n_positions, n_layer, 1, n_embd
    with torch.device("meta"):
        return GPT(GPTConfig(*sizes)).count_parameters()


def product_by_loops(a, b):
    rows = [[(row * column).sum() for column in b.T] for row in a]
    return torch.tensor(rows)


def gradient_by_columns(f, x, step):
    return torch.stack(
        [(f(x + s) - f(x - s)) / step / 2 for s in step * torch.eye(len(x))]
    )


def step_by_autograd(w, x, y, learning_rate):
    w = w.detach().clone().requires_grad_()
    F.mse_loss(w * x, y).backward()
    return w - learning_rate * w.grad


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("primer.row_shares", lambda counts: (counts.T / counts.sum(1)).T),
        ("primer.matrix_product", product_by_loops),
        ("primer.numerical_gradient", gradient_by_columns),
        ("primer.gradient_step", step_by_autograd),
        ("primer.mean_surprise", lambda p, ids: F.nll_loss(p.log()[ids[:-1]], ids[1:])),
        (
            "block.embed",
            lambda ids, t, p: F.embedding(ids, t) + p[None, : ids.shape[1]],
        ),
        ("block.layer_norm", lambda x, g, b: F.layer_norm(x, g.shape, g, b)),
        ("block.gelu", lambda x: F.gelu(x, approximate="tanh")),
        ("block.gpt_block", block_without_a_helper),
        ("block.my_gpt", gpt_in_place),
        ("block.count_parameters", parameters_of_a_model),
        ("block.residual_std", lambda n_layer: 0.02 * (2 * n_layer) ** -0.5),
        ("attention.mean_of_past", mean_by_dividing_sums),
        ("attention.causal_mask", mask_by_loops),
        ("attention.causal_mask", lambda T: ~torch.ones(T, T).triu(1).bool()),
        ("attention.masked_softmax", mask_then_renormalise),
        ("attention.scaled_dot_product_attention", attention_by_einsum),
        ("attention.split_heads", heads_by_chunks),
        ("attention.merge_heads", heads_joined_by_cat),
        ("attention.multi_head", layer_with_fused_attention),
        ("tokenization.byte_ids", lambda text: tuple(bytearray(text, "utf-8"))),
        ("tokenization.count_pairs", pairs_in_a_plain_dict),
        ("tokenization.merge_pair", merged_into_a_tuple),
        ("tokenization.encode_word", merges_in_the_order_learnt),
        ("tokenization.decode", bytes_added_up),
        ("tokenization.stream_text", stream_as_a_list_without_empty_pieces),
    ],
)
def test_another_right_answer_is_solved(name, function):
    for seed in range(3):
        verdict = check(find(name), function, seed)
        assert verdict.status == "solved", verdict.difference


# --- the engine -----------------------------------------------------------------------


def double(x):
    return x * 2


def make_task(**changes):
    fields = {
        "name": "attention.double",
        "task": "(T,) -> (T,): twice each number.",
        "reference": double,
        "cases": lambda rng: [(torch.tensor([1.0, 2.0]),), (torch.tensor([[3.0]]),)],
        "hints": ("Question?", "Shape.", "x * 2"),
        "proves": "You can double.",
    }
    return Exercise(**(fields | changes))


def test_an_error_shows_the_learners_own_line_and_not_the_engines():
    source = "def double(x):\n    y = x * 2\n    return y.reshape(99)\n"
    own = answer_from(source + "__answer__ = double", "<cell>")
    verdict = check(make_task(), own)
    text = verdict_card(make_task(), verdict).text
    assert verdict.label == "error: RuntimeError"
    assert "line 3: return y.reshape(99)" in text
    assert "outcomes.py" not in text and "Traceback" not in text


def test_the_line_that_never_ended_is_shown():
    source = "def double(x):\n    while True:\n        x = x * 1\n__answer__ = double"
    task = make_task(seconds=0.3)
    verdict = check(task, answer_from(source, "<cell>"))
    assert verdict.fault == "time limit"
    assert verdict.line in ("line 2: while True:", "line 3: x = x * 1")


def test_the_own_line_is_found_below_torch_and_below_own_helpers():
    source = (
        "import functools, torch\n"
        "def helper(x):\n"
        "    return x.no_such_thing\n"
        "def answer(x):\n"
        "    return torch.func.vmap(helper)(x)\n"
        "__answer__ = answer"
    )
    verdict = check(make_task(), answer_from(source, "<cell>"))
    assert verdict.line == "line 3: return x.no_such_thing"


def test_a_call_with_the_wrong_number_of_arguments_is_the_learners_error():
    verdict = check(make_task(), lambda: 0)
    assert verdict.status == "error"
    assert "takes 0 positional arguments" in verdict_card(make_task(), verdict).text


def test_exit_in_an_answer_does_not_end_the_kernel():
    verdict = check(make_task(), lambda x: sys.exit(3))
    assert verdict.label == "error: SystemExit"


def test_the_stop_button_gets_through():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(make_task(), interrupted)


def test_a_check_leaves_the_pages_random_numbers_alone():
    def greedy(x):
        torch.rand(5), random.random(), np.random.rand()
        return x * 2

    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    expected = torch.rand(2).tolist(), random.random(), np.random.rand()
    torch.manual_seed(7), random.seed(7), np.random.seed(7)
    assert check(make_task(), greedy).status == "solved"
    assert (torch.rand(2).tolist(), random.random(), np.random.rand()) == expected


def test_what_an_answer_prints_is_shown_when_it_is_wrong_and_never_loose(capsys):
    def talkative(x):
        print("x is", x.tolist())
        return x

    verdict = check(make_task(), talkative)
    assert "It printed\n    x is [1.0, 2.0]" in verdict_card(make_task(), verdict).text
    assert capsys.readouterr().out == ""


def test_errors_are_diagnosed_only_with_a_value_that_agrees_too():
    task = make_task()

    @task.wrong
    def flat_only(x):
        """This refuses a matrix, and works for a vector."""
        if x.ndim > 1:
            raise RuntimeError("flat only")
        return x * 2

    def another_way(x):
        return torch.stack([item * 2 for item in x.view(x.shape[0])])

    def always_fails(x):
        raise RuntimeError("never")

    @task.wrong
    def nothing_works(x):
        """This never returns, so nothing tells it from any other error."""
        raise RuntimeError("nothing")

    assert check(task, flat_only).misconception.title == "flat only"
    assert check(task, always_fails).misconception is None
    other = dataclasses.replace(
        task, cases=lambda rng: [(torch.ones(2),), (torch.ones(2, 2),)]
    )
    assert check(other, another_way).misconception.title == "flat only"


def test_an_error_that_the_exercise_demands_is_part_of_the_answer():
    def strict(x):
        if x.ndim > 1:
            raise ValueError("no matrices")
        return x * 2

    task = make_task(reference=strict)
    assert check(task, strict).status == "solved"
    verdict = check(task, double)
    assert (verdict.status, verdict.fault) == ("not yet", "no error")
    assert "not allowed" in verdict_card(task, verdict).text


def test_a_forgotten_return_is_no_stub():
    def forgot(x):
        x * 2

    def unfinished(x):
        y = ...
        return x + y

    assert check(make_task(), forgot).fault == "type"
    assert check(make_task(), unfinished).status == "not started"


def test_a_class_is_a_stub_as_long_as_one_method_is_empty():
    class Reference:
        def twice(self, x):
            return x * 2

    class Stub:
        def twice(self, x):
            """Your turn."""

    task = make_task(observe=lambda kind, x: kind().twice(x), reference=Reference)
    assert check(task, Stub).status == "not started"
    assert check(task, Reference).status == "solved"


def test_checking_something_that_cannot_be_called_is_a_clear_error():
    with pytest.raises(TypeError, match="must be callable, got int"):
        check(make_task(), 3)


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(ValueError, match=r"attention.causal_mask.*got 'attention.casu"):
        course.exercise("attention.casual_mask")
    with pytest.raises(TypeError, match="must be a string"):
        course.exercise(lambda x: x)


@pytest.mark.parametrize(
    ("expected", "got", "kind"),
    [
        ([1, 2], (1, 2), None),
        ([1, 2], [1], "shape"),
        ([1, 2], [1, 3], "values"),
        ([1], ["1"], "type"),
        ([1, 2], torch.tensor([1, 2]), "type"),
        ({"a": 1.0}, {"a": 1.0 + 1e-9}, None),
        ({"a": 1}, {"a": 1, "b": 0}, "values"),
        ({"a": 1}, {}, "values"),
        ({"a": 1}, [("a", 1)], "type"),
        (1, True, "type"),
        (True, 1, "type"),
        (1, 1.0, "type"),
        (1.5, torch.tensor(1.5), None),
        (1.5, np.float64(1.5), None),
        (2, np.int64(2), None),
        (1.5, float("nan"), "NaN"),
        (float("inf"), float("inf"), None),
        ("a", b"a", "type"),
        (b"a", bytearray(b"a"), None),
        ("a", None, "type"),
        (None, 0, "type"),
        ({1}, {1}, None),
        ({1}, [1], "type"),
        (torch.zeros(2), torch.zeros(2, 1), "shape"),
        (torch.zeros(2), torch.zeros(2).double(), "dtype"),
        (torch.tensor([0.0, torch.inf]), torch.tensor([0.0, torch.inf]), None),
        (torch.zeros(2), torch.tensor([0.0, torch.nan]), "NaN"),
        (torch.zeros(2), torch.tensor([0.0, 1e-3]), "values"),
        (torch.zeros(2), [0.0, 0.0], "type"),
        (torch.nn.Linear(2, 2), torch.nn.Linear(2, 2), "values"),
        (SimpleNamespace(a=1), SimpleNamespace(a=1), None),
    ],
)
def test_values_differ_in_the_first_thing_that_a_learner_should_mend(
    expected, got, kind
):
    found = difference(expected, got, 1e-5)
    assert (found and found.kind) == kind


def test_a_difference_in_late_digits_is_shown_as_such():
    found = difference(torch.tensor([0.5]), torch.tensor([0.50002]), 1e-6)
    assert "off by 2" in found.text


# --- the time limit -------------------------------------------------------------------


def spin_through(exceptions):
    """Loop and swallow what is raised, as a careless learner does."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                pass
        except exceptions:
            pass


def test_except_Exception_does_not_swallow_the_time_limit():
    with pytest.raises(TimeLimit), time_limit(0.05):
        spin_through(Exception)


def test_a_wait_is_ended_by_the_clock():
    start = time.monotonic()
    with pytest.raises(TimeLimit), time_limit(0.05):
        time.sleep(20)
    assert time.monotonic() - start < 10


def test_the_limit_holds_in_another_thread_too():
    found = []

    def body():
        try:
            with time_limit(0.05):
                spin_through(Exception)
        except TimeLimit:
            found.append("stopped")
        with time_limit(60):
            found.append("goes on")

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == ["stopped", "goes on"]


def test_an_inner_limit_gives_the_outer_one_its_timer_back():
    with pytest.raises(TimeLimit), time_limit(0.1):
        with time_limit(60):
            pass
        spin_through(Exception)


def test_a_limit_is_taken_off_whole_however_often_it_is_raised(monkeypatch):
    if not hasattr(signal, "setitimer"):
        pytest.skip("no timer signals on this system")
    monkeypatch.setattr(limits, "AGAIN", 0.0002)
    handler = signal.getsignal(signal.SIGALRM)
    for _ in range(300):
        with pytest.raises(TimeLimit), time_limit(0.0005):
            while True:
                pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) == handler


def test_a_limit_that_is_not_positive_is_refused():
    with (
        pytest.raises(ValueError, match="seconds must be positive, got 0"),
        time_limit(0),
    ):
        pass


# --- what the learner calls -----------------------------------------------------------

NAME = "attention.causal_mask"


def wrong_mask(T):
    return torch.ones(T, T).triu().bool()


def right_mask(T):
    return torch.ones(T, T).tril().bool()


def test_a_stub_gives_the_course_version_and_a_wrong_answer_stays_ones_own(capsys):
    def stub(T): ...

    assert course.exercise(NAME)(stub) is find(NAME).reference
    assert "not started" in capsys.readouterr().out
    assert course.exercise(NAME)(wrong_mask) is wrong_mask
    out = capsys.readouterr().out
    assert "Diagnosis: mask transposed. Your row 0 sees the future" in out
    assert f'hint("{NAME}")' in out
    assert course.exercise(NAME)(right_mask) is right_mask
    assert "solved" in capsys.readouterr().out


def test_mine_is_the_solved_function_else_the_courses(capsys):
    assert course.mine(NAME) is find(NAME).reference
    course.exercise(NAME)(wrong_mask)
    assert course.mine(NAME) is find(NAME).reference
    course.exercise(NAME)(right_mask)
    assert course.mine(NAME) is right_mask


def test_mine_comes_back_in_a_later_notebook_if_it_still_solves(monkeypatch):
    source = "import torch\ndef f(T): return torch.ones(T, T).tril().bool()\n"
    store.record(NAME, solved=True, source=source + "__answer__ = f\n")
    own = course.mine(NAME)
    assert own is not find(NAME).reference
    assert own(2).tolist() == [[True, False], [True, True]]
    for broken in ("f(", "__answer__ = 3", "x = 1", "while True: pass"):
        monkeypatch.setattr(learner, "session", learner.Session())
        slow = dataclasses.replace(find(NAME), seconds=0.3)
        monkeypatch.setattr(learner, "find", lambda name, slow=slow: slow)
        store.record(NAME, source=broken)
        assert course.mine(NAME) is slow.reference


def test_hints_come_one_at_a_time_and_the_solution_to_whoever_asks_twice():
    texts = [course.hint(NAME).text for _ in range(4)]
    assert [text.split("Hint ")[1][0] for text in texts] == ["1", "2", "3", "1"]
    assert "def causal_mask" not in course.solution(NAME).text
    assert "def causal_mask" in course.solution(NAME).text
    assert store.load()[NAME]["hints"] == 4


def test_progress_counts_what_is_solved_in_all_notebooks(capsys):
    course.exercise(NAME)(right_mask)
    store.record("tokenization.decode", solved=True)
    text = str(course.progress())
    assert "1 of" in text.split("tokenization")[1].split("\n")[0]
    assert "1 of" in text.split("attention")[1].split("\n")[0]


def test_whose_answers_the_same_text_for_every_learner(capsys):
    before = str(course.whose(NAME))
    course.exercise(NAME)(right_mask)
    assert str(course.whose(NAME)) == before


# --- the progress file ----------------------------------------------------------------


def test_what_was_recorded_stays_and_is_added_to():
    store.record("a.b", misconception="x")
    store.record("a.b", misconception="y", hints=2)
    store.record("a.b", solved=True, source="s", misconception="x", hints=1)
    store.record("a.b")
    entry = store.load()["a.b"]
    assert entry == {
        "solved": True,
        "hints": 2,
        "misconceptions": ["x", "y"],
        "source": "s",
    }


def test_a_stub_leaves_no_file(tmp_path, capsys):
    def stub(T): ...

    course.exercise(NAME)(stub)
    course.progress(), course.mine(NAME), course.recall("attention")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 9, "exercises": {}}', '{"version": 1}',
                '{"version": 1, "exercises": {"a": 3}}', "\x00\xff", "[" * 100_000],
)  # fmt: skip
def test_an_unreadable_progress_file_is_set_aside_and_not_lost(tmp_path, content):
    path = store.progress_path()
    path.write_text(content, encoding="latin-1")
    assert store.load() == {}
    assert store.record("a.b", solved=True) == ""
    assert store.load()["a.b"]["solved"]
    aside = tmp_path / "progress.unreadable.json"
    assert aside.read_text(encoding="latin-1") == content


def test_a_progress_file_that_cannot_be_written_is_said_on_the_card(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    course.exercise(NAME)(right_mask)
    out = " ".join(capsys.readouterr().out.split())
    assert "solved" in out and "could not be saved" in out


def test_a_folder_without_permission_is_no_reason_to_wait(monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store.os, "open", refuse)
    monkeypatch.setattr(store.time, "sleep", lambda seconds: pytest.fail("waits"))
    assert "Permission denied" in store.record("a.b", solved=True)


def test_two_notebooks_writing_at_once_lose_nothing(tmp_path):
    names = [f"a.e{i}" for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        problems = list(pool.map(lambda name: store.record(name, solved=True), names))
    assert set(problems) == {""}
    assert set(store.load()) == set(names)
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_lock_left_behind_by_a_crash_does_not_block_for_ever(monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.05)
    store.progress_path().with_name("progress.json.lock").touch()
    assert store.record("a.b", solved=True) == ""
    assert store.load()["a.b"]["solved"]


def test_the_file_is_in_the_users_data_folder_or_beside_the_notebook_on_colab(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert store.progress_path() == tmp_path / "data/gpt2-course/progress.json"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    monkeypatch.chdir(tmp_path)
    assert store.progress_path() == tmp_path / "course_progress.json"


# --- cards ----------------------------------------------------------------------------


def all_cards():
    task = find(NAME)
    functions = {
        "solved": right_mask,
        "not yet": wrong_mask,
        "error": lambda T: [][T],
        "not started": lambda T: ...,
    }
    for status, function in functions.items():
        verdict = check(task, function)
        assert verdict.status == status
        yield verdict_card(task, verdict)


def test_text_and_html_of_a_card_say_the_same_and_nothing_that_changes():
    import html
    import re

    for card in all_cards():
        words = re.sub(r"<[^>]+>", " ", card.html)
        in_html = set(re.findall(r"\w+", html.unescape(words)))
        assert set(re.findall(r"\w+", card.text)) <= in_html
        assert "0x" not in card.text
    assert [card.html for card in all_cards()] == [card.html for card in all_cards()]


def test_a_card_shows_no_memory_address():
    def odd(T):
        raise ValueError(f"bad {object()}")

    task = find(NAME)
    first = verdict_card(task, check(task, odd)).text
    assert "0x…" in first and first == verdict_card(task, check(task, odd)).text


def test_html_of_a_card_is_escaped():
    def evil(T):
        raise ValueError("<script>alert(1)</script>")

    task = find(NAME)
    html = verdict_card(task, check(task, evil)).html
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_every_colour_of_a_card_is_a_jupyterlab_variable_or_inherited():
    import re

    for card in all_cards():
        for value in re.findall(r"(?:color|background|solid)[: ]+([^;\"]+)", card.html):
            assert value.startswith(("var(--jp-", "inherit")), value


def test_small_tensors_stand_side_by_side_below_their_shapes():
    text = verdict_card(find(NAME), check(find(NAME), wrong_mask)).text
    assert "(2, 2) bool   (2, 2) bool\n    T F           T T\n" in text


def test_a_live_part_offers_its_widget_only_to_a_kernel(monkeypatch):
    built = []

    def build():
        built.append(SimpleNamespace(model_id="m"))
        return built[-1]

    part = live.Live(build, "fixed text", "<p>fixed</p>")
    monkeypatch.setattr(live, "shell", lambda: None)
    assert part._repr_mimebundle_() == {
        "text/plain": "fixed text",
        "text/html": "<p>fixed</p>",
    }
    monkeypatch.setattr(live, "shell", lambda: SimpleNamespace(kernel=1))
    bundle = part._repr_mimebundle_()
    assert bundle[live.WIDGET_VIEW]["model_id"] == "m" and len(built) == 1


def test_pressing_the_hint_button_shows_one_hint_after_the_other():
    widget = learner._hint_button(find(NAME)).build()
    button, place = widget.children
    for i in (1, 2):
        button.click()
        assert f"Hint {i} of 3" in place.value
    assert store.load()[NAME]["hints"] == 2


# --- predict, recall, clinic ----------------------------------------------------------


def test_a_guess_is_shown_beside_the_truth():
    guess = course.predict("Which?", ["once", "twice"])
    assert "none was made" in guess.reveal("twice").text
    widget = guess._form()
    _, once, twice, button, _ = widget.children
    twice.value = "twice"
    once.value = "once"
    assert twice.value is None
    button.click()
    assert once.disabled and twice.disabled
    card = guess.reveal("twice", "It overlaps.")
    assert "Your guess: once" in card.text and "Not so. It overlaps." in card.text
    filled_in = course.predict("Which?", ["once", "twice"], guess="twice")
    assert "You saw it coming." in filled_in.reveal("twice").text
    assert "Your guess: 12" in course.predict("How many?", guess=12).reveal(7).text


def test_a_guess_or_a_truth_outside_the_choices_is_refused():
    with pytest.raises(ValueError, match="guess must be one of"):
        course.predict("Which?", ["a"], guess="b")
    with pytest.raises(ValueError, match="truth must be one of"):
        course.predict("Which?", ["a"]).reveal("b")


def test_recall_asks_first_about_what_this_learner_got_wrong():
    questions = [Question("one", "1"), Question("two", "2", ("a.b: x",))]
    assert [q.ask for q in choose(questions, set(), 1)] == ["one"]
    assert [q.ask for q in choose(questions, {"a.b: x"}, 2)] == ["two", "one"]


def test_recall_is_the_same_on_every_stored_page_and_personal_in_the_live_one():
    questions = questions_before("block")
    about = next(question for question in questions[3:] if question.about)
    page = course.recall("block")
    name, _, title = about.about[0].partition(": ")
    store.record(name, misconception=title)
    assert course.recall("block").html == page.html
    assert about.ask not in page.text
    assert page.build().value.index("<li>") < page.build().value.index("<details>")
    import html

    assert html.escape(about.ask) in course.recall("block").build().value
    with pytest.raises(ValueError, match="chapter must be one of"):
        course.recall("astrology")


def test_every_recall_question_is_about_misconceptions_that_exist():
    known = {f"{task.name}: {wrong.title}" for task, wrong in MISCONCEPTIONS}
    for chapter in CHAPTERS:
        for question in questions_before(chapter):
            assert set(question.about) <= known, question.ask


@pytest.mark.parametrize("case", clinics(), ids=lambda case: case.name)
def test_a_clinic_confirms_the_fault_and_answers_every_other_diagnosis(case):
    assert case.fault in case.suspects and len(case.suspects) >= 3
    assert case.diagnose().status == "not started"
    for suspect, why in case.suspects.items():
        card = case.diagnose(suspect)
        assert card.status == ("solved" if suspect == case.fault else "not yet")
        assert suspect == case.fault or why[:20] in card.text
    with pytest.raises(ValueError, match="suspect must be one of"):
        case.diagnose("bad luck")


def test_the_leak_looks_triangular_and_moves_when_the_future_does(capsys):
    case = course.clinic("attention.leak")
    assert "its loss falls" in " ".join(capsys.readouterr().out.split())
    query, key, value = (torch.randn(1, 2, 6, 4) for _ in range(3))
    later = key.clone()
    later[:, :, -1] += 1.0
    mask = torch.ones(6, 6).tril().bool()

    def prefix_moves(attention):
        before, after = (attention(query, k, value, mask)[0] for k in (key, later))
        return not torch.equal(before[:, :, :5], after[:, :, :5])

    def row_sums(attention):
        return attention(query, key, value, mask)[1].sum(-1)

    assert case.examine(prefix_moves) == (True, False)
    sick, healthy = case.examine(row_sums)
    torch.testing.assert_close(healthy, torch.ones_like(healthy))
    assert (sick[..., :-1] < 1).all()
    weights = case.patient(query, key, value, mask)[1]
    assert (weights.triu(1) == 0).all()


def test_the_forgetful_run_has_the_right_rate_tokens_and_first_loss_after_the_stop():
    case = course.clinic("training.forgetful")

    def first_difference(run):
        """The first step in which a stopped run is not the whole one, by column."""
        stopped, whole = run(3, 6), run(6, 6)
        pairs = {name: zip(stopped[name], whole[name], strict=True) for name in whole}
        return {
            name: next((i for i, (a, b) in enumerate(pair) if a != b), None)
            for name, pair in pairs.items()
        }

    sick, healthy = case.examine(first_difference)
    assert set(healthy.values()) == {None}
    assert sick["learning rate"] is sick["first tokens"] is None
    assert sick["loss"] == 4  # the first after the stop, 3, is right


def test_the_restarting_cache_is_right_after_the_prompt_and_without_positions():
    case = course.clinic("sampling.restart")
    torch.manual_seed(0)
    gpt = GPT(GPTConfig.preset("course", vocab_size=50, n_layer=2, n_embd=32)).eval()
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.normal_(0, 0.3)
    ids = torch.randint(50, (1, 9))

    def rows_right(scores):
        pairs = zip(scores(gpt, ids, 6), gpt(ids)[0, 5:], strict=True)
        return [torch.allclose(row, true, atol=1e-4) for row, true in pairs]

    assert case.examine(rows_right) == ([True] + 3 * [False], 4 * [True])
    gpt.position_embedding.weight.data.zero_()
    assert case.examine(rows_right) == (4 * [True], 4 * [True])


# --- answers in notebooks -------------------------------------------------------------


def test_an_answer_is_found_with_what_it_needs_and_nothing_else():
    cells = [
        "import torch\nimport math  # used\n%matplotlib inline\n!pip install x",
        "raise SystemExit\nscale = 1\nscale = scale + 1",
        "%%bash\nrm -rf /",
        "def helper(x):\n    return later(x) * scale",
        "def later(x): return x\nbig = [1] * 10**12",
        "this is no Python (",
        '@exercise("a.b")\n@torch.no_grad()\ndef f(x):  # mine\n'
        "    return helper(x) + math.pi  # sum\nf(3)",
    ]
    source = answers(cells)["a.b"]
    assert "big" not in source and "SystemExit" not in source and "f(3)" not in source
    assert "@torch.no_grad()" in source and "# sum" in source
    function = answer_from(source, "<cell>")
    assert round(function(1), 2) == 5.14


def test_the_last_of_several_answers_counts():
    cells = [
        '@exercise("a.b")\ndef f(): return 1',
        '@exercise("a.b")\ndef g(): return 2',
    ]
    assert answer_from(answers(cells)["a.b"], "<cell>")() == 2


def test_star_imports_and_classes_are_found():
    cells = [
        "from math import *",
        '@course.exercise("a.b")\nclass Answer:\n    x = pi',
    ]
    assert answer_from(answers(cells)["a.b"], "<cell>").x > 3


# --- in a real kernel -----------------------------------------------------------------


def run_notebook(cells):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=600, startup_timeout=600
    )
    client.execute()
    return [
        [output.get("data", output) for output in cell.outputs]
        for cell in notebook.cells
    ]


def compared(outputs):
    """Return what nbval compares: everything but widget views."""
    return [
        [{k: v for k, v in data.items() if k != live.WIDGET_VIEW} for data in cell]
        for cell in outputs
    ]


def test_a_page_gives_the_same_outputs_again_and_the_answers_reach_the_next_one():
    head = "import torch\nfrom course_utils.exercises import *\nscale = 1"
    wrong = f'@exercise("{NAME}")\ndef mask(T):\n    return torch.ones(T, T).triu() > 0'
    right = (
        f'@exercise("{NAME}")\ndef mask(T):\n'
        "    return torch.ones(T, T).tril() * scale > 0"
    )
    broken = f'@exercise("{NAME}")\ndef mask(T):\n    x = 1\n    return x / 0'
    stub = find("attention.merge_heads").stub_cell()
    rest = ["recall('attention')", "predict('How?', ['a'])", "progress()"]
    cells = [head, stub, wrong, broken, right, *rest]
    first, second = run_notebook(cells), run_notebook(cells)
    assert compared(first) == compared(second)
    statuses = [cell[0]["text/plain"].split(" ·")[0] for cell in first[1:5]]
    assert statuses == ["○ not started", "✗ not yet", "! error", "✓ solved"]
    assert "line 4: return x / 0" in first[3][0]["text/plain"]
    assert all(live.WIDGET_VIEW in cell[-1] for cell in first[1:])
    assert live.WIDGET_VIEW not in first[4][0], "a card stays readable without widgets"
    assert course.mine(NAME) is not find(NAME).reference
    assert course.mine(NAME)(3).tolist() == find(NAME).reference(3).tolist()


def test_importing_the_engine_loads_no_pictures_no_widgets_no_transformers():
    code = (
        "import sys, json; import course_utils.exercises; "
        "from course_utils.exercises.chapters import exercises; exercises(); "
        "print(json.dumps([m for m in ('matplotlib', 'ipywidgets', 'transformers') "
        "if m in sys.modules]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert json.loads(out.stdout) == [], out.stderr


def test_there_are_enough_exercises_and_misconceptions():
    assert len(EXERCISES) >= 17 and len(MISCONCEPTIONS) >= 100
    assert inspect.getdoc(course)
