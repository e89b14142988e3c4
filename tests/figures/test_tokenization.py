"""A text cut into tokens, of any length and any bytes."""

import pytest

from course_utils.figures import tokenization


def segmentation(**changes):
    given = dict(
        pieces=[b"The", b" caf", b"\xc3", b"\xa9"],
        sizes=[0, 1, 10],
        lengths=[9, 8, 4],
        chosen=10,
    )
    return tokenization.segmentation(**(given | changes))


def test_a_segmentation_names_its_tokens_and_shows_half_characters_as_bytes():
    picture = segmentation()
    assert "Tokens: The | ·caf | <c3> | <a9>" in picture.alt
    assert "9 bytes cut into 4 tokens by 10 merges" in picture.text


@pytest.mark.parametrize(
    "change",
    [{"pieces": [b"The", b" caf\xc3", b"\xa9"]}, {"lengths": [9, 7, 4]}, {"chosen": 1}],
)
def test_a_segmentation_shows_each_thing_that_it_is_given(change):
    assert segmentation(**change).to_html() != segmentation().to_html()


def test_a_segmentation_holds_no_text_and_a_long_one(recwarn):
    segmentation(pieces=[], lengths=[0, 0, 0])
    segmentation(pieces=[b" word"] * 300)
    assert not recwarn.list
