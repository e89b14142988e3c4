#!/usr/bin/env bash
# transformers 5.24 runs a Mixtral's experts as one grouped matrix product. On a CPU
# that product wants rows of a multiple of 16 bytes: a model with an odd expert size is
# built, saved and loaded without a word, and its first forward pass raises. The older
# way, expert after expert, still works and must be asked for by name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --extra-index-url https://download.pytorch.org/whl/cpu \
    torch==2.13.0 transformers==5.24.0 numpy==2.3.5 2>/dev/null ||
    "$folder/venv/bin/pip" install -q torch==2.13.0 transformers==5.24.0
"$folder/venv/bin/python" - <<'PY'
import torch
import transformers
from transformers import MixtralConfig, MixtralForCausalLM

print("torch", torch.__version__, "transformers", transformers.__version__)
found = {}
for size in (32, 31):
    config = MixtralConfig(
        vocab_size=50, hidden_size=16, intermediate_size=size, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, num_local_experts=4,
    )
    model = MixtralForCausalLM(config).eval()
    for way in ("as it comes", "eager"):
        if way == "eager":
            model.set_experts_implementation("eager")
        try:
            model(torch.arange(5)[None])
            found[size, way] = "runs"
        except RuntimeError as error:
            found[size, way] = str(error).splitlines()[0]
        print(f"expert size {size}, {way}: {found[size, way]}")
assert found[32, "as it comes"] == found[32, "eager"] == found[31, "eager"] == "runs"
assert "multiple of 16 bytes" in found[31, "as it comes"]
print("as described")
PY
