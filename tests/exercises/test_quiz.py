"""The concept inventory: true items, no names, a class's gain, exports."""

import html
import io
import json
import re
import sys

import nbformat
import pytest

from course_utils import commands
from course_utils.exercises.course import CATALOGUE
from course_utils.exercises.quiz import command, export, results
from course_utils.exercises.quiz.items import ITEMS, LETTERS

every_item = pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.concept)
RIGHT = {item.concept: item.right for item in ITEMS}


def others(item):
    """Return the letters of an item's wrong options."""
    return [letter for letter in LETTERS if letter != item.right]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sit(monkeypatch, when, letters):
    lines = "".join(f"{letters.get(item.concept, '')}\n" for item in ITEMS)
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    return commands.main(["quiz", f"--{when}"])


def test_there_are_about_25_over_the_whole_course():
    assert 24 <= len(ITEMS) <= 27
    assert len(RIGHT) == len(ITEMS)
    chapters = {item.exercise.partition(".")[0] for item in ITEMS}
    assert len(chapters) >= 9
    letters = [*RIGHT.values()]
    assert all(letters.count(letter) >= 3 for letter in LETTERS)


@every_item
def test_an_items_options_are_the_solution_and_three_mistakes(item):
    task = CATALOGUE.find(item.exercise)
    titles = {wrong.title for wrong in task.misconceptions}
    assert {option.mistake for option in item.options} == {"", *item.mistakes}
    assert set(item.mistakes) <= titles
    texts = [option.text for option in item.options]
    assert len(set(texts)) == 4
    assert all(texts), "an option that raises has no text"
    assert not any(text == "None" or len(text) > 80 for text in texts)


def test_a_sitting_is_saved_without_a_name_and_joined_with_the_next(
    folder, monkeypatch, capsys
):
    assert sit(monkeypatch, "before", {}) == 0
    assert f"0 of {len(ITEMS)} right" in capsys.readouterr().out
    assert sit(monkeypatch, "after", RIGHT) == 0
    assert f"{len(ITEMS)} of {len(ITEMS)} right" in capsys.readouterr().out
    first, second = sorted(results.read(folder), key=lambda s: s.n_right)
    assert (first.when, second.when) == ("before", "after")
    assert first.code == second.code
    for path in folder.glob("quiz-*.json"):
        assert set(json.loads(path.read_text("utf-8"))) == {
            "version",
            "when",
            "code",
            "chosen",
        }


def test_mistakes_are_told_after_the_course_only(folder, monkeypatch, capsys):
    item = ITEMS[0]
    wrong = {item.concept: others(item)[0]}
    mistake = item.options[LETTERS.index(others(item)[0])].mistake
    sit(monkeypatch, "before", wrong)
    assert mistake not in capsys.readouterr().out
    sit(monkeypatch, "after", wrong)
    assert f"{item.concept}: {mistake}." in capsys.readouterr().out


def test_another_letter_is_asked_again(folder, monkeypatch, capsys):
    lines = "z\n" + "".join(f"{letter.lower()}\n" for letter in RIGHT.values())
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    assert command.main(["--before"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("one of A, B, C, D") == 1
    assert f"{len(ITEMS)} of {len(ITEMS)} right" in printed


def test_a_class_gains_by_concept(tmp_path):
    learnt, left = ITEMS[0], ITEMS[1]
    for person in range(12):
        home = tmp_path / str(person)
        home.mkdir()
        before = {learnt.concept: RIGHT[learnt.concept]} if person < 3 else {}
        results.save("before", before, home)
        after = {
            learnt.concept: RIGHT[learnt.concept],
            left.concept: others(left)[person % 3 > 0],
        }
        results.save("after", after, home)
    (tmp_path / "only_one").mkdir()
    results.save("before", RIGHT, tmp_path / "only_one")
    n, gains = results.gains(results.read(tmp_path))
    assert n == 12
    by_concept = {gain.concept: gain for gain in gains}
    gain = by_concept[learnt.concept]
    assert (gain.before, gain.after, gain.normalised) == (0.25, 1.0, 1.0)
    mean, width = gain.gained
    # 9 of 12 gained 1: s = 0.4523, t = 2.201 with 11 degrees, t · s / √12
    assert mean == pytest.approx(0.75)
    assert width == pytest.approx(0.2874, abs=1e-4)
    assert by_concept[left.concept].gained == (0.0, 0.0)
    second = left.options[LETTERS.index(others(left)[1])].mistake
    assert by_concept[left.concept].mistakes[0] == (second, 8)
    text = command._gain_text(tmp_path)
    assert "12 people sat both" in text
    assert f"{second} (8)" in text
    assert len(text.split("\n")) == len(ITEMS) + 2


def test_who_sat_once_tells_no_gain(tmp_path, capsys):
    results.save("before", RIGHT, tmp_path)
    assert command.main(["--gain", str(tmp_path)]) == 0
    assert "1 sittings, and nobody who sat both" in capsys.readouterr().out
    results.save("after", RIGHT, tmp_path)
    (gain, *_) = results.gains(results.read(tmp_path))[1]
    assert gain.gained is None
    assert gain.normalised is None
    assert command.main(["--gain", str(tmp_path / "none")]) == 1
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[1]",
        '{"when": "never", "code": "x", "chosen": {}}',
        '{"when": "after", "code": 1, "chosen": {}}',
        '{"when": "after", "code": "x", "chosen": 3}',
    ],
)
def test_a_damaged_sitting_is_passed_over(tmp_path, content):
    (tmp_path / "quiz-after-x.json").write_text(content, "utf-8")
    assert results.read(tmp_path) == []


def test_what_no_option_says_is_not_believed(tmp_path):
    path = results.save("after", RIGHT, tmp_path)
    content = json.loads(path.read_text("utf-8"))
    content["chosen"] |= {ITEMS[0].concept: "my own", "no concept": ""}
    path.write_text(json.dumps(content), "utf-8")
    (sitting,) = results.read(tmp_path)
    assert sitting.n_right == len(ITEMS) - 1
    with pytest.raises(ValueError, match="no item is about 'no concept'"):
        results.chosen({"no concept": "A"})
    with pytest.raises(ValueError, match="'before' or 'after', got 'now'"):
        results.save("now", {}, tmp_path)


GIFT_ITEM = re.compile(r"::(.+?)::\[html\]<p>(.+?)</p> \{\n((?:\t.+\n){4})\}\n")
GIFT_OPTION = re.compile(r"\t([=~])<code>(.+?)</code>#(.+)")


def unescaped(text):
    return html.unescape(re.sub(r"\\(.)", r"\1", text))


def test_moodle_gets_every_item_with_its_feedback(tmp_path):
    path = tmp_path / "quiz.gift"
    assert command.main(["--gift", str(path)]) == 0
    found = GIFT_ITEM.findall(path.read_text("utf-8"))
    assert len(found) == len(ITEMS)
    for item, (concept, question, options) in zip(ITEMS, found, strict=True):
        assert unescaped(concept) == item.concept
        assert unescaped(question) == item.question
        for option, line in zip(item.options, options.splitlines(), strict=True):
            mark, text, why = GIFT_OPTION.fullmatch(line).groups()
            assert (mark == "=") is (option.mistake == "")
            assert unescaped(text) == option.text
            assert unescaped(why) == option.why
            assert not re.search(r"(?<!\\)[~=#{}:]", text + why)


def test_as_a_notebook_it_runs_and_saves(tmp_path, folder, capsys):
    path = tmp_path / "quiz.ipynb"
    assert command.main(["--notebook", str(path)]) == 0
    page = nbformat.read(path, as_version=4)
    nbformat.validate(page)
    words = [cell.source for cell in page.cells if cell.cell_type == "markdown"]
    for number, item in enumerate(ITEMS, start=1):
        assert words[number].startswith(f"**{number}. {item.concept}.**")
        assert all(f"`{option.text}`" in words[number] for option in item.options)
    names = {}
    for cell in page.cells:
        if cell.cell_type == "code":
            exec(cell.source.replace("= ''", "= 'A'"), names)
    (sitting,) = results.read(folder)
    assert sitting.when == "before"
    assert len(sitting.chosen) == len(ITEMS)
    assert export.notebook() == export.notebook()
