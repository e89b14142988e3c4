"""Gradients derived by hand against torch's: each part, then all of a GPT at once."""

import math
import random

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from test_autograd import check, numbers

from course_utils.autograd import Tensor, no_grad, topological_order
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.gradients import checkpoint, own_autograd
from course_utils.model import GPT
from course_utils.optimizers import build_optimizer, clip_gradient_norm
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


def stirred(config, seed=0):
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
    if own:
        with own_autograd(model):
            loss = loss_of(model)
            loss.backward()
    else:
        loss = loss_of(model)
        loss.backward()
    return loss.item(), {n: p.grad for n, p in model.named_parameters()}


@pytest.mark.parametrize("loss", ["the course's", "torch's"])
@pytest.mark.parametrize("shape", [(3, 8), (1, 1), (2, 9)])
def test_every_gradient_of_a_gpt_is_torchs(shape, loss):
    config = GPTConfig(**ODD)
    model, (B, T) = stirred(config), shape
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
    model, ids = stirred(config), random_ids(config, 2, 7)

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


def test_the_same_seeds_train_to_the_same_losses_for_50_steps():
    config = GPTConfig(**ODD | dict(vocab_size=256, n_positions=32))
    rng, world = random.Random(0), World()
    stories = [world.sample(rng).text.encode()[:33] for _ in range(200)]
    histories = []
    for own in (True, False):
        torch.manual_seed(0)
        model = GPT(config).double()
        optimizers = build_optimizer("muon", model, 0.01)
        history = []
        for step in range(50):
            ids = torch.tensor([list(story) for story in stories[step::50]])

            def loss_of(model, ids=ids):
                return cross_entropy(model(ids[:, :-1]), ids[:, 1:])

            loss, _ = gradients(model, loss_of, own)
            history.append(loss)
            clip_gradient_norm(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
        histories.append(history)
    assert histories[0][-1] < histories[0][0] - 1
    assert histories[0] == pytest.approx(histories[1], rel=0, abs=1e-6)


def test_dropout_trains_alike_from_one_seed():
    config = GPTConfig(**ODD | dict(dropout=0.2))
    model, ids = stirred(config).train(), random_ids(config, 2, 7)
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
    model = stirred(GPTConfig(**ODD))
    before = dict(model.named_parameters())
    with pytest.raises(ZeroDivisionError), own_autograd(model) as tensors:
        assert tensors.keys() == before.keys()
        assert all(isinstance(tensor, Tensor) for tensor in tensors.values())
        1 / 0  # noqa: B018
    after = dict(model.named_parameters())
    assert [*after] == [*before]
    assert all(after[name] is before[name] for name in before)


def test_gradients_add_up_over_micro_steps_as_torchs_do():
    config = GPTConfig(**ODD)
    model, ids = stirred(config), random_ids(config, 2, 7)
    with own_autograd(model):
        cross_entropy(model(ids[:1, :-1]), ids[:1, 1:]).backward()
    with own_autograd(model):
        cross_entropy(model(ids[1:, :-1]), ids[1:, 1:]).backward()
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
    model, ids = stirred(config), random_ids(config, 2, 7)

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
