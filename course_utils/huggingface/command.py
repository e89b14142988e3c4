"""``python -m course_utils.huggingface export``: a model for transformers."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from course_utils.console import quoted
from course_utils.huggingface import save_pretrained
from course_utils.model_folders import load_model, shipped_names

DTYPES = ("float32", "float16", "bfloat16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = build_parser().parse_args(arguments)
    try:
        model, tokenizer = load_model(given.model)
        dtype = getattr(torch, given.dtype)
        save_pretrained(model, tokenizer, given.folder, dtype)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{model.count_parameters():,} parameters and the tokenizer are in a folder")
    print(f"that transformers reads: {quoted(given.folder)}")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course_utils.huggingface")
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser(
        "export",
        help="write a model and its tokenizer as transformers reads them",
        description="Write a model and its tokenizer as transformers reads them, whole "
        "or not at all.",
    )
    export.add_argument(
        "model",
        metavar="RUN",
        help="the folder of a training run, or a model that comes with the course: "
        + ", ".join(shipped_names()),
    )
    export.add_argument("folder", metavar="DIR", type=Path, help="where to write")
    export.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="of the weights (float32); transformers computes in what the file holds",
    )
    return parser
