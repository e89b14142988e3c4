"""The table of a model's guesses after each layer."""

from course_utils.figures.huggingface import layer_lens


def test_the_lens_shows_each_thing_that_it_is_given():
    given = dict(
        pieces=[b"One", b" day"],
        guesses=[[b" x", b"y"], [b" day", b"y"], [b" day", b","]],
        chances=[[0.1, 0.2], [0.5, 0.3], [0.9, 0.4]],
        title="A lens",
    )
    picture = layer_lens(**given)
    assert "After the last token: y, y, ,." in picture.alt
    for change in (
        {"pieces": [b"Two", b" day"]},
        {"guesses": [[b" x", b"z"], *given["guesses"][1:]]},
        {"guesses": [[b" day", b"y"], *given["guesses"][1:]]},  # framed now
        {"chances": [[0.1, 0.9], *given["chances"][1:]]},
        {"title": "Another"},
    ):
        other = layer_lens(**(given | change))
        assert other.png != picture.png and other.text == picture.text
