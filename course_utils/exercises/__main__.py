"""``python -m course_utils.exercises grade SUBMISSIONS`` grades a class's notebooks."""

import sys

from course_utils.console import prepare_console

from .grading.command import main

if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
