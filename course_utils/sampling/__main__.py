"""``python -m course_utils.sampling RUN --prompt TEXT`` writes with a trained model."""

import sys

from course_utils.console import prepare_console
from course_utils.sampling.command import main

if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
