"""``python -m course_utils.notebooks``"""

import sys

from course_utils.console import prepare_console
from course_utils.notebooks.command import main

if __name__ == "__main__":
    prepare_console()
    sys.exit(main())
