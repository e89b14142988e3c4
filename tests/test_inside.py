"""Hooks exchange what they say; pairs, probes and features are what they promise."""

import importlib.util
import inspect
import re

import pytest
import torch
import torch.nn.functional as F

from course_utils import huggingface, models
from course_utils.config import GPTConfig
from course_utils.inside import hooks
from course_utils.inside.features import SparseAutoencoder, marks, train_autoencoder
from course_utils.inside.hooks import head_states, patched, patched_heads, states
from course_utils.inside.labels import label_stories
from course_utils.inside.pairs import Pairs, place_pairs
from course_utils.inside.patching import Patching, grid, share_restored
from course_utils.inside.probes import accuracy, control_labels, train_probe
from course_utils.model import GPT
from course_utils.world.stories import EVENTS

CONFIG = GPTConfig(
    vocab_size=17, n_positions=12, n_layer=3, n_head=2, n_embd=6, dropout=0.0
)
IDS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 2, 8]])
OTHERS = torch.tensor([[3, 1, 4, 1, 6, 9], [2, 7, 5, 8, 2, 8]])
PAIRS = Pairs(
    IDS,
    OTHERS,
    fact=torch.tensor([4, 2]),
    last=torch.tensor([5, 4]),
    answer=torch.tensor([3, 5]),
    other=torch.tensor([8, 1]),
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = GPT(CONFIG)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture(scope="module")
def story():
    return models.load("story")


@pytest.fixture(scope="module")
def pairs(story):
    return place_pairs(story[1], 12)


@torch.no_grad()
def logits(model, ids=IDS):
    return model(ids)


# --- Hooks


@torch.no_grad()
def test_states_are_what_the_parts_hand_on(model):
    found = states(model, IDS, ["blocks.0", "blocks.1", "final_norm"])
    torch.testing.assert_close(model.blocks[1](found["blocks.0"]), found["blocks.1"])
    torch.testing.assert_close(model.head(found["final_norm"]), logits(model))
    assert all(state.shape == (2, 6, 6) for state in found.values())


@pytest.mark.parametrize("name", ["dropout", "blocks.0", "blocks.2"])
def test_a_run_that_gets_all_states_of_another_ends_as_the_other(model, name):
    ours, theirs = logits(model), logits(model, OTHERS)
    with patched(model, name, states(model, OTHERS, [name])[name]):
        torch.testing.assert_close(logits(model), theirs)
    assert torch.equal(logits(model), ours)  # the hook is gone
    assert not torch.allclose(ours, theirs)


def test_a_state_is_exchanged_at_one_place_of_each_row_alone(model):
    where = torch.arange(2), torch.tensor([4, 2])
    with patched(model, "blocks.0", torch.zeros(2, 6), where):
        changed = states(model, IDS, ["blocks.0"])["blocks.0"]
    before = states(model, IDS, ["blocks.0"])["blocks.0"]
    moved = (changed != before).any(-1)
    assert moved.nonzero().tolist() == [[0, 4], [1, 2]]
    assert (changed[where] == 0).all()


def test_a_hook_goes_also_when_the_block_raises(model):
    before = logits(model)
    with pytest.raises(RuntimeError), patched(model, "blocks.0", torch.zeros(2, 6, 6)):
        raise RuntimeError
    assert torch.equal(logits(model), before)


@torch.no_grad()
def test_heads_are_read_and_exchanged_one_by_one(model):
    value = head_states(model, IDS, 1)  # (B, T, H, D)
    assert value.shape == (2, 6, 2, 3)
    attention = model.blocks[1].attention
    x = model.blocks[1].norm_1(states(model, IDS, ["blocks.0"])["blocks.0"])
    torch.testing.assert_close(attention.project(value.flatten(-2)), attention(x))
    with patched_heads(model, 1, [1], torch.zeros(2, 6, 2, 3)):
        now = head_states(model, IDS, 1)
        attended = states(model, IDS, ["blocks.1.attention"])["blocks.1.attention"]
    value[:, :, 1] = 0
    torch.testing.assert_close(now, value)
    torch.testing.assert_close(attention.project(value.flatten(-2)), attended)


def test_heads_of_another_run_at_one_place(model):
    where = torch.arange(2), torch.tensor([5, 4])
    value = head_states(model, OTHERS, 0)[where]
    names = ["blocks.0.attention"]
    (ours,) = states(model, IDS, names).values()
    (theirs,) = states(model, OTHERS, names).values()
    with patched_heads(model, 0, [0, 1], value, where):
        (mixed,) = states(model, IDS, names).values()
    torch.testing.assert_close(mixed[where], theirs[where])
    mixed[where] = ours[where]
    torch.testing.assert_close(mixed, ours)


def test_hooks_fit_on_a_screen():
    code = inspect.getsource(hooks).split('"""', 2)[2]
    lines = code.splitlines()
    assert sum(map(bool, lines)) <= 60


# --- Patching


def test_restored_is_0_at_the_corrupted_end_and_1_at_the_clean_one():
    clean, corrupted = torch.tensor([4.0, 2.0, 1.0]), torch.tensor([-4.0, -2.0, 0.0])
    assert share_restored(clean, corrupted, corrupted).tolist() == [0, 0, 0]
    assert share_restored(clean, corrupted, clean).tolist() == [1, 1, 1]
    found = share_restored(clean, corrupted, torch.tensor([0.0, 4.0, -1.0]))
    assert found.tolist() == [0.5, 1.5, -1]


def test_the_embedding_at_the_fact_restores_all_and_elsewhere_nothing(model):
    patching = Patching(model, PAIRS)
    for name, places, share in (
        ("dropout", PAIRS.fact, 1.0),
        ("dropout", PAIRS.fact - 1, 0.0),
        ("blocks.2", PAIRS.last, 1.0),
    ):
        expected = torch.full((2,), share)
        torch.testing.assert_close(patching.effect(name, places), expected)


def test_all_heads_together_restore_what_their_layer_restores(model):
    patching = Patching(model, PAIRS)
    torch.testing.assert_close(
        patching.heads(1, [0, 1]), patching.effect("blocks.1.attention", PAIRS.last)
    )


def test_a_grid_is_made_of_single_effects(model):
    names = ["dropout", "blocks.0", "blocks.2"]
    found = grid(model, PAIRS[1:], names)
    assert found.shape == (3, 5)  # up to the last place
    single = Patching(model, PAIRS[1:])
    for row, name in zip(found, names, strict=True):
        for place, share in enumerate(row):
            alone = single.effect(name, torch.tensor([place]))
            torch.testing.assert_close(share[None], alone, rtol=0, atol=1e-4)


def test_the_path_through_values_is_what_the_heads_carry(story, pairs):
    """In the story model it is all: heads look where they looked, values differ."""
    patching = Patching(story[0], pairs)
    whole = patching.effect("blocks.0.attention", pairs.last)
    path = patching.values(0, [4, 5, 6])
    assert (path >= 0.9 * whole).all() and (whole > 0.9).all()
    assert (patching.values(0, [0, 1, 2, 3, 7]).abs() < 0.05).all()
    assert (patching.values(1, range(8)).abs() < 0.05).all()


def test_pairs_differ_in_the_place_alone_and_stop_before_it(story, pairs):
    model, tokenizer = story
    assert len(pairs) == 12
    rows = zip(
        pairs.clean, pairs.corrupted, pairs.fact, pairs.last, pairs.answer, pairs.other,
        strict=True,
    )  # fmt: skip
    for clean, corrupted, fact, last, answer, other in rows:
        assert (clean != corrupted).nonzero().flatten().tolist() == [fact]
        assert (clean[fact], corrupted[fact]) == (answer, other)
        text = tokenizer.decode(clean[1 : last + 1].tolist())
        assert re.search(r'"Where were you\?" \w+ said: "(In|At|On|By) the$', text)
        assert set(clean[last + 1 :].tolist()) <= {tokenizer.end_of_text}
    right = logits(model, pairs.clean)[pairs.rows, pairs.last].argmax(-1)
    assert (right == pairs.answer).all()


def test_pairs_are_reproducible_and_their_number_is_checked(story, pairs):
    again = place_pairs(story[1], 12)
    assert torch.equal(again.clean, pairs.clean)
    assert not torch.equal(place_pairs(story[1], 12, seed=1).clean, pairs.clean)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        place_pairs(story[1], 0)


# --- Probes


def test_a_linear_probe_reads_what_is_linear_and_a_deeper_one_what_is_not():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(600, 4, generator=generator)
    linear = (x[:, 0] > x[:, 1]).long()
    product = (x[:, 0] * x[:, 1] > 0).long()
    for labels, hidden, at_least, at_most in (
        (linear, 0, 0.95, 1),
        (product, 0, 0, 0.65),
        (product, 32, 0.9, 1),
    ):
        probe = train_probe(x[:400], labels[:400], 2, hidden)
        assert at_least <= accuracy(probe, x[400:], labels[400:]) <= at_most


def test_a_control_gives_one_label_to_each_kind():
    kinds = torch.tensor([0, 3, 1, 3, 0, 2, 3])
    labels = control_labels(kinds, 5)
    assert labels[0] == labels[4] and labels[1] == labels[3] == labels[6]
    many = control_labels(torch.arange(1000), 4)
    assert sorted(many.unique().tolist()) == [0, 1, 2, 3]
    assert torch.equal(many, control_labels(torch.arange(1000), 4))
    assert not torch.equal(many, control_labels(torch.arange(1000), 4, seed=1))


def test_training_a_probe_leaves_the_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train_probe(torch.randn(8, 2, generator=torch.Generator()), torch.arange(8) % 2, 2)
    assert torch.rand(1) == expected


# --- Features


def test_features_are_few_and_never_negative():
    torch.manual_seed(0)
    model = SparseAutoencoder(C=5, n_features=20, k=3)
    x = torch.randn(7, 4, 5)
    found = model.features(x)
    assert found.shape == (7, 4, 20) and (found >= 0).all()
    assert ((found > 0).sum(-1) <= 3).all()
    expected = F.relu(model.encode(x - model.decode.bias)).sort(-1, descending=True)
    torch.testing.assert_close(
        found.sort(-1, descending=True).values[..., :3], expected.values[..., :3]
    )


def test_directions_that_made_the_states_are_found_again():
    generator = torch.Generator().manual_seed(0)
    truth = F.normalize(torch.randn(20, 16, generator=generator), dim=-1)
    active = torch.rand(4000, 20, generator=generator) < 0.05
    states = (active * (1 + torch.rand(4000, 20, generator=generator))) @ truth
    found = train_autoencoder(states, n_features=40, k=2, steps=500)
    nearest = (truth @ found.decode.weight).amax(1)  # cosines: both have length 1
    assert nearest.min() > 0.9 and nearest.median() > 0.95
    error = (found(states) - states).square().mean() / states.var(0).mean()
    assert error < 0.2


def test_marks_by_hand():
    active = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0]]).bool()
    precision, recall = marks(active, torch.tensor([1, 1, 1, 0]).bool())
    assert precision.tolist() == pytest.approx([1, 2 / 3, 0])
    assert recall.tolist() == pytest.approx([2 / 3, 2 / 3, 0])


def test_labels_say_what_is_true_where_they_stand(story):
    tokenizer = story[1]
    labelled = label_stories(tokenizer, 6)
    assert labelled.ids.shape == labelled.real.shape
    for row, ids in enumerate(labelled.ids):
        words = [tokenizer.decode([i]) for i in ids.tolist()]
        names = {words[i] for i in labelled.facts["a name"][row].nonzero().flatten()}
        assert names and all(name.strip().istitle() for name in names)
        following = labelled.facts["a name next"][row].nonzero().flatten() + 1
        assert labelled.facts["a name"][row][following].all()
        told = sum(labelled.facts[event][row].any() for event in EVENTS)
        assert told == 1
        assert not labelled.facts["a name"][row][~labelled.real[row]].any()


# --- TransformerLens


@pytest.mark.skipif(
    importlib.util.find_spec("transformer_lens") is None,
    reason="needs transformer_lens",
)
@torch.no_grad()
def test_states_heads_and_patches_are_those_of_transformer_lens(story, pairs, tmp_path):
    from transformer_lens.model_bridge import TransformerBridge

    huggingface.save_pretrained(*story, tmp_path)
    theirs = TransformerBridge.boot_transformers(str(tmp_path), dtype=torch.float64)
    model = GPT.from_pretrained(tmp_path).double()  # scores are large: 0.006 in float32
    their_logits, cache = theirs.run_with_cache(pairs.clean)
    same = dict(rtol=0, atol=1e-8)
    torch.testing.assert_close(logits(model, pairs.clean), their_logits, **same)
    for layer in (0, 1):
        names = [f"blocks.{layer}", f"blocks.{layer}.attention", f"blocks.{layer}.mlp"]
        ours = states(model, pairs.clean, names)
        for name, key in zip(
            names, ["hook_resid_post", "hook_attn_out", "hook_mlp_out"], strict=True
        ):
            expected = cache[f"blocks.{layer}.{key}"]
            torch.testing.assert_close(ours[name], expected, **same)
        torch.testing.assert_close(
            head_states(model, pairs.clean, layer),
            cache[f"blocks.{layer}.attn.hook_z"],
            **same,
        )

    def copy_heads(z, hook):
        z = z.clone()
        clean = cache["blocks.0.attn.hook_z"][pairs.rows, pairs.last]
        z[pairs.rows, pairs.last, 5] = clean[:, 5]
        return z

    patched_logits = theirs.run_with_hooks(
        pairs.corrupted, fwd_hooks=[("blocks.0.attn.hook_z", copy_heads)]
    )[pairs.rows, pairs.last]
    differences = (
        patched_logits[pairs.rows, pairs.answer]
        - patched_logits[pairs.rows, pairs.other]
    )
    expected = share_restored(
        pairs.differences(model, pairs.clean),
        pairs.differences(model, pairs.corrupted),
        differences,
    )
    torch.testing.assert_close(Patching(model, pairs).heads(0, [5]), expected, **same)
