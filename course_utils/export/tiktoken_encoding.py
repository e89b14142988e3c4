"""A tiktoken Encoding: OpenAI's fast tokenizer, with our tokens.

tiktoken has no list of merges. It joins, again and again, the two neighbours whose
joined bytes have the lowest id. That gives our ids because ours were given in the order
learnt.
"""

import base64
import os
from typing import TYPE_CHECKING

from course_utils.files import atomic_path
from course_utils.tokenization import SPLIT_PATTERN, Tokenizer

if TYPE_CHECKING:
    import tiktoken


def tiktoken_encoding(
    tokenizer: Tokenizer, name: str = "course"
) -> "tiktoken.Encoding":
    """Return the tokenizer as an Encoding; ``name`` is what it calls itself."""
    import tiktoken

    return tiktoken.Encoding(
        name,
        pat_str=SPLIT_PATTERN.pattern,
        mergeable_ranks=tokenizer.vocab,
        special_tokens=tokenizer.special_tokens,
    )


def write_tiktoken(tokenizer: Tokenizer, path: str | os.PathLike) -> None:
    """Write the ordinary tokens as a .tiktoken file: bytes in base64, and the id.

    ``tiktoken.load.load_tiktoken_bpe`` reads it. The format has no place for pattern
    and special tokens: whoever builds the Encoding gives them.
    """
    lines = [
        f"{base64.b64encode(token).decode()} {i}\n"
        for token, i in sorted(tokenizer.vocab.items(), key=lambda item: item[1])
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("".join(lines), encoding="ascii", newline="\n")
