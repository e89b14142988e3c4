#!/usr/bin/env bash
# A display that is updated later fails nbval on a notebook that nobody touched.
#
# IPython's display handles (display_id, handle.update) are the documented way to draw
# again in one place. nbconvert stores what was shown last. nbval runs the cell, knows no
# update ("unhandled iopub msg: update_display_data"), keeps what was shown first, and
# reports a difference. So the text of a live figure must be the same from first to last.
#
# Fails if that is no longer so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check nbval==0.11.0 pytest==9.2.0 nbconvert==7.17.2 ipykernel==7.4.0
export PATH="$folder/venv/bin:$PATH" JUPYTER_PREFER_ENV_PATH=1
unset PYTHONPATH PYTEST_ADDOPTS

python - <<'PYTHON'
import importlib.metadata
from pathlib import Path

from nbformat import v4, write

for name in ("nbval", "pytest", "nbconvert", "ipykernel", "ipython"):
    print(name, importlib.metadata.version(name))
source = """from IPython.display import display

handle = display("first", display_id=True)
handle.update("last")"""
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
page = v4.new_notebook(cells=[v4.new_code_cell(source)], metadata={"kernelspec": kernel})
write(page, Path("page.ipynb"))
PYTHON

jupyter nbconvert --to notebook --execute --inplace page.ipynb 2>/dev/null
python - <<'PYTHON'
import json

(output,) = json.load(open("page.ipynb"))["cells"][0]["outputs"]
print("stored by nbconvert:", output["data"]["text/plain"])
assert output["data"]["text/plain"] == ["'last'"], "nbconvert stores something else"
PYTHON

if pytest -q -p no:cacheprovider --nbval --nbval-current-env page.ipynb > log 2>&1; then
  echo "CHANGED: nbval follows the update now"
  exit 1
fi
grep -E "unhandled iopub msg|mismatch" log || { tail -20 log; exit 1; }
echo "nbval 0.11 compares what was shown first with what is stored last"
