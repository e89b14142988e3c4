"""``python -m course_utils.training``"""

import signal
import sys

from course_utils.training.command import main

if __name__ == "__main__":
    # A cluster that wants the machine back sends SIGTERM: treat it like Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    sys.exit(main())
