"""The configuration: GPT-2's sizes, and no impossible shape."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from course_utils.config import PRESETS, GPTConfig


def test_the_presets_have_the_published_sizes():
    shapes = {
        name: (config.n_layer, config.n_head, config.n_embd)
        for name, config in PRESETS.items()
    }
    assert shapes == {
        "gpt2": (12, 12, 768),
        "gpt2-medium": (24, 16, 1024),
        "gpt2-large": (36, 20, 1280),
        "gpt2-xl": (48, 25, 1600),
        "course": (4, 4, 128),
    }
    published = [config for name, config in PRESETS.items() if name != "course"]
    assert all(config.vocab_size == 50257 for config in published)
    assert all(config.n_positions == 1024 for config in published)
    assert all(config.head_size == 64 for config in published)


def test_a_preset_can_be_changed_and_keeps_the_rest():
    config = GPTConfig.preset("course", n_layer=2)
    assert (config.n_layer, config.n_head, config.dropout) == (2, 4, 0.0)
    assert PRESETS["course"].n_layer == 4


def test_an_unknown_preset_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match=r"gpt2, gpt2-medium.*course, got 'gpt3'"):
        GPTConfig.preset("gpt3")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"n_embd": 100, "n_head": 3},
            "n_embd must be divisible.*n_embd=100.*n_head=3",
        ),
        ({"vocab_size": 0}, "vocab_size must be a positive integer, got 0"),
        ({"n_positions": -5}, "n_positions must be a positive integer, got -5"),
        ({"n_layer": 2.0}, r"n_layer must be a positive integer, got 2\.0"),
        ({"n_head": True}, "n_head must be a positive integer, got True"),
        ({"n_embd": "768"}, "n_embd must be a positive integer, got '768'"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1\.0"),
        ({"dropout": -0.1}, r"dropout must be in \[0, 1\), got -0\.1"),
        ({"dropout": float("nan")}, r"dropout must be in \[0, 1\), got nan"),
        (
            {"tie_word_embeddings": 1},
            "tie_word_embeddings must be True or .*, got 1",
        ),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon must be positive, got 0"),
    ],
)
def test_an_impossible_shape_is_refused_by_name_and_value(changes, message):
    with pytest.raises(ValueError, match=message):
        GPTConfig(**changes)


def test_numpys_whole_numbers_become_pythons():
    sizes = dict(vocab_size=31, n_positions=9, n_layer=2, n_head=2, n_embd=8)
    config = GPTConfig(**{name: np.int64(size) for name, size in sizes.items()})
    assert config == GPTConfig(**sizes)
    assert json.loads(json.dumps(config.to_dict())) == config.to_dict()


def test_a_configuration_cannot_change_under_a_model():
    with pytest.raises(FrozenInstanceError):
        GPTConfig().n_layer = 3


def test_a_configuration_survives_json():
    config = GPTConfig(n_layer=3, dropout=0.25)
    assert GPTConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_stored_configuration_with_wrong_fields_is_refused_by_their_names():
    values = GPTConfig().to_dict()
    values["n_layers"] = values.pop("n_layer")
    with pytest.raises(ValueError, match=r"missing: \['n_layer'\].*\['n_layers'\]"):
        GPTConfig.from_dict(values)
    with pytest.raises(ValueError, match=r"missing: \[\], unknown: \['bias'\]"):
        GPTConfig.from_dict({**GPTConfig().to_dict(), "bias": 1})
    with pytest.raises(ValueError, match="must be a dictionary, got 7"):
        GPTConfig.from_dict(7)
