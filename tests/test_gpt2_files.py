"""GPT-2's files: every tensor accounted for, each fault named.

``transformers`` itself writes the folders and is the reference for what they mean.
"""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from course_utils.comparison import difference
from course_utils.config import GPTConfig
from course_utils.gpt2_files import config_from
from course_utils.huggingface import from_huggingface, load_gpt2, to_huggingface
from course_utils.model import GPT

SIZES = dict(vocab_size=31, n_positions=9, n_layer=2, n_head=2, n_embd=8)
IDS = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(0))


def random_gpt2(**changes):
    torch.manual_seed(0)
    ends = dict(bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(GPT2Config(**(SIZES | ends | changes))).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2") / "whole"
    random_gpt2().save_pretrained(folder)
    return folder


@pytest.fixture
def variant(whole, tmp_path):
    """Return a function: a copy of the folder with other tensors or settings."""

    def write(change=lambda weights: weights, **settings):
        folder = tmp_path / "variant"
        shutil.copytree(whole, folder)
        weights = change(load_file(whole / "model.safetensors"))
        path = folder / "model.safetensors"
        save_file(weights, path, metadata={"format": "pt"})
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | settings))
        return folder

    return write


def assert_same_as_transformers(folder):
    theirs = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()
    for ours in (GPT.from_pretrained(folder), load_gpt2(folder)):
        assert not ours.training
        assert difference(ours(IDS), theirs(IDS).logits) < 1e-5
    return ours, theirs


def with_head(weights):
    generator = torch.Generator().manual_seed(1)
    return {**weights, "lm_head.weight": torch.randn(31, 8, generator=generator)}


def test_a_folder_gives_transformers_logits_without_transformers(whole):
    ours, theirs = assert_same_as_transformers(whole)
    assert ours.config == GPTConfig(**SIZES)
    assert ours.count_parameters() == theirs.num_parameters()


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_its_own_comes_in_and_goes_out_again(variant, tied, tmp_path):
    """transformers uses such a head too, whatever the setting in config.json says."""
    folder = variant(with_head, tie_word_embeddings=tied)
    ours, theirs = assert_same_as_transformers(folder)
    assert not ours.config.tie_word_embeddings
    assert ours.count_parameters() == GPT(GPTConfig(**SIZES)).count_parameters() + 248
    assert difference(ours(IDS), ours.hidden(IDS) @ ours.token_embedding.weight.T) > 1
    again = to_huggingface(ours)
    assert difference(again(IDS).logits, theirs(IDS).logits) < 1e-5
    again.save_pretrained(tmp_path / "again")
    assert_same_as_transformers(tmp_path / "again")


def test_an_untied_model_of_transformers_has_equal_gradients():
    theirs = random_gpt2(tie_word_embeddings=False)
    ours = from_huggingface(theirs)
    ours(IDS).square().sum().backward()
    theirs(IDS).logits.square().sum().backward()
    for part, other in (
        (ours.own_head, theirs.lm_head),
        (ours.token_embedding, theirs.transformer.wte),
    ):
        scale = other.weight.grad.abs().max()
        assert difference(part.weight.grad, other.weight.grad) < 1e-5 * scale


def test_a_head_equal_to_the_table_stays_tied(variant):
    def with_copy(weights):
        return {**weights, "lm_head.weight": weights["transformer.wte.weight"].clone()}

    ours, _ = assert_same_as_transformers(variant(with_copy))
    assert ours.config.tie_word_embeddings


def test_names_and_masks_as_in_openais_file_are_read(variant):
    def bare(weights):
        names = {n.removeprefix("transformer."): t for n, t in weights.items()}
        masks = {f"h.{i}.attn.bias": torch.ones(1, 1, 9, 9).tril() for i in range(2)}
        return names | masks

    assert_same_as_transformers(variant(bare))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_half_precision_file_is_read_as_float32(variant, dtype):
    folder = variant(lambda weights: {n: t.to(dtype) for n, t in weights.items()})
    ours, _ = assert_same_as_transformers(folder)
    assert ours.token_embedding.weight.dtype == torch.float32


def test_shards_are_read_together(tmp_path):
    random_gpt2().save_pretrained(tmp_path, max_shard_size="5KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert_same_as_transformers(tmp_path)
    next(tmp_path.glob("model-00002*")).unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*model-00002"):
        load_gpt2(tmp_path)


LAYER = "transformer.h.1.mlp.c_fc.weight"


@pytest.mark.parametrize("missing", [LAYER, "transformer.wte.weight"])
def test_a_missing_tensor_is_named(variant, missing):
    def without(weights):
        return {n: t for n, t in weights.items() if n != missing}

    with pytest.raises(ValueError, match=f"variant: .* missing: {missing}, unknown: n"):
        load_gpt2(variant(without))


def test_a_missing_head_of_its_own_is_named(variant):
    with pytest.raises(ValueError, match=r"missing: lm_head\.weight"):
        load_gpt2(variant(tie_word_embeddings=False))


def test_more_layers_than_configured_are_named(variant):
    with pytest.raises(
        ValueError, match=r"missing: none, unknown: transformer\.h\.1.*, .* and 9 more"
    ):
        load_gpt2(variant(n_layer=1))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (LAYER, torch.zeros(32, 8), rf"{LAYER} must be \(8, 32\), got \(32, 8\)"),
        (LAYER, torch.full((8, 32), torch.nan), f"{LAYER} must be finite, got NaN"),
        ("lm_head.bias", torch.zeros(31), r"unknown: lm_head\.bias"),
    ],
)
def test_a_tensor_that_does_not_belong_is_named(variant, name, value, message):
    with pytest.raises(ValueError, match=message):
        load_gpt2(variant(lambda weights: {**weights, name: value}))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_git_lfs_pointer_is_called_one(variant, name):
    folder = variant()
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (folder / name).write_text(pointer)
    with pytest.raises(OSError, match=rf"{name} is a git-lfs pointer.*git lfs pull"):
        load_gpt2(folder)


def test_a_damaged_or_missing_file_is_named(variant):
    folder = variant()
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or cut short"):
        load_gpt2(folder)
    (folder / "config.json").write_text("[1")
    with pytest.raises(ValueError, match=r"config\.json must hold JSON"):
        load_gpt2(folder)
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*config\.json"):
        load_gpt2(folder)


@pytest.mark.parametrize(
    "settings", [{"model_type": "llama"}, {"quantization_config": {"bits": 4}}]
)
def test_a_model_of_another_kind_is_refused_by_the_setting(variant, settings):
    with pytest.raises(ValueError, match=f"{next(iter(settings))} must be .* as in"):
        load_gpt2(variant(**settings))


def test_what_a_config_leaves_out_is_as_in_gpt2():
    assert config_from({}) == config_from(GPT2Config().to_dict()) == GPTConfig()


def test_from_pretrained_reads_what_save_wrote_and_names_what_is_no_folder(tmp_path):
    model = GPT(GPTConfig(**SIZES))
    model.save(tmp_path)
    assert torch.equal(GPT.from_pretrained(tmp_path)(IDS), model.eval()(IDS))
    with pytest.raises(NotADirectoryError, match=r"'gpt2' is no folder .*load_gpt2"):
        GPT.from_pretrained("gpt2")
