"""``python -m course_utils.export RUN OUT --to gguf`` takes a model to another tool."""

import sys

from course_utils.console import prepare_console
from course_utils.export.command import main

if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
