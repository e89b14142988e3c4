"""Files are written whole or not at all, and a folder belongs to one process."""

import subprocess
import sys

import pytest

from course_utils.files import atomic_path, locked

HOLD = """
import sys, time
from course_utils.files import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_locked_against_other_processes_until_the_holder_ends(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "locked\n"
    with (
        pytest.raises(ValueError, match=f"another process is at work in {tmp_path}"),
        locked(tmp_path),
    ):
        pass
    holder.kill()  # without a chance to clean up
    holder.communicate()
    with locked(tmp_path), locked(tmp_path):  # the holder may lock again
        pass


def test_a_lock_leaves_nothing_where_nothing_was_made(tmp_path):
    new = tmp_path / "new" / "folder"
    with pytest.raises(OSError), locked(new):
        raise OSError
    assert not new.exists()
    with locked(new):
        (new / "file").write_text("made")
    assert (new / "file").exists()


def test_what_a_killed_process_had_begun_is_cleared_and_nothing_else(tmp_path):
    with atomic_path(tmp_path / "file.json") as temporary:
        begun = temporary.name
        temporary.write_text("whole")
    (tmp_path / begun).write_text("ha")
    for name in (".hidden", "mine.tmp", ".mine.tmp", ".vimrc.12345.tmp"):
        (tmp_path / name).write_text("not ours")
    with locked(tmp_path):
        names = {path.name for path in tmp_path.iterdir()} - {".lock"}
    assert names == {
        "file.json",
        ".hidden",
        "mine.tmp",
        ".mine.tmp",
        ".vimrc.12345.tmp",
    }
