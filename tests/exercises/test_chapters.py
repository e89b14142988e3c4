"""Every exercise recognises right, wrong and unfinished answers, and no others.

The tests run over the catalogue: a new chapter's exercises are covered as soon as
their module exists.
"""

import dataclasses
import importlib
import inspect
import json
import os
import pkgutil
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course_utils import exercises as course
from course_utils.config import GPTConfig
from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.engine.answers import answer_from, answers
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.diagnosis import check
from course_utils.model import GPT

find = CATALOGUE.find
EXERCISES = CATALOGUE.exercises()
MISCONCEPTIONS = [(task, wrong) for task in EXERCISES for wrong in task.misconceptions]
every_exercise = pytest.mark.parametrize("task", EXERCISES, ids=lambda task: task.name)
every_misconception = pytest.mark.parametrize(
    ("task", "wrong"),
    MISCONCEPTIONS,
    ids=[f"{task.name}: {wrong.title}" for task, wrong in MISCONCEPTIONS],
)


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for item in value for tensor in tensors_of(item)]
    return []


def with_tensors(value, change):
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple | list):
        return type(value)(with_tensors(item, change) for item in value)
    return value


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
    assert task.chapter in CATALOGUE.order
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
        # Two others at once may be all of it: biases and norms not counted.
        assert verdict.misconception is None or verdict.second, verdict.label


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


# --- recall questions and clinics -----------------------------------------------------


def test_every_recall_question_is_about_misconceptions_that_exist():
    known = {f"{task.name}: {wrong.title}" for task, wrong in MISCONCEPTIONS}
    for chapter in CATALOGUE.order:
        for question in CATALOGUE.questions_before(chapter):
            assert set(question.about) <= known, question.ask


@pytest.mark.parametrize("case", CATALOGUE.clinics(), ids=lambda case: case.name)
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


# --- all of them ----------------------------------------------------------------------


def test_importing_the_engine_loads_no_pictures_no_widgets_no_transformers():
    code = (
        "import sys, json; import course_utils.exercises; "
        "course_utils.exercises.course.CATALOGUE.exercises(); "
        "print(json.dumps([m for m in ('matplotlib', 'ipywidgets', 'transformers') "
        "if m in sys.modules]))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ
    )
    assert json.loads(out.stdout) == [], out.stderr


@pytest.mark.parametrize("chapter", CATALOGUE.chapters)
def test_a_chapters_sections_are_its_modules_each_named_like_its_exercise(chapter):
    package = importlib.import_module(f"{CATALOGUE.package}.{chapter}")
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    assert sorted(package.SECTIONS) == sorted(modules)
    names = [f"{chapter}.{name}" for name in package.SECTIONS if name != "clinic"]
    assert [task.name for task in CATALOGUE.exercises(chapter)] == names


def test_there_are_enough_exercises_and_misconceptions():
    assert len(EXERCISES) >= 17 and len(MISCONCEPTIONS) >= 100
    assert inspect.getdoc(course)
