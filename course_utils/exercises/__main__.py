"""``python -m course_utils.exercises``: what people do with exercises besides solving.

grade SUBMISSIONS              grade a class's notebooks
explain NOTEBOOK EXERCISE      say what is wrong with an answer, not how it is right
quiz --before | --after        ask what is known, before the course and after it

Each has a --help of its own.
"""

import sys

from course_utils.console import prepare_console


def main() -> int:
    """Run the sub-command that is named first; return its exit status."""
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    if first == "explain":
        from .explain import main as command

        return command(sys.argv[2:])
    if first == "quiz":
        from .quiz.command import main as command

        return command(sys.argv[2:])
    from .grading.command import main as command

    return command()


if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
