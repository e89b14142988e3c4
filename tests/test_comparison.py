"""The verdicts of comparisons, and the tracer on models with a fault planted."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.attention import causal_mask, merge_heads, split_heads
from course_utils.comparison import agree, compare, first_divergence, relative
from course_utils.config import GPTConfig
from course_utils.model import GPT

CONFIG = GPTConfig(vocab_size=31, n_positions=16, n_layer=3, n_head=3, n_embd=24)
IDS = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(0))


def random_model():
    """Large random parameters: at GPT-2's start most faults are too small to see."""
    model = GPT(CONFIG).eval()
    generator = torch.Generator().manual_seed(1)
    for name, parameter in model.named_parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
        parameter.data += float(name.endswith("gain"))
    return model


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance", "same"),
    [
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.001]), 0.01, True),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.001]), 1e-4, False),
        (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.999]), 1e-4, False),
        (torch.tensor([1.0, math.nan]), torch.tensor([1.0, math.nan]), 1.0, False),
        (torch.zeros(2, 3), torch.zeros(1, 3), 1.0, False),  # would broadcast
        (torch.zeros(2), torch.zeros(2).double(), 0, True),
        ([464, 2068], [464, 2068], 0, True),
        ([464, 2068], [464, 2069], 0, False),
        ("text", "text", 0, True),
    ],
)
def test_the_same_means_one_shape_and_within_the_tolerance(
    ours, theirs, tolerance, same
):
    assert agree(ours, theirs, tolerance) is same


def test_parts_of_very_different_size_are_each_compared_by_their_own_measure():
    ours = torch.tensor([1000.0, 0.5]), torch.tensor([[0.002]]), torch.zeros(2)
    theirs = torch.tensor([1000.0, 0.5]), torch.tensor([[0.001]]), torch.zeros(2)
    left, right, tolerance = relative(ours, theirs, 0.1)
    assert tolerance == 0.1 and left.shape == right.shape == (5,)
    assert not agree(left, right, tolerance)  # the second is twice as large
    assert agree(*relative(theirs, theirs, 0))
    assert agree(*relative([torch.tensor([1000.1])], [torch.tensor([1000.0])], 1e-3))
    with pytest.raises(ValueError, match="shapes must agree"):
        relative([torch.zeros(2, 3)], [torch.zeros(3, 2)], 1.0)
    with pytest.raises(ValueError, match="argument"):
        relative(ours, theirs[:2], 1.0)


def test_the_table_shows_verdicts_and_tolerances_but_no_differences(capsys):
    returned = compare(
        {
            "token ids": ([1, 2], [1, 2], 0),
            "logits": (torch.zeros(3), torch.full((3,), 1e-7), 1e-5),
            "gradients": (torch.zeros(3), torch.ones(3), 1e-5),
        }
    )
    assert returned is None  # nothing for a cell to show a second time
    assert capsys.readouterr().out == (
        "compared   within  same?\n"
        "token ids  exact   yes\n"
        "logits     1e-05   yes\n"
        "gradients  1e-05   NO\n"
    )


def test_two_equal_models_do_not_part():
    assert first_divergence(random_model(), random_model(), IDS) is None


def test_the_tracer_leaves_the_models_as_they_were():
    ours, theirs = random_model(), random_model().train()
    logits = ours(IDS)
    first_divergence(ours, theirs, IDS)
    assert torch.equal(ours(IDS), logits)
    assert not ours.training and theirs.training
    for model in (ours, theirs):
        for module in model.modules():
            assert not module._forward_hooks and not module._forward_pre_hooks


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, module in GPT(CONFIG).named_modules()
        if isinstance(module, (nn.Linear, nn.Embedding)) or "norm" in name
    ],
)
def test_a_changed_weight_is_found_in_its_module(name):
    ours = random_model()
    weight = next(ours.get_submodule(name).parameters())
    weight.data.view(-1)[3::5] += 0.01
    found = first_divergence(ours, random_model(), IDS)
    assert found.module == name and 1e-4 < found.difference < 10


def swapped_queries_and_keys(model):
    weight = model.blocks[1].attention.query_key_value.weight.data
    weight[:48] = weight[:48].roll(24, dims=0)


def mixing_otherwise(layer, mix):
    def forward(x, *_):
        parts = layer.query_key_value(x).chunk(3, dim=-1)
        return layer.project(
            merge_heads(mix(*(split_heads(part, 3) for part in parts)))
        )

    layer.forward = forward


def scaled_by_all_channels(model):
    def mix(query, key, value):
        mask = causal_mask(query.shape[2])
        return F.scaled_dot_product_attention(query, key, value, mask, scale=24**-0.5)

    mixing_otherwise(model.blocks[1].attention, mix)


def seeing_the_future(model):
    mixing_otherwise(model.blocks[1].attention, F.scaled_dot_product_attention)


def exact_gelu(model):
    mlp = model.blocks[1].mlp
    mlp.forward = lambda x: mlp.contract(F.gelu(mlp.expand(x)))


def no_residual_around_attention(model):
    block = model.blocks[1]

    def forward(x, *_):
        x = block.attention(block.norm_1(x))
        return x + block.mlp(block.norm_2(x))

    block.forward = forward


def residual_on_the_normalised_stream(model):
    block = model.blocks[1]

    def forward(x, *_):
        x = x + block.attention(block.norm_1(x))
        x = block.norm_2(x)
        return x + block.mlp(x)

    block.forward = forward


def post_norm(model):
    block = model.blocks[1]

    def forward(x, *_):
        x = block.norm_1(x + block.attention(x))
        return block.norm_2(x + block.mlp(x))

    block.forward = forward


def another_epsilon(model):
    model.blocks[1].norm_2.epsilon = 0.01


def positions_added_twice(model):
    embed = model.embed
    model.embed = lambda ids, past, padding: (
        embed(ids) + model.position_embedding.weight[: ids.shape[1]]
    )


def positions_added_at_each_layer(model):
    def hidden(ids, *_):
        x = model.embed(ids)
        for block in model.blocks:
            x = block(x)
            x = x + model.position_embedding.weight[: ids.shape[1]]
        return model.final_norm(x)

    model.hidden = hidden


def positions_from_1(model):
    model.embed = lambda ids, past, padding: (
        model.token_embedding(ids)
        + model.position_embedding(torch.arange(1, ids.shape[1] + 1))
    )


def no_final_norm(model):
    def hidden(ids, *_):
        x = model.embed(ids)
        for block in model.blocks:
            x = block(x)
        return x

    model.hidden = hidden


def one_norm_for_both_halves(model):
    model.blocks[1].norm_2 = model.blocks[1].norm_1


def an_untied_head(model):
    weight = model.token_embedding.weight.detach() + 0.01
    model.head = lambda x: x @ weight.T


@pytest.mark.parametrize(
    ("fault", "module"),
    [
        (swapped_queries_and_keys, "blocks.1.attention.query_key_value"),
        (scaled_by_all_channels, "blocks.1.attention"),
        (seeing_the_future, "blocks.1.attention"),
        (exact_gelu, "blocks.1.mlp"),
        (no_residual_around_attention, "blocks.1"),
        (residual_on_the_normalised_stream, "blocks.1"),
        (post_norm, "blocks.1"),
        (another_epsilon, "blocks.1.norm_2"),
        (one_norm_for_both_halves, "blocks.1"),
        (positions_added_twice, "embed"),
        (positions_from_1, "position_embedding"),
        (positions_added_at_each_layer, "hidden"),
        (no_final_norm, "final_norm"),
        (an_untied_head, "head"),
    ],
)
def test_a_planted_fault_is_found_where_it_is(fault, module):
    ours = random_model()
    fault(ours)
    found = first_divergence(ours, random_model(), IDS)
    assert found.module == module and found.difference > 1e-5


def test_a_part_of_another_shape_is_infinitely_different():
    ours = random_model()
    ours.blocks[2].mlp.expand = nn.Linear(24, 30)
    ours.blocks[2].mlp.contract = nn.Linear(30, 24)
    found = first_divergence(ours, random_model(), IDS)
    assert found == ("blocks.2.mlp.expand", math.inf)
