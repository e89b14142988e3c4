"""Pictures: what they say in words, their colours, and that they leave no trace."""

import base64
import itertools
import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot

from course_utils import plots
from course_utils.plots import Chapter, Picture, new_axes

PNG = b"\x89PNG\r\n\x1a\n"
TITLE = "Next word"


def a_picture(title="A line", **words):
    figure, axes = new_axes(title, "x (m)", "y (s)")
    axes.plot([0, 1], [1, 0])
    return Picture(figure, **({"text": "A line that falls."} | words))


def history(**columns):
    lists = dict(steps=[], losses=[], validation_steps=[], validation_losses=[])
    return SimpleNamespace(**(lists | columns))


# --- Picture


def test_a_picture_shows_itself_as_png_and_as_its_fixed_text():
    picture = a_picture(alt="A line from 1 to 0.")
    data, metadata = picture._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert base64.b64decode(data["image/png"]).startswith(PNG)
    assert data["text/plain"] == repr(picture) == "A line that falls."
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


# --- Colours

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


# --- The loss curve


def test_the_loss_curves_text_is_the_same_however_the_training_went():
    early = history(steps=[1], losses=[6.2])
    late = history(
        steps=[1, 2, 3],
        losses=[6.2, 3.1, 1.4],
        validation_steps=[3],
        validation_losses=[1.5],
    )
    first, last = plots.loss_curve(early, 1.2), plots.loss_curve(late, 1.2)
    assert first.text == last.text and first.png != last.png
    assert "training from 6.20 to 1.40" in last.alt
    assert "held-out text from 1.50 to 1.50" in last.alt and "floor 1.20" in last.alt


def test_a_loss_curve_without_a_floor_does_not_speak_of_one():
    picture = plots.loss_curve(history(steps=[1, 2], losses=[2.0, 1.0]))
    assert "floor" not in picture.text + picture.alt
    assert picture.png != plots.loss_curve(history(steps=[1], losses=[2.0]), 0.5).png


def test_before_the_first_step_there_is_a_picture_too():
    assert "no step yet" in plots.loss_curve(history(), 1.0).alt


# --- Next words


def test_bars_show_the_likeliest_words_of_either_side_and_say_both_numbers():
    model = {" cat": 0.5, " dog": 0.3, " rock": 0.19, " sea": 0.01}
    truth = {" dog": 0.6, " cat": 0.376, "": 0.024}
    picture = plots.next_word_bars(model, truth, TITLE, n=4)
    assert picture.alt == (
        "Next word (dog: model 30%, truth 60%; cat: model 50%, truth 38%; "
        "rock: model 19%, truth 0%; (the end): model 0%, truth 2%)"
    )


def test_the_bars_text_depends_on_the_truth_alone_even_at_a_rounding_edge():
    truth = {" cat": 0.125, " dog": 0.875}
    nearly = {" cat": 0.125 + 1e-15, " dog": 0.875 - 1e-15}
    one = plots.next_word_bars({" cat": 1.0}, truth, TITLE)
    other = plots.next_word_bars({" sea": 1.0}, nearly, TITLE)
    assert one.text == other.text
    assert "dog 88%, cat 12%" in one.text


def test_without_a_truth_only_the_model_is_shown():
    picture = plots.next_word_bars({" cat": 0.996, ".": 0.004}, {}, TITLE)
    assert "true" not in picture.text
    assert picture.alt == "Next word (cat: model 100%; .: model <1%)"


# --- The map


def test_the_map_names_every_chapter_with_its_times():
    chapters = [Chapter(f"Chapter {n}", 10 * n, 20 + n) for n in range(1, 7)]
    picture = plots.course_map(chapters)
    for n in range(1, 7):
        times = f"runs {10 * n} s, {20 + n} min to study"
        assert f"Chapter {n} ({times})" in picture.text
    assert picture.png != plots.course_map(chapters[:-1]).png


# --- 02 Attention


def head_view(**changes):
    given = dict(
        pieces=[b"One", b" day", b",", " 中".encode()],
        weights=np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None],
        chosen=1,
        guesses={"on": {" a": 0.75, "": 0.25}, "off": {" a": 0.5, " b": 0.5}},
        losses={"on": 1.0, "off": 2.5},
        title="Layer 0, head 1",
    )
    return plots.head_view(**(given | changes))


def test_the_view_of_a_head_tells_where_it_looks_and_the_losses():
    picture = head_view()
    assert "It looks most at One 50%, ·day 50%" in picture.alt
    assert "loss 1.00 with the head on; loss 2.50 with the head off" in picture.alt
    assert head_view(chosen=3, losses={"on": 0, "off": 0}).text == picture.text


@pytest.mark.parametrize(
    "change",
    [
        {"chosen": 2},
        {"weights": np.eye(4)},
        {"guesses": {"on": {" a": 1.0}}},
        {"losses": {"on": 1.0, "off": 3.0}},
    ],
)
def test_the_view_of_a_head_shows_each_thing_that_it_is_given(change):
    assert head_view(**change).png != head_view().png


def test_the_view_of_a_head_holds_a_text_of_any_length():
    n = 300
    picture = head_view(pieces=[b" word"] * n, weights=np.eye(n), chosen=n - 1)
    assert "·word 100%" in picture.alt


# --- 01 Tokenization


def segmentation(**changes):
    given = dict(
        pieces=[b"The", b" caf", b"\xc3", b"\xa9"],
        sizes=[0, 1, 10],
        lengths=[9, 8, 4],
        chosen=10,
    )
    return plots.segmentation(**(given | changes))


def test_a_segmentation_names_its_tokens_and_shows_half_characters_as_bytes():
    picture = segmentation()
    assert "Tokens: The | ·caf | <c3> | <a9>" in picture.alt
    assert "9 bytes cut into 4 tokens by 10 merges" in picture.text


@pytest.mark.parametrize(
    "change",
    [{"pieces": [b"The", b" caf\xc3", b"\xa9"]}, {"lengths": [9, 7, 4]}, {"chosen": 1}],
)
def test_a_segmentation_shows_each_thing_that_it_is_given(change):
    assert segmentation(**change).png != segmentation().png


def test_a_segmentation_holds_no_text_and_a_long_one(recwarn):
    segmentation(pieces=[], lengths=[0, 0, 0])
    segmentation(pieces=[b" word"] * 300)
    assert not recwarn.list


def number_tables(numbers=((1, 2), (3, 4)), strong=(1, 2), label="a (2, 2)"):
    parts = [(label, np.array(numbers), strong), ("b", np.zeros((1, 3)), (9, 9))]
    return plots.number_tables("Two tables", parts, "Two tables of numbers.")


@pytest.mark.parametrize(
    "change",
    [{"numbers": ((1, 2), (3, 5))}, {"strong": (2, 2)}, {"label": "c (2, 2)"}],
)
def test_number_tables_show_each_thing_that_they_are_given(change):
    assert number_tables(**change).png != number_tables().png
    assert number_tables(**change).text == "Two tables of numbers."


# --- 07 Sampling


def knob_bars(**changes):
    given = dict(
        tokens=[b" the", b" a", b"\n"],
        before=[0.5, 0.3, 0.1],
        after=[0.7, 0.3, 0.0],
        title="Two are left",
        samples=["It writes this."],
    )
    return plots.knob_bars(**(given | changes))


def test_the_bars_of_the_knobs_tell_what_is_cut_and_what_is_written():
    picture = knob_bars()
    assert "Two are left; 1 of the 3 shown are cut off. It writes this." in picture.alt
    assert picture.text == knob_bars(after=[1.0, 0.0, 0.0], samples=[]).text


@pytest.mark.parametrize(
    "change",
    [
        {"before": [0.5, 0.3, 0.2]},
        {"after": [0.6, 0.3, 0.1]},
        {"tokens": [b" the", b" a", b"."]},
        {"samples": ["It writes that."]},
    ],
)
def test_the_bars_of_the_knobs_show_each_thing_that_they_are_given(change):
    assert knob_bars(**change).png != knob_bars().png


def beam_tree(**changes):
    last = dict(parent=1, label=b" c", log_prob=-2.5, kept=True) | changes
    first = [plots.Twig(0, b" a", -1.0, True), plots.Twig(0, b" b", -2.0, True)]
    return plots.beam_tree([first, [plots.Twig(**last)]], "Two steps")


def test_a_beam_tree_names_the_last_texts_and_shows_each_thing():
    picture = beam_tree()
    assert picture.alt.endswith("Last step: ·c -2.5;")
    for change in ({"parent": 0}, {"label": b"d"}, {"log_prob": -3.0}, {"kept": False}):
        assert beam_tree(**change).png != picture.png


# --- Training panels


def test_training_panels_say_the_same_at_every_step_and_have_numbers_in_the_alt():
    columns = {"learning_rates": [0.1], "gradient_norms": [2.0]}
    columns |= {"tokens_per_second": [900.0], "validation_steps": [1]}
    full = history(steps=[1], losses=[4.0], validation_losses=[3.0], **columns)
    empty = history(learning_rates=[], gradient_norms=[], tokens_per_second=[])
    first, last = plots.training_panels(empty), plots.training_panels(full, 0.5, "Hi!")
    assert first.text == last.text and "gradient norm" in last.text
    assert "no step yet" in first.alt and "floor" not in first.alt
    assert "training loss from 4.00 to 4.00; floor 0.50; it writes: Hi!" in last.alt
    assert last.png != plots.training_panels(full, 0.5).png  # the text is drawn


# --- 04 Cross-entropy


def story_losses(**changes):
    given = dict(
        pieces=[b"One", b" cold", b" day"],
        model=[0.0, 2.5, 0.5],
        truth=[0.0, 2.0, 0.25],
        chosen=1,
        guesses={"model": {" cold": 0.5, " hot": 0.5}, "truth": {" cold": 1.0}},
        title="Word 2",
    )
    return plots.story_losses(**(given | changes))


def test_the_losses_of_a_story_tell_what_the_framed_word_costs():
    picture = story_losses()
    assert "The framed word ·cold costs the model 2.50 nats, the truth 2.00" in (
        picture.alt
    )
    assert story_losses(chosen=2).text == picture.text


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": [b"One", b" hot", b" day"]},
        {"model": [0.0, 2.5, 1.5]},
        {"truth": [0.0, 2.0, 1.0]},
        {"chosen": 2},
        {"guesses": {"model": {" cold": 1.0}, "truth": {" cold": 1.0}}},
        {"title": "Another word"},
    ],
)
def test_the_losses_of_a_story_show_each_thing_that_they_are_given(change):
    assert story_losses(**change).png != story_losses().png


def test_the_losses_of_a_text_can_be_shown_where_no_truth_is_known():
    picture = story_losses(truth=None, guesses={"model": {" cold": 0.5, " hot": 0.5}})
    assert "true" not in picture.text and "truth" not in picture.alt
    assert "costs the model 2.50 nats" in picture.alt
    assert picture.png != story_losses().png


# --- 08 Hugging Face's GPT-2


def test_the_lens_shows_each_thing_that_it_is_given():
    given = dict(
        pieces=[b"One", b" day"],
        guesses=[[b" x", b"y"], [b" day", b"y"], [b" day", b","]],
        chances=[[0.1, 0.2], [0.5, 0.3], [0.9, 0.4]],
        title="A lens",
    )
    picture = plots.layer_lens(**given)
    assert "After the last token: y, y, ,." in picture.alt
    for change in (
        {"pieces": [b"Two", b" day"]},
        {"guesses": [[b" x", b"z"], *given["guesses"][1:]]},
        {"guesses": [[b" day", b"y"], *given["guesses"][1:]]},  # framed now
        {"chances": [[0.1, 0.9], *given["chances"][1:]]},
        {"title": "Another"},
    ):
        other = plots.layer_lens(**(given | change))
        assert other.png != picture.png and other.text == picture.text


# --- 05 Optimization


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


def test_a_recorded_run_says_that_it_was_made_beforehand():
    run, other, rates = [4.0, 2.0], [5.0, 4.5], [0.5, 1.0, 0.5, 0.0]
    picture = plots.run_among_others("Peak 0.1", run, [run, other], rates)
    assert "ends at 2.00" in picture.alt and "One of 2 recorded runs" in picture.alt
    assert "recorded" in picture.text and "2.00" not in picture.text
    for change in (
        [other, [run, other], rates],
        [run, [run], rates],
        [run, [run], run],
    ):
        assert plots.run_among_others("Peak 0.1", *change).png != picture.png


def held_out_curves(**changes):
    run = dict(steps=[1, 2], losses=[4.0, 2.0], validation_steps=[2])
    plain = history(**run | {"validation_losses": [3.0]} | changes)
    dropped = history(**run | {"validation_losses": [2.5]})
    return plots.held_out_curves({("few", 0.0): plain, ("few", 0.2): dropped}, 0.5)


def test_held_out_curves_tell_their_ends_and_show_both_losses():
    picture = held_out_curves()
    assert "few, dropout 0.0: held out at the end 3.00" in picture.alt
    assert "few, dropout 0.2: held out at the end 2.50" in picture.alt
    for change in ({"losses": [4.0, 1.0]}, {"validation_losses": [3.5]}):
        other = held_out_curves(**change)
        assert other.text == picture.text and other.png != picture.png


def test_what_was_written_at_a_step_is_told_and_its_place_shown():
    picture = plots.written_at([4.0, 2.0, 1.0], 0.5, 2, "One hot day", "impossible")
    assert "After step 2: impossible. It writes: One hot day" in picture.alt
    later = plots.written_at([4.0, 2.0, 1.0], 0.5, 3, "One hot day", "impossible")
    assert later.text == picture.text and later.png != picture.png


ANSWER = dict(
    pieces=[b"Who?", b" A", b" cat", b"."],
    chances=[0.9, 0.6, 1.0],
    chosen=1,
    guess={" cat": 0.6, " dog": 0.3},
    above=["The model: A cat.", "Right answer: A dog. (not the same)"],
)


def test_an_answer_is_told_in_words_above_its_picture():
    picture = plots.answer_view(**ANSWER | {"above": ["The model: 猫 & <b>"]})
    assert picture.to_html().startswith("<p>The model: 猫 &amp; &lt;b&gt;</p><img")
    assert "token ·cat had 60 percent" in plots.answer_view(**ANSWER).alt


@pytest.mark.parametrize(
    "change",
    [
        {"pieces": [b"Why?", b" A", b" cat", b"."]},
        {"chances": [0.9, 0.6, 0.5]},
        {"chosen": 2},
        {"guess": {" cat": 0.6, " cow": 0.3}},
    ],
)
def test_the_view_of_an_answer_shows_each_thing_that_it_is_given(change):
    assert plots.answer_view(**ANSWER | change).png != plots.answer_view(**ANSWER).png
