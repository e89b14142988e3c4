"""The ONNX file gives what the model gives: with a memory, branches, heads off."""

import pytest
import torch

from course_utils import models
from course_utils.ablation import heads_off
from course_utils.site.onnx_model import empty_memory, export

pytestmark = pytest.mark.browser  # with the others that need the extra "site"
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The story model, and a function that runs its file on tensors."""
    model, _ = models.load("story")
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(model, path)
    assert path.stat().st_size < 2.5 * model.count_parameters()  # half precision
    session = onnxruntime.InferenceSession(str(path))

    def run(ids, past=None, heads=None):
        config = model.config
        given = {
            "ids": ids,
            "past": empty_memory(model) if past is None else past,
            "heads": torch.ones(config.n_layer, config.n_head)
            if heads is None
            else heads,
        }
        found = session.run(None, {name: x.numpy() for name, x in given.items()})
        return [torch.from_numpy(x) for x in found]

    return model, run


def tokens(model, *shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(model.config.vocab_size, shape, generator=generator)


@torch.no_grad()
def test_logits_and_attention_are_the_models(both):
    model, run = both
    for T in (1, 2, 50, model.config.n_positions):
        ids = tokens(model, 1, T, seed=T)
        logits, weights, _ = run(ids)
        torch.testing.assert_close(logits, model(ids), rtol=0, atol=1e-3)
        ours = torch.stack(model.attention_weights(ids))
        torch.testing.assert_close(weights, ours, rtol=0, atol=1e-3)


@torch.no_grad()
def test_branches_go_on_from_one_memory(both):
    model, run = both
    ids = tokens(model, 1, 20)
    _, _, present = run(ids)
    branches = tokens(model, 3, 4, seed=1)
    logits, _, _ = run(branches, past=present[:, :, 0])
    whole = model(torch.cat([ids.expand(3, -1), branches], dim=1))[:, 20:]
    torch.testing.assert_close(logits, whole, rtol=0, atol=1e-3)


@torch.no_grad()
def test_a_head_can_be_switched_off(both):
    model, run = both
    ids = tokens(model, 1, 30)
    heads = torch.ones(model.config.n_layer, model.config.n_head)
    heads[1, 2] = 0
    with heads_off(model, [(1, 2)]):
        without = model(ids)
    logits, _, _ = run(ids, heads=heads)
    torch.testing.assert_close(logits, without, rtol=0, atol=1e-3)
    assert (without - model(ids)).abs().max() > 0.01
