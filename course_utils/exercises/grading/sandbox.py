"""A sandbox for one submission, made by bubblewrap; entered by a process of ours.

``bwrap`` (https://github.com/containers/bubblewrap) makes it: namespaces of its own for
users, processes, files, network and IPC; of the system only Python and the libraries,
read-only; what was handed in, read-only; and an empty folder in memory, of bounded
size, in which alone files can be changed. It holds ``cat``, which waits: whatever is in
the sandbox ends when ``cat`` does, and ``cat`` ends when the grader does.

A worker is forked from a process that has imported torch (see ``processes``), because
importing it anew for every submission would take most of the time, and then **joins**
the sandbox (``setns``). Before it reads the submission it gives up all capabilities for
good, and a system call filter takes from it the power to start processes, to make
namespaces and to use the system's store of keys: so the memory that a submission can
take is what its one process can take (``containment``).
"""

import ctypes
import json
import os
import platform
import select
import shutil
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import torch

PATIENCE = 20.0  # seconds until bubblewrap must have made a sandbox
HOME_SIZE = 256 << 20  # bytes of the files in a sandbox
HOME, HANDED_IN = Path("/learner"), Path("/handed-in")

# Linux, <sched.h>: user, mount, process, network, IPC, host name.
NAMESPACES = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
CLONE_THREAD = 0x00010000
# <linux/audit.h>, and the numbers of system calls (<asm/unistd.h>) on each machine.
ARCHITECTURES = {
    "x86_64": (
        0xC000003E,
        dict(clone=56, fork=57, vfork=58, unshare=272, setns=308)
        | dict(add_key=248, request_key=249, keyctl=250),
    ),
    "aarch64": (
        0xC00000B7,
        dict(clone=220, unshare=97, setns=268)
        | dict(add_key=217, request_key=218, keyctl=219),
    ),
}
CLONE3 = 435
EPERM, ENOSYS = 1, 38


class NoSandboxError(RuntimeError):
    """Why there can be no sandbox here."""


def check_system() -> None:
    """Raise ``NoSandboxError`` where there can be none."""
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        raise NoSandboxError("there is no sandbox for this system: it takes Linux")
    if shutil.which("bwrap") is None:
        raise NoSandboxError("there is no sandbox: bubblewrap is not installed")


class Sandbox:
    """One sandbox. ``pid`` is a process in it, to be joined.

    ``hidden`` are folders of the course that are empty in it.
    """

    def __init__(self, handed_in: Path, hidden: Sequence[Path] = ()):
        report, to_us = os.pipe()
        try:
            self._holder = subprocess.Popen(
                _command(handed_in, to_us, hidden),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[to_us],
                start_new_session=True,  # Ctrl-C is for the grader to handle
            )
        except OSError as error:
            os.close(report)
            raise NoSandboxError(f"bubblewrap cannot be started: {error}") from None
        finally:
            os.close(to_us)
        with open(report, "rb") as file:
            info = file.read()
        if not info or not self._is_ready():
            why = self.end().decode(errors="replace").strip()
            raise NoSandboxError(f"bubblewrap makes no sandbox: {why}")
        self.pid = json.loads(info)["child-pid"]

    def _is_ready(self) -> bool:
        """Let ``cat`` repeat a byte: it can when the sandbox is complete."""
        pipes = self._holder
        try:
            pipes.stdin.write(b"\n")
            pipes.stdin.flush()
        except OSError:
            return False
        ready, _, _ = select.select([pipes.stdout], [], [], PATIENCE)
        return bool(ready) and pipes.stdout.read(1) == b"\n"

    def kill(self) -> None:
        """End everything in the sandbox, and the sandbox."""
        self._holder.kill()

    def end(self) -> bytes:
        """The same, and wait for it; return what bubblewrap had to say."""
        self.kill()
        return self._holder.communicate()[1]


def _command(handed_in: Path, report: int, hidden: Sequence[Path]) -> list[str]:
    """Return bubblewrap's command line."""
    command = ["bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for kind in ("user", "ipc", "pid", "net", "uts"):
        command.append(f"--unshare-{kind}")
    for path in _readable():
        command += ["--ro-bind-try", str(path), str(path)]
    for path in hidden:
        command += ["--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--ro-bind", str(handed_in), str(HANDED_IN)]
    command += ["--size", str(HOME_SIZE), "--tmpfs", str(HOME)]
    for place in ("/", "/proc", "/dev"):
        command += ["--remount-ro", place]
    return [*command, "--chdir", "/", "--info-fd", str(report), "--", "cat"]


def _readable() -> list[Path]:
    """Return what may be read in a sandbox: the system's programs, Python, the course.

    No home folder, no configuration, no other submissions.
    """
    system = ("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store")
    python = [sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()]
    torch_lies_in = Path(torch.__file__).parents[1]
    course = Path(__file__).parents[2]
    paths = [*map(Path, (*system, *python)), torch_lies_in, course]
    return sorted({path for path in paths if path.exists()})


# --- in the process that enters -------------------------------------------------------


def enter(sandbox: int) -> None:
    """Join a sandbox, given by a pidfd. Child processes from now on are in it too.

    This process itself stays outside the sandbox's process namespace: nothing in there
    can see it. ``OSError`` if the kernel does not permit it.
    """
    _call("setns", sandbox, NAMESPACES)
    os.chdir("/")


def give_up_powers() -> None:
    """Give up, for good: capabilities, new processes, new namespaces, keys."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # that was the last one that there is
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _call("capset", struct.pack("Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    status = Path("/proc/self/status").read_text()
    left = [line.split()[1] for line in status.splitlines() if line.startswith("Cap")]
    if any(int(word, 16) for word in left):
        raise OSError("capabilities are left")
    _filter_system_calls()


def _filter_system_calls() -> None:
    """Install a seccomp filter, a small program that the kernel runs at each call.

    Its instructions are (code, steps if true, steps if false, constant); see the
    kernel's Documentation/userspace-api/seccomp_filter.rst.
    """
    architecture, calls = ARCHITECTURES[platform.machine()]
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, kill = 0x7FFF0000, 0x00050000, 0x80000000
    steps = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, architecture),
        (answer, 0, 0, kill),
        (load, 0, 0, 0),  # the number of the call
        (at_least, 0, 1, 0x40000000),  # x86's other way to number calls
        (answer, 0, 0, kill),
        (equal, 0, 1, CLONE3),  # the C library then takes clone, whose flags we see
        (answer, 0, 0, refuse | ENOSYS),
    ]
    for name, number in calls.items():
        if name != "clone":
            steps += [(equal, 0, 1, number), (answer, 0, 0, refuse | EPERM)]
    steps += [
        (equal, 1, 0, calls["clone"]),
        (answer, 0, 0, allow),
        (load, 0, 0, 16),  # clone's flags: a thread is no process
        (any_bit, 0, 1, CLONE_THREAD),
        (answer, 0, 0, allow),
        (answer, 0, 0, refuse | EPERM),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program)


# <linux/prctl.h>, <linux/seccomp.h>, <linux/capability.h>
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _prctl(option: int, first, second=0) -> None:
    _call("prctl", option, first, second, 0, 0)


def _call(name: str, *arguments) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
