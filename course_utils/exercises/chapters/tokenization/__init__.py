"""Exercises on tokenization: from characters to bytes to merges learnt from text.

Notebook 01. Words are tuples of ids; the ids 0 to 255 are the bytes, higher ones are
merges in the order in which they were learnt.
"""

from course_utils.exercises.engine.questions import Question

SECTIONS = (
    "byte_ids",
    "split_words",
    "count_pairs",
    "merge_pair",
    "learn_merges",
    "encode_word",
    "decode",
    "stream_text",
    "encode_special",
)

QUESTIONS = (
    Question(
        "Why can a byte-level tokenizer encode every text, in any language?",
        "Its first 256 tokens are the bytes, and UTF-8 writes every text in bytes.",
        ("tokenization.byte_ids: characters instead of bytes",),
    ),
    Question(
        "'cat' and ' cat' have different ids in GPT-2. Why?",
        "The space before a word belongs to the word: two different strings of bytes.",
        (
            "tokenization.split_words: spaces thrown away",
            "tokenization.split_words: space as a piece of its own",
        ),
    ),
    Question(
        "Which merge is applied first when a word is encoded?",
        "The one that was learnt first, wherever in the word it stands.",
        (
            "tokenization.encode_word: one pass from left to right",
            "tokenization.encode_word: most frequent pair first",
            "tokenization.encode_word: longest token first",
        ),
    ),
    Question(
        "Why must the bytes of all tokens be joined before they are decoded?",
        "A token may end in the middle of a character; alone it is no valid text.",
        (
            "tokenization.decode: each token decoded by itself",
            "tokenization.stream_text: every token at once",
        ),
    ),
    Question(
        "What may happen if special tokens are recognised in any text?",
        "Whoever writes the text can issue control tokens, such as the end of text.",
        ("tokenization.encode_special: special tokens always recognised",),
    ),
)
