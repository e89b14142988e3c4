"""``python -m course_utils.huggingface export RUN DIR`` for transformers."""

import sys

from course_utils.console import prepare_console
from course_utils.huggingface.command import main

if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
