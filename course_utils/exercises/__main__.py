"""``python -m course_utils.exercises grade SUBMISSIONS`` grades a class's notebooks."""

import sys

from .grading.command import main

if __name__ == "__main__":
    sys.exit(main())
