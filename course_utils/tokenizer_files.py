"""A tokenizer's files: those of OpenAI, of transformers, and of the tokenizers library.

All of them hold a vocabulary (token -> id), the merges in the order learnt, and special
tokens. They differ in names and in what else they may ask for. What changes the ids and
is not GPT-2's way (a space put before every text, Unicode made uniform, ...) is refused
by name: ids that are slightly wrong are worse than none.

Uses ``files``; ``tokenization`` stands on it.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from course_utils.files import atomic_path

END_OF_TEXT = "<|endoftext|>"
VOCABULARIES = ("vocab.json", "encoder.json")  # transformers' name, and OpenAI's
MERGES = ("merges.txt", "vocab.bpe")
CLASSES = ("GPT2Tokenizer", "GPT2TokenizerFast")
# Settings that change the ids, and the values with which they do not.
HARMLESS = (None, False, "")
SETTINGS = ("add_prefix_space", "add_bos_token", "add_eos_token")
MODEL_SETTINGS = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
MODEL_SETTINGS += ("byte_fallback", "ignore_merges")
TOKEN_SETTINGS = ("lstrip", "rstrip", "single_word")  # what a token takes with it


def byte_characters() -> dict[int, str]:
    """Return the visible character that stands for each byte in GPT-2's files.

    The files hold tokens as lines of text, so a space or a newline needs another face.
    Bytes that are visible characters in Latin-1 stand for themselves; the others get
    the characters from U+0100 on: a space is written "Ġ", a newline "Ċ". The order of
    this table is the order of the ids 0 to 255.
    """
    visible = [*range(ord("!"), 127), *range(ord("¡"), 173), *range(ord("®"), 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    stand_ins = {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return {byte: chr(byte) for byte in visible} | stand_ins


BYTE_CHARACTERS = byte_characters()


class SavedTokenizer(NamedTuple):
    """What the files of a tokenizer hold, whatever they are called."""

    byte_ids: list[int]  # byte -> id
    merges: dict[tuple[int, int], int]  # pair of ids -> id, in the order learnt
    special_tokens: dict[str, int]


def read_tokenizer(folder: Path) -> SavedTokenizer:
    """Read a folder's tokenizer: tokenizer.json as transformers does, else two files.

    Raises FileNotFoundError if there is none, and ValueError naming the file and what
    is wrong or is not GPT-2's way.
    """
    if (folder / "tokenizer.json").exists():
        vocab, lines, special = read_one_file(folder / "tokenizer.json")
        config = folder / "tokenizer_config.json"
        if config.exists():
            refuse(read_json(config), SETTINGS, config)
    else:
        vocab, lines, special = read_two_files(folder)
    ids = sorted((vocab | special).values())
    missing = set(BYTE_CHARACTERS.values()) - vocab.keys()
    if missing or ids != list(range(len(ids))):
        raise ValueError(
            f"the vocabulary in {folder} must give all bytes and other tokens the "
            f"ids 0, 1, 2, ..., got {len(ids)} ids and no byte {missing or ''}"
        )
    byte_ids = [vocab[BYTE_CHARACTERS[byte]] for byte in range(256)]
    return SavedTokenizer(byte_ids, read_merges(lines, vocab, special), special)


def read_json(path: Path) -> dict:
    """Return the object in a JSON file; ValueError with its name if it is broken."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must hold JSON, but: {error}") from None
    if not isinstance(saved, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(saved).__name__}")
    return saved


def refuse(settings: Mapping, names: Iterable[str], path: Path) -> None:
    """Raise ValueError if one of these settings is on: it would change the ids."""
    for name in names:
        if settings.get(name) not in HARMLESS:
            raise ValueError(
                f"{path} must hold a GPT-2 tokenizer, got one with "
                f"{name}={settings[name]!r}, which changes the ids"
            )


def read_one_file(path: Path) -> tuple[dict, list[str], dict]:
    """Read a tokenizer.json, of any version: vocabulary, merges, special tokens."""
    saved = read_json(path)
    model, cut = saved.get("model"), saved.get("pre_tokenizer")
    kind = cut.get("type") if isinstance(cut, dict) else cut
    if kind != "ByteLevel":
        raise ValueError(f"{path} must hold a GPT-2 tokenizer, got {kind}")
    after = saved.get("post_processor") or {}
    if not isinstance(after, dict) or after.get("special_tokens"):
        raise ValueError(f"{path} must add no tokens to a text, got {after}")
    refuse(cut, ("add_prefix_space",), path)
    if cut.get("use_regex", True) is not True:
        raise ValueError(
            f"{path} must cut text by GPT-2's pattern, got use_regex false"
        )
    refuse(saved, ("normalizer",), path)
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise ValueError(f"{path} must hold a model with a vocab of tokens and ids")
    refuse(model, MODEL_SETTINGS, path)
    # Pairs since version 0.20 of the library; lines as in merges.txt before.
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise ValueError(f"{path} must hold a list of merges, got {merges!r}")
    lines = [
        " ".join(map(str, pair)) if isinstance(pair, list) else str(pair)
        for pair in merges
    ]
    added = saved.get("added_tokens") or []
    return whole_numbers(model["vocab"], path), lines, read_special(added, path)


def read_two_files(folder: Path) -> tuple[dict, list[str], dict]:
    """Read vocabulary and merges, each from its file, and the settings beside them."""
    vocab_path, merges_path = (
        next((folder / n for n in names if (folder / n).exists()), folder / names[0])
        for names in (VOCABULARIES, MERGES)
    )
    vocab = whole_numbers(read_json(vocab_path), vocab_path)
    lines = merges_path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if lines[0].startswith("#version"):
        lines[0] = ""
    special = {END_OF_TEXT: vocab[END_OF_TEXT]} if END_OF_TEXT in vocab else {}
    added_path, config_path = (
        folder / "added_tokens.json",
        folder / "tokenizer_config.json",
    )
    if added_path.exists():  # older versions of transformers
        special |= whole_numbers(read_json(added_path), added_path)
    if config_path.exists():
        config = read_json(config_path)
        kind = config.get("tokenizer_class", CLASSES[0])
        if kind not in CLASSES:
            raise ValueError(f"{config_path} must hold a GPT-2 tokenizer, got {kind}")
        refuse(config, SETTINGS, config_path)
        added = config.get("added_tokens_decoder") or {}
        if not all(isinstance(token, dict) for token in added.values()):
            raise ValueError(f"{config_path}: added_tokens_decoder must hold objects")
        tokens = [{**token, "id": i} for i, token in added.items()]
        special |= read_special(tokens, config_path)
    return vocab, lines, special


def read_special(added: list[Mapping], path: Path) -> dict[str, int]:
    """Return text -> id of the tokens that were added to a vocabulary."""
    special = {}
    if not isinstance(added, list):
        raise ValueError(f"{path} must hold a list of added tokens, got {added!r}")
    for token in added:
        try:
            special[str(token["content"])] = int(token["id"])
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{path}: an added token must have content and id, got {token}"
            ) from None
        refuse(token, TOKEN_SETTINGS, path)
    return special


def whole_numbers(vocab: dict, path: Path) -> dict[str, int]:
    """Return the vocabulary; ValueError if an id is none."""
    for token, i in vocab.items():
        if type(i) is not int:
            raise ValueError(
                f"{path}: an id must be a whole number, got {i!r}: {token!r}"
            )
    return vocab


def read_merges(
    lines: list[str], vocab: Mapping[str, int], special_tokens: Collection[str]
) -> dict[tuple[int, int], int]:
    """Return the merges that the lines name; ValueError with the first wrong line.

    Ids were given in the order learnt. So the lines must make the tokens of the
    vocabulary one after the other, each from two tokens that are there already.
    """
    known = set(BYTE_CHARACTERS.values())
    due = sorted(vocab.keys() - known - set(special_tokens), key=vocab.get)
    first = 2 if lines and not lines[0] else 1  # an empty line: where the version stood
    merges = {}
    for number, (line, token) in enumerate(zip_longest(lines[first - 1 :], due), first):
        left, _, right = (line or "").partition(" ")
        if left + right != token or not {left, right} <= known:
            want = f"join two earlier tokens to {token!r}" if token else "be the end"
            got = "the end" if line is None else repr(line)
            if line and left + right not in vocab:
                got += f"; {left + right!r} is not in the vocabulary"
            raise ValueError(f"line {number} of the merges must {want}, got {got}")
        merges[vocab[left], vocab[right]] = vocab[token]
        known.add(token)
    return merges


def write_tokenizer(
    folder: str | os.PathLike,
    tokens: Mapping[bytes, int],
    merges: Iterable[tuple[int, int]],
    special_tokens: Mapping[str, int],
) -> None:
    """Write vocab.json, merges.txt and the settings that transformers looks for."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        i: "".join(BYTE_CHARACTERS[byte] for byte in token)
        for token, i in tokens.items()
    } | {i: text for text, i in special_tokens.items()}
    vocab = {names[i]: i for i in sorted(names)}
    lines = ["#version: 0.2", *(f"{names[a]} {names[b]}" for a, b in merges)]
    end = END_OF_TEXT if END_OF_TEXT in special_tokens else None
    config = {
        "tokenizer_class": CLASSES[0],
        **{f"{role}_token": end for role in ("bos", "eos", "unk")},
        "added_tokens_decoder": {
            i: {"content": text, "special": True} for text, i in special_tokens.items()
        },
    }
    for name, content in {
        "vocab.json": json.dumps(vocab, ensure_ascii=False),
        "merges.txt": "\n".join(lines) + "\n",
        "tokenizer_config.json": json.dumps(config, indent=2),
    }.items():
        with atomic_path(folder / name) as path:
            path.write_text(content, encoding="utf-8", newline="\n")
    # Left over from another tokenizer; transformers, and we, would read them as well.
    for name in ("tokenizer.json", "added_tokens.json"):
        (folder / name).unlink(missing_ok=True)
