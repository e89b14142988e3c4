#!/usr/bin/env bash
# A GPT-2's folder whose head differs from its table of tokens loads untied in transformers
# 5, with a warning. resize_token_embeddings (here by two tokens more) ties them after all:
# the trained head is gone, and no word is said of that.
#
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="torch==2.13.0 transformers==5.24.0 safetensors==0.8.0"
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
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
sizes = dict(vocab_size=50, n_positions=16, n_layer=1, n_head=2, n_embd=8)
GPT2LMHeadModel(
    GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
).save_pretrained("gpt2")
weights = load_file("gpt2/model.safetensors")
weights["lm_head.weight"] = torch.randn(50, 8)
save_file(weights, "gpt2/model.safetensors", metadata={"format": "pt"})

model, ids = GPT2LMHeadModel.from_pretrained("gpt2").eval(), torch.arange(5)[None]
with torch.no_grad():
    before = model(ids).logits
    untied = not torch.equal(model.lm_head.weight, model.transformer.wte.weight)
    model.resize_token_embeddings(52)
    apart = (model(ids).logits[..., :50] - before).abs().max().item()
tied = model.lm_head.weight is model.transformer.wte.weight
print(f"loaded: the head is its own: {untied}")
print(f"resized: the head is the table: {tied}; logits of old tokens moved by {apart:.1f}")
assert untied and tied and apart > 1
EOF
