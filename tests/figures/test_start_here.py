"""Next words beside the true ones, and the map of the course."""

import pytest

from course_utils import models
from course_utils.figures import start_here
from course_utils.figures.start_here import (
    NextWord,
    course_map,
    next_word_bars,
    split_begun_word,
    with_beginning,
)
from course_utils.pages import PAGES
from course_utils.world import World

TITLE = "Next word"


def test_bars_show_the_likeliest_words_of_either_side_and_say_both_numbers():
    model = {" cat": 0.5, " dog": 0.3, " rock": 0.19, " sea": 0.01}
    truth = {" dog": 0.6, " cat": 0.376, "": 0.024}
    picture = next_word_bars(model, truth, TITLE, n=4)
    assert picture.alt == (
        "Next word (dog: model 30%, truth 60%; cat: model 50%, truth 38%; "
        "rock: model 19%, truth 0%; (the end): model 0%, truth 2%)"
    )


def test_the_bars_text_depends_on_the_truth_alone_even_at_a_rounding_edge():
    truth = {" cat": 0.125, " dog": 0.875}
    nearly = {" cat": 0.125 + 1e-15, " dog": 0.875 - 1e-15}
    one = next_word_bars({" cat": 1.0}, truth, TITLE)
    other = next_word_bars({" sea": 1.0}, nearly, TITLE)
    assert one.text == other.text
    assert "dog 88%, cat 12%" in one.text


def test_without_a_truth_only_the_model_is_shown():
    picture = next_word_bars({" cat": 0.996, ".": 0.004}, {}, TITLE)
    assert "true" not in picture.text
    assert picture.alt == "Next word (cat: model 100%; .: model <1%)"


def test_the_map_names_every_page_in_its_place_with_its_times():
    picture = course_map(PAGES)
    places = [
        picture.text.index(
            f"{page.label} (runs {page.seconds_to_run} s, "
            f"{page.minutes_to_study} min to study)"
        )
        for page in PAGES
    ]
    assert places == sorted(places)
    assert picture.png != course_map(PAGES[:-1]).png


class TwoWordWorld:
    def next_words(self, prefix):
        return {" cat": 0.75, " dog": 0.25} if prefix.startswith("A") else {}


@pytest.fixture
def next_word(monkeypatch):
    def next_words(model, tokenizer, prompt, n):
        if prompt == "too long":
            raise ValueError("ids must fit into n_positions")
        return {" cat": 0.5, " dog": 0.4, " $": 0.1}

    monkeypatch.setattr(start_here, "next_words", next_words)
    return NextWord("model", "tokenizer", TwoWordWorld(), "A")


def test_next_word_draws_the_models_bars_beside_the_true_ones(next_word):
    assert "cat: model 50%, truth 75%" in next_word.picture.alt
    assert "“A”" in next_word.picture.alt
    assert "True are: cat 75%, dog 25%." in next_word.text


def test_next_word_follows_the_prompt_and_says_when_the_world_knows_none(next_word):
    next_word.controls["prompt"].value = "Nonsense"
    assert "The world never tells this" in next_word.picture.alt
    assert "truth" not in next_word.picture.alt
    next_word.controls["prompt"].value = "A"
    assert "truth 75%" in next_word.picture.alt


def test_next_word_shortens_a_long_prompt_and_tells_of_an_impossible_one(next_word):
    next_word.controls["prompt"].value = "A" + 80 * "b"
    assert "“…" + 29 * "b" + "”" in next_word.picture.alt
    next_word.controls["prompt"].value = "too long"
    assert "ids must fit into n_positions" in next_word.frame.value


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("One cold morning, Mia the bak", " bak"),
        ("O", "O"),
        ("One cold morning, Mia the", ""),
        ("One cold morning, Mia the baker", ""),
        ("One cold morning, Mia the baker found a", ""),  # a word, and of "an" a part
        ("One cold morning, ", ""),
        ("Nonsense", ""),
        ("", ""),
    ],
)
def test_a_beginning_that_stops_inside_a_word_is_told_from_others(prompt, begun):
    found = split_begun_word(prompt, World().next_words(prompt))
    assert found == (prompt.removesuffix(begun), begun)


def test_chances_of_words_with_a_beginning_are_those_given_that_one_comes():
    chances = {" baker": 0.3, " butcher": 0.1, " cat": 0.6}
    assert with_beginning(chances, " b") == pytest.approx(
        {" baker": 0.75, " butcher": 0.25}
    )
    assert with_beginning(chances, " x") == {}


def test_inside_a_word_whole_words_are_compared():
    world = World()
    figure = NextWord(*models.load("story"), world, "One cold morning, Mia the b")
    assert "Which word begins with “b”?" in figure.picture.alt
    assert "baker: model 5" in figure.picture.alt  # 50 and some percent
    assert "truth 50%" in figure.picture.alt and " a:" not in figure.picture.alt
    figure.controls["prompt"].value = "One cold morning, Mia the baker f"
    assert "found: model" in figure.picture.alt
    figure.controls["prompt"].value = "One cold morning, Mia the baker"
    assert "What follows" in figure.picture.alt
