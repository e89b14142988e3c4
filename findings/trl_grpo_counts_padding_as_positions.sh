#!/usr/bin/env bash
# trl's GRPOTrainer fills prompts of unequal length up on the left, and scores what was
# written with an attention mask but no position_ids. Llama's positions are relative, so
# nothing changes. GPT-2 adds learnt positions, and without position_ids transformers counts
# them from the first column, filled up or not: the same prompt and answer get other
# log-probabilities when a longer prompt lies beside them in the batch. generate() does give
# positions that start at the text, so the model that writes is not the one that is scored.
# Prompts of one length avoid it.
# PYTHON=... names the Python of an environment that has the pinned packages; without it
# one is made in the temporary folder.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
pins="trl==1.16.0 transformers==5.24.0 torch==2.13.0"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv venv && PYTHON=$folder/venv/bin/python &&
    "$PYTHON" -m pip install -q $pins
fi
HF_HUB_OFFLINE=1 "$PYTHON" -W ignore - $pins <<'EOF'
import sys
from importlib.metadata import version
for pin in sys.argv[1:]:
    name, wanted = pin.split("==")
    print(name, version(name))
    assert version(name).split("+")[0] == wanted, f"{name}: pinned {wanted}"
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM,
                          PreTrainedTokenizerFast)
from trl import GRPOConfig, GRPOTrainer

words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "c": 2, "<end>": 3}, unk_token="a"))
words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=words, eos_token="<end>", pad_token="<end>")
shape = dict(vocab_size=4, bos_token_id=3, eos_token_id=3, pad_token_id=3)
gpt2 = GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=16, **shape)
llama = LlamaConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                    num_attention_heads=2, **shape)
answer, apart = torch.tensor([[1, 2, 0, 3]]), {}
for kind, config in ((GPT2LMHeadModel, gpt2), (LlamaForCausalLM, llama)):
    torch.manual_seed(0)
    model = kind(config)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    options = dict(output_dir=".", report_to=[], use_cpu=True, bf16=False)
    trainer = GRPOTrainer(
        model, lambda completions, **others: [0.0] * len(completions),
        GRPOConfig(num_generations=2, per_device_train_batch_size=2, **options),
        Dataset.from_list([{"prompt": "a"}] * 2), processing_class=tokenizer)
    model.eval()
    score, found = trainer._get_per_token_logps_and_entropies, {}
    for name, prompt in (("alone", [0, 1]), ("beside a longer one", [3, 3, 3, 0, 1])):
        ids = torch.cat([torch.tensor([prompt]), answer], dim=1)
        mask = (torch.arange(ids.shape[1]) >= len(prompt) - 2).long()[None]
        found[name] = score(model, ids, mask, logits_to_keep=4)[0].sum().item()
        print(f"{kind.__name__:16} {name:20} log p of the answer {found[name]:.4f}")
    apart[kind] = abs(found["alone"] - found["beside a longer one"])
assert apart[LlamaForCausalLM] < 1e-4 < 0.1 < apart[GPT2LMHeadModel]
EOF
