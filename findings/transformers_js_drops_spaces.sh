#!/usr/bin/env bash
# One tokenizer.json, one list of ids, two texts: transformers.js takes away the spaces
# before punctuation where tokenizer_config.json does not forbid it
# (clean_up_tokenization_spaces: false). transformers in Python has stopped doing so.
#
# PYTHON=... names a Python with the pinned packages, NODE_MODULES=... a folder with the
# pinned npm package; what is not named is installed in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="transformers==5.24.0 tokenizers==0.23.3"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv venv && PYTHON=$folder/venv/bin/python && "$PYTHON" -m pip install -q $pins
fi
if [ -z "${NODE_MODULES:-}" ]; then
  npm install --silent --ignore-scripts @huggingface/transformers@4.3.2
  NODE_MODULES=$folder/node_modules
fi
export NODE_PATH=$NODE_MODULES HF_HUB_OFFLINE=1
"$PYTHON" -W ignore - $pins <<'EOF'
import json, sys
from importlib.metadata import version
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

for pin in sys.argv[1:]:
    name, wanted = pin.split("==")
    print(name, version(name))
    assert version(name) == wanted, f"{name}: pinned {wanted}"
letters = pre_tokenizers.ByteLevel.alphabet()
bpe = Tokenizer(models.BPE({letter: i for i, letter in enumerate(letters)}, []))
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(tokenizer_object=bpe).save_pretrained("bytes")
settings = json.load(open("bytes/tokenizer_config.json"))
settings.pop("clean_up_tokenization_spaces", None)
json.dump(settings, open("bytes/tokenizer_config.json", "w"))
tokenizer, text = AutoTokenizer.from_pretrained("bytes"), "yes , we do n't ."
assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
print("Python:    ", tokenizer.decode(tokenizer(text)["input_ids"]))
EOF
said=$(node -e "
const { AutoTokenizer, env } = require('@huggingface/transformers');
env.allowRemoteModels = false; env.localModelPath = process.cwd();
(async () => {
  const tokenizer = await AutoTokenizer.from_pretrained('bytes');
  console.log(tokenizer.decode(tokenizer.encode(\"yes , we do n't .\")));
})();")
grep '"version"' "$NODE_MODULES/@huggingface/transformers/package.json"
echo "JavaScript: $said"
[ "$said" = "yes, we don't." ]
