"""What a command says, whatever it speaks to: any encoding, a closed pipe, a lost line.

A console may not know a character (code page 1252 on Windows), the program that reads
the output may have ended (``| head``), the connection may be lost. None of these may
end a command in the middle of its work, so each command calls ``prepare_console``
first. And commands that are printed can be copied: what holds spaces is quoted.

Uses nothing of the course; commands call it, components never print by it.
"""

import os
import shlex
import signal
import subprocess
import sys

STOP_SIGNALS = ("SIGTERM", "SIGHUP")  # a machine wanted back, a terminal closed


def prepare_console() -> None:
    """Let stdout and stderr take every text and outlive their reader.

    What the encoding does not know is written as ``\\u....``. After the first write
    that fails, what is printed is thrown away.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, LastingStream):
            continue
        if hasattr(stream, "reconfigure"):  # a notebook's streams need none of this
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, LastingStream(stream))


class LastingStream:
    """A text stream that goes on into nothing when its other end is gone."""

    def __init__(self, stream):
        self.stream, self.lost = stream, False

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        self._try(self.stream.write, text)
        if "\n" in text:
            self.flush()  # so that it fails here, and not when Python ends
        return len(text)

    def flush(self) -> None:
        self._try(self.stream.flush)

    def _try(self, function, *arguments) -> None:
        if self.lost:
            return
        try:
            function(*arguments)
        except OSError:
            self.lost = True
            # What is still buffered must have somewhere to go when Python ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


def stop_like_control_c() -> None:
    """Treat the signals that end a program like Ctrl-C: it may finish and save.

    A signal that is ignored stays so (``nohup``). A closing terminal may send SIGHUP
    twice, and the second time must not cut the saving short.
    """

    def stop(number, frame):
        signal.signal(number, signal.SIG_IGN)
        signal.raise_signal(signal.SIGINT)

    for name in STOP_SIGNALS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)


def quoted(path: str | os.PathLike) -> str:
    """Return a path as it is typed in a command.

    >>> quoted("my run") in ("'my run'", '"my run"')
    True
    """
    text = os.fspath(path)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)
