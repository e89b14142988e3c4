#!/usr/bin/env bash
# LoRA on GPT-2's lm_head, which is tied to the table of tokens: what the adapted model
# computes and what it computes after merge_and_unload are two things, since the merge
# changes the table too. peft's warning names ensure_weight_tying=True: with it the two
# are still apart. With a head of its own (tie_word_embeddings=False) they are equal.
#
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="torch==2.13.0 transformers==5.24.0 peft==0.21.2"
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
from peft import LoraConfig, get_peft_model
from transformers import GPT2Config, GPT2LMHeadModel

ids = torch.arange(5)[None]
sizes = dict(vocab_size=50, n_positions=16, n_layer=1, n_head=2, n_embd=8)


@torch.no_grad()
def apart(tied, **settings):
    torch.manual_seed(0)
    ends = dict(bos_token_id=0, eos_token_id=0)
    model = GPT2LMHeadModel(GPT2Config(**sizes, **ends, tie_word_embeddings=tied))
    settings |= dict(r=4, target_modules=["lm_head"], init_lora_weights=False)
    adapted = get_peft_model(model, LoraConfig(**settings)).eval()
    before = adapted(input_ids=ids).logits
    return (adapted.merge_and_unload()(ids).logits - before).abs().max().item()


found = {
    "tied": apart(True),
    "tied, ensure_weight_tying=True": apart(True, ensure_weight_tying=True),
    "a head of its own": apart(False),
}
for what, difference in found.items():
    print(f"{what:32} merged and unmerged logits differ by {difference:.1e}")
tied, ensured, own = found.values()
assert tied > 0.1 and ensured > 0.1 and own < 1e-5
EOF
