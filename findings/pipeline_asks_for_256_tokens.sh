#!/usr/bin/env bash
# A GPT-2 of 64 positions, saved by transformers itself, cannot be run by its own pipeline
# without a length: "text-generation" asks for 256 new tokens, whatever n_positions is, and
# the table of positions has no 65th row. A max_length in generation_config.json helps.
#
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="torch==2.13.0 transformers==5.24.0 tokenizers==0.23.3"
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
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, pipeline

letters = pre_tokenizers.ByteLevel.alphabet()
bpe = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
torch.manual_seed(0)
sizes = dict(vocab_size=256, n_positions=64, n_layer=1, n_head=2, n_embd=16)
model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=None, eos_token_id=None))


def tokens_written():
    model.save_pretrained("gpt2")
    PreTrainedTokenizerFast(tokenizer_object=bpe).save_pretrained("gpt2")
    write = pipeline("text-generation", "gpt2")
    try:
        text = write("hello", do_sample=False, return_tensors=True)
        return len(text[0]["generated_token_ids"])
    except IndexError as error:
        return f"IndexError: {error}"


plain = tokens_written()
model.generation_config.max_length = 64
limited = tokens_written()
print("as saved:", plain)
print("with max_length=64 in generation_config.json:", limited, "tokens")
assert plain == "IndexError: index out of range in self" and limited == 64
EOF
