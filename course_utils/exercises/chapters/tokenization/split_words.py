"""Splitting: exercise split_words and its mistakes."""

import regex

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import text


def _split_cases(rng):
    yield (f"the {rng.choice(['cat', 'dog', 'owl'])}",)
    yield ("",)
    yield (f"two  spaces,   three{rng.choice('abc')}",)
    yield (f"naïve café 中文 {rng.choice(['猫', '犬'])}",)
    yield (f"in {rng.randint(1000, 2999)} x1 + 2",)
    yield (f"one\n\n  two {rng.choice('abc')} \n",)
    yield ("my_name == 3!",)
    yield (text(rng, 10, spaces=(" ", "  ", "\n", "")),)


def split_words(text):
    pieces = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)


split_words = Exercise(
    name="tokenization.split_words",
    task="str -> list of str that joins to the text again. A piece is a run of letters "
    "(\\p{L}), of digits (\\p{N}) or of other characters, with one space before it if "
    "there is one; or white space, whose last character is cut off if a word follows.",
    reference=split_words,
    cases=_split_cases,
    hints=(
        "Where does the space of 'the cat' go, if '\"\".join(pieces)' must give the "
        "text back?",
        "With · for a space: the··cat gives the, ·, ·cat. The last space belongs to "
        "the word; `\\s+(?!\\S)` is white space that nothing visible follows.",
        "regex.findall with alternatives:\n"
        "  ' ?' and one or more letters\n"
        "  ' ?' and one or more digits\n"
        "  ' ?' and one or more of what is neither space, letter nor digit\n"
        "  white space that is not followed by a non-space: \\s+(?!\\S)\n"
        "  white space",
    ),
    proves="' cat' and 'cat' are different pieces, no character is lost, and every "
    "script is split in the same way. GPT-2's pattern does this, and cuts off 's too.",
)


@split_words.wrong
def spaces_thrown_away(text):
    """The pieces do not join to the text again: split() throws the spaces away. In
    GPT-2 the space before a word belongs to it."""
    return text.split()


@split_words.wrong
def space_belongs_to_the_word_before(text):
    """Your pieces end with their space. GPT-2's begin with it: ' cat' is the word in
    the middle of a sentence, 'cat' the word at the start of a text."""
    return regex.findall(r"\p{L}+ ?|\p{N}+ ?|[^\s\p{L}\p{N}]+ ?|\s+", text)


@split_words.wrong
def space_as_a_piece_of_its_own(text):
    """A space of its own before every word would nearly double the number of tokens.
    One space belongs to the word behind it."""
    return regex.findall(r"\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\s+(?!\S)|\s", text)


@split_words.wrong
def letters_from_a_to_z_only(text):
    """[A-Za-z] are the letters of English: 'naïve' breaks at its ï, and Chinese counts
    as punctuation. \\p{L} is a letter of any script."""
    pieces = r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)


@split_words.wrong
def letters_and_digits_glued(text):
    """\\w+ takes letters, digits and _ together: 'x1' stays one piece. Letters, digits
    and the rest are three kinds here."""
    return regex.findall(r" ?\w+| ?[^\s\w]+|\s+(?!\S)|\s+", text)


@split_words.wrong
def all_spaces_before_a_word_taken(text):
    """' *' takes every space before a word; ' ?' takes one. With two spaces yours makes
    a new rare piece ··cat (· is a space) in the place of the known ·cat."""
    pieces = r" *\p{L}+| *\p{N}+| *[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)


@split_words.wrong
def white_space_takes_the_last_space_too(text):
    """In a··b (· is a space) yours takes both spaces and leaves b without its own.
    \\s+(?!\\S) stops one before a word, so that the last space goes with the word."""
    return regex.findall(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+", text)


@split_words.wrong
def cut_at_spaces_only(text):
    """You cut before each space and nowhere else: "dog." stays one piece, and so do
    letters and digits that touch. A piece holds one kind of characters."""
    return [piece for piece in regex.split(r"(?= )", text) if piece]


@split_words.wrong
def each_digit_on_its_own(text):
    r"""You cut after each digit. A piece is a run: \p{N}+, with its plus. (Some newer
    tokenizers do cut numbers up; GPT-2's does not.)"""
    return regex.findall(r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text)


@split_words.wrong
def each_character_on_its_own(text):
    r"""You cut after each character: "..." became three pieces. A piece is a run:
    [^\s\p{L}\p{N}]+, with its plus."""
    return regex.findall(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]|\s+(?!\S)|\s+", text)


@split_words.wrong
def white_space_as_a_piece_of_its_own(text):
    r"""Your white space stands alone, all of it. The last space before a word belongs
    to the word: " ?" in front of each kind."""
    return regex.findall(r"\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\s+", text)


@split_words.wrong
def no_space_before_digits(text):
    """Your digits come without the space before them: of " 1999" the space is left over
    as a piece of its own. Let digits take one too: ` ?\\p{N}+`."""
    pieces = r" ?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)


@split_words.wrong
def no_space_before_signs(text):
    """Your other characters come without the space before them: of " +" the space is
    left over as a piece of its own. Let them take one too."""
    pieces = r" ?\p{L}+| ?\p{N}+|[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)


@split_words.wrong
def letters_and_digits_as_one_kind(text):
    """You take letters and digits as one kind: 'x1' stays one piece. They are two kinds
    here, each with runs of its own."""
    pieces = r" ?[\p{L}\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pieces, text)
