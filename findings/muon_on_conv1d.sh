#!/usr/bin/env bash
# torch's Muon steps by sqrt(max(1, rows / columns)), meant for nn.Linear's (out, in).
# transformers' GPT-2 stores its matrices as Conv1D, (in, out): for the same layer with the
# same gradient the step is half as long where the layer widens (the MLP's c_fc), and twice
# as long where it narrows (c_proj). Nothing says so.
#
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="torch==2.13.0 transformers==5.24.0"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv venv && PYTHON=$folder/venv/bin/python && "$PYTHON" -m pip install -q $pins
fi
export HF_HUB_OFFLINE=1
"$PYTHON" -W ignore - $pins <<'EOF' 2> errors || { cat errors; exit 1; }
import sys
from importlib.metadata import version
for pin in sys.argv[1:]:
    name, wanted = pin.split("==")
    print(name, version(name))
    assert version(name).split("+")[0] == wanted, f"{name}: pinned {wanted}"
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D


def step_length(layer, gradient):
    layer.weight.grad, before = gradient.clone(), layer.weight.detach().clone()
    torch.optim.Muon([layer.weight], lr=0.1, weight_decay=0.0).step()
    return (layer.weight.detach() - before).norm().item()


def ratio(n_in, n_out):
    """How much longer the step on Conv1D is than that on the same nn.Linear."""
    torch.manual_seed(0)
    gradient = torch.randn(n_out, n_in)
    linear = step_length(nn.Linear(n_in, n_out), gradient)
    return step_length(Conv1D(n_out, n_in), gradient.T.contiguous()) / linear


ratios = {
    "c_fc, 64 to 256": ratio(64, 256),
    "c_proj of the MLP, 256 to 64": ratio(256, 64),
    "c_proj of attention, 64 to 64": ratio(64, 64),
}
for what, times in ratios.items():
    print(f"{what:32} step on Conv1D / step on nn.Linear = {times:.2f}")
wide, narrow, square = ratios.values()
assert abs(wide - 0.5) < 0.02 and abs(narrow - 2) < 0.08 and abs(square - 1) < 0.02
EOF
