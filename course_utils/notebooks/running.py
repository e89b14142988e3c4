"""Run notebooks in fresh kernels and save them with their outputs."""

import asyncio
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_utils.files import atomic_path
from course_utils.notebooks.stamping import stamp, to_bytes, without_volatile_parts

# Notebooks that run at the same time. Each uses all cores: two would wait for each
# other's threads, and take several times as long as one after the other.
AT_ONCE = 1
SECONDS_PER_CELL = 900


class _Run:
    """One notebook in a fresh kernel of this very Python."""

    def __init__(self, path: Path, repository: str | None):
        self.path, self.repository = path, repository
        self.cell_number = 0
        # No kernel folders: only the kernel of the running Python is left to choose,
        # whatever else somebody has registered under the name python3.
        kernels = KernelSpecManager(kernel_dirs=[])
        self.kernel = AsyncKernelManager(kernel_spec_manager=kernels)

    def __call__(self) -> tuple[bool, float]:
        """Run and save. Return whether the file changed, and the seconds it took.

        Raises RuntimeError with the cell and its traceback; the file is then untouched.
        """
        start = time.monotonic()
        notebook = stamp(self.path, self.repository)
        client = NotebookClient(
            notebook,
            km=self.kernel,
            timeout=SECONDS_PER_CELL,
            resources={"metadata": {"path": str(self.path.parent)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            on_cell_start=self._note_cell,
            extra_arguments=["--IPKernelApp.log_level=40"],  # errors only
        )
        with tempfile.TemporaryDirectory(prefix="course_ipython_") as folder:
            try:
                client.execute(env=_environment(folder))
            except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                text = re.sub(r"\x1b\[[\d;]*m", "", str(error))  # without colours
                where = f"{self.path.name}, cell {self.cell_number}"
                raise RuntimeError(f"{where}: {text}") from error
            finally:
                self.stop()
        content = to_bytes(without_volatile_parts(notebook))
        changed = content != self.path.read_bytes()
        if changed:
            with atomic_path(self.path) as temporary:
                temporary.write_bytes(content)
        return changed, time.monotonic() - start

    def _note_cell(self, cell, cell_index: int) -> None:
        self.cell_number = cell_index + 1

    def stop(self) -> None:
        """End the kernel, if it runs, and give back what it used."""
        if self.kernel.has_kernel:
            asyncio.run(self.kernel.shutdown_kernel(now=True))

    def kill(self) -> None:
        """End the kernel's process from another thread; then the run fails."""
        if self.kernel.has_kernel and self.kernel.provisioner.pid:
            with suppress(ProcessLookupError):
                os.kill(self.kernel.provisioner.pid, signal.SIGKILL)


def _environment(folder: str) -> dict[str, str]:
    """What a learner with a fresh clone has: nobody's settings, nobody's progress."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COURSE_") and name != "COLAB_RELEASE_TAG"
    }
    return ours | {"IPYTHONDIR": folder, "COURSE_PROGRESS": f"{folder}/progress.json"}


def refresh(paths: Sequence[Path], repository: str | None) -> int:
    """Run the notebooks and save them with their outputs; return how many failed."""
    runs = [_Run(path, repository) for path in paths]
    failed = 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = {pool.submit(run): run for run in runs}
        try:
            for future in as_completed(pending):
                name = pending[future].path.stem
                try:
                    changed, seconds = future.result()
                except (RuntimeError, ValueError, OSError) as error:
                    failed += 1
                    print(f"{name}: failed, left as it was\n{error}", file=sys.stderr)
                else:
                    verdict = "saved" if changed else "unchanged"
                    print(f"{name}: {verdict}, {seconds:.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(future.done() for future in pending):
                for run in runs:
                    run.kill()
                time.sleep(0.1)
            raise
    return failed
