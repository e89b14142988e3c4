"""What every export does: ask whether the model fits, then write all or nothing."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from course_utils.edits import first_edit
from course_utils.model import CONFIG_FILE, GPT, as_configured
from course_utils.tokenization import BYTE_CHARACTERS, Tokenizer


def check_exportable(model: GPT, tokenizer: Tokenizer | None = None) -> None:
    """Raise ValueError for an edited model, and for a tokenizer with more tokens."""
    if edit := first_edit(model, as_configured(model.config)):
        raise ValueError(f"only a model as configured can be exported, but {edit}")
    V = model.config.vocab_size
    if tokenizer is not None and tokenizer.vocab_size > V:
        got = tokenizer.vocab_size
        raise ValueError(f"the tokenizer must have at most {V} tokens, got {got}")


@contextmanager
def filled_whole(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder; on success move what is in it to ``folder``.

    Raises ValueError for the folder of a run, whose own files would be overwritten, and
    OSError naming the folder if it cannot be written.
    """
    folder = Path(folder)
    if (folder / CONFIG_FILE).exists():
        raise ValueError(f"{folder} holds a model of the course, which would be lost")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix=".") as temporary:
            yield Path(temporary)
            for path in Path(temporary).iterdir():
                if path.is_dir():
                    shutil.rmtree(folder / path.name, ignore_errors=True)
                os.replace(path, folder / path.name)
    except OSError as error:
        raise OSError(f"could not write {folder}: {error}") from error


def token_names(tokenizer: Tokenizer) -> list[str]:
    """Return each token as GPT-2's files write it, by id: "Ġ" stands for a space."""
    special = {i: text for text, i in tokenizer.special_tokens.items()}
    return [
        special.get(i)
        or "".join(BYTE_CHARACTERS[byte] for byte in tokenizer.token_bytes(i))
        for i in range(tokenizer.vocab_size)
    ]
