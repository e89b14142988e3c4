"""The command line of ``python -m course_utils.notebooks``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from course_utils.console import quoted
from course_utils.notebooks import renumbering
from course_utils.notebooks.copying import COPY_FOLDER, copy_course, reset_page
from course_utils.notebooks.places import FOLDER, ROOT, find, repository_address
from course_utils.notebooks.running import refresh
from course_utils.notebooks.stamping import stale, write_stamped


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.notebooks", description="Keep the notebooks true"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("refresh", help="run notebooks, save their outputs")
    command.add_argument("names", nargs="*", help="such as 02_attention or 02 (all)")
    command = commands.add_parser("stamp", help="write derived cells, keep outputs")
    command.add_argument("names", nargs="*", help="such as 02_attention or 02 (all)")
    commands.add_parser("check", help="fail if a derived cell is out of date")
    commands.add_parser(
        "renumber", help="number the pages as course_utils/pages.py says"
    )
    command = commands.add_parser("copy", help="copy the course to work in it")
    command.add_argument("folder", nargs="?", type=Path, default=COPY_FOLDER)
    command = commands.add_parser("reset", help="begin a page of the copy anew")
    command.add_argument("name", help="such as 02_attention or 02")
    command.add_argument("folder", nargs="?", type=Path, default=COPY_FOLDER)
    command = commands.add_parser(
        "site", help="write the web edition, whose figures need no kernel"
    )
    command.add_argument("folder", metavar="DIR", type=Path)
    command.add_argument(
        "--install", action="store_true", help="fetch its pinned runtime with npm first"
    )
    chosen = parser.parse_args(arguments)
    try:
        return _COMMANDS[chosen.command](chosen)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; notebooks that had not finished are untouched", file=sys.stderr)
        return 130


def _refresh(chosen) -> int:
    return 1 if refresh(find(chosen.names, FOLDER), repository_address()) else 0


def _stamp(chosen) -> int:
    repository = repository_address()
    for path in find(chosen.names, FOLDER):
        changed = write_stamped(path, repository)
        print(f"{path.stem}: {'stamped' if changed else 'unchanged'}")
    return 0


def _check(chosen) -> int:
    findings = [line for path in find([], FOLDER) for line in stale(path)]
    print("\n".join(findings) or "every derived cell is up to date")
    if findings:
        print("mend it with: python -m course_utils.notebooks stamp")
    return 1 if findings else 0


def _renumber(chosen) -> int:
    if renumbering.put_back():
        print("a renumbering had not come to its end: the old files are back")
    plan = renumbering.plan()
    renumbering.carry_out(plan)
    print("\n".join(plan.lines()) or "every page has its number already")
    if plan.moves:
        print("Outputs were rewritten like the code, pictures were not. Now run:")
        print("python -m course_utils.notebooks refresh start_here  # it draws the map")
        print("pytest --nbval")
    return 0


def _copy(chosen) -> int:
    find([], FOLDER)  # says so if there are no notebooks here
    folder = chosen.folder
    if not folder.is_absolute() and folder.resolve().is_relative_to(FOLDER):
        folder = ROOT / folder  # asked for in notebooks/, where no copy may lie
    print("\n".join(copy_course(folder, FOLDER)))
    print(f"Now open your own copy: jupyter lab {quoted(os.path.relpath(folder))}")
    return 0


def _reset(chosen) -> int:
    (page,) = find([chosen.name], FOLDER)
    print(reset_page(chosen.folder, page))
    return 0


def _site(chosen) -> int:
    from course_utils.site import build, runtime  # Sphinx: only where it is asked for

    if chosen.install:
        runtime.install()
    build.build(chosen.folder, find([], FOLDER), repository_address())
    print(f"To read it: python -m http.server --directory {chosen.folder}")
    return 0


_COMMANDS = {
    "refresh": _refresh,
    "stamp": _stamp,
    "check": _check,
    "renumber": _renumber,
    "copy": _copy,
    "reset": _reset,
    "site": _site,
}
