"""The planner's numbers: against real models, published runs and papers."""

import pytest
import torch
import torch.nn.functional as F

from course_utils.config import PRESETS, GPTConfig
from course_utils.model import GPT
from course_utils.optimizers import AdamW
from course_utils.planner import (
    PUBLISHED,
    Plan,
    activation_numbers,
    count_parameters,
    matrix_parameters,
    state_bytes,
    training_flops,
)


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_those_of_the_sums_that_one_writes_on_paper(name):
    config = PRESETS[name]
    V, T, C = config.vocab_size, config.n_positions, config.n_embd
    block = 12 * C * C + 13 * C  # matrices; biases, and two norms of gain and bias
    by_hand = (V + T) * C + config.n_layer * block + 2 * C
    assert count_parameters(config) == by_hand


def test_gpt2_has_as_many_parameters_as_published():
    assert count_parameters(PRESETS["gpt2"]) == 124_439_808


def test_matrix_parameters_are_those_of_all_matrices_that_multiply():
    config = GPTConfig.preset("course", vocab_size=300, n_layer=3)
    model = GPT(config)
    inside = sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)
    head = model.token_embedding.weight.numel()
    assert matrix_parameters(config) == inside + head


def test_gpt3s_published_compute_is_six_times_size_and_tokens():
    # Brown et al. 2020, tables 2.1 and D.1.
    config = GPTConfig(50257, 2048, n_layer=96, n_head=96, n_embd=12288)
    N = matrix_parameters(config)
    assert pytest.approx(174.6e9, rel=1e-3) == N
    assert training_flops(N, 300e9) == pytest.approx(3.14e23, rel=2e-3)


@pytest.mark.parametrize("run", PUBLISHED, ids=lambda run: run.name)
def test_published_runs_took_what_the_planner_says_within_a_twentieth(run):
    planned = training_flops(run.n_parameters, run.n_tokens)
    assert planned == pytest.approx(run.flops, rel=0.05)


def test_a_plan_gives_the_34_days_of_gpt_3_on_1024_devices():
    # Narayanan et al. 2021, section 5.1: 140 TFLOP/s each, with recomputation.
    gpt3 = Plan(175e9, 300e9, "A100 80 GB", 1024, 140 / 312, passes=4)
    assert gpt3.days == pytest.approx(34, rel=0.02)


def test_a_plan_is_worked_by_hand():
    plan = Plan(1e9, 2e10, "H100 80 GB", n_devices=8, utilisation=0.5, price=3.0)
    hours = 6 * 1e9 * 2e10 / (989e12 * 0.5) / 3600
    assert plan.flops == 1.2e20
    assert plan.device_hours == pytest.approx(hours)
    assert plan.days == pytest.approx(hours / 8 / 24)
    assert plan.dollars == pytest.approx(3 * hours)
    assert sum(plan.memory.values()) == 16e9 and plan.fits


def test_zero_shares_as_figure_1_of_its_paper_says():
    totals = [sum(state_bytes(7.5e9, 64, stage).values()) / 1e9 for stage in range(4)]
    assert totals == pytest.approx([120, 31.4, 16.6, 1.9], rel=0.02)


def test_sharing_decides_whether_gpt_3_fits():
    fits = [Plan(175e9, 3e11, n_devices=1024, stage=stage).fits for stage in range(4)]
    assert fits == [False, False, False, True]


@pytest.mark.parametrize(("n_layer", "n_embd", "T"), [(1, 32, 24), (3, 64, 40)])
def test_activations_and_states_are_what_a_step_allocates(n_layer, n_embd, T):
    config = GPTConfig(300, 64, n_layer, n_head=2, n_embd=n_embd, dropout=0.0)
    model, kept, B = GPT(config), {}, 5
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(300, (B, T + 1))
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = model(ids[:, :-1]).flatten(0, 1)
        loss = F.cross_entropy(logits, ids[:, 1:].flatten())
    counted = 4 * activation_numbers(config, B, T)
    assert sum(kept.values()) == pytest.approx(counted, rel=0.05)

    loss.backward()
    optimizer = AdamW(model.parameters())
    optimizer.step()
    states = [t for state in optimizer.state.values() for t in state.values()]
    averages = sum(t.nbytes for t in states if isinstance(t, torch.Tensor))
    assert averages == 8 * count_parameters(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_tokens": 0}, "n_tokens must be positive and finite, got 0"),
        ({"n_parameters": float("inf")}, "n_parameters must be positive"),
        ({"n_devices": -1}, "n_devices must be positive"),
        ({"price": 0}, "price must be positive"),
        ({"utilisation": 1.1}, "utilisation must be at most 1, got 1.1"),
        ({"device": "abacus"}, "device must be one of V100 32 GB, .*got 'abacus'"),
        ({"stage": 4}, "stage must be 0, 1, 2 or 3, got 4"),
    ],
)
def test_numbers_that_make_no_plan_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Plan(**({"n_parameters": 1e9, "n_tokens": 1e10} | change))
