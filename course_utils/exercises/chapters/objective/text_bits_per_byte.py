"""A number for people, and one for comparing: text_bits_per_byte and its mistakes."""

import math

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import text


def _bytes_cases(rng):
    yield 2.0, 3, "hello"
    for n_words in (1, 4, 12):
        yield rng.uniform(0.5, 4.0), rng.randint(2, 30), text(rng, n_words)
    yield rng.uniform(0.5, 4.0), 7, "中文分词 naïve"


def text_bits_per_byte(loss, n_tokens, text):
    n_bytes = len(text.encode("utf-8"))
    return loss * n_tokens / math.log(2) / n_bytes


def _bits_per_byte(loss, n_tokens, n_bytes):
    return loss * n_tokens / math.log(2) / n_bytes


text_bits_per_byte = Exercise(
    name="objective.text_bits_per_byte",
    task="(float loss, int n_tokens, str text) -> float: bits per byte of a text's "
    "UTF-8 form. loss is in nats per token, and the text has n_tokens of them.",
    reference=text_bits_per_byte,
    cases=_bytes_cases,
    hints=(
        "How many nats does the whole text cost? How many bits is one nat?",
        "Three numbers: nats of the whole text, ln 2 nats a bit, and "
        "len(text.encode('utf-8')) bytes.",
        "nats = loss * n_tokens\nbits = nats / ln 2\nreturn bits / number of bytes",
    ),
    proves="However a text is cut into tokens, its bytes are the same.",
)


@text_bits_per_byte.wrong
def characters_counted(loss, n_tokens, text):
    """You divide by characters. é has two bytes, 中 three, an emoji four: text.encode()
    gives the bytes."""
    return _bits_per_byte(loss, n_tokens, len(text))


@text_bits_per_byte.wrong
def nats_per_byte(loss, n_tokens, text):
    """These are nats per byte. A bit is ln 2 nats: divide by ln 2."""
    return loss * n_tokens / len(text.encode())


@text_bits_per_byte.wrong
def times_ln_2(loss, n_tokens, text):
    """You multiply by ln 2. A nat is more than a bit (1.44 of them): divide."""
    return loss * n_tokens * math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def bits_per_token(loss, n_tokens, text):
    """These are bits per token: another tokenizer, another number. Divide the whole
    text's bits by its bytes."""
    return loss / math.log(2)


@text_bits_per_byte.wrong
def number_of_tokens_forgotten(loss, n_tokens, text):
    """You divide one token's loss by all bytes. The whole text costs loss · n_tokens
    nats."""
    return loss / math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def divided_by_the_tokens(loss, n_tokens, text):
    """You divide by the number of tokens. Tokens times nats per token are the text's
    nats: multiply."""
    return loss / n_tokens / math.log(2) / len(text.encode())


@text_bits_per_byte.wrong
def logarithm_of_the_loss(loss, n_tokens, text):
    """You take log2 of the loss. The loss is a logarithm already; only its unit
    changes."""
    return math.log2(loss) * n_tokens / len(text.encode())


@text_bits_per_byte.wrong
def bits_of_the_whole_text(loss, n_tokens, text):
    """These are the bits of the whole text. Share them out over its bytes."""
    return loss * n_tokens / math.log(2)


@text_bits_per_byte.wrong
def divided_by_eight_bits_a_byte(loss, n_tokens, text):
    """You divide by the bits that the text takes on the disk, 8 a byte. That is a rate
    of compression; bits per byte divides by bytes."""
    return _bits_per_byte(loss, n_tokens, 8 * len(text.encode()))


@text_bits_per_byte.wrong
def bytes_per_token_the_wrong_way(loss, n_tokens, text):
    """You multiply by bytes and divide by tokens. It is bits per token, times tokens,
    divided by bytes."""
    return loss / math.log(2) * len(text.encode("utf-8")) / n_tokens
