"""Model folders: a run, a shipped model's name, a folder of transformers'."""

import json

import pytest
import torch

from course_utils import models
from course_utils.config import GPTConfig
from course_utils.huggingface import save_pretrained
from course_utils.model import GPT
from course_utils.model_folders import find_model, load_model, shipped_names
from course_utils.tokenization import Tokenizer


def test_the_shipped_models_are_found_by_name():
    assert shipped_names() == sorted(models.NAMES)
    for name in models.NAMES:
        assert find_model(name) == models.folder_of(name)


def test_a_run_and_its_export_are_the_same_model(tmp_path):
    tokenizer = Tokenizer.train("the cat sat on the mat", vocab_size=260)
    model = GPT(GPTConfig(260, 16, n_layer=1, n_head=2, n_embd=8))
    model.save(tmp_path / "run")
    tokenizer.save_pretrained(tmp_path / "run")
    save_pretrained(model, tokenizer, tmp_path / "exported")
    for folder in ("run", "exported"):
        loaded, its_tokenizer = load_model(tmp_path / folder)
        assert torch.equal(loaded.final_norm.gain, model.final_norm.gain)
        assert its_tokenizer.merges == tokenizer.merges


def test_a_folder_of_the_readers_outranks_a_shipped_name(tmp_path, monkeypatch):
    (tmp_path / "story").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_model("story").resolve() == tmp_path / "story"


def test_a_name_without_a_model_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(
        OSError, match=r"a folder .*base, beginner, docstrings, story; got 'stroy'"
    ):
        find_model("stroy")
    (tmp_path / "run.json").write_text(json.dumps({}))
    with pytest.raises(FileNotFoundError, match="has no model yet"):
        load_model(tmp_path)
    (tmp_path / "run.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"there is no file .*config\.json"):
        load_model(tmp_path)
