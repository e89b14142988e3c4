"""Decoding while it comes: exercise stream_text and its mistakes."""

import codecs
from itertools import pairwise

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import text


def _stream_cases(rng):
    yield ([b"the", b" cat"],)
    yield ([b"caf\xc3", b"\xa9", b"!"],)
    yield ([b"\xe4", b"\xb8", b"\xad", rng.choice([b"a", b"b"])],)
    yield ([b"\xf0\x9f", b"\x99\x82 ok"],)
    yield ([],)
    yield ([b"ha", b"ha", b"!"],)  # the same token twice
    yield ([b"a", b"\xff", b"b"],)
    yield ([b"\xc3\xa9\xc3", b"\xa9\xe4"],)  # ends in the middle of a character
    data = text(rng, 6).encode()
    cuts = sorted({0, len(data), *(rng.randrange(len(data)) for _ in range(12))})
    yield ([data[i:j] for i, j in pairwise(cuts)],)


def stream_text(tokens):
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        yield decoder.decode(token)
    yield decoder.decode(b"", final=True)


def _pieces(function, tokens):
    """Return the pieces that are not empty: empty ones may be given or left out."""
    return [piece for piece in function(iter(tokens)) if piece != ""]


stream_text = Exercise(
    name="tokenization.stream_text",
    task="iterable of bytes (one a token) -> yields, after each token, the characters "
    "that are complete now; at the end � for what stayed incomplete. Never half a "
    "character, never the same one twice.",
    reference=stream_text,
    cases=_stream_cases,
    observe=_pieces,
    hints=(
        "A chat shows each token as it comes. What can it show after the first byte of "
        "é?",
        "[b'caf\\xc3', b'\\xa9'] yields 'caf', then 'é': the byte b'\\xc3' waits.",
        "decoder = codecs.getincrementaldecoder('utf-8')(errors='replace')\n"
        "for each token: yield decoder.decode(token)\n"
        "yield decoder.decode(b'', final=True)",
    ),
    proves="Text can be shown while it is being written, without a broken character.",
)


@stream_text.wrong
def every_token_at_once(tokens):
    """You show every token at once, half characters too: é flickers as ��. Hold back
    the bytes of a character that is not complete."""
    for token in tokens:
        yield token.decode("utf-8", errors="replace")


@stream_text.wrong
def nothing_until_the_end(tokens):
    """This waits for the last token: right, but it is no stream. Yield what is complete
    after each token."""
    yield b"".join(tokens).decode("utf-8", errors="replace")


@stream_text.wrong
def half_characters_dropped(tokens):
    """The halves of split characters are dropped: é never shows. Keep them and put the
    next token's bytes behind them."""
    for token in tokens:
        yield token.decode("utf-8", errors="ignore")


@stream_text.wrong
def whole_text_every_time(tokens):
    """You yield the text so far again and again: the reader sees 'caf', then 'cafcafé'.
    Yield only what is new."""
    data = b""
    decoder = codecs.getincrementaldecoder("utf-8")
    for token in tokens:
        data += token
        yield decoder(errors="replace").decode(data)


@stream_text.wrong
def end_not_flushed(tokens):
    """Bytes that still wait when the last token has come are lost in silence. Show �
    for them: the text ended in the middle of a character."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        yield decoder.decode(token)


@stream_text.wrong
def the_text_so_far_every_time(tokens):
    """You yield all that is complete so far, after every token: the reader sees 'caf',
    then 'café'. Yield only what is new."""
    data = b""
    for token in tokens:
        data += token
        yield data.decode("utf-8", errors="ignore")


@stream_text.wrong
def waits_until_nothing_is_left_over(tokens):
    """You yield only when all that is kept is complete. After "a" and half a character
    the "a" can be shown already, and one broken byte would hold everything back."""
    data = b""
    for token in tokens:
        data += token
        text = data.decode("utf-8", errors="replace")
        if "�" not in text:
            yield text
            data = b""
    if data:
        yield data.decode("utf-8", errors="replace")
