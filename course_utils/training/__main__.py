"""``python -m course_utils.training``"""

import sys

from course_utils.console import prepare_console, stop_like_control_c
from course_utils.training.command import main

if __name__ == "__main__":
    prepare_console()
    stop_like_control_c()
    sys.exit(main())
