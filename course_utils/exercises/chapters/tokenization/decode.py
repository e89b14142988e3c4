"""Decoding: exercise decode and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import text

# One character is split over two or three of these tokens.
SPLIT = {256: b"th", 257: b" caf", 258: b"\xc3", 259: b"\xe4\xb8", 260: b"\xf0\x9f"}


def _vocabulary():
    return {i: bytes([i]) for i in range(256)} | SPLIT


def _decode_cases(rng):
    vocabulary = _vocabulary()
    yield [256, 101], vocabulary
    yield [257, 0xC3, 0xA9], vocabulary  # é from two bytes
    yield [258, 0xA9, 32, 259, 0xAD], vocabulary  # é and 中 begin in merged tokens
    yield [260, 0x99, 0x82, rng.randint(97, 122)], vocabulary  # 🙂 over three tokens
    yield [], vocabulary
    yield [rng.randint(97, 122), 0xFF, 104], vocabulary  # never valid
    yield [104, 259], vocabulary  # cut off in the middle of a character
    yield [104, 0, 105], vocabulary  # the byte 0 is a character too
    yield list(text(rng, 6).encode()), vocabulary


def decode(ids, vocabulary):
    return b"".join(vocabulary[i] for i in ids).decode("utf-8", errors="replace")


decode = Exercise(
    name="tokenization.decode",
    task="(list of ids, dict id -> bytes) -> str. What is no valid UTF-8 becomes the "
    "character � (errors='replace').",
    reference=decode,
    cases=_decode_cases,
    hints=(
        "The two bytes of é are two tokens. Is either of them a text?",
        "First one bytes object for all ids, then one str.",
        "join the bytes of all ids;\ndecode them once, as UTF-8, with errors='replace'",
    ),
    proves="A character may be cut anywhere between tokens and comes back whole.",
)


@decode.wrong
def each_token_decoded_by_itself(ids, vocabulary):
    """You decode token by token. A character that is split over two tokens is broken in
    both: é becomes ��. Join the bytes first, decode once."""
    return "".join(vocabulary[i].decode("utf-8", errors="replace") for i in ids)


@decode.wrong
def each_token_strictly_by_itself(ids, vocabulary):
    """A token need not be a text: it may be half a character, and then decode() raises.
    Join the bytes of all tokens first, and let errors='replace' mend what is broken."""
    return "".join(vocabulary[i].decode("utf-8") for i in ids)


@decode.wrong
def broken_bytes_raise(ids, vocabulary):
    """A model may produce any sequence of ids, broken UTF-8 too. errors='replace' shows
    � there and goes on."""
    return b"".join(vocabulary[i] for i in ids).decode("utf-8")


@decode.wrong
def broken_bytes_dropped(ids, vocabulary):
    """errors='ignore' hides that something was broken. errors='replace' shows �."""
    return b"".join(vocabulary[i] for i in ids).decode("utf-8", errors="ignore")


@decode.wrong
def each_byte_as_a_character(ids, vocabulary):
    """Latin-1 makes a character of every byte: 'é' becomes 'Ã©'. They are UTF-8."""
    return b"".join(vocabulary[i] for i in ids).decode("latin-1")


@decode.wrong
def spaces_put_between_tokens(ids, vocabulary):
    """A space is in the token already, where there is one: put nothing between them."""
    return b" ".join(vocabulary[i] for i in ids).decode("utf-8", errors="replace")


@decode.wrong
def ids_taken_for_characters(ids, vocabulary):
    """You take an id for the number of a character. Ids above 255 stand for several
    bytes: look each up in the vocabulary."""
    return "".join(map(chr, ids))
