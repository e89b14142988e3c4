"""``python -m course_utils.export``: a model for another tool."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from course_utils.console import quoted
from course_utils.export.ctranslate2_folder import write_ctranslate2
from course_utils.export.gguf_file import write_gguf
from course_utils.export.javascript_folder import write_javascript
from course_utils.export.onnx_file import write_onnx
from course_utils.export.tiktoken_encoding import write_tiktoken
from course_utils.huggingface import save_pretrained
from course_utils.model_folders import load_model, shipped_names

DTYPES = ("float32", "float16", "bfloat16")


def to_ctranslate2(model, tokenizer, folder, dtype: str) -> None:
    write_ctranslate2(model, tokenizer, folder, None if dtype == DTYPES[0] else dtype)


# Each format: what writes it, the types of weights it can hold, and what it is.
FORMATS: dict[str, tuple[Callable, tuple[str, ...], str]] = {
    "transformers": (
        lambda m, t, out, dtype: save_pretrained(m, t, out, getattr(torch, dtype)),
        DTYPES,
        "a folder",
    ),
    "gguf": (
        lambda m, t, out, dtype: write_gguf(m, t, out, getattr(torch, dtype)),
        DTYPES[:2],
        "a file for llama.cpp, tokenizer and all",
    ),
    "onnx": (
        lambda m, t, out, dtype: write_onnx(m, out),
        DTYPES[:1],
        "a file for onnxruntime, with a cache",
    ),
    "javascript": (
        lambda m, t, out, dtype: write_javascript(m, t, out),
        DTYPES[:1],
        "a folder for transformers.js",
    ),
    "ctranslate2": (to_ctranslate2, DTYPES, "a folder"),
    "tiktoken": (
        lambda m, t, out, dtype: write_tiktoken(t, out),
        DTYPES[:1],
        "a file, of the tokenizer alone",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = build_parser().parse_args(arguments)
    write, dtypes, what = FORMATS[given.to]
    try:
        if given.dtype not in dtypes:
            allowed = " or ".join(dtypes)
            raise ValueError(f"--to {given.to} takes {allowed}, got {given.dtype}")
        write(*load_model(given.model), given.out, given.dtype)
    except ModuleNotFoundError as error:
        print(
            f"error: --to {given.to} needs {error.name}: "
            'pip install "course-utils[export]"',
            file=sys.stderr,
        )
        return 1
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{given.to}, {what}: {quoted(given.out)}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.export",
        description="Take a model and its tokenizer to another tool; whole or not at "
        "all.",
    )
    parser.add_argument(
        "model",
        metavar="RUN",
        help="the folder of a training run, a folder as transformers writes it, or a "
        f"model that comes with the course: {', '.join(shipped_names())}",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="where to write")
    formats = "; ".join(f"{name}: {what}" for name, (_, _, what) in FORMATS.items())
    parser.add_argument(
        "--to", choices=FORMATS, default="transformers", help=f"{formats} (the first)"
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="of the weights (float32); transformers computes in what the file holds",
    )
    return parser
