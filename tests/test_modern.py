"""Parts since GPT-2 against their definitions, whole models against transformers."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from course_utils.attention import KVCache
from course_utils.config import GPTConfig
from course_utils.cross_entropy import IGNORE, cross_entropy
from course_utils.model import GPT
from course_utils.modern import ModernConfig, ModernGPT, future_loss, recipe
from course_utils.modern.attention import GroupedAttention, window_mask
from course_utils.modern.experts import (
    MixtureOfExperts,
    balance_loss,
    noted_scores,
    route,
)
from course_utils.modern.folders import load_from_transformers, save_for_transformers
from course_utils.modern.parts import RMSNorm, SwiGLU, rotary_angles, rotate

SMALL = dict(vocab_size=37, n_positions=24, n_layer=2, n_head=4, n_embd=24)


def random_model(**settings) -> ModernGPT:
    """Return a small model whose every number is away from its start."""
    model = ModernGPT(ModernConfig(**{**SMALL, **settings}))
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def random_ids(B: int = 2, T: int = 11, V: int = 37) -> torch.Tensor:
    return torch.randint(0, V, (B, T), generator=torch.Generator().manual_seed(2))


# --- Parts


def test_rms_norm_is_torchs():
    x, norm = 3 * torch.randn(2, 5, 12) + 1, RMSNorm(12)
    norm.gain.data.normal_()
    torch.testing.assert_close(norm(x), F.rms_norm(x, (12,), norm.gain, 1e-6))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 200))
def test_only_the_distance_counts(here, there, moved):
    x, y = torch.randn(2, 8, dtype=torch.float64)
    positions = torch.tensor([here, there, here + moved, there + moved]).double()
    cos, sin = rotary_angles(positions, 8)
    a, b, c, d = (
        rotate(z[None], cos[i, None], sin[i, None])[0] for i, z in enumerate([x, y] * 2)
    )
    torch.testing.assert_close(a @ b, c @ d)
    torch.testing.assert_close(a.norm(), x.norm())


def test_interpolated_angles_are_those_of_a_shorter_text():
    whole = rotary_angles(torch.arange(8.0), 6)
    scaled = rotary_angles(torch.arange(0.0, 16.0, 2), 6, scale=2.0)
    torch.testing.assert_close(scaled, whole)


@pytest.mark.parametrize("past", [0, 3])
def test_a_window_is_as_wide_as_it_says(past):
    mask = window_mask(5, past, window=3)
    for row, sees in enumerate(mask):
        place = past + row
        expected = [place - 2 <= key <= place for key in range(past + 5)]
        assert sees.tolist() == expected
    assert window_mask(1, 9) is None


def test_swiglu_is_its_formula():
    config = ModernConfig(mlp="swiglu", bias=False, **SMALL)
    mlp, x = SwiGLU(config), torch.randn(3, 24)
    gate, up = x @ mlp.gate.weight.T, x @ mlp.expand.weight.T
    expected = (gate * torch.sigmoid(gate) * up) @ mlp.contract.weight.T
    torch.testing.assert_close(mlp(x), expected)
    # Three matrices hold as many numbers as GPT-2's two.
    assert sum(w.numel() for w in mlp.parameters()) == 8 * 24**2


def test_grouped_heads_are_heads_that_are_alike():
    grouped = GroupedAttention(ModernConfig(n_kv_head=2, **SMALL))
    whole = GroupedAttention(ModernConfig(**SMALL))
    whole.load_state_dict(
        {
            name: torch.cat([part for part in w.split(6) for _ in range(2)])
            if name.startswith(("key.", "value."))
            else w
            for name, w in grouped.state_dict().items()
        }
    )
    x = torch.randn(2, 7, 24)
    torch.testing.assert_close(grouped(x), whole(x))
    cache = KVCache()
    grouped(x, cache=cache)
    assert cache.keys.shape[1] == 2  # the memory holds the heads that are asked


# --- Experts


def test_each_token_gets_what_its_experts_make():
    config = ModernConfig(mlp="swiglu", n_experts=5, n_active=2, **SMALL)
    mixture, x = MixtureOfExperts(config), torch.randn(2, 6, 24)
    for place in [(0, 0), (1, 4)]:
        token = x[place]
        probabilities = mixture.router(token).softmax(-1)
        best = probabilities.argsort(descending=True)[:2].tolist()
        share = probabilities[best] / probabilities[best].sum()
        expected = sum(
            s * mixture.experts[e](token) for s, e in zip(share, best, strict=True)
        )
        torch.testing.assert_close(mixture(x)[place], expected)


def test_balance_is_judged_as_mixtral_judges_it():
    from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

    scores = torch.randn(40, 6, requires_grad=True)
    ours, theirs = balance_loss(scores, 2), load_balancing_loss_func((scores,), 6, 2)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, scores)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)
    same = torch.zeros(12, 6)
    same[:, :2] = 50.0  # all tokens to the same two
    assert balance_loss(same, 2).item() == pytest.approx(6)


def test_scores_are_noted_only_while_asked():
    model = random_model(mlp="swiglu", n_experts=3)
    with noted_scores(model) as scores:
        model(random_ids())
    assert [s.shape for s in scores] == [(22, 3)] * 2
    model(random_ids())
    assert len(scores) == 2
    chosen, shares = route(scores[0], 2)
    torch.testing.assert_close(shares.sum(-1), torch.ones(22))
    assert (chosen[:, 0] != chosen[:, 1]).all()


# --- Whole models


def test_gpt2s_parts_make_gpt2():
    theirs = GPT(GPTConfig(dropout=0.0, **SMALL)).eval()
    for parameter in theirs.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape)
    ours = ModernGPT(ModernConfig(**SMALL)).eval()
    weights = {}
    for name, weight in theirs.state_dict().items():
        if "query_key_value" in name:
            for part, rows in zip(
                ("query", "key", "value"), weight.chunk(3), strict=True
            ):
                weights[name.replace("query_key_value", part)] = rows
        else:
            weights[name] = weight
    ours.load_state_dict(weights)
    ids = random_ids()
    torch.testing.assert_close(ours(ids), theirs(ids), atol=1e-5, rtol=1e-5)
    assert ours.count_parameters() == theirs.count_parameters()


@pytest.mark.parametrize(
    "parts",
    [
        {},
        dict(positions="rotary", qk_norm=True, n_kv_head=1, norm="rms", bias=False),
        dict(positions="rotary", window=3, mlp="relu2"),
        dict(mlp="swiglu", n_experts=4, tie_word_embeddings=False, head_size=10),
    ],
)
def test_a_cache_changes_nothing(parts):
    model, ids = random_model(**parts), random_ids()
    cache = model.new_cache()
    pieces = [model(ids[:, :5], cache)]
    pieces += [model(ids[:, t : t + 1], cache) for t in range(5, 11)]
    torch.testing.assert_close(torch.cat(pieces, 1), model(ids), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("positions", ["learnt", "rotary"])
def test_nothing_later_is_seen(positions):
    model = random_model(positions=positions, mlp="swiglu", n_experts=3)
    ids = random_ids()
    changed = ids.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % 37
    torch.testing.assert_close(model(ids)[:, :6], model(changed)[:, :6])


def test_several_tokens_are_predicted_at_once():
    model, ids = random_model(n_future=3), random_ids()
    inputs, targets = ids[:, :-1], ids[:, 1:]
    x = model.hidden(inputs)
    losses = [cross_entropy(model(inputs), targets)]
    for k, layer in enumerate(model.further, start=1):
        logits = model.head(x + layer(x))[:, :-k]
        losses.append(cross_entropy(logits, targets[:, k:]))
    expected = torch.stack(losses).mean()
    torch.testing.assert_close(future_loss(model, inputs, targets), expected)
    padded = F.pad(targets, (0, 2), value=IGNORE)
    longer = F.pad(inputs, (0, 2))
    torch.testing.assert_close(future_loss(model, longer, padded), expected)


def test_parameters_that_work_on_a_token_are_counted():
    model = random_model(mlp="swiglu", n_experts=8, n_active=2)
    dense = random_model(mlp="swiglu", n_experts=2, n_active=2)
    routers = 2 * 6 * 24  # those of the six experts that do not exist there
    assert model.count_parameters(active=True) == dense.count_parameters() + routers
    assert dense.count_parameters(active=True) == dense.count_parameters()


@pytest.mark.parametrize(
    "settings, message",
    [
        (dict(norm="batch"), "norm must be one of"),
        (dict(n_kv_head=3), "n_head must be divisible by n_kv_head"),
        (dict(positions="rotary", head_size=5), "head_size must be even"),
        (dict(n_experts=2, n_active=3), "n_active must be in 1..n_experts=2, got 3"),
        (dict(n_layer=0), "n_layer must be a positive integer, got 0"),
        (dict(n_head=0), "n_head must be a positive integer, got 0"),
        (dict(window=0), "window must be at least 1"),
        (dict(rotary_base=0.0), "rotary_base must be positive"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModernConfig(**settings)


# --- Beside transformers: odd shapes, both directions

SHAPES = [
    dict(hidden_size=24, intermediate_size=40, num_hidden_layers=3, heads=(4, 2)),
    dict(hidden_size=30, intermediate_size=17, num_hidden_layers=1, heads=(5, 1)),
    dict(hidden_size=12, intermediate_size=31, num_hidden_layers=2, heads=(3, 3)),
]
FAMILIES = {
    "Llama": {},
    "Qwen3": dict(head_dim=8),
    "Mixtral": dict(num_local_experts=5, num_experts_per_tok=2),
}


def their_model(family: str, shape: dict, **settings):
    """Return a model of transformers' with random weights."""
    transformers = pytest.importorskip("transformers")
    shape = dict(shape)
    n_head, n_kv_head = shape.pop("heads")
    config = getattr(transformers, f"{family}Config")(
        vocab_size=53,
        num_attention_heads=n_head,
        num_key_value_heads=n_kv_head,
        max_position_embeddings=64,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
        **shape,
        **FAMILIES[family],
        **settings,
    )
    torch.manual_seed(0)
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return loop_over_experts(model.eval())


def loop_over_experts(model):
    """Let a model of transformers' work expert by expert.

    Its usual way, one grouped product, wants rows of a multiple of 16 bytes.
    """
    model.set_experts_implementation("eager")
    return model


@pytest.mark.parametrize("shape", SHAPES, ids=["grouped", "one-key", "full"])
@pytest.mark.parametrize("family", FAMILIES)
def test_equal_to_transformers(family, shape, tmp_path):
    theirs = their_model(family, shape, tie_word_embeddings=shape is SHAPES[1])
    theirs.save_pretrained(tmp_path / "theirs")
    ours = load_from_transformers(tmp_path / "theirs")
    ids = random_ids(3, 17, 53)
    torch.testing.assert_close(ours(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4)

    cross_entropy(ours(ids[:, :-1]), ids[:, 1:]).backward()
    theirs(ids, labels=ids).loss.backward()
    pairs = [
        ("token_embedding.weight", "model.embed_tokens.weight"),
        ("blocks.0.attention.key.weight", "model.layers.0.self_attn.k_proj.weight"),
        ("blocks.0.norm_2.gain", "model.layers.0.post_attention_layernorm.weight"),
    ]
    for our_name, their_name in pairs:
        gradients = ours.get_parameter(our_name), theirs.get_parameter(their_name)
        torch.testing.assert_close(*(p.grad for p in gradients), atol=1e-4, rtol=1e-4)

    save_for_transformers(ours, tmp_path / "ours")
    again = loop_over_experts(type(theirs).from_pretrained(tmp_path / "ours").eval())
    torch.testing.assert_close(again(ids).logits, theirs(ids).logits)

    prompt = ids[:1, :5]
    written = again.generate(prompt, max_new_tokens=12, do_sample=False)
    own = prompt
    for _ in range(12):
        own = torch.cat([own, ours(own)[:, -1:].argmax(-1)], dim=1)
    assert own.tolist() == written.tolist()


def test_what_transformers_does_not_know_is_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="norm must be 'rms' in a model that"):
        save_for_transformers(random_model(), tmp_path)
    modern = recipe(**SMALL, window=5)
    with pytest.raises(ValueError, match="window must be None"):
        save_for_transformers(ModernGPT(modern), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(model_type="gpt2"), "model_type must be one of"),
        (dict(hidden_act="gelu"), "hidden_act must be 'silu', got 'gelu'"),
        (dict(sliding_window=8), "sliding_window must be None, got 8"),
        (dict(rope_parameters={"rope_type": "yarn"}), "rope_type must be 'default'"),
        (dict(num_hidden_layers=3), "blocks|layers.2.* is missing"),
        (dict(hidden_size=48, head_dim=6), "must be"),
    ],
)
def test_a_folder_of_another_kind_is_refused_by_name(changes, message, tmp_path):
    config = recipe(**SMALL, tie_word_embeddings=False)
    save_for_transformers(ModernGPT(config), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ValueError, match=message):
        load_from_transformers(tmp_path)


def test_what_is_saved_is_what_is_read(tmp_path):
    model = ModernGPT(recipe(**SMALL, n_experts=0, qk_norm=False))
    save_for_transformers(model, tmp_path)
    again = load_from_transformers(tmp_path)
    assert again.config == model.config
    torch.testing.assert_close(again(random_ids()), model(random_ids()))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_from_transformers(tmp_path)
