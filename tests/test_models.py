"""The shipped models are what their recorded figures say."""

from pathlib import Path

import pytest
import torch

from course_utils import models
from course_utils.data import evaluation_documents
from course_utils.huggingface import save_pretrained
from course_utils.sampling import generate, generate_text
from course_utils.training import evaluate, story_world


@pytest.mark.parametrize("name", ["story", "base"])
def test_a_models_recorded_gap_to_the_floor_is_measured_again(name):
    recorded, world = models.figures(name), story_world(models.corpus_options(name))
    gap, error = models.gap_on_new_stories(*models.load(name), n=100, world=world)
    close = 4 * error + 0.0005  # another sample of stories: its own standard error
    assert abs(gap - recorded["gap_to_the_floor_nats_per_token"]) < close
    assert gap > 0  # nothing can be below the floor


@pytest.mark.parametrize("name", ["story", "base"])
def test_the_shipped_stories_are_possible_as_often_as_recorded(name):
    model, tokenizer = models.load(name)
    share = models.share_of_possible_stories(model, tokenizer, n=60, seed=3)
    recorded = models.figures(name)["share_of_possible_stories"]
    assert share > recorded - 4 * (recorded * (1 - recorded) / 60) ** 0.5 - 0.02


def test_the_docstring_model_predicts_docstrings_as_recorded():
    """On a text written for this test: far better than chance, no worse than noted."""
    model, tokenizer = models.load("docstrings")
    text = "Return a new list containing the items of the given iterable in order."
    ids = tokenizer.encode(text)
    end, room = tokenizer.end_of_text, model.config.n_positions
    loss = evaluate(model, evaluation_documents([ids], 1, end, room))
    assert loss < models.figures("docstrings")["validation_loss_nats_per_token"] + 1
    assert " " in generate_text(model, tokenizer, "Return the", 20, temperature=0)


def test_the_models_and_the_package_are_small_enough_to_ship():
    def size(folder):
        return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())

    two = [models.folder_of(name) for name in ("story", "docstrings")]
    assert sum(map(size, two)) <= 6_000_000
    package = Path(models.__file__).parent
    caches = sum(map(size, package.rglob("__pycache__")))
    assert size(package) - caches <= 10_000_000


def test_transformers_runs_the_story_model_token_for_token(tmp_path):
    from transformers import AutoTokenizer, GPT2LMHeadModel

    model, tokenizer = models.load("story")
    save_pretrained(model, tokenizer, tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path)
    text = "One cold morning, Mia the"
    ids = AutoTokenizer.from_pretrained(tmp_path)(text, return_tensors="pt").input_ids
    assert ids.tolist() == [tokenizer.encode(text)]
    expected = theirs.generate(
        ids, max_new_tokens=30, do_sample=False, pad_token_id=tokenizer.end_of_text
    )
    ours = generate(model, ids, 30, temperature=0, end_of_text=tokenizer.end_of_text)
    assert torch.equal(ours, expected)


def test_a_model_that_does_not_ship_is_named():
    with pytest.raises(ValueError, match="name must be one of story, docstrings, base"):
        models.load("poetry")
