"""Texts as several chapters draw them: shades, buttons' colours, and what is kept."""

import torch

from course_utils.figures.tokens import (
    TextOverPanels,
    draw_guesses,
    percent,
    remembered,
    token_colours,
    token_label,
    token_places,
    width,
)

from .geometry import faults

PIECES = [b"One", b" cold", b" day", " 中".encode(), b"\xe4", b"\n"]


def test_a_token_is_told_with_dots_for_spaces_and_bytes_where_it_is_no_text():
    labels = [token_label(piece) for piece in PIECES]
    assert labels == ["One", "·cold", "·day", "·中", "<e4>", "⏎"]
    assert width("·中") == 3


def test_tokens_are_set_in_lines_and_end_with_the_field():
    places = list(token_places([b"abcd"] * 5, columns=9, lines=2))
    assert [(column, line) for column, line, _ in places] == [
        (0, 0),
        (4, 0),
        (0, 1),
        (4, 1),
    ]


def test_shares_are_told_in_whole_percent():
    assert [percent(p) for p in (0, 0.004, 0.125, 0.995, 1)] == [
        "0",
        "<1",
        "12",
        "100",
        "100",
    ]


def test_a_text_stands_over_its_panels_darker_where_its_shade_is_larger():
    shades = [0, 0.1, 0.3, 0.5, 0.9, 1]
    drawing = TextOverPanels(PIECES * 30, shades * 30, 3, "Title", 200)
    draw_guesses(
        drawing,
        (8, drawing.below, 320, 190),
        {"model": {" a": 0.5, " b": 0.1}, "truth": {" a": 0.2, "": 0.001}},
        " b",
    )
    picture = drawing.picture("The tokens of a long text.")
    assert len(picture.labels) == 180 and not faults(picture)
    grounds = [int(ground[1:3], 16) for ground, _ in picture.colours[:6]]
    assert grounds == sorted(grounds, reverse=True) and len(set(grounds)) == 6
    assert token_colours(1)[1] == "white" != token_colours(0)[1]


def test_what_was_asked_is_remembered_until_the_weights_change():
    model, asked = torch.nn.Linear(2, 2), []

    def look(x):
        asked.append(x)
        return model.weight.sum().item() + x

    ask = remembered(model, look)
    assert ask(1) == ask(1) == look(1) and asked == [1, 1]
    with torch.no_grad():
        model.weight.add_(1)
    assert ask(1) == look(1) and len(asked) == 4
