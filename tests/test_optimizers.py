"""Optimizers and what is around them, held against PyTorch's and transformers'."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.optimizers import (
    AdamW,
    Muon,
    build_optimizer,
    clip_gradient_norm,
    cosine_schedule,
    linear_schedule,
    orthogonalise,
    parameter_groups,
)

MATRICES = [(24, 8), (8, 8), (32, 8), (8, 32), (5, 3), (1, 7), (6, 1), (8, 8)]
SHAPES = [*MATRICES, (5,), (2, 3, 4), (1,), ()]


class TinyModel(nn.Module):
    """What matters to the grouping: embedding, block matrices, biases, gains."""

    def __init__(self):
        super().__init__()
        self.token_embedding = nn.Embedding(11, 4)
        self.blocks = nn.ModuleList(
            nn.ModuleDict({"norm": nn.LayerNorm(4), "expand": nn.Linear(4, 8)})
            for _ in range(2)
        )
        self.head = nn.Linear(4, 11, bias=False)
        self.head.weight = self.token_embedding.weight  # tied


def make_parameters(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(s, generator=generator)) for s in shapes]


def run_both(ours, theirs, our_parameters, their_parameters, steps=100):
    """Give both optimizers the same gradients and a learning rate that changes."""
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        for a, b in zip(our_parameters, their_parameters, strict=True):
            # Of very different sizes, and correlated over time, as real ones are.
            a.grad = torch.randn(a.shape, generator=generator) * 10 ** (step % 3) + a
            b.grad = a.grad.clone()
        for group in (*ours.param_groups, *theirs.param_groups):
            group["lr"] *= 0.99
        ours.step()
        theirs.step()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.8, 0.95)])
def test_adamw_equals_torchs_over_100_steps(weight_decay, betas):
    a, b = make_parameters(SHAPES), make_parameters(SHAPES)
    settings = {"lr": 0.01, "betas": betas, "weight_decay": weight_decay}
    run_both(AdamW(a, **settings), torch.optim.AdamW(b, **settings), a, b)
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_adamw_has_torchs_default_settings():
    ours, theirs = AdamW(make_parameters([(2, 2)])), torch.optim.AdamW([torch.zeros(1)])
    for name, value in ours.defaults.items():
        assert value == theirs.defaults[name]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("adjust_lr_fn", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_muon_equals_torchs_over_100_steps(weight_decay, adjust_lr_fn, dtype):
    start, a, b = (make_parameters(MATRICES) for _ in range(3))
    settings = {
        "lr": 0.02,
        "weight_decay": weight_decay,
        "adjust_lr_fn": adjust_lr_fn,
    }
    ours = Muon(a, dtype=dtype, **settings)
    run_both(ours, torch.optim.Muon(b, **settings), a, b)
    # torch's products are in bfloat16 (3 digits), and how they round depends on the
    # processor. So the tolerance is 2% of how far the weights have moved.
    for before, ours, theirs in zip(start, a, b, strict=True):
        moved = (theirs - before).abs().max()
        assert (ours - theirs).abs().max() < 0.02 * moved


def test_muon_has_torchs_default_settings():
    ours, theirs = Muon(make_parameters([(2, 2)])), torch.optim.Muon([torch.eye(2)])
    assert theirs.defaults["nesterov"]
    assert theirs.defaults["ns_steps"] == 5
    assert theirs.defaults["adjust_lr_fn"] in (None, "original")
    for name in ("lr", "weight_decay", "momentum"):
        assert ours.defaults[name] == theirs.defaults[name]


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9)])
def test_orthogonalise_applies_its_polynomial_to_the_singular_values_only(shape):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64, generator=generator)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    s = s / s.norm()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    result = orthogonalise(matrix[None], torch.float64)[0]
    torch.testing.assert_close(result, u @ s.diag() @ v)
    assert s.min() > 0.6
    assert s.max() < 1.25


def test_orthogonalise_handles_every_matrix_by_itself_and_zero_stays_zero():
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(3, 4, 5, generator=generator)
    matrices[1] = 0
    together = orthogonalise(matrices, torch.float32)
    torch.testing.assert_close(together[2:], orthogonalise(matrices[2:], torch.float32))
    assert (together[1] == 0).all()


@pytest.mark.parametrize("build", [AdamW, Muon])
def test_parameters_without_a_gradient_are_left_alone(build):
    parameters = make_parameters([(3, 3), (3, 3)])
    before = parameters[1].detach().clone()
    parameters[0].grad = torch.ones(3, 3)
    build(parameters, weight_decay=0.5).step()
    assert torch.equal(parameters[1], before)


@pytest.mark.parametrize("build", [AdamW, Muon])
def test_a_saved_and_loaded_optimizer_goes_on_with_the_same_bits(build):
    def steps(parameters, optimizer, seeds):
        for seed in seeds:
            for p, q in zip(parameters, make_parameters(MATRICES, seed), strict=True):
                p.grad = q.detach()
            optimizer.step()

    whole = make_parameters(MATRICES)
    steps(whole, build(whole), range(6))

    first = make_parameters(MATRICES)
    before = build(first)
    steps(first, before, range(3))
    state = copy.deepcopy(before.state_dict())
    second = [nn.Parameter(p.detach().clone()) for p in first]
    after = build(second)
    after.load_state_dict(state)
    steps(second, after, range(3, 6))
    for a, b in zip(whole, second, strict=True):
        assert torch.equal(a, b)


@given(warmup=st.integers(0, 20), more=st.integers(1, 50), step=st.integers(0, 80))
def test_schedules_are_transformers_one_step_on(warmup, more, step):
    from transformers import (
        get_cosine_schedule_with_warmup,
        get_linear_schedule_with_warmup,
    )

    total = warmup + more
    for ours, theirs in (
        (cosine_schedule, get_cosine_schedule_with_warmup),
        (linear_schedule, get_linear_schedule_with_warmup),
    ):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.3)
        factor = theirs(optimizer, warmup, total).lr_lambdas[0]
        expected = 0.3 * factor(min(step + 1, total))
        assert ours(step, 0.3, warmup, total) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", [cosine_schedule, linear_schedule])
@pytest.mark.parametrize(("warmup", "total"), [(0, 1), (0, 10), (1, 10), (5, 17)])
def test_schedules_start_above_zero_peak_after_warmup_and_end_at_final(
    schedule, warmup, total
):
    rates = [schedule(step, 0.3, warmup, total, final=0.1) for step in range(total + 5)]
    assert min(rates) > 0
    assert rates[total - 1 :] == [0.1] * 6  # exactly, and it stays there
    if warmup:
        assert rates[0] == pytest.approx(0.3 / warmup)
        assert rates[warmup - 1] == max(rates) == 0.3
    falling = rates[max(warmup - 1, 0) : total]
    assert falling == sorted(falling, reverse=True)


@pytest.mark.parametrize("schedule", [cosine_schedule, linear_schedule])
def test_schedules_name_what_is_wrong(schedule):
    with pytest.raises(ValueError, match=r"warmup must be in 0\.\.total-1 = 9, got 10"):
        schedule(0, 0.3, 10, 10)
    with pytest.raises(ValueError, match=r"warmup must be in 0\.\.total-1 = 9, got -1"):
        schedule(0, 0.3, -1, 10)
    with pytest.raises(ValueError, match="step must be at least 0, got -1"):
        schedule(-1, 0.3, 2, 10)


@pytest.mark.parametrize("max_norm", [0.1, 1.0, 1e6])
def test_clipping_equals_torchs(max_norm):
    ours, theirs = make_parameters(SHAPES), make_parameters(SHAPES)
    for a, b in zip(ours, theirs, strict=True):
        a.grad = a.detach().clone() * 3
        b.grad = a.grad.clone()
    ours[2].grad = theirs[2].grad = None
    norm = clip_gradient_norm(ours, max_norm)
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(theirs, max_norm))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-6, atol=0)


def test_clipping_without_any_gradient_returns_zero():
    assert clip_gradient_norm(make_parameters([(2, 2)]), 1.0) == 0


def test_clipping_names_a_limit_that_is_not_positive():
    with pytest.raises(ValueError, match="max_norm must be positive, got 0"):
        clip_gradient_norm([], 0)


def test_only_matrices_decay_and_a_tied_weight_stands_once():
    model = TinyModel()
    decayed, plain = parameter_groups(model, 0.3)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert {p.ndim for p in decayed["params"]} == {2}
    assert {p.ndim for p in plain["params"]} == {1}
    grouped = decayed["params"] + plain["params"]
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}
    assert len(grouped) == len(set(grouped))


def test_frozen_parameters_are_in_no_group():
    model = TinyModel()
    model.token_embedding.weight.requires_grad_(False)
    groups = parameter_groups(model, 0.3)
    assert all(p.requires_grad for group in groups for p in group["params"])
    for name in ("adamw", "muon"):
        optimizers = build_optimizer(name, model, 0.01)
        chosen = [p for o in optimizers for g in o.param_groups for p in g["params"]]
        assert len(chosen) == len(list(model.parameters())) - 1


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_built_optimizers_hold_every_parameter_once(name):
    model = TinyModel()
    optimizers = build_optimizer(name, model, learning_rate=0.02, weight_decay=0.3)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    chosen = [p for group in groups for p in group["params"]]
    assert {id(p) for p in chosen} == {id(p) for p in model.parameters()}
    assert len(chosen) == len(set(chosen))
    for group in groups:
        assert group["lr"] == 0.02
        decays = {0.3 if p.ndim >= 2 else 0.0 for p in group["params"]}
        assert decays == {group["weight_decay"]}


def test_muon_gets_the_matrices_of_the_blocks_and_nothing_else():
    model = TinyModel()
    muon, adamw = build_optimizer("muon", model, 0.02)
    assert (type(muon), type(adamw)) == (Muon, AdamW)
    hidden = {id(block["expand"].weight) for block in model.blocks}
    assert {id(p) for g in muon.param_groups for p in g["params"]} == hidden


def test_without_blocks_muon_has_nothing_to_do_and_adamw_does_all():
    (only,) = build_optimizer("muon", nn.Embedding(5, 3), 0.02)
    assert type(only) is AdamW


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_built_optimizers_learn(name):
    torch.manual_seed(0)
    model = TinyModel()
    ids = torch.arange(11)

    def loss():
        x = model.token_embedding(ids)
        for block in model.blocks:
            x = x + torch.tanh(block["expand"](block["norm"](x)))[..., :4]
        return nn.functional.cross_entropy(model.head(x), ids.roll(1))

    optimizers = build_optimizer(name, model, 0.03)
    before = loss().item()
    for _ in range(100):
        model.zero_grad()
        loss().backward()
        for optimizer in optimizers:
            optimizer.step()
    assert loss().item() < 0.5 * before


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: AdamW(p, lr=-1), "lr must be at least 0, got -1"),
        (lambda p: AdamW(p, lr=math.nan), "lr must be at least 0, got nan"),
        (lambda p: AdamW(p, eps=-1), "eps must be at least 0, got -1"),
        (lambda p: AdamW(p, betas=(0.9, 1)), r"betas must be in \[0, 1\), got"),
        (lambda p: Muon(p, lr=-1), "lr must be at least 0, got -1"),
        (lambda p: Muon(p, weight_decay=-1), "weight_decay must be at least 0"),
        (lambda p: Muon(p, momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda p: Muon(p, adjust_lr_fn="x"), "'original' or 'match_rms_adamw', got"),
        (
            lambda p: Muon([nn.Parameter(torch.zeros(3))]),
            r"2-D \(matrices\), got \(3,\)",
        ),
        (lambda p: build_optimizer("sgd", nn.Linear(2, 2), 0.1), "'adamw' or 'muon'"),
    ],
)
def test_wrong_settings_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build(make_parameters([(2, 2)]))


def test_a_single_parameter_is_clipped_as_in_torch():
    ours, theirs = (torch.nn.Parameter(torch.ones(3, 2)) for _ in "12")
    for parameter in (ours, theirs):
        parameter.grad = torch.arange(6.0).view(3, 2)
    norm = clip_gradient_norm(ours, 0.5)
    expected = torch.nn.utils.clip_grad_norm_(theirs, 0.5)
    torch.testing.assert_close(norm, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert ours.grad.norm() == pytest.approx(0.5)
