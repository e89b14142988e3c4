"""Drawings of the page on the inside of a model."""

import pytest
import torch

from course_utils import models
from course_utils.figures.inside import PatchingGrid, dot_rows, patching_grid
from course_utils.inside.pairs import place_pairs
from tests.figures.geometry import faults


def test_the_path_joins_the_places_that_restore_most():
    shares = torch.tensor([[0, 0.9, 0, 0], [0, 0.1, 0, 0.8], [-0.2, 0, 0, 1.0]])
    pieces = [b"Mia", b" at", b" the", b" mill"]
    names = ["dropout", "blocks.0", "blocks.1"]
    picture = patching_grid(pieces, shares, names, "a title")
    assert not faults(picture)
    assert "embedding at 1 (·at) 0.90, block 0 at 3 (·mill) 0.80" in picture.numbers


def test_the_slider_draws_another_pair():
    model, tokenizer = models.load("story")
    pairs = place_pairs(tokenizer, 3)
    figure = PatchingGrid(model, tokenizer, pairs)
    for i in range(3):
        figure.controls["pair"].value = i
        fact, last = int(pairs.fact[i]), int(pairs.last[i])
        assert f"embedding at {fact} " in figure.picture.numbers
        assert f"block 0 at {last} " in figure.picture.numbers
        assert not faults(figure.picture)
        answer = tokenizer.decode([int(pairs.answer[i])])
        assert f"restores{answer} in" in figure.picture.title


@pytest.mark.parametrize("n", [1, 24])
def test_rows_of_dots(n):
    rows = {
        f"a fact {i}": {"trained": (i / n, 0.05), "untrained": (1.0, 0.0)}
        for i in range(n)
    }
    picture = dot_rows("title", "share", rows, "Dots in a row.")
    assert not faults(picture)
    assert "a fact 0: trained 0.00, untrained 1.00" in picture.numbers
