"""``python -m course_utils.sampling``: write with a trained model, from a prompt."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from course_utils.model import GPT
from course_utils.model_folders import load_model, shipped_names
from course_utils.sampling.writing import encode_prompt, stream_text
from course_utils.tokenization import Tokenizer

TOKENS = 100  # how many are written where nobody says


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 error, 130 stopped."""
    given = build_parser().parse_args(arguments)
    try:
        model, tokenizer = load_model(given.model)
        for number, pieces in enumerate(texts(model, tokenizer, given)):
            if number:
                print("---")
            if not given.stream:
                pieces = ["".join(pieces)]
            for piece in pieces:
                print(piece, end="", flush=True)
            print()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.sampling",
        description="Write with a model: the prompt, and what the model adds to it.",
    )
    parser.add_argument(
        "model",
        metavar="RUN",
        help="the folder of a training run, a folder as transformers writes it, or a "
        f"model that comes with the course: {', '.join(shipped_names())}",
    )
    parser.add_argument("--prompt", default="", help="beginning; none: a new text")
    parser.add_argument("-n", type=int, default=1, help="how many texts (1)")
    parser.add_argument(
        "--max-new-tokens",
        type=int,
        metavar="TOKENS",
        help=f"of each text at most ({TOKENS}, or as many as fit)",
    )
    parser.add_argument(
        "--temperature", type=float, default=1.0, help="0 takes the likeliest (1.0)"
    )
    parser.add_argument("--top-k", type=int, help="draw from the K likeliest tokens")
    parser.add_argument(
        "--top-p", type=float, help="draw from the likeliest that reach probability P"
    )
    parser.add_argument(
        "--repetition-penalty", type=float, default=1.0, help="above 1: less again"
    )
    parser.add_argument(
        "--seed", type=int, help="write the same again; text i has seed + i"
    )
    parser.add_argument(
        "--stream", action="store_true", help="show each piece as it is written"
    )
    return parser


def texts(
    model: GPT, tokenizer: Tokenizer, given: argparse.Namespace
) -> Iterator[Iterator[str]]:
    """Yield each text as its pieces, the prompt first. ValueError: a bad option."""
    if given.n < 1:
        raise ValueError(f"-n must be at least 1, got {given.n}")
    length = given.max_new_tokens
    if length is None:
        used = len(encode_prompt(model, tokenizer, given.prompt))
        length = max(1, min(TOKENS, model.config.n_positions - used))
    knobs = ("temperature", "top_k", "top_p", "repetition_penalty")
    options = {knob: getattr(given, knob) for knob in knobs}
    for i in range(given.n):
        seed = None if given.seed is None else given.seed + i
        added = stream_text(
            model, tokenizer, given.prompt, length, seed=seed, **options
        )
        yield _after(given.prompt.rstrip(" "), added)


def _after(prompt: str, added: Iterator[str]) -> Iterator[str]:
    if prompt:
        yield prompt
    yield from added
