"""Gradients derived by hand against torch's: each part, then all of a GPT at once."""

import math
import random
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from test_autograd import check, numbers

from course_utils import huggingface
from course_utils.autograd import Tensor, no_grad, topological_order
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.data import DocumentBatches, evaluation_documents
from course_utils.exercises.course import CATALOGUE
from course_utils.gradients import Leaf, OwnGPT, checkpoint, own_autograd
from course_utils.model import GPT
from course_utils.training import Trainer, TrainingConfig
from course_utils.world import World

small = st.integers(1, 4)
FLOAT64 = dict(dtype=torch.float64)


def drawn(data, *shape):
    return data.draw(numbers(shape))


@given(st.data())
def test_linear(data):
    batch = data.draw(st.lists(st.integers(0, 3), max_size=2))
    n_in, n_out = data.draw(small), data.draw(small)
    x = drawn(data, *batch, n_in)
    weight, bias = drawn(data, n_out, n_in), drawn(data, n_out)
    check(F.linear, x, weight, bias)
    check(F.linear, x, weight)


@given(st.data())
def test_softmax_and_its_logarithm(data):
    x = data.draw(numbers(low=-30, high=30).filter(lambda x: x.ndim > 0))
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    check(lambda x: F.softmax(x, dim=dim), x)
    check(lambda x: torch.log_softmax(x, dim), x)


@given(st.data())
def test_cross_entropy_counts_what_counts(data):
    n, V = data.draw(small), data.draw(small)
    logits = drawn(data, n, V) * 20
    targets = [data.draw(st.integers(0, V - 1)) for _ in range(n)]
    targets[1:] = [data.draw(st.sampled_from([t, -100])) for t in targets[1:]]
    check(lambda z: F.cross_entropy(z, torch.tensor(targets)), logits)
    check(lambda z: cross_entropy(z, torch.tensor(targets)), logits)


@given(st.data())
def test_layer_norm(data):
    batch = data.draw(st.lists(st.integers(0, 3), max_size=2))
    C = data.draw(st.integers(2, 5))
    x, gain, bias = drawn(data, *batch, C), drawn(data, C), drawn(data, C)
    check(lambda x, w, b: F.layer_norm(x, (C,), w, b), x, gain, bias)
    check(lambda x: F.layer_norm(x, (C,), eps=0.1), x)


@given(x=numbers(low=-8, high=8))
def test_gelu(x):
    check(lambda x: F.gelu(x, approximate="tanh"), x)


@given(st.data())
def test_embedding_adds_up_for_a_token_that_comes_twice(data):
    V, C = data.draw(small), data.draw(small)
    ids = data.draw(st.lists(st.lists(st.integers(0, V - 1), min_size=3, max_size=3)))
    ids = torch.tensor(ids, dtype=torch.int64).reshape(-1, 3)
    check(lambda table: F.embedding(ids, table), drawn(data, V, C))
    check(lambda table: table[ids], drawn(data, V, C))


@given(st.data())
def test_attention(data):
    B, H, T, D = (data.draw(small) for _ in range(4))
    parts = [drawn(data, B, H, T, D) for _ in range(3)]
    mask = torch.ones(T, T, dtype=torch.bool).tril()
    check(F.scaled_dot_product_attention, *parts)
    check(lambda *p: F.scaled_dot_product_attention(*p, attn_mask=mask), *parts)
    check(lambda *p: F.scaled_dot_product_attention(*p, is_causal=True), *parts)


def test_dropout_zeroes_the_entries_that_torch_zeroes():
    x = torch.rand(50, **FLOAT64) + 1

    def dropped(x):
        torch.manual_seed(3)
        return F.dropout(x, 0.4)

    check(dropped, x)
    own = Tensor(x, True)
    assert F.dropout(own, 0.4, training=False) is own


def test_what_is_not_there_is_refused():
    x = Tensor(torch.ones(2, 3), True)
    for call in (
        lambda: F.gelu(x),
        lambda: F.cross_entropy(x, torch.tensor([0, 1]), reduction="sum"),
        lambda: F.cross_entropy(x, torch.tensor([0, 1]), label_smoothing=0.1),
        lambda: F.embedding(torch.tensor([0]), x, scale_grad_by_freq=True),
    ):
        with pytest.raises(NotImplementedError):
            call()
    with pytest.raises(ValueError, match="shape must be that of the channels"):
        F.layer_norm(x, (2, 3))


# --- A whole GPT

ODD = dict(vocab_size=13, n_positions=9, n_layer=2, n_head=3, n_embd=15, dropout=0.0)


def randomized(config, seed=0):
    """A float64 GPT with large random parameters: nothing hides in zeros and ones."""
    generator = torch.Generator().manual_seed(seed)
    model = GPT(config).double()
    for name, parameter in model.named_parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
        parameter.data += float(name.endswith("gain"))
    return model


def random_ids(config, B, T, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(config.vocab_size, (B, T), generator=generator)


def gradients(model, loss_of, own: bool):
    """Return the loss and each parameter's gradient, from ours or from torch's."""
    model.zero_grad()
    with own_autograd(model) if own else nullcontext():
        loss = loss_of(model)
        loss.backward()
    return loss.item(), {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.parametrize("loss", ["the course's", "torch's"])
@pytest.mark.parametrize("shape", [(3, 8), (1, 1), (2, 9)])
def test_every_gradient_of_a_gpt_is_torchs(shape, loss):
    config = GPTConfig(**ODD)
    model, (B, T) = randomized(config), shape
    ids, targets = random_ids(config, B, T), random_ids(config, B, T, seed=1)

    def loss_of(model):
        if loss == "torch's":
            return F.cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        return cross_entropy(model(ids), targets)

    ours, own = gradients(model, loss_of, own=True)
    wanted, their = gradients(model, loss_of, own=False)
    assert abs(ours - wanted) < 1e-12
    assert own.keys() == their.keys() and len(own) == 3 + 1 + 2 * 12
    for name in own:
        assert their[name].abs().max() > 0 or T == 1, name
        torch.testing.assert_close(own[name], their[name], rtol=0, atol=1e-6, msg=name)


def test_gradients_are_slopes_by_finite_differences():
    config = GPTConfig(**ODD)
    model, ids = randomized(config), random_ids(config, 2, 7)

    def loss_of(model):
        return cross_entropy(model(ids[:, :-1]), ids[:, 1:])

    _, own = gradients(model, loss_of, own=True)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        direction = torch.randn(parameter.shape, generator=generator, **FLOAT64)
        with torch.no_grad():
            losses = []
            for sign in (1, -2, 1):  # there, to the other side, and home
                losses.append(loss_of(model.eval()))
                parameter.add_(direction, alpha=sign * 1e-5)
        _, high, low = (loss.item() for loss in losses)
        slope = (high - low) / 2e-5
        assert slope == pytest.approx((own[name] * direction).sum().item(), abs=1e-5)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_the_same_seeds_train_to_the_same_losses_for_50_steps(optimizer):
    """On stories, in the course's own loop, with the course's own optimizers."""
    config = GPTConfig(**ODD | dict(vocab_size=256, n_positions=40))
    rng, world = random.Random(0), World()
    stories = [list(world.sample(rng).text.encode()[:30]) for _ in range(200)]
    histories = []
    for kind in (OwnGPT, GPT):
        torch.manual_seed(0)
        model = kind(config).double()
        batches = DocumentBatches(stories, 4, end_of_text=0, n_positions=40)
        recipe = TrainingConfig(steps=50, optimizer=optimizer, eval_every=25)
        validation = evaluation_documents(stories[:4], 4, 0, 40)
        history = Trainer(model, batches, recipe, validation).run(show_progress=False)
        histories.append(history)
    ours, theirs = histories
    assert ours.losses[-1] < ours.losses[0] - 1
    for name in ("losses", "gradient_norms", "validation_losses"):
        expected = pytest.approx(getattr(theirs, name), rel=0, abs=1e-6)
        assert getattr(ours, name) == expected, name


def test_dropout_trains_alike_from_one_seed():
    config = GPTConfig(**ODD | dict(dropout=0.2))
    model, ids = randomized(config).train(), random_ids(config, 2, 7)
    # Attention's dropout inside torch's fused form draws in another order.
    for block in model.blocks:
        block.attention.dropout = 0.0

    def loss_of(model):
        torch.manual_seed(1)
        return cross_entropy(model(ids[:, :-1]), ids[:, 1:])

    ours, own = gradients(model, loss_of, own=True)
    wanted, their = gradients(model, loss_of, own=False)
    assert ours == pytest.approx(wanted, abs=1e-12)
    for name in own:
        torch.testing.assert_close(own[name], their[name], rtol=0, atol=1e-9)


def test_the_model_comes_back_as_it_was_even_after_an_error():
    model = randomized(GPTConfig(**ODD))
    before = dict(model.named_parameters())
    with pytest.raises(ZeroDivisionError), own_autograd(model) as tensors:
        assert tensors.keys() == before.keys()
        assert all(isinstance(tensor, Leaf) for tensor in tensors.values())
        1 / 0  # noqa: B018
    after = dict(model.named_parameters())
    assert [*after] == [*before]
    assert all(after[name] is before[name] for name in before)


def test_gradients_add_up_over_micro_steps_as_torchs_do():
    config = GPTConfig(**ODD)
    model, ids = randomized(config), random_ids(config, 2, 7)
    for half in (ids[:1], ids[1:]):
        with own_autograd(model):
            loss = cross_entropy(model(half[:, :-1]), half[:, 1:])
        loss.backward()  # also after the parameters are back
    both = model.token_embedding.weight.grad
    model.token_embedding.weight.grad = None
    cross_entropy(model(ids[:, :-1]), ids[:, 1:]).backward()
    torch.testing.assert_close(both / 2, model.token_embedding.weight.grad)


# --- Checkpointing


def held(last) -> int:
    """Count the tensors that a graph keeps alive."""
    return len(topological_order(last))


def test_checkpointing_gives_the_same_gradients_from_a_smaller_graph():
    config = GPTConfig(**ODD)
    model, ids = randomized(config), random_ids(config, 2, 7)

    def plain(model):
        x = model.embed(ids[:, :-1])
        for block in model.blocks:
            x = block(x)
        return x

    def saving(model):
        x = model.embed(ids[:, :-1])
        for block in model.blocks:
            x = checkpoint(block, x)
        return x

    found, graphs = {}, {}
    for hidden in (plain, saving):
        model.zero_grad()
        with own_autograd(model):
            x = model.head(model.final_norm(hidden(model)))
            loss = cross_entropy(x, ids[:, 1:])
            graphs[hidden] = held(loss)
            loss.backward()
        found[hidden] = {n: p.grad for n, p in model.named_parameters()}
    for name, expected in found[plain].items():
        torch.testing.assert_close(found[saving][name], expected, rtol=0, atol=1e-12)
    assert graphs[saving] < graphs[plain] / 2


def test_a_checkpoint_refuses_what_would_lose_gradients():
    weight = Tensor(torch.ones(2), True)
    with pytest.raises(ValueError, match="x must need a gradient"):
        checkpoint(lambda x: x * weight, Tensor(torch.ones(2)))
    with no_grad():  # where none are wanted, none are lost
        y = checkpoint(lambda x: x * weight, Tensor(torch.ones(2)))
    assert not y.requires_grad


def test_a_checkpoint_inside_another():
    x = Tensor(torch.tensor([0.3]), True)
    weight = Tensor(torch.tensor([1.5]), True)
    inner = lambda x: checkpoint(lambda x: (x * weight).exp(), x)  # noqa: E731
    checkpoint(lambda x: inner(x) * inner(x * 2), x).backward()
    y = math.exp(0.3 * 1.5 * 3)
    assert x.grad.item() == pytest.approx(4.5 * y)
    assert weight.grad.item() == pytest.approx(0.9 * y)


# --- A GPT that a learner wrote for torch


@pytest.mark.parametrize("written", ["by parts", "in place"])
def test_the_exercise_my_gpt_is_differentiated_as_it_stands(written):
    """Its gradients are those of transformers' GPT-2, under the names it has there."""
    config = GPTConfig(**ODD)
    theirs = huggingface.to_huggingface(randomized(config)).double().eval()
    ids, targets = random_ids(config, 2, 7), random_ids(config, 2, 7, seed=1)
    F.cross_entropy(theirs(ids).logits.flatten(0, 1), targets.flatten()).backward()
    weights = {n: Tensor(p, requires_grad=True) for n, p in theirs.named_parameters()}
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    my_gpt = gpt_in_place
    if written == "by parts":
        my_gpt = CATALOGUE.find("block.my_gpt").reference
    logits = my_gpt(ids, weights, config.n_head)
    F.cross_entropy(logits.flatten(0, 1), targets.flatten()).backward()
    for name, parameter in theirs.named_parameters():
        own = weights[name].grad
        torch.testing.assert_close(own, parameter.grad, rtol=0, atol=1e-6, msg=name)


def gpt_in_place(ids, weights, n_head):
    """GPT-2 with torch's functions, as somebody wrote it who knows them."""
    w = {name.removeprefix("transformer."): value for name, value in weights.items()}
    x = w["wte.weight"][ids]
    x += w["wpe.weight"][torch.arange(ids.shape[1])]
    for i in range(sum(name.endswith("ln_1.weight") for name in w)):
        own = {n.removeprefix(f"h.{i}."): v for n, v in w.items()}
        y = F.layer_norm(x, x.shape[-1:], own["ln_1.weight"], own["ln_1.bias"])
        y = y @ own["attn.c_attn.weight"] + own["attn.c_attn.bias"]
        parts = [torch.stack(part.chunk(n_head, -1), 1) for part in y.chunk(3, -1)]
        y = F.scaled_dot_product_attention(*parts, is_causal=True)
        y = torch.cat(torch.unbind(y, 1), dim=-1)
        x = x + y @ own["attn.c_proj.weight"] + own["attn.c_proj.bias"]
        y = F.layer_norm(x, x.shape[-1:], own["ln_2.weight"], own["ln_2.bias"])
        y = F.linear(y, own["mlp.c_fc.weight"].T, own["mlp.c_fc.bias"])
        y = F.gelu(y, approximate="tanh")
        x = x + F.linear(y, own["mlp.c_proj.weight"].T, own["mlp.c_proj.bias"])
    x = F.layer_norm(x, x.shape[-1:], w["ln_f.weight"], w["ln_f.bias"])
    return F.linear(x, weights["lm_head.weight"])
