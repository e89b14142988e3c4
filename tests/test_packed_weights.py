"""Packed weights: the same scores, the same texts, and a loss as good in int8."""

import random

import pytest
import torch

from course_utils import models
from course_utils.config import GPTConfig
from course_utils.cross_entropy import cross_entropy
from course_utils.model import GPT
from course_utils.packed_weights import PackedInt8Linear, PackedLinear, packed
from course_utils.sampling import generate
from course_utils.world import World


@pytest.fixture(params=[True, False], ids=["tied", "own head"])
def model(request) -> GPT:
    torch.manual_seed(0)
    config = GPTConfig.preset("course", tie_word_embeddings=request.param)
    return GPT(config).eval()


@torch.no_grad()
def test_packed_weights_give_the_same_scores_and_texts(model):
    ids = torch.randint(model.config.vocab_size, (2, 9))
    fast = packed(model)
    torch.testing.assert_close(fast(ids), model(ids), rtol=0, atol=1e-5)
    texts = [generate(m, ids, 30, temperature=0) for m in (fast, model)]
    assert torch.equal(*texts)


@pytest.mark.parametrize("layer", [PackedLinear, PackedInt8Linear])
def test_the_model_that_is_packed_stays_as_it_is(model, layer):
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    fast = packed(model, layer)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[n], w) for n, w in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())
    assert fast.token_embedding.weight.data_ptr() == (
        model.token_embedding.weight.data_ptr()
    )
    with pytest.raises(ValueError, match="only a model as configured can be saved"):
        fast.save("nowhere")


def test_a_model_that_was_changed_is_refused(model):
    with pytest.raises(ValueError, match="only a model as configured can be packed"):
        packed(packed(model))


@torch.no_grad()
def test_weights_of_a_byte_cost_less_than_a_hundredth_of_a_nat():
    model, tokenizer = models.load("story")
    losses = {"float32": [], "int8": []}
    fast = packed(model, PackedInt8Linear)
    for seed in range(20):
        text = World().sample(random.Random(seed)).text
        ids = torch.tensor([[tokenizer.end_of_text, *tokenizer.encode(text)]])
        for name, either in {"float32": model, "int8": fast}.items():
            losses[name].append(cross_entropy(either(ids[:, :-1]), ids[:, 1:]).item())
    means = {name: sum(values) / len(values) for name, values in losses.items()}
    assert means["int8"] != means["float32"]
    assert abs(means["int8"] - means["float32"]) < 0.01
