"""Keep a submission's code within bounds: in a sandbox, and where there is none.

Every submission runs in a process of its own, and this module sets its bounds before
any of the learner's code runs:

- **limits of the operating system** (Linux, macOS): computing time, memory, size of
  files, no core dumps; on Linux also an empty network of its own, where the kernel
  permits that;
- **an audit hook** (everywhere): Python reports every opened file, connection and
  started program to it, and it raises ``PermissionError`` for connections, programs,
  signals, foreign libraries, and for changes to files outside the learner's folder, so
  that an answer that tries fails with a message. An audit hook cannot be taken off.

By themselves these hold off accidents and simple mischief only: a compiled library
(torch's own is enough) opens files without asking the hook. What contains a submission
is the sandbox (``sandbox``); where there is none, grade only people whom you trust.
"""

import contextlib
import ctypes
import math
import os
import sys
import tempfile
import time
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

MEMORY = 2 << 30  # bytes that a submission may take on top of what Python itself has
LARGEST_FILE = 16 << 20

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # Linux, <sched.h>

FORBIDDEN = (
    "socket.bind",
    "socket.connect",
    "socket.get",
    "socket.send",
    "ctypes.dlopen",
    "ctypes.dlsym",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.",
    "winreg.",
    "_winapi.CreateProcess",
)
CHANGES = (
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.chown",
    "shutil.make_archive",
    "shutil.move",
    "shutil.rmtree",
    "shutil.unpack_archive",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def contain(scratch: Path) -> None:
    """Shut this process in; files may be changed only below ``scratch``. For good."""
    os.chdir(scratch)
    for name in [name for name in os.environ if name not in ("PATH", "SYSTEMROOT")]:
        del os.environ[name]
    os.environ.update(HOME=str(scratch), COURSE_PROGRESS=str(scratch / "progress.json"))
    tempfile.tempdir = str(scratch)
    sys.dont_write_bytecode = True
    _limit_resources()
    _leave_network()
    sys.addaudithook(_guard(scratch))


def limit_processor_time(seconds: float, sealed: bool = False) -> None:
    """Let the system end this process after so many more seconds of computing.

    ``sealed``: no code in this process can put the end off.
    """
    if resource is not None:
        end = math.ceil(time.process_time() + seconds)
        last = end + 1 if sealed else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_CPU, (end, last))


def _limit_resources() -> None:
    if resource is None:
        return
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": LARGEST_FILE}
    with contextlib.suppress(OSError):  # Linux only; elsewhere no limit on memory
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits["RLIMIT_AS"] = pages * resource.getpagesize() + MEMORY
    for name, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):  # already lower than that
            resource.setrlimit(getattr(resource, name), (limit, limit))


def _leave_network() -> None:
    """Move into a network of our own that is connected to nothing, if we may."""
    if sys.platform != "linux":
        return
    unshare = ctypes.CDLL(None).unshare
    if unshare(NEW_NETWORK) != 0:  # needs root; an own user name space gives that
        unshare(NEW_USER | NEW_NETWORK)


def _guard(scratch: Path):
    """Return an audit hook that lets only harmless events pass."""
    inside = os.path.realpath(scratch) + os.sep
    harmless = {os.devnull, ""}
    realpath, fsdecode = os.path.realpath, os.fsdecode

    def may_change(path) -> bool:
        if not isinstance(path, str | bytes | os.PathLike):
            return True  # a file that is open already
        path = fsdecode(path)
        return path in harmless or realpath(path).startswith(inside)

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            allowed = not (flags or 0) & WRITING or may_change(path)
        elif event.startswith(CHANGES):
            allowed = all(map(may_change, arguments))
        else:
            allowed = not event.startswith(FORBIDDEN)
        if not allowed:
            raise PermissionError(f"a submission may not do this: {event}")

    return hook
