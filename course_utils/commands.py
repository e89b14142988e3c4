"""``course``: one command for each thing that a person does with the course.

Each sub-command is the module's own, ``python -m course_utils.<module>``, and is loaded
only when it is asked for: ``course --help`` answers at once.
"""

import difflib
import runpy
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """The module that is run, what is put before the arguments, and one line of help.

    ``before`` is the module's own sub-command, where it has several.
    """

    module: str
    before: tuple[str, ...]
    help: str


COMMANDS = {
    "copy": Command("notebooks", ("copy",), "copy the notebooks, to work in them"),
    "reset": Command("notebooks", ("reset",), "begin a page of your copy anew"),
    "train": Command("training", (), "train a model on a text"),
    "write": Command("sampling", (), "write with a trained model"),
    "export": Command("export", (), "take a model to transformers, llama.cpp, ..."),
    "explain": Command("exercises", ("explain",), "what is wrong with an answer"),
    "experiment": Command("experiments", (), "measure again what a page shows"),
    "race": Command("race", (), "who comes closest to the lowest loss in a minute?"),
    "quiz": Command("exercises", ("quiz",), "what is known, before and after"),
    "grade": Command("exercises", ("grade",), "grade a class's notebooks"),
    "refresh": Command("notebooks", ("refresh",), "run notebooks, save their outputs"),
    "check": Command("notebooks", ("check",), "is every derived cell up to date?"),
    "site": Command("notebooks", ("site",), "write the web edition of all pages"),
    "renumber": Command("notebooks", ("renumber",), "give pages their numbers"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    first, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if first in ("-h", "--help"):
        print(usage())
        return 0
    if first not in COMMANDS:
        near = difflib.get_close_matches(first, COMMANDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        print(f"error: no command {first!r}{hint}\n\n{usage()}", file=sys.stderr)
        return 2
    command = COMMANDS[first]
    before = sys.argv
    try:
        # As python -m does it, so that both are the same to the last character.
        sys.argv = [f"course {first}", *command.before, *rest]
        runpy.run_module(f"course_utils.{command.module}", run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = before
    return 0


def usage() -> str:
    """Return the list of commands, one a line."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what.help}" for name, what in COMMANDS.items()]
    return "\n".join(
        ["usage: course COMMAND ...   (course COMMAND --help tells more)", "", *lines]
    )
