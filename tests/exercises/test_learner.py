"""What a learner calls on a page, what is kept of it, and the cards that show it."""

import contextlib
import dataclasses
import io
import json
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from course_utils import exercises as course
from course_utils.exercises.course import CATALOGUE, LEARNER
from course_utils.exercises.engine import live, out_of_order, store
from course_utils.exercises.engine.cards import verdict_card
from course_utils.exercises.engine.diagnosis import check
from course_utils.exercises.engine.learner import Session
from course_utils.exercises.engine.questions import Question, choose

find = CATALOGUE.find
LOCK = "progress.json.lock"
NAME = "attention.causal_mask"


def wrong_mask(T):
    return torch.ones(T, T).triu().bool()


def right_mask(T):
    return torch.ones(T, T).tril().bool()


# --- what the learner calls -----------------------------------------------------------


def test_a_stub_gives_the_course_version_and_a_wrong_answer_stays_ones_own(capsys):
    def stub(T): ...

    assert course.exercise(NAME)(stub) is find(NAME).reference
    assert "not started" in capsys.readouterr().out
    assert course.exercise(NAME)(wrong_mask) is wrong_mask
    out = capsys.readouterr().out
    assert "Diagnosis: mask transposed. Your row 0 sees the future" in out
    assert f'hint("{NAME}")' in out
    assert course.exercise(NAME)(right_mask) is right_mask
    assert "solved" in capsys.readouterr().out


def test_mine_is_the_solved_function_else_the_courses(capsys):
    assert course.mine(NAME) is find(NAME).reference
    course.exercise(NAME)(wrong_mask)
    assert course.mine(NAME) is find(NAME).reference
    course.exercise(NAME)(right_mask)
    assert course.mine(NAME) is right_mask


def test_mine_comes_back_in_a_later_notebook_if_it_still_solves(monkeypatch):
    source = "import torch\ndef f(T): return torch.ones(T, T).tril().bool()\n"
    store.record(NAME, solved=True, source=source + "__answer__ = f\n")
    own = course.mine(NAME)
    assert own is not find(NAME).reference
    assert own(2).tolist() == [[True, False], [True, True]]
    for broken in ("f(", "__answer__ = 3", "x = 1", "while True: pass"):
        monkeypatch.setattr(LEARNER, "session", Session())
        slow = dataclasses.replace(find(NAME), seconds=0.3)
        monkeypatch.setattr(CATALOGUE, "find", lambda name, slow=slow: slow)
        store.record(NAME, source=broken)
        assert course.mine(NAME) is slow.reference


def test_hints_come_one_at_a_time_and_the_solution_to_whoever_asks_twice():
    texts = [course.hint(NAME).text for _ in range(4)]
    assert [text.split("Hint ")[1][0] for text in texts] == ["1", "2", "3", "1"]
    assert "def causal_mask" not in course.solution(NAME).text
    assert "def causal_mask" in course.solution(NAME).text
    assert store.load()[NAME]["hints"] == 4


def test_progress_counts_what_is_solved_in_all_notebooks(capsys):
    course.exercise(NAME)(right_mask)
    store.record("tokenization.decode", solved=True)
    text = str(course.progress())
    assert "1 of" in text.split("tokenization")[1].split("\n")[0]
    assert "1 of" in text.split("attention")[1].split("\n")[0]


def test_whose_answers_the_same_text_for_every_learner(capsys):
    before = str(course.whose(NAME))
    course.exercise(NAME)(right_mask)
    assert str(course.whose(NAME)) == before


# --- the progress file ----------------------------------------------------------------


def test_what_was_recorded_stays_and_is_added_to():
    store.record("a.b", misconception="x")
    store.record("a.b", misconception="y", hints=2)
    store.record("a.b", solved=True, source="s", misconception="x", hints=1)
    store.record("a.b")
    entry = store.load()["a.b"]
    assert entry == {
        "solved": True,
        "hints": 2,
        "misconceptions": ["x", "y"],
        "source": "s",
    }


def test_a_stub_leaves_no_file(tmp_path, capsys):
    def stub(T): ...

    course.exercise(NAME)(stub)
    course.progress(), course.mine(NAME), course.recall("attention")
    assert list(tmp_path.iterdir()) == []


DAMAGED = [
    '{"version": 1, "exercises": ',
    '{"version": 1, "exercises": {"a": 3}}',
    '{"exercises": {}}',
    '"exercises"\x00\xff',
    "[" * 100_000 + '"exercises"',
]
FOREIGN = ["# Notes", "[]", '{"version": 1}', '{"version": 9, "exercises": {}}', "\xff"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_progress_file_is_set_aside_and_not_lost(tmp_path, content):
    for number in ("", "-1"):
        (path,) = store.places()
        path.write_text(content, encoding="latin-1")
        assert store.load() == {}
        assert store.record("a.b", solved=True) == ""
        assert store.load()["a.b"]["solved"]
        aside = tmp_path / f"progress.unreadable{number}.json"
        assert aside.read_text(encoding="latin-1") == content


@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_that_is_not_ours_is_neither_moved_nor_changed(tmp_path, content):
    (path,) = store.places()
    path.write_text(content, encoding="latin-1")
    assert "something else than a progress file" in store.record("a.b", solved=True)
    assert path.read_text(encoding="latin-1") == content
    assert {p.name for p in tmp_path.iterdir()} <= {"progress.json", LOCK}
    assert store.load()["a.b"]["solved"], "kept as long as the kernel runs"
    path.unlink()
    assert store.record("c.d", solved=True) == ""
    assert set(json.loads(path.read_text())["exercises"]) == {"a.b", "c.d"}


def test_a_folder_named_as_progress_file_keeps_its_name_and_takes_the_file(
    tmp_path, monkeypatch
):
    (tmp_path / "thesis" / "deep").mkdir(parents=True)
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "thesis"))
    assert store.record("a.b", solved=True) == ""
    assert (tmp_path / "thesis" / "deep").is_dir()
    assert "a.b" in (tmp_path / "thesis" / "course_progress.json").read_text()


def test_a_folder_in_the_place_of_our_own_file_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2-course" / "progress.json" / "theirs").mkdir(parents=True)
    assert store.record("a.b", solved=True) == ""
    assert (tmp_path / "gpt2-course" / "progress.json" / "theirs").is_dir()
    assert "a.b" in (tmp_path / "course_progress.json").read_text()
    assert store.load()["a.b"]["solved"]


@pytest.mark.parametrize("broken", ["no home", "home is read-only", "no such user"])
def test_without_a_home_progress_is_kept_beside_the_notebook(
    tmp_path, monkeypatch, broken
):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.chdir(tmp_path)
    if broken == "home is read-only":
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("HOME", str(tmp_path / "file"))
    else:
        monkeypatch.setattr(Path, "home", no_home)
    if broken == "no such user":
        monkeypatch.setenv("COURSE_PROGRESS", "~nobody-of-this-name/progress.json")
    assert store.record("a.b", solved=True) == ""
    assert store.load()["a.b"]["solved"]
    assert "a.b" in (tmp_path / "course_progress.json").read_text()


def no_home():
    raise RuntimeError("Could not determine home directory.")


def test_progress_that_cannot_be_saved_is_kept_and_said_only_where_nothing_compares(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    course.exercise(NAME)(right_mask)
    out = " ".join(capsys.readouterr().out.split())
    assert "solved" in out and "could not be saved" not in out
    assert "attention       ■□" in course.progress().text
    help_ = LEARNER._help(find(NAME), wrong_mask, store.record("a.b", hints=1))
    assert "could not be saved" in help_.build().children[1].value


def test_two_notebooks_writing_at_once_lose_nothing(tmp_path):
    names = [f"a.e{i}" for i in range(24)]
    with ThreadPoolExecutor(8) as pool:
        problems = list(pool.map(lambda name: store.record(name, solved=True), names))
    assert set(problems) == {""}
    assert set(store.load()) == set(names)
    assert {path.name for path in tmp_path.iterdir()} <= {"progress.json", LOCK}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_many_processes_writing_at_once_lose_nothing():
    with multiprocessing.get_context("fork").Pool(8) as pool:
        problems = pool.map(record_ten, range(8))
    assert not any("".join(own) for own in problems)
    assert len(store.load()) == 80


def record_ten(process):
    return [store.record(f"p{process}.e{i}", solved=True) for i in range(10)]


def test_a_lock_left_behind_by_a_crash_blocks_nobody(tmp_path):
    (tmp_path / LOCK).touch()
    assert store.record("a.b", solved=True) == ""
    assert store.load()["a.b"]["solved"]


def test_the_file_is_in_the_users_data_folder_or_beside_the_notebook_on_colab(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert store.places()[0] == tmp_path / "data/gpt2-course/progress.json"
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    assert store.places() == [Path("course_progress.json")]


# --- cards ----------------------------------------------------------------------------


def all_cards():
    task = find(NAME)
    functions = {
        "solved": right_mask,
        "not yet": wrong_mask,
        "error": lambda T: [][T],
        "not started": lambda T: ...,
    }
    for status, function in functions.items():
        verdict = check(task, function)
        assert verdict.status == status
        yield verdict_card(task, verdict)


def test_text_and_html_of_a_card_say_the_same_and_nothing_that_changes():
    import html
    import re

    for card in all_cards():
        words = re.sub(r"<[^>]+>", " ", card.html)
        in_html = set(re.findall(r"\w+", html.unescape(words)))
        assert set(re.findall(r"\w+", card.text)) <= in_html
        assert "0x" not in card.text
    assert [card.html for card in all_cards()] == [card.html for card in all_cards()]


def test_a_card_shows_no_memory_address():
    def odd(T):
        raise ValueError(f"bad {object()}")

    task = find(NAME)
    first = verdict_card(task, check(task, odd)).text
    assert "0x…" in first and first == verdict_card(task, check(task, odd)).text


def test_html_of_a_card_is_escaped():
    def evil(T):
        raise ValueError("<script>alert(1)</script>")

    task = find(NAME)
    html = verdict_card(task, check(task, evil)).html
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_every_colour_of_a_card_is_a_jupyterlab_variable_or_inherited():
    import re

    for card in all_cards():
        for value in re.findall(r"(?:color|background|solid)[: ]+([^;\"]+)", card.html):
            assert value.startswith(("var(--jp-", "inherit")), value


def test_small_tensors_stand_side_by_side_below_their_shapes():
    text = verdict_card(find(NAME), check(find(NAME), wrong_mask)).text
    assert "(2, 2) bool   (2, 2) bool\n    T F           T T\n" in text


def test_a_live_part_offers_its_widget_only_to_a_kernel(monkeypatch):
    built = []

    def build():
        built.append(SimpleNamespace(model_id="m"))
        return built[-1]

    part = live.Live(build, "fixed text", "<p>fixed</p>")
    monkeypatch.setattr(live, "shell", lambda: None)
    assert part._repr_mimebundle_() == {
        "text/plain": "fixed text",
        "text/html": "<p>fixed</p>",
    }
    monkeypatch.setattr(live, "shell", lambda: SimpleNamespace(kernel=1))
    bundle = part._repr_mimebundle_()
    assert bundle[live.WIDGET_VIEW]["model_id"] == "m" and len(built) == 1


def test_the_buttons_give_hints_then_the_solution_and_check_again():
    scale = [1]

    def own(T):
        return torch.ones(T, T).tril() * scale[0] > 1

    widget = LEARNER._help(find(NAME), own).build()
    row, place = widget.children
    hint, solution, check_again = row.children
    for i in (1, 2, 3):
        assert solution.disabled
        hint.click()
        assert f"Hint {i} of 3" in place.value
    assert not solution.disabled
    solution.click()
    assert "def causal_mask" in place.value and store.load()[NAME]["hints"] == 4
    check_again.click()
    assert "not yet" in place.value and course.mine(NAME) is find(NAME).reference
    scale[0] = 2  # another cell mended what the answer uses
    check_again.click()
    assert "solved" in place.value and course.mine(NAME) is own


# --- predict, recall, clinic ----------------------------------------------------------


def test_a_guess_is_shown_beside_the_truth():
    guess = course.predict("Which?", ["once", "twice"])
    unguessed = guess.reveal("twice", "It overlaps.")
    assert "none was made" in unguessed.text and "twice" not in unguessed.text
    folded = "<details><summary><b>Truth</b></summary><p>twice. It overlaps.</p>"
    assert folded in unguessed.html
    widget = guess._form()
    _, once, twice, button, _ = widget.children
    twice.value = "twice"
    once.value = "once"
    assert twice.value is None
    button.click()
    assert once.disabled and twice.disabled
    card = guess.reveal("twice", "It overlaps.")
    assert "Your guess: once" in card.text and "Not so. It overlaps." in card.text
    filled_in = course.predict("Which?", ["once", "twice"], guess="twice")
    assert "You saw it coming." in filled_in.reveal("twice").text
    assert "Your guess: 12" in course.predict("How many?", guess=12).reveal(7).text


def test_a_guess_or_a_truth_outside_the_choices_is_refused():
    with pytest.raises(ValueError, match="guess must be one of"):
        course.predict("Which?", ["a"], guess="b")
    with pytest.raises(ValueError, match="truth must be one of"):
        course.predict("Which?", ["a"]).reveal("b")


def test_recall_asks_first_about_what_this_learner_got_wrong():
    questions = [Question("one", "1"), Question("two", "2", ("a.b: x",))]
    assert [q.ask for q in choose(questions, set(), 1)] == ["one"]
    assert [q.ask for q in choose(questions, {"a.b: x"}, 2)] == ["two", "one"]


def test_recall_is_the_same_on_every_stored_page_and_personal_in_the_live_one():
    questions = CATALOGUE.questions_before("block")
    about = next(question for question in questions[3:] if question.about)
    page = course.recall("block")
    name, _, title = about.about[0].partition(": ")
    store.record(name, misconception=title)
    assert course.recall("block").html == page.html
    assert about.ask not in page.text
    assert page.build().value.index("<li>") < page.build().value.index("<details>")
    import html

    assert html.escape(about.ask) in course.recall("block").build().value
    with pytest.raises(ValueError, match="chapter must be one of"):
        course.recall("astrology")


# --- in a real kernel -----------------------------------------------------------------


def test_a_cell_that_misses_a_name_says_what_to_run():
    from IPython.core.interactiveshell import ExecutionResult

    def said(error):
        result = ExecutionResult(None)
        result.error_in_exec = error
        with contextlib.redirect_stdout(io.StringIO()) as out:
            out_of_order.say_what_to_run(result)
        return out.getvalue()

    assert "If a cell above makes gpt," in said(NameError("", name="gpt"))
    assert said(None) == said(ValueError()) == said(UnboundLocalError()) == ""


def run_notebook(cells):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]
    )
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=600, startup_timeout=600
    )
    client.execute()
    return [
        [output.get("data", output) for output in cell.outputs]
        for cell in notebook.cells
    ]


def compared(outputs):
    """Return what nbval compares: everything but widget views."""
    return [
        [{k: v for k, v in data.items() if k != live.WIDGET_VIEW} for data in cell]
        for cell in outputs
    ]


def test_a_page_gives_the_same_outputs_again_and_the_answers_reach_the_next_one():
    head = "import torch\nfrom course_utils.exercises import *\nscale = 1"
    wrong = f'@exercise("{NAME}")\ndef mask(T):\n    return torch.ones(T, T).triu() > 0'
    right = (
        f'@exercise("{NAME}")\ndef mask(T):\n'
        "    return torch.ones(T, T).tril() * scale > 0"
    )
    broken = f'@exercise("{NAME}")\ndef mask(T):\n    x = 1\n    return x / 0'
    stub = find("attention.merge_heads").stub_cell()
    rest = ["recall('attention')", "predict('How?', ['a'])", "progress()"]
    cells = [head, stub, wrong, broken, right, *rest]
    first, second = run_notebook(cells), run_notebook(cells)
    assert compared(first) == compared(second)
    statuses = [cell[0]["text/plain"].split(" ·")[0] for cell in first[1:5]]
    assert statuses == ["○ not started", "✗ not yet", "! error", "✓ solved"]
    assert "line 4: return x / 0" in first[3][0]["text/plain"]
    assert all(live.WIDGET_VIEW in cell[-1] for cell in first[1:])
    assert live.WIDGET_VIEW not in first[4][0], "a card stays readable without widgets"
    assert course.mine(NAME) is not find(NAME).reference
    assert course.mine(NAME)(3).tolist() == find(NAME).reference(3).tolist()
