"""Stop a function that does not end.

A learner's endless loop must not cost them the kernel. Two ways lead there, and the
better one that is possible is taken:

- **a timer signal** (main thread on Linux and macOS): also ends what waits, such as
  ``time.sleep`` or ``input()``;
- **an exception set from a watching thread** (Windows, and any other thread): ends
  everything that executes Python, but a call that waits must return first.

Neither can end one single call into C that never returns (``list(itertools.count())``):
in a notebook that takes "Restart kernel"; the grader's worker process is killed.

The seconds are processor time, so that a busy machine fails nobody; what waits and
computes nothing is stopped after ``WAITING`` times as long by the clock. ``TimeLimit``
is a ``BaseException``, so that ``except Exception`` does not swallow it, and it is
raised again every tenth of a second, for loops around a bare ``except``. It is never
raised in the few lines that take the limit off again, which it would leave half done.
"""

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN = 0.1  # seconds from one attempt to stop to the next
WAITING = 4


class TimeLimit(BaseException):
    """The time is up."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TimeLimit`` in the body if it runs for more than ``seconds``."""
    if not seconds > 0:
        raise ValueError(f"seconds must be positive, got {seconds}")
    computed, clock = (
        time.process_time() + seconds,
        time.monotonic() + WAITING * seconds,
    )

    def is_up() -> bool:
        return time.process_time() >= computed or time.monotonic() >= clock

    main = threading.current_thread() is threading.main_thread()
    by_signal = main and hasattr(signal, "setitimer")
    with _signal_limit(seconds, is_up) if by_signal else _thread_limit(seconds, is_up):
        yield


@contextmanager
def _signal_limit(seconds: float, is_up: Callable[[], bool]) -> Iterator[None]:
    def stop(number, frame):
        if is_up() and not _in_own_lines(frame):
            raise TimeLimit

    handler = signal.signal(signal.SIGALRM, stop)
    outer, again = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if outer:  # somebody else's timer was running: let it go on
            signal.setitimer(signal.ITIMER_REAL, outer, again)


@contextmanager
def _thread_limit(seconds: float, is_up: Callable[[], bool]) -> Iterator[None]:
    thread = threading.get_ident()
    done = threading.Event()

    def raise_in_thread(exception) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)

    def watch() -> None:
        ended = done.wait(seconds)
        while not ended:
            if is_up() and not _in_own_lines(sys._current_frames().get(thread)):
                raise_in_thread(ctypes.py_object(TimeLimit))
            ended = done.wait(AGAIN)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        with contextlib.suppress(TimeLimit):  # set before these lines were reached
            done.set()
            watcher.join()
        done.set()
        watcher.join()
        raise_in_thread(None)  # one that was set and has not come yet


def _in_own_lines(frame) -> bool:
    """Return whether the interrupted code is that which sets and ends the limit."""
    own = time_limit.__wrapped__.__code__.co_filename, contextlib.__file__
    return frame is None or frame.f_code.co_filename in own
