"""Interactive figures, driven in plain Python: no browser and no kernel."""

import pytest
from ipywidgets import HTML, Button, Dropdown, FloatSlider, IntSlider

from course_utils.figures.interactive import Interactive
from course_utils.figures.plots import Picture, new_axes

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


def test_every_control_has_a_whole_label_and_reports_when_its_movement_ends():
    labelled = FloatSlider(value=2, description="The power")
    figure = Interactive(
        lambda the_power, second: draw(second), the_power=FloatSlider(), second=labelled
    )
    assert [c.description for c in figure.children[:-1]] == ["the power", "The power"]
    assert all(c.style.description_width == "initial" for c in figure.children[:-1])
    assert not any(c.continuous_update for c in figure.children[:-1])
    assert isinstance(figure.children[-1], HTML)


@pytest.mark.parametrize("control", [3, Button()])
def test_a_control_without_a_value_is_refused_by_name(control):
    with pytest.raises(TypeError, match="power must be a widget with a value, got"):
        Interactive(draw, power=control)
