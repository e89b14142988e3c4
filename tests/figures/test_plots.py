"""Pictures: what they say in words, their colours, and that they leave no trace."""

import base64
import itertools
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from course_utils.figures import plots
from course_utils.figures.plots import Picture, new_axes

PNG = b"\x89PNG\r\n\x1a\n"


def a_picture(title="A line", **words):
    figure, axes = new_axes(title, "x (m)", "y (s)")
    axes.plot([0, 1], [1, 0])
    return Picture(figure, **({"text": "A line that falls."} | words))


def test_a_picture_shows_itself_as_png_and_in_words_and_numbers():
    picture = a_picture(alt="A line from 1 to 0.")
    data, metadata = picture._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    assert (
        data["text/plain"] == repr(picture) == "A line that falls.\nline 1, 0 at 0, 1"
    )
    assert repr(a_picture(numbers="")) == "A line that falls."
    assert metadata["image/png"] == {"width": 672, "alt": "A line from 1 to 0."}


def test_the_same_drawing_gives_the_same_bytes():
    assert a_picture().png == a_picture().png != a_picture("Another title").png


def test_the_html_form_carries_the_alternative_and_nothing_else_of_it_is_markup():
    html = a_picture(alt='"1 < 2" & more').to_html()
    assert 'alt="&quot;1 &lt; 2&quot; &amp; more"' in html
    assert html.count("<") == html.count(">") == 1


@pytest.mark.parametrize("text", ["", "Figure", "   "])
def test_a_text_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match="text must say what the picture shows, got"):
        a_picture(text=text)


def test_pictures_leave_the_settings_as_they_were():
    def settings():  # to look at the backend would choose one
        return {key: matplotlib.rcParams[key] for key in names - {"backend"}}

    names = matplotlib.rcParams.keys()
    with matplotlib.rc_context({"axes.grid": False, "font.size": 21}):
        before = settings()
        a_picture()
        assert settings() == before


def test_a_figure_of_pyplots_is_closed_so_that_jupyter_does_not_show_it_again():
    pyplot.close("all")
    figure, other = pyplot.figure(), pyplot.figure()
    Picture(figure, "An empty figure.")
    assert pyplot.get_fignums() == [other.number]
    pyplot.close("all")


def test_a_learners_own_style_does_not_change_our_pictures():
    expected = a_picture().png
    with matplotlib.rc_context({"font.size": 21, "axes.facecolor": "red"}):
        assert a_picture().png == expected


def test_signs_without_a_font_and_dollars_are_drawn_without_a_warning(recwarn):
    warnings.simplefilter("always")
    a_picture("𓀀 costs $5_{ or $6")
    # What else is warned of meanwhile, such as a file that another test left open, is
    # not the picture's: matplotlib's own are UserWarnings.
    assert not [w for w in recwarn.list if issubclass(w.category, UserWarning)]


def test_a_picture_is_saved_whole(tmp_path):
    picture = a_picture()
    picture.save(tmp_path / "line.png")
    assert (tmp_path / "line.png").read_bytes() == picture.png


# Linear RGB as seen without one kind of cone: Machado, Oliveira and Fernandes (2009),
# "A Physiologically-based Model for Simulation of Color Vision Deficiency", severity 1.
SEEN_BY = {
    "everyone": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


XYZ_OF_RGB = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def linear_rgb(colour):
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    low, high = channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
    return np.where(channels <= 0.04045, low, high)


def lab(rgb):
    """CIE Lab, in which a distance of 2 is just noticed and 15 is plain to see."""
    xyz = XYZ_OF_RGB @ np.clip(rgb, 0, 1) / (XYZ_OF_RGB @ np.ones(3))
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(colour, ground):
    luminances = [XYZ_OF_RGB[1] @ linear_rgb(c) + 0.05 for c in (colour, ground)]
    return max(luminances) / min(luminances)


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_any_two_colours_differ_for_all_eyes(eyes):
    for one, other in itertools.combinations(plots.PALETTE, 2):
        seen = [lab(np.array(SEEN_BY[eyes]) @ linear_rgb(c)) for c in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) > 15, (one, other)


def test_the_measure_of_colours_tells_red_from_green_and_knows_who_does_not():
    red, green = linear_rgb("#C00000"), linear_rgb("#5F6A00")
    apart = {
        eyes: np.linalg.norm(lab(np.array(m) @ red) - lab(np.array(m) @ green))
        for eyes, m in SEEN_BY.items()
    }
    assert apart["everyone"] > 60 and apart["deuteranopia"] < 15


@pytest.mark.parametrize("colour", plots.PALETTE)
def test_every_colour_stands_out_from_the_white_ground(colour):
    assert contrast(colour, "#FFFFFF") >= 3
    assert contrast(plots.DARK, "#FFFFFF") >= 7


def test_curves_show_each_line_on_the_axes_asked_for():
    lines = {"one": ([1, 10, 100], [1.0, 2.0, 3.0]), "two": ([1, 10], [2.0, 2.0])}
    arguments = "A title", "step", "loss", lines, "Two rising lines."
    picture = plots.curves(*arguments)
    assert picture.text == "Two rising lines."
    others = [
        plots.curves(*arguments, xscale="log"),
        plots.curves(*arguments, marker="o"),
        plots.curves(*arguments[:3], {"one": lines["one"]}, arguments[4]),
    ]
    assert len({picture.png, *(other.png for other in others)}) == 4
