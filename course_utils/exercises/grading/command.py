"""For teachers: grade a class's notebooks.

    python -m course_utils.exercises grade SUBMISSIONS... [--out grades.csv]

SUBMISSIONS are notebooks, one a learner, or folders, one a learner, or a single folder
in which every entry is one learner. Writes a table of grades and, beside it, the
misconceptions met, the most frequent first.
"""

import argparse
import secrets
import sys
import textwrap
from pathlib import Path

from course_utils.console import prepare_console

from .grade import grade
from .submissions import find_submissions, passed_over
from .tables import columns, explanation, ranked_misconceptions, write_tables


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
    options = parser.parse_args(arguments)
    # Seed 0 is what the notebooks use: a hard-coded answer would pass.
    seed = options.seed if options.seed is not None else 1 + secrets.randbelow(2**31)
    try:
        submissions = find_submissions(options.submissions)
        if not submissions:
            parser.error("there are no submissions in this folder")
        if not options.out.absolute().parent.is_dir():
            parser.error(f"--out: no such folder: {options.out.parent}")
        for name in passed_over(options.submissions):
            print(f"passed over, no notebook: {name}")
        rows = grade(submissions, seed, show_progress=True)
        beside = write_tables(rows, options.out)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{len(rows)} learners, {len(columns(rows))} exercises, seed {seed}")
    print(f"Grades: {options.out}\nMisconceptions: {beside}")
    for row in rows:
        for problem in row.problems:
            print(f"  {row.learner}: {problem}")
    ranked = ranked_misconceptions(rows)
    if ranked:
        print("\nWhat to explain again, by the number of learners:")
    for n, name, title in ranked:
        print(f"{n:4}  {name}: {title}")
        why = explanation(name, title)
        print(textwrap.fill(why, 84, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return 0


if __name__ == "__main__":
    sys.exit(main())
