"""Depth: only answers count, and the record shows that it pays."""

import random
from dataclasses import replace

import pytest

from course_utils import models
from course_utils.confidence import paired
from course_utils.cross_entropy import IGNORE
from course_utils.experiments import depth
from course_utils.world import Riddles


@pytest.mark.parametrize(("look_ups", "words"), [((1,), "one"), ((2,), "two")])
def test_answers_and_nothing_else_are_targets(look_ups, words):
    tokenizer, text = models.load("story")[1], Riddles().sample(random.Random(4)).text
    inputs, targets = depth.batch_of(
        [text, text[: text.index(" Call")]], tokenizer, look_ups
    )
    assert inputs.shape == targets.shape
    counted = tokenizer.decode(targets[0][targets[0] != IGNORE].tolist())
    all_answers = depth.answers(text)
    assert counted == "".join(text[a:b] for a, b, n in all_answers if n in look_ups)


def test_a_run_is_repeatable_and_seeds_differ():
    few = replace(depth.QUICK, blocks=(1,), steps=2)
    assert depth.run(few, 1) == depth.run(few, 1) != depth.run(few, 2)


def test_four_blocks_answer_what_one_block_cannot():
    record = depth.recorded()
    for which, least in {"all": 0.03, "two": 0.3}.items():
        one, four = (record.each("gaps", blocks, which) for blocks in ("1", "4"))
        pays = paired(one, four)
        assert pays.mean >= least and pays.p < 0.01, (which, str(pays))
