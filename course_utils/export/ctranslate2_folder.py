"""A folder for CTranslate2, a fast engine for CPUs and GPUs that stores int8 too.

Its own converter reads a folder as transformers writes it, and makes this one from it.
"""

import os
from tempfile import TemporaryDirectory

from course_utils.export.checks import check_exportable, filled_whole
from course_utils.huggingface import save_pretrained
from course_utils.model import GPT
from course_utils.tokenization import Tokenizer


def write_ctranslate2(
    model: GPT,
    tokenizer: Tokenizer,
    folder: str | os.PathLike,
    quantization: str | None = None,
) -> None:
    """Write a folder for CTranslate2, whole or not at all.

    ``quantization``: as CTranslate2 names it, "float16", "int8" and others; None keeps
    float32. Raises ValueError for another name (its converter does), and for a model
    that has other tokens than the tokenizer.
    """
    from ctranslate2.converters import TransformersConverter

    check_exportable(model, tokenizer)
    V = model.config.vocab_size
    if tokenizer.vocab_size != V:  # it has no name for rows without a token
        got = tokenizer.vocab_size
        raise ValueError(
            f"tokenizer must have exactly vocab_size={V} tokens, got {got}"
        )
    with TemporaryDirectory() as exported, filled_whole(folder) as temporary:
        save_pretrained(model, tokenizer, exported)
        converter = TransformersConverter(exported)
        converter.convert(os.fspath(temporary), quantization=quantization, force=True)
