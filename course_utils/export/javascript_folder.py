"""A folder for transformers.js, which runs the ONNX graph in a browser or in Node.

Beside the graph it reads ``tokenizer.json``, one file that holds all of a tokenizer:
the ``tokenizers`` library writes it. ``clean_up_tokenization_spaces`` has to be said:
where it is not, the JavaScript decoder takes away spaces before punctuation.
"""

import json
import os

import tokenizers
from tokenizers import decoders, pre_tokenizers
from tokenizers.models import BPE

from course_utils.export.checks import check_exportable, filled_whole, token_names
from course_utils.export.onnx_file import write_onnx
from course_utils.files import write_json
from course_utils.huggingface import save_pretrained
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer


def tokenizer_json(tokenizer: Tokenizer) -> str:
    """Return the tokenizer as the text of a tokenizer.json, GPT-2's kind."""
    names = token_names(tokenizer)
    ordinary = {names[i]: i for i in tokenizer.vocab.values()}
    merges = [(names[a], names[b]) for a, b in tokenizer.merges]
    fast = tokenizers.Tokenizer(BPE(ordinary, merges))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    saved = json.loads(fast.to_str())
    # By hand: the library would number added tokens by itself.
    settings = dict(single_word=False, lstrip=False, rstrip=False, normalized=False)
    saved["added_tokens"] = [
        {"id": i, "content": text, **settings, "special": True}
        for text, i in sorted(tokenizer.special_tokens.items(), key=lambda t: t[1])
    ]
    return json.dumps(saved, ensure_ascii=False)


def write_javascript(
    model: GPT, tokenizer: Tokenizer, folder: str | os.PathLike
) -> None:
    """Write a folder for transformers.js, whole or not at all.

    Python's transformers reads it too.
    """
    check_exportable(model, tokenizer)
    with filled_whole(folder) as temporary:
        save_pretrained(model, tokenizer, temporary)
        (temporary / "onnx").mkdir()
        write_onnx(model, temporary / "onnx" / "model.onnx")
        path = temporary / "tokenizer.json"
        path.write_text(tokenizer_json(tokenizer), encoding="utf-8")
        path = temporary / "tokenizer_config.json"
        settings = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**settings, "clean_up_tokenization_spaces": False})
