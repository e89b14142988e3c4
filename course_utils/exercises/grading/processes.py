"""Where submissions run: in sandboxes, or, for who is trusted, in plain processes.

A ``Job`` says what they do; grading is one. Both offer ``start(handed_in)``, which
returns a worker's process: a ``connection`` to it, its ``exit_code`` once it is over,
``kill`` for it and all that it started (from any thread), and at last ``end``.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import select
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from ..course import CATALOGUE
from ..engine.answers import all_answers
from .sandbox import (
    HANDED_IN,
    HOME,
    NoSandboxError,
    Sandbox,
    check_system,
    enter,
    give_up_powers,
)
from .worker import code_cells, keep_only, work

PAGES = Path(__file__).parents[3] / "notebooks"
PRELOADED = "IPython.core.inputtransformer2", "torch._dynamo"  # slow to load


class Job(NamedTuple):
    """What processes are started for."""

    work: Callable  # (connection, handed_in, home): all that one of them does
    modules: tuple[str, ...]  # imported once, for all of them
    trial: dict  # the orders on which a first one must come to its end: {"done": true}
    hidden: tuple[Path, ...] = ()  # folders of the course that sandboxes lack
    prepare: Callable[[], None] | None = None  # what else is done once, for sandboxes


def _read_pages() -> None:
    """Read the course's own cells: most of a submission stand there as shipped."""
    for path in sorted(PAGES.glob("*.ipynb")):
        all_answers(code_cells(path))


GRADING = Job(
    work,
    (*CATALOGUE.modules(), *PRELOADED),
    {"notebooks": [], "skip": [], "seed": 1},
    prepare=_read_pages,
)


class Trusted:
    """Processes of multiprocessing: they may read every file and are easily left.

    They come from a *fork server* that has imported torch once; where there is none
    (Windows) each process imports it for itself.
    """

    def __init__(self, job: Job = GRADING):
        self._job = job
        method = "forkserver" if hasattr(os, "fork") else "spawn"
        self._context = multiprocessing.get_context(method)
        if method == "forkserver":
            self._context.set_forkserver_preload([__name__, *job.modules])

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass

    def start(self, handed_in: Path) -> "TrustedProcess":
        return TrustedProcess(self._context, self._job.work, handed_in)


class TrustedProcess:
    """One of them. It works in a copy of what was handed in."""

    def __init__(self, context, work: Callable, handed_in: Path):
        self._scratch = Path(tempfile.mkdtemp(prefix="grade-"))
        home = self._scratch / "home"
        self.connection, theirs = context.Pipe()
        arguments = (theirs, handed_in, home)
        self._process = context.Process(target=work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def exit_code(self, patience: float) -> int | None:
        self._process.join(patience)
        return self._process.exitcode

    def kill(self) -> None:
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()

    def end(self) -> None:
        self.kill()
        self._process.join()
        self.connection.close()
        shutil.rmtree(self._scratch, ignore_errors=True)


class Sandboxed:
    """Processes in sandboxes of bubblewrap (Linux).

    They are forked from a process that has everything imported and knows nothing else:
    no submission, no result, no seed. ``NoSandboxError`` if there can be none here.
    """

    def __init__(self, job: Job = GRADING):
        check_system()
        self._job = job
        for module in job.modules:
            importlib.import_module(module)
        if job.prepare:
            job.prepare()
        # Pages that nobody writes to are shared by all processes: keep Python's garbage
        # collector, which writes to every object, off those that there are by now.
        gc.collect()
        gc.freeze()
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            self._socket.close()
            _serve(theirs, job.work)
        theirs.close()
        try:
            self._try_out()
        except BaseException:
            self.close()
            raise

    def _try_out(self) -> None:
        """Start one worker in a sandbox: it works, or says why it cannot."""
        with tempfile.TemporaryDirectory(prefix="grade-") as empty:
            process = self.start(Path(empty))
            try:
                connection = process.connection
                connection.send_bytes(json.dumps(self._job.trial).encode())
                while process.connection.poll(60.0):
                    message = json.loads(connection.recv_bytes(1 << 16))
                    if "done" in message:
                        return
                    if problems := message.get("problems"):
                        raise NoSandboxError(f"no sandbox can be entered: {problems}")
            except (EOFError, OSError) as error:
                raise NoSandboxError(f"no sandbox can be entered: {error}") from None
            finally:
                process.end()
        raise NoSandboxError("no sandbox can be entered: it does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """End the process that the workers are forked from."""
        self._socket.close()
        os.waitpid(self._pid, 0)
        gc.unfreeze()

    def start(self, handed_in: Path) -> "SandboxedProcess":
        return SandboxedProcess(self._socket, Sandbox(handed_in, self._job.hidden))


class SandboxedProcess:
    """One of them, in a sandbox of its own."""

    def __init__(self, server: socket.socket, sandbox: Sandbox):
        self._sandbox = sandbox
        self.connection, theirs = multiprocessing.Pipe()
        self._over, over = os.pipe()
        inside = os.pidfd_open(sandbox.pid)
        # One message at a time arrives whole: it is short.
        socket.send_fds(server, [b"."], [inside, theirs.fileno(), over])
        theirs.close()
        os.close(over)
        os.close(inside)

    def exit_code(self, patience: float) -> int | None:
        """Return how the process ended, as ``multiprocessing`` counts: -9 for KILL."""
        ready, _, _ = select.select([self._over], [], [], patience)
        word = os.read(self._over, 16) if ready else b""
        return int(word) if word else None

    def kill(self) -> None:
        self._sandbox.kill()

    def end(self) -> None:
        self._sandbox.end()
        self.connection.close()
        os.close(self._over)


def _serve(requests: socket.socket, work: Callable) -> None:
    """Fork a process for every request until the grader closes the connection."""
    try:
        keep_only(requests.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader decides
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
        os.setsid()
        _forget_environment()
        while True:
            message, fds, _, _ = socket.recv_fds(requests, 1, 3)
            if not message:
                break
            if os.fork() == 0:
                requests.close()
                _enter_and_work(work, *fds)
            for fd in fds:
                os.close(fd)
    finally:
        os._exit(0)


def _enter_and_work(work: Callable, inside: int, connection: int, over: int) -> None:
    """Enter a sandbox, work there in a process of its own, and say how it ended."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        enter(inside)
        os.close(inside)
        pid = os.fork()
        if pid == 0:
            os.close(over)
            _work_inside(work, connection)
        os.close(connection)
        status = os.waitpid(pid, 0)[1]
        os.write(over, str(os.waitstatus_to_exitcode(status)).encode())
    except OSError as error:
        _say(connection, error)
    finally:
        os._exit(0)


def _work_inside(work: Callable, connection: int) -> None:
    try:
        give_up_powers()
        work(Connection(connection), HANDED_IN, HOME)
    except Exception as error:
        _say(connection, error)
    finally:
        os._exit(0)


def _say(connection: int, error: Exception) -> None:
    with contextlib.suppress(OSError):
        message = json.dumps({"problems": [str(error)]})
        Connection(connection).send_bytes(message.encode())


def _forget_environment() -> None:
    """Clear the environment, also where the kernel shows it: /proc/self/environ.

    Passwords and keys are kept there. proc(5): the 50th and 51st field are its place.
    """
    path = os.environ.get("PATH", os.defpath)
    os.environ.clear()
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[47]), int(fields[48])
    ctypes.memset(start, 0, end - start)
    os.environ["PATH"] = path
