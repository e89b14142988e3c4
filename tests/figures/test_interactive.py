"""Interactive figures, driven in plain Python: no browser and no kernel."""

import pytest
from ipywidgets import HTML, Button, Dropdown, FloatSlider, IntSlider, Text

from course_utils.figures.interactive import Interactive, OverTokens
from course_utils.figures.plots import Picture, new_axes
from course_utils.figures.tokens import TextOverPanels

VIEW = "application/vnd.jupyter.widget-view+json"


def draw(power, side="left"):
    if power == 4:
        raise ValueError("power must be below 4, got 4 <b>")
    figure, axes = new_axes(f"x to the power {power}", "x", "y", height=1, width=2)
    axes.plot([x**power for x in range(4)])
    return Picture(figure, "The line of a power.", f"x to the {power}, {side}")


@pytest.fixture
def figure():
    return Interactive(
        draw,
        power=IntSlider(value=2, min=1, max=5),
        side=Dropdown(options=["left", "right"]),
    )


def test_moving_a_control_changes_the_picture_and_its_alternative(figure):
    before = figure.frame.value
    assert 'alt="x to the 2, left"' in before
    figure.controls["power"].value = 3
    assert 'alt="x to the 3, left"' in figure.frame.value
    figure.controls["side"].value = "right"
    assert 'alt="x to the 3, right"' in figure.frame.value
    assert figure.picture.to_html() == figure.frame.value != before


def test_it_shows_itself_alive_as_still_picture_and_as_the_first_ones_text(figure):
    data, metadata = figure._repr_mimebundle_()
    assert data[VIEW]["model_id"] == figure.model_id
    assert data["image/png"] == figure.picture.base64
    assert metadata["image/png"]["alt"] == "x to the 2, left"
    text = "Interactive figure, controls: power, side. The line of a power."
    text += "\nline 0, 1, 4, 9 at 0, 1, 2, 3"
    assert data["text/plain"] == text
    figure.controls["power"].value = 3
    moved, _ = figure._repr_mimebundle_()
    assert moved["text/plain"] == text and moved["image/png"] != data["image/png"]
    assert figure._ipython_display_ is None


def test_an_error_is_told_above_the_last_picture_and_forgotten_afterwards(figure):
    last = figure.picture.to_html()
    figure.controls["power"].value = 4
    message, picture = figure.frame.value.split("</p>")
    assert 'role="alert"' in message
    assert "ValueError: power must be below 4, got 4 &lt;b&gt;" in message
    assert picture == last
    figure.controls["power"].value = 3
    assert "alert" not in figure.frame.value


def test_an_error_in_the_first_drawing_is_raised():
    with pytest.raises(ValueError, match="power must be below 4"):
        Interactive(draw, power=IntSlider(value=4, min=1, max=5))


def test_every_control_has_a_whole_label_and_reports_as_it_moves_a_text_at_its_end():
    labelled = FloatSlider(value=2, description="The power")
    figure = Interactive(
        lambda the_power, second, word: draw(second),
        the_power=FloatSlider(),
        second=labelled,
        word=Text("a"),
    )
    *controls, _ = figure.children
    assert [c.description for c in controls] == ["the power", "The power", "word"]
    assert all(c.style.description_width == "initial" for c in controls)
    assert [c.continuous_update for c in controls] == [True, True, False]
    assert isinstance(figure.children[-1], HTML)


@pytest.mark.parametrize("control", [3, Button()])
def test_a_control_without_a_value_is_refused_by_name(control):
    with pytest.raises(TypeError, match="power must be a widget with a value, got"):
        Interactive(draw, power=control)


# --- A text whose tokens can be clicked


def draw_tokens(text, token):
    pieces = [word.encode() for word in text.split()]
    chosen = min(token, len(pieces)) - 1
    if not pieces:
        raise ValueError("write at least one word <b>")
    shades = [i / len(pieces) for i in range(len(pieces))]
    title = f"The {chosen + 1}. of {len(pieces)} & more"
    drawing = TextOverPanels(pieces, shades, chosen, title, 60)
    drawing.words((50, drawing.below + 30), "in the panel")
    return drawing.picture(
        "The tokens of a text.", f"alt: {title}", above=["Read <me>"]
    )


@pytest.fixture
def clickable():
    return OverTokens(
        draw_tokens,
        "token",
        lambda picture, i: i + 1,
        text=Text("One cold day One"),
        token=IntSlider(2, 1, 3),
    )


def test_who_clicks_on_a_token_chooses_it(clickable):
    labels = [label for label, _ in clickable.tokens.options]
    assert labels == ["One", "cold", "day", "One\u200b"]  # a browser tells them apart
    assert clickable.tokens.index == 1
    clickable.tokens.index = 2
    assert clickable.controls["token"].value == 3
    assert "The 3. of 4 &amp; more" in clickable.heading.value
    clickable.controls["token"].value = 1
    assert clickable.tokens.index == 0


def test_a_token_beyond_the_sliders_end_chooses_the_last_that_it_has(clickable):
    clickable.tokens.index = 3
    assert clickable.controls["token"].value == 3 and clickable.tokens.index == 2
    clickable.tokens.index = 3  # the slider stays, and the button goes back
    assert clickable.tokens.index == 2


def test_another_text_has_other_buttons(clickable):
    clickable.controls["text"].value = "Two words"
    assert [label for label, _ in clickable.tokens.options] == ["Two", "words"]
    assert clickable.tokens.index == 1
    clickable.controls["text"].value = ""
    assert "write at least one word &lt;b&gt;" in clickable.heading.value
    assert "2. of 2" in clickable.heading.value and len(clickable.tokens.options) == 2


def test_the_buttons_stand_for_the_drawn_tokens_and_the_words_stay(clickable):
    live, still = clickable.frame.value, clickable.picture.to_html()
    for html in (live, still):
        assert 'aria-label="alt: The 2. of 4 &amp; more"' in html
        assert "in the panel" in html
    assert ">cold<" in still and ">cold<" not in live
    assert "Read &lt;me&gt;" in still and "Read &lt;me&gt;" in clickable.heading.value
    ground, ink = clickable.picture.colours[3]
    assert f"nth-of-type(4) {{background: {ground}; color: {ink}}}" in live
    assert clickable._name in live and clickable._name in clickable.tokens._dom_classes
