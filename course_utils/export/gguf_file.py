"""GGUF: model and tokenizer in one file, as llama.cpp reads it.

The ``gguf`` package writes it. llama.cpp knows GPT-2's architecture and splits words by
GPT-2's pattern ("gpt-2"). It stores a matrix as nn.Linear does, (out, in): nothing is
transposed, as it would have to be on the way from transformers.

Source: gguf's specification, github.com/ggml-org/ggml, docs/gguf.md.
"""

import os

import torch

from course_utils.export.checks import check_exportable, token_names
from course_utils.files import atomic_path
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer

NAME_TABLE = {
    "token_embedding": "token_embd",
    "position_embedding": "position_embd",
    "final_norm": "output_norm",
    "own_head": "output",
    "blocks": "blk",
    "norm_1": "attn_norm",
    "attention.query_key_value": "attn_qkv",
    "attention.project": "attn_output",
    "norm_2": "ffn_norm",
    "mlp.expand": "ffn_up",
    "mlp.contract": "ffn_down",
    "gain": "weight",
}


def gguf_name(name: str) -> str:
    """Translate a name of our model to GGUF's.

    >>> gguf_name("blocks.3.norm_1.gain")
    'blk.3.attn_norm.weight'
    """
    for ours, theirs in NAME_TABLE.items():
        name = name.replace(ours, theirs)
    return name


def write_gguf(
    model: GPT,
    tokenizer: Tokenizer,
    path: str | os.PathLike,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write model and tokenizer to one file, whole or not at all.

    ``dtype``, float32 or float16, is that of the matrices and the table of tokens;
    positions, biases and norms stay float32, as llama.cpp computes with them.
    """
    import gguf

    check_exportable(model, tokenizer)
    kinds = gguf.LlamaFileType
    file_types = {torch.float32: kinds.ALL_F32, torch.float16: kinds.MOSTLY_F16}
    if dtype not in file_types:
        raise ValueError(f"dtype must be float32 or float16, got {dtype}")
    with atomic_path(path) as temporary:
        writer = gguf.GGUFWriter(temporary, "gpt2")
        _add_settings(writer, model, file_types[dtype])
        _add_tokenizer(writer, gguf.TokenType, tokenizer, model.config.vocab_size)
        for name, tensor in model.state_dict().items():
            is_matrix = tensor.dim() == 2 and name != "position_embedding.weight"
            stored = tensor.detach().cpu().to(dtype if is_matrix else torch.float32)
            writer.add_tensor(gguf_name(name), stored.contiguous().numpy())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _add_settings(writer, model: GPT, file_type: int) -> None:
    config = model.config
    writer.add_context_length(config.n_positions)
    writer.add_embedding_length(config.n_embd)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_file_type(file_type)


def _add_tokenizer(writer, kinds, tokenizer: Tokenizer, vocab_size: int) -> None:
    """Tokens as in GPT-2's files; rows of the model without a token are unused."""
    names = token_names(tokenizer)
    types = [kinds.NORMAL] * len(names)
    for i in tokenizer.special_tokens.values():
        types[i] = kinds.CONTROL
    n_unused = vocab_size - len(names)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(names + [f"[PAD{i}]" for i in range(n_unused)])
    writer.add_token_types(types + [kinds.UNUSED] * n_unused)
    writer.add_token_merges([f"{names[a]} {names[b]}" for a, b in tokenizer.merges])
    if tokenizer.special_tokens:
        writer.add_bos_token_id(tokenizer.end_of_text)
        writer.add_eos_token_id(tokenizer.end_of_text)
    writer.add_add_bos_token(False)
