#!/usr/bin/env bash
# Making the first torch.optim.SGD of a process takes about a second of processor time and
# 70 MB: it imports torch._dynamo, the front end of torch.compile, and sympy with it, though
# nothing is compiled. Its methods are wrapped by torch._disable_dynamo, which imports
# torch._dynamo on the first call. The second optimizer takes microseconds. Who times a
# first training step, or forks workers that each train a little, measures or pays for this;
# `import torch._dynamo` before the clock starts, or before the fork, avoids it.
#
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="torch==2.13.0"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv venv && PYTHON=$folder/venv/bin/python &&
    "$PYTHON" -m pip install -q $pins numpy
fi
"$PYTHON" -W ignore - $pins <<'EOF'
import sys
import time
from importlib.metadata import version
for pin in sys.argv[1:]:
    name, wanted = pin.split("==")
    print(name, version(name))
    assert version(name).split("+")[0] == wanted, f"{name}: pinned {wanted}"
import torch


def resident_megabytes():
    """Linux only; 0 elsewhere."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096 / 2**20
    except OSError:
        return 0


weight = torch.nn.Parameter(torch.zeros(3))
for which in ("first", "second"):
    modules, memory, start = set(sys.modules), resident_megabytes(), time.process_time()
    torch.optim.SGD([weight], lr=0.1)
    seconds = time.process_time() - start
    new, more = set(sys.modules) - modules, resident_megabytes() - memory
    print(f"{which:6} SGD: {seconds:8.5f} s, {more:5.1f} MB, {len(new):4} new modules")
    if which == "first":
        assert {"torch._dynamo", "sympy"} <= new and len(new) > 500
    else:
        assert not new
EOF
