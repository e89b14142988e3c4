"""For teachers: grade a class's notebooks.

    python -m course_utils.exercises grade SUBMISSIONS... [--out grades.csv]

SUBMISSIONS are notebooks, one a learner, or folders, one a learner, or a single folder
in which every entry is one learner. Writes a table of grades and, beside it, the
misconceptions met, the most frequent first. A run that was stopped goes on where it was
when the same command is given again.

Submissions are programs. Each runs in a sandbox that bubblewrap makes (Linux); without
one the command refuses, unless --trust says that all learners are trusted.
"""

import argparse
import secrets
import sys
import textwrap
from pathlib import Path

from course_utils.console import prepare_console

from .grade import grade, printable
from .journal import Journal
from .processes import NoSandboxError, Sandboxed, Trusted
from .submissions import find_submissions, passed_over
from .tables import Row, columns, explanation, ranked_misconceptions, write_tables

NO_SANDBOX = (
    "Submissions are programs, and this is what keeps them from your files. On Debian "
    "and Ubuntu `apt install bubblewrap` installs it; on other systems grade in a "
    "virtual machine or container with Linux. --trust runs them without a sandbox."
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    prepare_console()
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.exercises",
        description="Grade the exercises in learners' notebooks, on fresh inputs.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("grade", help="grade notebooks into a table")
    command.add_argument("submissions", nargs="+", type=Path, metavar="SUBMISSIONS")
    command.add_argument("--out", type=Path, default=Path("grades.csv"))
    command.add_argument(
        "--seed", type=int, help="draw the same inputs as an earlier run with this seed"
    )
    command.add_argument(
        "--trust",
        action="store_true",
        help="run submissions without a sandbox: of people whom you trust only",
    )
    options = parser.parse_args(arguments)
    try:
        if not options.out.absolute().parent.is_dir():
            parser.error(f"--out: no such folder: {options.out.parent}")
        processes = Trusted() if options.trust else Sandboxed()
        rows, seed = _grade(options, processes)
        beside = write_tables(rows, options.out)
        _journal_path(options.out).unlink(missing_ok=True)
    except NoSandboxError as error:
        print(f"error: {error}. {NO_SANDBOX}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    print(f"{len(rows)} learners, {len(columns(rows))} exercises, seed {seed}")
    print(f"Grades: {options.out}\nMisconceptions: {beside}")
    _explain(rows)
    return 0


def _grade(options, processes) -> tuple[list[Row], int]:
    """Grade the submissions; return (their rows, the seed of the inputs)."""
    with processes:
        submissions = find_submissions(options.submissions)
        if not submissions:
            raise FileNotFoundError("there are no submissions in this folder")
        for name in passed_over(options.submissions):
            print(f"passed over, {printable(name)}")
        # Seed 0 is what the notebooks use: a hard-coded answer would pass.
        new_seed = 1 + secrets.randbelow(2**31)
        journal = Journal(_journal_path(options.out), options.seed, new_seed)
        if journal.n_finished:
            print(f"{journal.n_finished} were finished before: going on from there")
        seed = journal.seed
        return grade(submissions, seed, processes, journal, show_progress=True), seed


def _journal_path(out: Path) -> Path:
    return out.with_name(f"{out.stem}_unfinished.jsonl")


def _explain(rows: list[Row]) -> None:
    """Print what could not be read, and what to explain again."""
    for row in rows:
        for problem in row.problems:
            print(f"  {printable(row.learner)}: {problem}")
    ranked = ranked_misconceptions(rows)
    if ranked:
        print("\nWhat to explain again, by the number of learners:")
    for n, name, title in ranked:
        print(f"{n:4}  {name}: {title}")
        why = explanation(name, title)
        print(textwrap.fill(why, 84, initial_indent=" " * 6, subsequent_indent=" " * 6))


if __name__ == "__main__":
    sys.exit(main())
