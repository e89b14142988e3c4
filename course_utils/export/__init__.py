"""Exports: a trained model leaves for where people use models.

The parts, one a format: ``gguf_file`` (llama.cpp), ``onnx_file`` (onnxruntime),
``javascript_folder`` (transformers.js), ``ctranslate2_folder``, ``tiktoken_encoding``.
For transformers itself, and so for peft, trl and lm-eval, ``huggingface`` has
``save_pretrained``. Each was compared with ``model(ids)`` in the tool itself;
tests/test_export.py does it again wherever the tool is installed
(``pip install "course-utils[export]"``).

Floors: stands on ``model``, ``tokenization`` and ``huggingface``.
"""

from course_utils.export.ctranslate2_folder import write_ctranslate2
from course_utils.export.gguf_file import write_gguf
from course_utils.export.javascript_folder import tokenizer_json, write_javascript
from course_utils.export.onnx_file import write_onnx
from course_utils.export.tiktoken_encoding import tiktoken_encoding, write_tiktoken

__all__ = [
    "tiktoken_encoding",
    "tokenizer_json",
    "write_ctranslate2",
    "write_gguf",
    "write_javascript",
    "write_onnx",
    "write_tiktoken",
]
