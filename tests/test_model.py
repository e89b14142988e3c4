"""The whole model: what it may see, how it starts, what it refuses, and its files."""

import errno
import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_utils.config import PRESETS, GPTConfig
from course_utils.model import CONFIG_FILE, GPT, WEIGHTS_FILE

CONFIG = GPTConfig(
    vocab_size=31, n_positions=24, n_layer=2, n_head=3, n_embd=24, dropout=0.0
)


def random_model(seed=0, config=CONFIG):
    """Large random parameters: at GPT-2's start most faults are too small to see."""
    model = GPT(config).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        parameter.data.normal_(0, 0.3, generator=generator)
        parameter.data += float(name.endswith("gain"))
    return model


MODEL = random_model()


def random_ids(B, T, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, CONFIG.vocab_size, (B, T), generator=generator)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=5e-5)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_the_presets_have_gpt2s_number_of_parameters(name, parameters):
    with torch.device("meta"):  # shapes without memory
        assert GPT(PRESETS[name]).count_parameters() == parameters


def test_the_logits_are_one_score_per_token_of_the_vocabulary():
    logits = MODEL(random_ids(2, 5))
    assert logits.shape == (2, 5, 31) and logits.dtype == torch.float32


def test_the_head_is_the_token_embedding():
    names = dict(MODEL.named_parameters())
    assert not any("head" in name for name in names)
    ids = random_ids(2, 5)
    assert_same(MODEL(ids), MODEL.hidden(ids) @ names["token_embedding.weight"].T)


def test_positions_count_from_0_and_are_added_once():
    ids = random_ids(1, 4)
    token, position = MODEL.token_embedding, MODEL.position_embedding
    assert_same(MODEL.embed(ids)[0], token(ids[0]) + position.weight[:4])
    x = MODEL.embed(ids)
    for block in MODEL.blocks:
        x = block(x)
    assert_same(MODEL(ids), MODEL.head(MODEL.final_norm(x)))


@given(T=st.integers(2, 24), data=st.data())
def test_a_later_token_never_moves_an_earlier_logit(T, data):
    changed = data.draw(st.integers(1, T - 1))
    ids = random_ids(1, T, seed=T)
    other = ids.clone()
    other[0, changed] = (ids[0, changed] + 1) % CONFIG.vocab_size
    with torch.no_grad():
        difference = (MODEL(ids) - MODEL(other)).abs().amax(-1)[0]
    assert difference[:changed].max() < 1e-5
    assert difference[changed] > 1e-2  # and its own does move


def test_the_last_logit_still_depends_on_the_order_of_the_first_tokens():
    ids = random_ids(1, 20)
    swapped = ids.clone()
    swapped[0, :2] = ids[0, :2].flip(0)
    assert ids[0, 0] != ids[0, 1]
    assert (MODEL(ids)[0, -1] - MODEL(swapped)[0, -1]).abs().max() > 1e-3


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_reading_in_pieces_with_the_cache_gives_the_same_logits(lengths):
    ids = random_ids(2, sum(lengths), seed=sum(lengths))
    cache, pieces = MODEL.new_cache(), []
    with torch.no_grad():
        for piece in ids.split(lengths, dim=1):
            pieces.append(MODEL(piece, cache))
            assert cache[0].length == sum(p.shape[1] for p in pieces)
        assert_same(torch.cat(pieces, dim=1), MODEL(ids))


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4), steps=st.booleans())
def test_a_prompt_in_a_left_padded_batch_is_as_if_alone(lengths, steps):
    T, new = max(lengths), 2
    ids = random_ids(len(lengths), T + new, seed=T)
    padding = torch.ones_like(ids, dtype=torch.bool)
    for row, length in enumerate(lengths):
        padding[row, : T - length] = False
    with torch.no_grad():
        if steps:
            cache = MODEL.new_cache()
            parts = [MODEL(ids[:, :T], cache, padding[:, :T])]
            for t in range(T, T + new):
                parts.append(MODEL(ids[:, t : t + 1], cache, padding[:, : t + 1]))
            logits = torch.cat(parts, dim=1)
        else:
            logits = MODEL(ids, padding=padding)
        assert logits.isfinite().all()
        for row, length in enumerate(lengths):
            alone = MODEL(ids[row : row + 1, T - length :])
            assert_same(logits[row : row + 1, T - length :], alone)


def test_attention_weights_are_causal_and_belong_to_the_models_own_pass():
    ids = random_ids(2, 7)
    weights = MODEL.attention_weights(ids)
    assert [tuple(w.shape) for w in weights] == [(2, 3, 7, 7)] * 2
    x = MODEL.embed(ids)
    for block, ours in zip(MODEL.blocks, weights, strict=True):
        torch.testing.assert_close(ours.sum(-1), torch.ones(2, 3, 7))
        assert (ours.triu(1) == 0).all()
        torch.testing.assert_close(ours, block(x, return_weights=True)[1])
        x = block(x)


def test_a_new_model_has_gpt2s_initialisation():
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=500, n_positions=100, n_layer=8, n_head=2, n_embd=64)
    for name, parameter in GPT(config).named_parameters():
        if name.endswith(".bias"):
            assert (parameter == 0).all(), name
        elif name.endswith("gain"):
            assert (parameter == 1).all(), name
        else:
            branch = name.endswith(("attention.project.weight", "mlp.contract.weight"))
            expected = 0.02 / math.sqrt(2 * 8) if branch else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.06), name
            assert abs(parameter.mean().item()) < 0.1 * expected, name


def test_dropout_falls_on_the_embeddings_while_training_and_only_then():
    config = GPTConfig(vocab_size=31, n_positions=64, n_layer=1, n_head=3, n_embd=24)
    model, ids = random_model(config=config).train(), random_ids(8, 64)
    torch.manual_seed(0)
    x = model.embed(ids)
    assert (x == 0).float().mean().item() == pytest.approx(0.1, abs=0.02)
    kept = model.token_embedding(ids) + model.position_embedding.weight
    assert_same(x[x != 0], kept[x != 0] / 0.9)
    model.eval()
    assert torch.equal(model(ids), model(ids))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (torch.tensor([[3, 31]]), r"ids must be in 0\.\.30 \(vocab_size=31\), got 31"),
        (torch.tensor([[3, -1]]), r"ids must be in 0\.\.30 \(vocab_size=31\), got -1"),
        (torch.zeros(1, 25, dtype=torch.int64), "at most n_positions=24.*got 25"),
        (torch.zeros(4, dtype=torch.int64), r"ids must be int64 \(B, T\).*\(4,\)"),
        (torch.zeros(1, 0, dtype=torch.int64), r"both at least 1.*\(1, 0\)"),
        (torch.zeros(0, 3, dtype=torch.int64), r"both at least 1.*\(0, 3\)"),
        (torch.zeros(1, 4), r"ids must be int64.*float32 \(1, 4\)"),
    ],
)
def test_impossible_ids_are_refused_by_value_and_range(ids, message):
    with pytest.raises(ValueError, match=message):
        MODEL(ids)


def test_ids_that_are_no_tensor_are_refused_by_type():
    with pytest.raises(TypeError, match="ids must be a tensor, got list"):
        MODEL([[1, 2, 3]])


@pytest.mark.parametrize("name", ["head", "embed", "hidden"])
def test_a_module_in_the_place_of_a_method_is_refused_by_name(name):
    model = GPT(CONFIG)
    with pytest.raises(AttributeError, match=f"{name} is a method .*own_head"):
        setattr(model, name, torch.nn.Linear(24, 31))


def test_a_head_of_its_own_is_learnt_saved_and_used(tmp_path):
    config = GPTConfig(**{**CONFIG.to_dict(), "tie_word_embeddings": False})
    model, ids = random_model(config=config), random_ids(2, 5)
    assert model.count_parameters() == MODEL.count_parameters() + 31 * 24
    assert_same(model(ids), model.hidden(ids) @ model.own_head.weight.T)
    model.save(tmp_path)
    loaded = GPT.load(tmp_path)
    assert loaded.config == config and torch.equal(loaded(ids), model(ids))
    assert GPT(config).own_head.weight.std().item() == pytest.approx(0.02, rel=0.1)


def test_a_folder_from_before_heads_of_their_own_loads_tied(tmp_path):
    MODEL.save(tmp_path)
    path = tmp_path / CONFIG_FILE
    fields = json.loads(path.read_text())
    assert fields.pop("tie_word_embeddings") is True
    path.write_text(json.dumps(fields))
    assert GPT.load(tmp_path).config == CONFIG


@pytest.mark.parametrize(
    ("cache", "got"), [(torch.tensor([[4]]), "Tensor"), ([1], "list of 1")]
)
def test_targets_in_the_place_of_the_cache_are_refused(cache, got):
    message = f"cache must be a list of 2 as new_cache gives, got {got}; targets go"
    with pytest.raises(TypeError, match=message):
        MODEL(torch.tensor([[3]]), cache)


def test_tokens_in_the_cache_count_towards_the_longest_text():
    cache = MODEL.new_cache()
    with torch.no_grad():
        MODEL(random_ids(1, 20), cache)
        with pytest.raises(ValueError, match=r"at most n_positions=24.*got 25"):
            MODEL(random_ids(1, 5), cache)


@pytest.mark.parametrize(
    "padding",
    [torch.ones(2, 4, dtype=torch.bool), torch.ones(2, 5), torch.tensor([True] * 5)],
)
def test_padding_of_another_shape_or_type_is_refused(padding):
    with pytest.raises(ValueError, match=r"padding must be bool \(2, 5\), got"):
        MODEL(random_ids(2, 5), padding=padding)


def test_padding_that_is_no_tensor_is_refused_by_type():
    with pytest.raises(TypeError, match="padding must be a tensor, got list"):
        MODEL(random_ids(1, 2), padding=[[True, True]])


def test_a_saved_model_loads_the_same_and_leaves_the_random_state_alone(tmp_path):
    MODEL.save(tmp_path / "new" / "folder")
    state = torch.get_rng_state()
    loaded = GPT.load(tmp_path / "new" / "folder")
    assert torch.equal(torch.get_rng_state(), state)
    assert loaded.config == CONFIG and not loaded.training
    for name, tensor in MODEL.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    assert torch.equal(loaded(random_ids(2, 9)), MODEL(random_ids(2, 9)))
    assert all(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path):
    MODEL.save(tmp_path / "full")
    MODEL.save(tmp_path / "half", dtype=torch.float16)
    sizes = [(tmp_path / n / WEIGHTS_FILE).stat().st_size for n in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = GPT.load(tmp_path / "half")
    for name, tensor in MODEL.state_dict().items():
        assert loaded.state_dict()[name].dtype == torch.float32
        assert torch.equal(loaded.state_dict()[name], tensor.half().float()), name


def test_training_a_loaded_model_does_not_change_its_file(tmp_path):
    MODEL.save(tmp_path)
    before = (tmp_path / WEIGHTS_FILE).read_bytes()
    with torch.no_grad():
        for parameter in GPT.load(tmp_path).parameters():
            parameter.add_(1)
    assert (tmp_path / WEIGHTS_FILE).read_bytes() == before


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_weights_file_cut_short_anywhere_is_refused_by_name(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    MODEL.save(folder)
    path = folder / WEIGHTS_FILE
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or cut short"):
        GPT.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layer": 3}, r"blocks\.2\.attention.* must be .*got absent"),
        ({"n_layer": 1}, r"blocks\.1\.attention.* must be absent, got"),
        ({"n_embd": 27}, r"must be \(27.*got \(24"),
        ({"vocab_size": 32}, r"token_embedding\.weight must be \(32, 24\), got \(31"),
    ],
)
def test_weights_of_another_configuration_are_refused(tmp_path, change, message):
    MODEL.save(tmp_path)
    path = tmp_path / CONFIG_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=message):
        GPT.load(tmp_path)


@pytest.mark.parametrize("text", ["", '{"vocab_size": 31', "[1, 2]", "{}", "\xff"])
def test_a_damaged_configuration_is_refused_by_name(tmp_path, text):
    MODEL.save(tmp_path)
    (tmp_path / CONFIG_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"course_config\.json is no configuration"):
        GPT.load(tmp_path)


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named(tmp_path, name):
    MODEL.save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        GPT.load(tmp_path)


def test_a_full_disk_leaves_the_last_good_model_usable(tmp_path):
    resource = pytest.importorskip("resource")
    MODEL.save(tmp_path)
    other = random_model(1, GPTConfig.preset("course", vocab_size=31))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (50_000, hard)
    )  # no file may grow past it
    try:
        with pytest.raises(OSError, match=r"could not write .*model\.safetensors"):
            other.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        CONFIG_FILE,
        WEIGHTS_FILE,
    ]
    loaded = GPT.load(tmp_path)
    assert loaded.config == CONFIG
    assert torch.equal(loaded(random_ids(1, 5)), MODEL(random_ids(1, 5)))


def test_a_disk_that_is_full_at_the_last_byte_changes_neither_file(
    tmp_path, monkeypatch
):
    MODEL.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def write_half(path, content):
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space left on device"):
        random_model(1, GPTConfig.preset("course")).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
