"""The command line of the concept inventory.

    python -m course_utils.exercises quiz --before      # answer it, first sitting
    python -m course_utils.exercises quiz --after       # answer it again, at the end
    python -m course_utils.exercises quiz --gain FOLDER # what a class has gained
    python -m course_utils.exercises quiz --gift FILE   # for Moodle's question bank
    python -m course_utils.exercises quiz --notebook FILE

A sitting is saved in this folder without a name (``results``); a teacher collects the
files of both sittings in one folder.
"""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import nbformat

from course_utils.files import atomic_path

from . import export, results
from .items import ITEMS, LETTERS

WIDTH = 84


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.exercises quiz",
        description=f"{len(ITEMS)} questions whose wrong options are known mistakes.",
    )
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--before", action="store_true", help="answer it, at the start")
    chosen.add_argument("--after", action="store_true", help="answer it, at the end")
    chosen.add_argument("--gain", type=Path, metavar="FOLDER", help="compare a class's")
    chosen.add_argument("--gift", type=Path, metavar="FILE", help="export for Moodle")
    chosen.add_argument("--notebook", type=Path, metavar="FILE", help="as a notebook")
    options = parser.parse_args(arguments)
    try:
        if options.gain:
            print(_gain_text(options.gain))
        elif options.gift:
            _write(options.gift, export.gift())
        elif options.notebook:
            _write(options.notebook, nbformat.writes(export.notebook()) + "\n")
        else:
            _sit("before" if options.before else "after")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing was saved", file=sys.stderr)
        return 130
    return 0


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, "utf-8")
    print(f"{len(ITEMS)} questions: {path}")


def _sit(when: str) -> None:
    """Ask all items and save what was chosen; what is right is told at the end."""
    print(f"{len(ITEMS)} questions. A letter and Enter; Enter alone: I do not know.\n")
    letters = {}
    for number, item in enumerate(ITEMS, start=1):
        print(textwrap.fill(f"{number}. {item.question}", WIDTH))
        for letter, option in zip(LETTERS, item.options, strict=True):
            print(f"   {letter}  {option.text}")
        letters[item.concept] = _letter()
        print()
    path = results.save(when, letters)
    n_right = sum(not mistake for mistake in results.chosen(letters).values())
    print(f"{n_right} of {len(ITEMS)} right. Saved without your name: {path}")
    if when == "before":
        print("Keep this file in this folder: the second sitting is compared with it.")
    else:
        _explain(letters)


def _letter() -> str:
    """Return A, B, C, D, or "" for none; ask again for anything else."""
    while True:
        print("> ", end="", flush=True)
        line = sys.stdin.readline()
        letter = line.strip().upper()
        if not letter or letter in LETTERS:
            return letter
        print(f"   one of {', '.join(LETTERS)}, or Enter alone")


def _explain(letters: dict[str, str]) -> None:
    """Say of each wrong choice which mistake it is: after the course it may be told."""
    for item in ITEMS:
        letter = letters[item.concept]
        if letter and letter != item.right:
            option = item.options[LETTERS.index(letter)]
            text = f"{item.concept}: {option.mistake}. {option.why}"
            print(textwrap.fill(text, WIDTH, subsequent_indent="  "))


def _gain_text(folder: Path) -> str:
    """Return the table of a class's gain, the concept that gained least first."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    sittings = results.read(folder)
    n, gains = results.gains(sittings)
    if not n:
        return f"{len(sittings)} sittings, and nobody who sat both: no gain to tell"
    lines = [
        f"{n} {'person' if n == 1 else 'people'} sat both. Guessing alone gives 25%.",
        f"{'concept':<26}{'before':>7}{'after':>7}{'gained':>14}  still chosen",
    ]
    for gain in sorted(gains, key=lambda gain: gain.after - gain.before):
        lines.append(_gain_line(gain))
    return "\n".join(lines)


def _gain_line(gain: results.Gain) -> str:
    """One concept: shares in percent, the gain with its 95% interval."""
    gained = f"{gain.after - gain.before:+.0%}"
    if gain.gained:
        mean, width = gain.gained
        gained = f"{mean:+.0%} ± {width:.0%}"
    wrong = f"{gain.mistakes[0][0]} ({gain.mistakes[0][1]})" if gain.mistakes else ""
    line = f"{gain.concept:<26}{gain.before:>7.0%}{gain.after:>7.0%}{gained:>14}"
    return f"{line}  {wrong}".rstrip()
