"""Edits: whatever changes what a model computes is named; what does not is not."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from course_utils.config import GPTConfig
from course_utils.edits import first_edit
from course_utils.huggingface import to_huggingface
from course_utils.lora import add_low_rank, merge_low_rank
from course_utils.model import GPT, as_configured
from course_utils.quantization import quantize

CONFIG = GPTConfig(vocab_size=31, n_positions=9, n_layer=2, n_head=2, n_embd=8)


def no_bias(model):
    model.blocks[1].mlp.expand.bias = None


def another_epsilon(model):
    model.blocks[0].norm_2.epsilon = 0.1


def fewer_heads(model):
    model.blocks[0].attention.n_head = 1


def a_larger_table(model):
    model.token_embedding = nn.Embedding(40, 8)


def rows_kept_short(model):
    model.token_embedding.max_norm = 0.01


def a_replaced_head(model):
    model.head = lambda x: x


def a_replaced_embed(model):
    model.embed = lambda ids, past=0, padding=None: model.token_embedding(ids)


def a_replaced_forward(model):
    model.blocks[0].mlp.forward = lambda x: x


def a_block_less(model):
    del model.blocks[1]


def a_parametrized_weight(model):
    weight_norm(model.blocks[0].mlp.contract)


def low_rank(model):
    add_low_rank(model, 2, 2.0)


EDITS = {
    no_bias: "blocks.1.mlp.expand.bias is missing",
    another_epsilon: "blocks.0.norm_2.epsilon is 0.1",
    fewer_heads: "blocks.0.attention.n_head is 1",
    a_larger_table: "token_embedding.num_embeddings is 40",
    rows_kept_short: "token_embedding.max_norm is 0.01",
    a_replaced_head: "the model.head was replaced",
    a_replaced_embed: "the model.embed was replaced",
    a_replaced_forward: "blocks.0.mlp.forward was replaced",
    a_block_less: "blocks.1 is missing",
    a_parametrized_weight: "blocks.0.mlp.contract is a ParametrizedLinear",
    low_rank: "blocks.0.attention.query_key_value is a LowRankLinear",
    quantize: "blocks.0.attention.query_key_value is a QuantizedLinear",
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_is_named_and_neither_saved_nor_converted(edit, tied, tmp_path):
    config = GPTConfig(**{**CONFIG.to_dict(), "tie_word_embeddings": tied})
    model = GPT(config)
    edit(model)
    assert first_edit(model, as_configured(config)) == EDITS[edit]
    with pytest.raises(ValueError, match="only a model as configured can be saved"):
        model.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="only a model as configured has a place"):
        to_huggingface(model)


def test_what_changes_no_result_is_no_edit(tmp_path):
    model = merge_low_rank(add_low_rank(GPT(CONFIG), 2, 2.0)).half().eval()
    model.blocks[0].dropout.p = 0.5
    model.note = "fine-tuned on Tuesday"
    model.token_embedding.weight.requires_grad_(False)
    model.own_head = None
    model.blocks.register_forward_hook(print)
    assert first_edit(model, as_configured(CONFIG)) is None
    model.save(tmp_path)
    assert torch.equal(GPT.load(tmp_path).final_norm.gain, torch.ones(8))
