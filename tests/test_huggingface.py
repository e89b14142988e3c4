"""Our GPT beside transformers' GPT-2: equal numbers, weights in and out, files."""

import json
import socket

import huggingface_hub
import pytest
import torch
import torch.nn.functional as F
import transformers
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPT2Model

from course_utils import huggingface
from course_utils.comparison import difference
from course_utils.config import PRESETS, GPTConfig
from course_utils.huggingface import (
    GPT2_FILES,
    chosen_gpt2,
    exchange,
    from_huggingface,
    gpt2_folder,
    gpt2_name,
    load_gpt2,
    load_gpt2_tokenizer,
    randomize,
    save_pretrained,
    stand_in_gpt2,
    to_huggingface,
    trace,
)
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer

# Odd on purpose: no two sizes alike, one head and seven, a single layer, C not even.
ODD_SHAPES = {
    "three heads of 7": GPTConfig(61, 37, n_layer=3, n_head=3, n_embd=21),
    "one head": GPTConfig(257, 19, 1, n_head=1, n_embd=5, layer_norm_epsilon=1e-3),
    "seven heads of 5": GPTConfig(97, 50, n_layer=5, n_head=7, n_embd=35),
}
TINY = {"vocab_size": 31, "n_positions": 9, "n_layer": 2, "n_head": 2, "n_embd": 8}


def pair(config, seed=0):
    """The same random weights twice: our model and transformers', eager attention."""
    ours = stand_in_gpt2(seed, config)
    theirs = to_huggingface(ours)
    theirs.set_attn_implementation("eager")
    return ours, theirs


def random_ids(config, B, T, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, config.vocab_size, (B, T), generator=generator)


def logits_and_gradients(model, ids):
    logits = model(ids)
    logits = getattr(logits, "logits", logits)
    F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    return logits, {name: p.grad for name, p in model.named_parameters()}


def assert_equal_to_gpt2(config, B, T):
    (ours, theirs), ids = pair(config), random_ids(config, B, T)
    our_logits, our_gradients = logits_and_gradients(ours, ids)
    their_logits, their_gradients = logits_and_gradients(theirs, ids)
    assert our_logits.std() > 0.5  # far from the even scores of a model at its start
    assert difference(our_logits, their_logits) <= 1e-4
    assert len(our_gradients) == len(their_gradients)
    for name, gradient in our_gradients.items():
        their_gradient = exchange(name, their_gradients[gpt2_name(name)])
        assert gradient.abs().max() > 1e-4, name
        assert difference(gradient, their_gradient) <= 1e-4, name


@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_logits_and_gradients_equal_gpt2s_for_odd_shapes(shape):
    config = ODD_SHAPES[shape]
    assert_equal_to_gpt2(config, B=3, T=config.n_positions)


def test_logits_and_gradients_equal_gpt2s_in_the_full_124m_architecture():
    config = PRESETS["gpt2"]
    assert_equal_to_gpt2(config, B=1, T=12)
    with torch.device("meta"):  # shapes without memory
        assert GPT(config).count_parameters() == 124_439_808
        assert GPT2LMHeadModel(GPT2Config()).num_parameters() == 124_439_808


def test_a_single_token_and_a_full_context_are_equal_too():
    config = ODD_SHAPES["three heads of 7"]
    ours, theirs = pair(config)
    for T in (1, config.n_positions):
        ids = random_ids(config, 2, T)
        assert difference(ours(ids), theirs(ids).logits) <= 1e-4


def test_attention_weights_equal_gpt2s():
    config = ODD_SHAPES["seven heads of 5"]
    ours, theirs = pair(config)
    ids = random_ids(config, 2, 11)
    expected = theirs(ids, output_attentions=True).attentions
    for our_weights, their_weights in zip(
        ours.attention_weights(ids), expected, strict=True
    ):
        assert difference(our_weights, their_weights) <= 1e-5


@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_hidden_states_equal_gpt2s_in_every_layer(shape):
    config = ODD_SHAPES[shape]
    ours, theirs = pair(config)
    ids = random_ids(config, 2, 9)
    states = huggingface.hidden_states(ours, ids)
    expected = theirs(ids, output_hidden_states=True).hidden_states
    assert len(states) == config.n_layer + 1
    for state, other in zip(states, expected, strict=True):
        assert difference(state, other) <= 1e-4


def test_the_clinics_copied_head_gives_equal_logits_and_trains_apart():
    from course_utils.exercises.course import CATALOGUE
    from course_utils.exercises.engine.clinics import Clinic

    case = CATALOGUE.find("huggingface.head_apart", Clinic)
    config = ODD_SHAPES["three heads of 7"]
    ids = random_ids(config, 2, 9)

    def trained(model):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            logits_and_gradients(model, ids)
            optimizer.step()
        return getattr(model(ids), "logits", model(ids))

    def logits_apart(conversion):
        ours = stand_in_gpt2(0, config)
        return difference(conversion(ours)(ids).logits, ours(ids))

    def apart_after_training(conversion):
        ours = stand_in_gpt2(0, config)
        theirs = conversion(ours)
        return difference(trained(theirs), trained(ours))

    def parameters_added_on_the_way_back(conversion):
        ours = stand_in_gpt2(0, config)
        theirs = conversion(ours)
        trained(theirs)
        return from_huggingface(theirs).count_parameters() - ours.count_parameters()

    assert max(case.examine(logits_apart)) <= 1e-4
    sick, healthy = case.examine(apart_after_training)
    assert sick > 1e-2 and healthy < 1e-4
    V_times_C = config.vocab_size * config.n_embd
    assert case.examine(parameters_added_on_the_way_back) == (V_times_C, 0)


def test_a_left_padded_batch_equals_gpt2s():
    config = ODD_SHAPES["three heads of 7"]
    ours, theirs = pair(config)
    ids, padding = random_ids(config, 3, 9), torch.ones(3, 9, dtype=torch.bool)
    padding[1, :4] = padding[2, :8] = False
    positions = (padding.cumsum(1) - 1).clamp(min=0)
    their_logits = theirs(ids, attention_mask=padding.long(), position_ids=positions)
    our_logits = ours(ids, padding=padding)
    assert difference(our_logits[padding], their_logits.logits[padding]) <= 1e-4


def test_a_model_that_started_at_transformers_moves_in_and_out_unchanged():
    theirs = GPT2LMHeadModel(GPT2Config(**TINY))
    for parameter in theirs.parameters():
        parameter.data.normal_(0, 0.3)
    ours = from_huggingface(theirs)
    assert not ours.training
    ids = torch.randint(0, 31, (2, 9))
    assert difference(ours(ids), theirs.eval()(ids).logits) <= 1e-4
    again = to_huggingface(ours)
    for name, weight in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    ours.token_embedding.weight.data.zero_()  # a copy, not the same memory
    assert (theirs.transformer.wte.weight != 0).all()
    assert again.lm_head.weight is again.transformer.wte.weight  # still tied


def test_a_half_precision_model_comes_in_as_float32():
    theirs = GPT2LMHeadModel(GPT2Config(**TINY)).half()
    ours = from_huggingface(theirs)
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}


def test_every_weight_of_gpt2_has_exactly_one_name_of_ours():
    ours, theirs = pair(ODD_SHAPES["three heads of 7"])
    translated = [gpt2_name(name) for name in ours.state_dict()]
    assert sorted([*translated, "lm_head.weight"]) == sorted(theirs.state_dict())
    transposed = {
        name
        for name, weight in ours.state_dict().items()
        if not torch.equal(exchange(name, weight), weight)
    }
    conv1d = {
        f"{name}.weight"
        for name, module in theirs.named_modules()
        if isinstance(module, transformers.pytorch_utils.Conv1D)
    }
    assert {gpt2_name(name) for name in transposed} == conv1d


def test_weights_move_without_touching_the_random_state():
    state = torch.get_rng_state()
    from_huggingface(to_huggingface(stand_in_gpt2(3, ODD_SHAPES["one head"])))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("activation_function", "gelu"),
        ("n_inner", 17),
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
        ("attn_pdrop", 0.3),
        ("resid_pdrop", 0.3),
    ],
)
def test_a_model_that_is_no_plain_gpt2_is_refused_by_the_setting(name, value):
    config = GPT2Config(**{**TINY, name: value})
    with pytest.raises(ValueError, match=f"{name} must be .* got {value!r}"):
        from_huggingface(GPT2LMHeadModel(config))


def test_another_kind_of_model_is_refused_by_its_type():
    with pytest.raises(TypeError, match="expected a GPT2LMHeadModel, got GPT2Model"):
        from_huggingface(GPT2Model(GPT2Config(**TINY)))


def test_the_stand_in_is_random_and_reproducible():
    config = GPTConfig(vocab_size=400, n_positions=200, n_layer=2, n_head=3, n_embd=48)
    model, again = stand_in_gpt2(5, config), stand_in_gpt2(5, config)
    other = stand_in_gpt2(6, config)
    for (name, weight), same, different in zip(
        model.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(weight, same) and not torch.equal(weight, different), name
        centre = float(name.endswith("gain"))
        assert weight.mean().item() == pytest.approx(centre, abs=0.15), name
        assert weight.std().item() == pytest.approx(0.3, rel=0.35), name
    assert not model.training
    assert randomize(other, 5) is other
    assert torch.equal(other.token_embedding.weight, model.token_embedding.weight)


# The pairs of one part of GPT-2 each, and a fault put into it.
PARTS = [
    "token_embedding",
    "position_embedding",
    "blocks.0.norm_1",
    "blocks.1.attention.query_key_value",
    "blocks.1.attention.project",
    "blocks.1.norm_2",
    "blocks.2.mlp.expand",
    "blocks.2.mlp.contract",
    "final_norm",
]


@pytest.mark.parametrize("part", PARTS)
def test_the_tracer_finds_a_fault_in_either_model_by_our_name(part):
    config = ODD_SHAPES["three heads of 7"]
    for spoilt in (0, 1):
        ours, theirs = models = pair(config)
        name = gpt2_name(part) if spoilt else part
        next(models[spoilt].get_submodule(name).parameters()).data.view(-1)[::3] += 0.01
        found = trace(ours, theirs, random_ids(config, 2, 9))
        assert found.module == part and found.difference > 1e-4


def test_the_tracer_finds_what_no_weight_is_to_blame_for():
    config = ODD_SHAPES["three heads of 7"]
    ids = random_ids(config, 2, 9)
    ours, theirs = pair(config)
    theirs.transformer.h[1].attn.scaling = config.n_embd**-0.5
    assert trace(ours, theirs, ids).module == "blocks.1.attention"
    ours, theirs = pair(config)
    theirs.transformer.h[2].mlp.act = torch.nn.GELU()
    assert trace(ours, theirs, ids).module == "blocks.2.mlp"
    ours, theirs = pair(config)
    theirs.lm_head.weight = torch.nn.Parameter(theirs.lm_head.weight + 0.01)
    assert trace(ours, theirs, ids).module == "head"


@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_the_tracer_finds_nothing_between_equal_models(shape):
    config = ODD_SHAPES[shape]
    ours, theirs = pair(config)
    ids = random_ids(config, 2, 9)
    assert trace(ours, theirs, ids) is None
    assert trace(ours, stand_in_gpt2(0, config), ids) is None


# --- Files ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    """A tokenizer and a model of its size, as a course's training leaves them."""
    text = "the cat sat on the mat. the dog sat on the log. the cat saw the dog. " * 3
    tokenizer = Tokenizer.train(text, vocab_size=280)
    config = GPTConfig(tokenizer.vocab_size, 32, n_layer=2, n_head=3, n_embd=24)
    return stand_in_gpt2(1, config), tokenizer


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to reach another machine fails the test."""

    def refuse(*arguments):
        pytest.fail(f"tried to reach the network: {arguments[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_saved_model_runs_in_transformers_pipeline_without_a_word(
    trained, tmp_path, no_network, capfd
):
    model, tokenizer = trained
    save_pretrained(model, tokenizer, tmp_path / "exported")
    pipeline = transformers.pipeline("text-generation", str(tmp_path / "exported"))
    answer = pipeline("the cat", max_length=16, do_sample=False)
    ids = tokenizer.encode("the cat")
    with torch.no_grad():
        while len(ids) < 16:
            ids.append(model(torch.tensor([ids]))[0, -1].argmax().item())
    assert answer[0]["generated_text"] == tokenizer.decode(ids)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "exported")
    text = "the dog saw 3 cats, naïve 中文!"
    assert theirs(text)["input_ids"] == tokenizer.encode(text)
    assert theirs.eos_token_id == tokenizer.end_of_text
    output = capfd.readouterr()
    assert (output.out, output.err) == ("", "")


def test_a_pipeline_without_a_length_stops_at_the_longest_text(tmp_path, no_network):
    """Otherwise it asks for 256 new tokens, more than there are positions."""
    tokenizer = Tokenizer.train("the cat sat", vocab_size=257)
    config = GPTConfig(257, 32, n_layer=1, n_head=1, n_embd=8)
    model = stand_in_gpt2(1, config)
    model.token_embedding.weight.data[tokenizer.end_of_text] = 0  # never the likeliest
    save_pretrained(model, tokenizer, tmp_path)
    pipeline = transformers.pipeline("text-generation", str(tmp_path))
    (answer,) = pipeline("the cat", do_sample=False, return_tensors=True)
    assert len(answer["generated_token_ids"]) == config.n_positions


def test_an_export_names_its_first_and_last_token_and_holds_no_pickles(
    trained, tmp_path
):
    model, tokenizer = trained
    save_pretrained(model, tokenizer, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == ["GPT2LMHeadModel"]
    assert config["bos_token_id"] == config["eos_token_id"] == tokenizer.end_of_text
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= set(GPT2_FILES)
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in names)


def test_what_was_exported_comes_back_the_same(trained, tmp_path, no_network, capfd):
    model, tokenizer = trained
    save_pretrained(model, tokenizer, tmp_path)
    loaded = load_gpt2(tmp_path)
    assert loaded.config == model.config
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    assert load_gpt2_tokenizer(str(tmp_path)).merges == tokenizer.merges
    assert capfd.readouterr().err == ""


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(trained, tmp_path):
    _, tokenizer = trained
    config = GPTConfig(tokenizer.vocab_size - 1, 32, n_layer=1, n_head=1, n_embd=8)
    message = (
        f"at most vocab_size={config.vocab_size} tokens, got {config.vocab_size + 1}"
    )
    with pytest.raises(ValueError, match=message):
        save_pretrained(GPT(config), tokenizer, tmp_path)


def test_a_full_disk_leaves_the_last_export_as_it_was(trained, tmp_path):
    resource = pytest.importorskip("resource")
    model, tokenizer = trained
    folder = tmp_path / "exported"
    save_pretrained(model, tokenizer, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # no file grows past it
    try:
        with pytest.raises(OSError, match=r"could not write .*exported"):
            save_pretrained(randomize(GPT(model.config), 9), tokenizer, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["exported"]


def test_pickled_weights_are_not_read(trained, tmp_path):
    model, tokenizer = trained
    save_pretrained(model, tokenizer, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(to_huggingface(model).state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_gpt2(tmp_path)


def test_the_setting_is_read_and_empty_means_none(monkeypatch):
    monkeypatch.delenv("COURSE_GPT2", raising=False)
    assert chosen_gpt2() is None
    monkeypatch.setenv("COURSE_GPT2", "")
    assert chosen_gpt2() is None
    monkeypatch.setenv("COURSE_GPT2", "/models/gpt2")
    assert chosen_gpt2() == "/models/gpt2"


@pytest.mark.parametrize(
    ("name", "revision"),
    [
        ("gpt2", huggingface.GPT2_REVISION),
        ("openai-community/gpt2", huggingface.GPT2_REVISION),
        ("somebody/another-gpt2", None),
    ],
)
def test_only_a_hub_name_is_downloaded_pinned_and_without_pickles(
    name, revision, tmp_path, monkeypatch
):
    calls = []

    def download(repository, **options):
        calls.append((repository, options))
        return str(tmp_path / "copy")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert gpt2_folder(tmp_path) == tmp_path and calls == []
    monkeypatch.chdir(tmp_path)
    assert gpt2_folder(name) == tmp_path / "copy"
    assert calls == [(name, {"revision": revision, "allow_patterns": GPT2_FILES})]
    assert all(file.endswith((".json", ".txt", ".safetensors")) for file in GPT2_FILES)


def gpt_as_a_function(ids, weights, n_head, fault=""):
    """Run GPT-2 from transformers' state dict, with plain products, one part wrong."""

    def pair(name):
        return weights[f"transformer.{name}.weight"], weights[
            f"transformer.{name}.bias"
        ]

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], *pair(name))

    def product(x, name):
        weight, bias = pair(name)
        return x @ weight + bias

    table = weights["transformer.wte.weight"]
    (B, T), C = ids.shape, table.shape[1]
    start = 1 if fault == "positions from 1" else 0
    x = table[ids] + weights["transformer.wpe.weight"][start : start + T]
    n_layer = sum(name.endswith("ln_1.weight") for name in weights)
    for i in range(n_layer - (fault == "one layer less")):
        h = f"h.{i}"
        parts = product(norm(x, f"{h}.ln_1"), f"{h}.attn.c_attn").chunk(3, dim=-1)
        parts = [part.view(B, T, n_head, -1).transpose(1, 2) for part in parts]
        seeing = {"is_causal": fault != "no mask"}
        mixed = F.scaled_dot_product_attention(*parts, **seeing).transpose(1, 2)
        x = x + product(mixed.reshape(B, T, C), f"{h}.attn.c_proj")
        one = fault == "one norm for both" and i == 1
        wide = product(norm(x, f"{h}.ln_{1 if one else 2}"), f"{h}.mlp.c_fc")
        form = "none" if fault == "exact gelu" else "tanh"
        x += product(F.gelu(wide, approximate=form), f"{h}.mlp.c_proj")  # in place
    x = x if fault == "no final norm" else norm(x, "ln_f")
    logits = x @ table.T
    return logits.softmax(-1) if fault == "probabilities" else logits


@pytest.mark.parametrize(
    ("fault", "part"),
    [
        ("positions from 1", "position_embedding"),
        ("no mask", "the input of blocks.0.attention.project"),
        ("one norm for both", "blocks.1.norm_2"),
        ("exact gelu", "the input of blocks.0.mlp.contract"),
        ("one layer less", "blocks.2.norm_1"),
        ("no final norm", "final_norm"),
        ("probabilities", "the return value"),
    ],
)
def test_the_tracer_finds_what_a_function_does_not_compute(fault, part):
    config = GPTConfig(vocab_size=31, n_positions=16, n_layer=3, n_head=3, n_embd=24)
    theirs = huggingface.to_huggingface(huggingface.stand_in_gpt2(0, config))
    ids = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(0))
    assert huggingface.trace_function(gpt_as_a_function, theirs, ids) is None

    def faulty(ids, weights, n_head):
        return gpt_as_a_function(ids, weights, n_head, fault)

    found = huggingface.trace_function(faulty, theirs, ids)
    assert found.module == part


def test_the_exercise_my_gpt_gives_transformers_logits():
    from course_utils.exercises.course import CATALOGUE

    config = GPTConfig(vocab_size=31, n_positions=16, n_layer=12, n_head=3, n_embd=24)
    theirs = huggingface.to_huggingface(huggingface.stand_in_gpt2(0, config))
    ids = torch.randint(0, 31, (2, 9), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = CATALOGUE.find("block.my_gpt").reference(ids, theirs.state_dict(), 3)
        torch.testing.assert_close(ours, theirs(ids).logits, rtol=0, atol=5e-5)


@pytest.mark.parametrize("name", ["gpt2", "no/such/folder", "../gone", "/gone"])
def test_without_folder_and_network_the_message_says_what_to_do(
    name, tmp_path, monkeypatch, no_network
):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        OSError, match=rf"'{name}' is no folder here.*Give a folder with"
    ):
        load_gpt2(name)


def test_real_gpt2_tokens_are_the_published_ones(gpt2_vocabulary):
    tokenizer = load_gpt2_tokenizer(gpt2_vocabulary)
    ids = tokenizer.encode("The quick brown fox jumps over the lazy dog.")
    assert ids == [464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13]
    assert tokenizer.end_of_text == 50256
