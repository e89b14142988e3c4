"""A run over a class that is killed goes on where it was."""

import json
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from submitted import ANSWER, IMPORTS, MASK, write

from course_utils.exercises.grading.command import main
from course_utils.exercises.grading.grade import grade
from course_utils.exercises.grading.journal import Journal, fingerprint
from course_utils.exercises.grading.submissions import find_submissions
from course_utils.exercises.grading.tables import Row

SOLVED = {MASK: "solved"}


class Full:
    """A place in which nothing more can be started."""

    def start(self, folder):
        raise OSError("too many processes")


class Nowhere:
    """A place in which nothing may be started."""

    def start(self, folder):
        raise AssertionError("this submission is graded already")


@pytest.fixture
def ann_and_bob(tmp_path):
    for name in ("ann", "bob"):
        write(tmp_path / "class" / f"{name}.ipynb", IMPORTS, ANSWER)
    return find_submissions([tmp_path / "class"])


def finished(path, submissions, seed=5):
    """Return a journal in which these submissions are finished."""
    journal = Journal(path, seed, 1)
    for name, submission in submissions.items():
        row = Row(
            name, SOLVED, {MASK: "none"}, {MASK: "source"}, [f"problem of {name}"]
        )
        journal.add(row, fingerprint(submission))
    return journal


def test_finished_rows_are_taken_up_and_nothing_runs_again(tmp_path, ann_and_bob):
    path = tmp_path / "journal.jsonl"
    finished(path, ann_and_bob)
    for seed in (None, 5):
        journal = Journal(path, seed, new_seed=7)
        assert journal.n_finished == 2 and journal.seed == 5
        ann, bob = grade(ann_and_bob, 5, Nowhere(), journal)
        assert (ann.learner, ann.results, ann.n_solved) == ("ann", SOLVED, 1)
        assert bob.problems == ["problem of bob"] and bob.misconceptions == {
            MASK: "none"
        }
        assert bob.sources == {}


def test_a_failure_of_the_system_is_no_learners_row(tmp_path, ann_and_bob):
    journal = Journal(tmp_path / "journal.jsonl", 5, 1)
    with pytest.raises(OSError, match="too many processes"):
        grade(ann_and_bob, 5, Full(), journal)
    assert Journal(tmp_path / "journal.jsonl", None, 1).n_finished == 0


def test_what_has_changed_since_is_graded_again(tmp_path, ann_and_bob):
    path = tmp_path / "journal.jsonl"
    finished(path, ann_and_bob)
    write(tmp_path / "class" / "bob.ipynb", IMPORTS, ANSWER, "# once more")
    journal = Journal(path, None, new_seed=7)
    ann, bob = (journal.row(*item) for item in ann_and_bob.items())
    assert ann.results == SOLVED and bob is None


def test_another_seed_or_version_starts_anew(tmp_path, ann_and_bob, monkeypatch):
    path = tmp_path / "journal.jsonl"
    finished(path, ann_and_bob)
    assert Journal(path, 6, new_seed=7).n_finished == 0
    finished(path, ann_and_bob)
    monkeypatch.setattr("torch.__version__", "0")
    journal = Journal(path, None, new_seed=7)
    assert (journal.n_finished, journal.seed) == (0, 7)


@pytest.mark.parametrize(
    "torn", ["", '{"row": {"lear', '{"row": 5}\n', "\x00\n", "[]\n"]
)
def test_a_half_written_line_costs_itself_only(tmp_path, ann_and_bob, torn):
    path = tmp_path / "journal.jsonl"
    finished(path, ann_and_bob)
    with path.open("a") as file:
        file.write(torn)
    journal = Journal(path, None, new_seed=7)
    assert journal.n_finished == 2
    assert len(path.read_text().splitlines()) == 3  # and it is gone from the file


@pytest.mark.parametrize("content", ["", "\n", "[]\n", "5\n", "{}\n", "\x00"])
def test_a_file_that_is_no_journal_starts_anew(tmp_path, content):
    path = tmp_path / "journal.jsonl"
    path.write_text(content)
    assert Journal(path, None, new_seed=7).seed == 7


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_run_goes_on_with_the_same_command(tmp_path, no_sandbox, capfd):
    folder, out = tmp_path / "class", tmp_path / "grades.csv"
    for i in range(6):
        slow = f"import time\ntime.sleep({0.0 if i < 2 else 0.7})"
        write(
            folder / f"{i}.ipynb",
            IMPORTS,
            slow,
            ANSWER.replace("return", "time; return"),
        )
    arguments = ["grade", str(folder), "--out", str(out)]
    arguments += ["--trust"] if no_sandbox else []
    grader = multiprocessing.get_context("spawn").Process(target=main, args=[arguments])
    grader.start()
    journal = tmp_path / "grades_unfinished.jsonl"
    end = time.monotonic() + 120
    while not journal.exists() or len(journal.read_text().splitlines()) < 3:
        assert time.monotonic() < end and grader.is_alive()
        time.sleep(0.05)
    os.kill(grader.pid, signal.SIGKILL)
    grader.join()
    assert not out.exists()
    seed = json.loads(journal.read_text().splitlines()[0])["seed"]
    assert main(arguments) == 0
    printed = capfd.readouterr().out
    assert "were finished before" in printed and f"seed {seed}" in printed
    lines = out.read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        [str(i), "1"] for i in range(6)
    ]
    assert not journal.exists()


def test_many_threads_write_whole_lines(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl", 5, 1)
    rows = [Row(f"learner {i}", {MASK: "not yet: " + "x" * 20_000}) for i in range(64)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: journal.add(row, "files"), rows))
    assert Journal(tmp_path / "journal.jsonl", None, 1).n_finished == 64
