"""Bytes: exercise byte_ids and its mistakes."""

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import text


def _text_cases(rng):
    yield ("a",)
    yield ("é" + rng.choice("abc"),)
    yield ("中" + rng.choice("文国"),)
    yield ("🙂",)
    yield ("",)
    for n_words in (3, 8):
        yield (text(rng, n_words),)


def byte_ids(text):
    return list(text.encode("utf-8"))


byte_ids = Exercise(
    name="tokenization.byte_ids",
    task="str -> list of int: the bytes of the text in UTF-8, each from 0 to 255.",
    reference=byte_ids,
    cases=_text_cases,
    hints=(
        "How many different numbers may your list hold? How many characters are there?",
        "'é' must give two numbers, '中' three, '🙂' four.",
        "encode the text as UTF-8;\nmake a list of the bytes object",
    ),
    proves="256 ids are enough for every text in every language.",
)


@byte_ids.wrong
def characters_instead_of_bytes(text):
    """ord() numbers the characters: '中' becomes 20013, and no table of 256 holds that.
    Bytes are what a character is stored as, one to four of them in UTF-8."""
    return [ord(character) for character in text]


@byte_ids.wrong
def code_points_cut_to_a_byte(text):
    """Cutting a character's number down to 0–255 lets different characters fall
    together: the text cannot be told from the ids any more."""
    return [ord(character) % 256 for character in text]


@byte_ids.wrong
def two_bytes_for_everything(text):
    """This is UTF-16: two bytes even for 'a'. UTF-8 leaves ASCII as it is, one byte."""
    return list(text.encode("utf-16-le"))


@byte_ids.wrong
def only_ASCII_survives(text):
    """Characters outside ASCII are dropped here. A tokenizer may lose nothing."""
    return list(text.encode("ascii", errors="ignore"))


@byte_ids.wrong
def latin_1_with_question_marks(text):
    """You encode in Latin-1, which has 256 characters: all others become "?" and are
    lost. UTF-8 has them all."""
    return list(text.encode("latin-1", errors="replace"))


@byte_ids.wrong
def utf_16_with_its_mark(text):
    """This is UTF-16: it begins with a mark of two bytes, and takes two for each
    letter. UTF-8 leaves ASCII as it is, one byte."""
    return list(text.encode("utf-16"))
