"""Parts since GPT-2, measured: models of equal size, and what their record says."""

from dataclasses import replace

import pytest
import torch

from course_utils.cross_entropy import cross_entropy
from course_utils.data import StreamBatches
from course_utils.experiments import since_gpt2
from course_utils.experiments.running import new_model
from course_utils.modern import ModernConfig, ModernGPT

FEW = replace(since_gpt2.QUICK, steps=30, batch=4)


@pytest.mark.parametrize("change", since_gpt2.CHANGES)
def test_all_models_have_as_many_numbers_at_work(change):
    settings = since_gpt2.Settings()
    sizes = {
        name: since_gpt2.count(since_gpt2.build_config(name, settings, 512))
        for name in ("GPT-2", change)
    }
    assert sizes[change] == pytest.approx(sizes["GPT-2"], rel=0.01)


@pytest.mark.parametrize("change", ["two tokens ahead", "experts", "a window of 32"])
def test_training_lowers_the_loss(change):
    row = [i % 7 for i in range(400)]
    config = replace(since_gpt2.build_config(change, FEW, 16), n_embd=32)
    model = new_model(ModernGPT, config, 0)
    batches = StreamBatches(row, 4, 16, seed=0)
    inputs, targets = batches.batch(0)
    before = cross_entropy(model(inputs), targets)
    since_gpt2.train(model, batches, FEW, balance=0.01)
    assert cross_entropy(model(inputs), targets) < before / 2


def test_the_busiest_expert_is_found():
    config = ModernConfig(
        vocab_size=9, n_positions=8, n_layer=1, n_embd=12, n_experts=4, mlp="swiglu"
    )
    model = ModernGPT(config).eval()
    batches = [(torch.arange(8)[None] % 9, None)]
    model.blocks[0].mlp.router.weight.data.zero_()  # all alike: the same two for all
    assert since_gpt2.busiest_share(model, batches) == 1.0
    torch.manual_seed(0)
    model.blocks[0].mlp.router.weight.data.normal_(std=10.0)
    assert 0.5 <= since_gpt2.busiest_share(model, batches) < 1.0


def test_an_unknown_change_is_refused_by_name():
    with pytest.raises(ValueError, match=r"changes must be among .* got \['wings'\]"):
        since_gpt2.run(replace(FEW, changes=("wings",)), 0)
