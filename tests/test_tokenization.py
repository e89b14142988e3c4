"""Byte-level BPE: by hand, against its definition, and against Hugging Face's."""

import argparse
import doctest
import inspect
import itertools
import json
import os
import random
import re
import shutil
import tracemalloc
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import models, pre_tokenizers, trainers

from course_utils import tokenization
from course_utils.fast_tokenization import (
    ASCII_PATTERN,
    MergeTable,
    encode_short_word,
    encode_words,
    learn_pairs,
)
from course_utils.tokenization import (
    BYTE_CHARACTERS,
    BYTE_IDS,
    END_OF_TEXT,
    SPLIT_PATTERN,
    Tokenizer,
    count_words,
    encode_word,
    learn_merges,
    merge_pair,
    split_words,
    word_to_ids,
)

FOREIGN = "café naïve 中文分词 自然语言处理 नमस्ते 👩‍👧 ½ ١٢٣ it's we'll  \n\t x\r\n" * 3
CORPUS = inspect.getsource(argparse)[:40_000] + FOREIGN

# Every kind of character that the pattern tells apart, and the contractions' letters.
TRICKY = st.text("a1!' \n\tsrevmldté中٣👩\u200d\u00a0", max_size=40)
# Letters that Unicode has added lately are letters to `regex` but not yet to
# `tokenizers`, so code points that this Python does not know either are left out.
ASSIGNED = st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=60)
SPECIAL = st.lists(st.sampled_from([END_OF_TEXT, "<|", "|>", " ", "a"])).map("".join)
TEXTS = TRICKY | ASSIGNED | SPECIAL


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.train(CORPUS, 600)


@pytest.fixture(scope="module")
def gpt2(gpt2_vocabulary) -> Tokenizer:
    return Tokenizer.from_pretrained(gpt2_vocabulary)


@pytest.fixture(scope="module")
def their_gpt2(gpt2_vocabulary):
    from transformers import GPT2Tokenizer

    return GPT2Tokenizer(
        str(gpt2_vocabulary / "vocab.json"), str(gpt2_vocabulary / "merges.txt")
    )


def train_with_rust(texts, vocab_size, special_tokens=(END_OF_TEXT,)):
    """The `tokenizers` library's byte-level BPE, trained on the texts."""
    theirs = RustTokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(special_tokens),
        show_progress=False,
    )
    # Threads that wait for each other in every step crawl on a busy machine.
    with mock.patch.dict(os.environ, TOKENIZERS_PARALLELISM="false"):
        theirs.train_from_iterator(texts, trainer)
    return theirs


def merges_of_rust(theirs):
    return [tuple(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]]


def named_merges(tokenizer):
    """Our merges as the pairs of strings that merges.txt holds."""
    name = {
        i: "".join(BYTE_CHARACTERS[byte] for byte in token)
        for token, i in tokenizer.vocab.items()
    }
    return [(name[left], name[right]) for left, right in tokenizer.merges]


def merged_bytes(tokenizer):
    """The tokens that the merges made, in order."""
    return [tokenizer.token_bytes(i) for i in tokenizer.merges.values()]


# The pieces


def test_the_examples_in_the_docstrings_are_true():
    failed, tried = doctest.testmod(tokenization)
    assert tried > 0
    assert failed == 0


def test_each_byte_has_one_visible_character_and_a_space_is_written_G_with_dot():
    assert set(BYTE_CHARACTERS.values()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert len(BYTE_CHARACTERS) == 256
    assert list(BYTE_CHARACTERS.values()) == sorted(BYTE_CHARACTERS.values())
    assert BYTE_CHARACTERS[ord(" ")] == "Ġ"
    assert BYTE_CHARACTERS[ord("a")] == "a"


def test_the_pattern_keeps_spaces_with_the_word_that_follows():
    words = SPLIT_PATTERN.findall("it's  2 cats,\n\n we'll see ")
    assert words[:7] == ["it", "'s", " ", " 2", " cats", ",", "\n\n"]
    assert words[7:] == [" we", "'ll", " see", " "]


def test_overlapping_pairs_are_merged_from_the_left():
    assert merge_pair([1, 1, 1], (1, 1), 2) == [2, 1]
    assert merge_pair([1, 2, 1, 2, 1], (1, 2), 3) == [3, 3, 1]
    assert merge_pair([], (1, 2), 3) == []


@given(TEXTS, st.integers(0, 100))
def test_merging_by_queue_is_merging_the_earliest_pair_until_none_is_left(
    small, text, repeats
):
    for word in SPLIT_PATTERN.findall(text + "ababa" * repeats):
        ids = word_to_ids(word)
        expected = ids
        while pairs := [p for p in itertools.pairwise(expected) if p in small.merges]:
            earliest = min(pairs, key=small.merges.get)
            expected = merge_pair(expected, earliest, small.merges[earliest])
        assert encode_word(ids, small.merges) == expected
        assert ids == word_to_ids(word), "the argument was changed"


# Training


def test_training_merges_the_most_frequent_pair_first():
    # words: "ab", " ab", " abc"; pairs: a+b 3 times, space+a twice, b+c once
    tokenizer = Tokenizer.train("ab ab abc", 1000)
    assert merged_bytes(tokenizer) == [b"ab", b" ab", b" abc"]


def test_training_breaks_ties_by_the_lowest_ids():
    # every pair occurs once; a space has the id 220, letters have lower ones
    tokenizer = Tokenizer.train("ba dc", 1000)
    assert merged_bytes(tokenizer) == [b"ba", b"dc", b" dc"]


def test_ids_are_the_bytes_then_the_merges_then_the_special_tokens():
    tokenizer = Tokenizer.train("ab ab abc", 260, (END_OF_TEXT, "<|pad|>"))
    bytes_in_order = [tokenizer.token_bytes(i)[0] for i in range(256)]
    assert bytes_in_order == list(BYTE_CHARACTERS)
    assert list(tokenizer.merges.values()) == [256, 257]
    assert tokenizer.special_tokens == {END_OF_TEXT: 258, "<|pad|>": 259}
    assert tokenizer.end_of_text == 258
    assert tokenizer.vocab_size == 260
    assert tokenizer.vocab[b" ab"] == 257


@pytest.mark.parametrize("vocab_size", [300, 1500])
def test_merges_are_those_of_the_tokenizers_library(vocab_size):
    texts = CORPUS.split("\n\n")
    theirs = merges_of_rust(train_with_rust(texts, vocab_size))
    assert named_merges(Tokenizer.train(texts, vocab_size)) == theirs
    assert len(theirs) == vocab_size - 257


@given(st.lists(st.text("ab é中", min_size=1, max_size=80), min_size=1, max_size=4))
def test_merges_are_those_of_the_tokenizers_library_where_counts_tie(texts):
    theirs = merges_of_rust(train_with_rust(texts, 100_000))
    assert named_merges(Tokenizer.train(texts, 100_000)) == theirs


def test_all_merges_learnt_on_shakespeare_are_those_of_the_tokenizers_library(
    shakespeare,
):
    text = shakespeare.read_text(encoding="utf-8")
    theirs = merges_of_rust(train_with_rust([text], 4096))
    assert named_merges(Tokenizer.train(text, 4096)) == theirs


def test_training_on_a_generator_counts_each_text_on_its_own():
    texts = ["ab", "ab", "abc"]
    assert merged_bytes(Tokenizer.train(iter(texts), 1000)) == [b"ab", b"abc"]


def test_training_stops_early_when_all_words_are_single_tokens():
    assert Tokenizer.train("aa aa", 5000).vocab_size == 256 + 2 + 1


def test_a_vocabulary_too_small_for_the_bytes_is_refused():
    with pytest.raises(ValueError, match=r"vocab_size must be at least 257 .*got 256"):
        Tokenizer.train("some text", 256)
    assert Tokenizer.train("some text", 257).merges == {}
    with pytest.raises(ValueError, match=r"at least 258 .*got 257"):
        Tokenizer.train("some text", 257, (END_OF_TEXT, "<|pad|>"))


@pytest.mark.parametrize("texts", ["", [], ["", ""]])
def test_training_on_no_text_is_refused(texts):
    with pytest.raises(ValueError, match="texts must hold some text, got none"):
        Tokenizer.train(texts, 300)


@pytest.mark.parametrize("special_tokens", [("the",), ("",), ("<|a|>", "<|a|>")])
def test_special_tokens_that_could_be_ordinary_or_equal_are_refused(special_tokens):
    with pytest.raises(ValueError, match="special_tokens must be distinct"):
        Tokenizer.train("the text", 300, special_tokens)


def test_special_tokens_in_one_str_are_a_type_error():
    with pytest.raises(TypeError, match=r"got one str: \('<\|pad\|>',\) is meant"):
        Tokenizer.train("the text", 300, "<|pad|>")


def test_training_on_the_name_of_a_file_is_refused(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("some text")
    for texts in (str(path), ["fine", str(path)]):
        with pytest.raises(ValueError, match=r"got the name of a file.*read_text"):
            Tokenizer.train(texts, 300)
    for wrong in ([path], [b"bytes"]):
        with pytest.raises(TypeError, match="texts must be of str, got"):
            Tokenizer.train(wrong, 300)
    assert Tokenizer.train("no_such_file.txt", 300).vocab_size > 257


def test_a_text_in_pieces_is_one_text():
    whole = Tokenizer.train([CORPUS, "another text"], 500)
    pieces = (CORPUS[i : i + 7] for i in range(0, len(CORPUS), 7))
    is_same(Tokenizer.train([pieces, "another text"], 500), whole)


def test_numbers_of_numpy_are_numbers(small):
    assert Tokenizer.train(CORPUS, np.int64(600)).merges == small.merges
    ids = np.array(small.encode(CORPUS), np.uint16)
    assert (
        small.decode(ids) == small.decode(torch.from_numpy(ids.astype(int))) == CORPUS
    )


def test_ids_with_a_gap_or_twice_are_refused_before_they_are_saved(small):
    for wrong in (5000, 7, -1):
        with pytest.raises(ValueError, match=r"the ids 0, 1, 2, \.\.\., got 600 tok"):
            Tokenizer(small.merges, {END_OF_TEXT: wrong})


# Fast ways, equal to the taught ones


def test_plain_ascii_is_cut_as_the_pattern_cuts_it():
    kinds = "aZ09'srt \t\n\r\x0b\x0c\x00\x1c\x1f\x7f_-"
    for length in range(1, 4):
        for letters in itertools.product(kinds, repeat=length):
            text = "".join(letters)
            assert ASCII_PATTERN.findall(text) == SPLIT_PATTERN.findall(text)


@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_any_plain_ascii_is_cut_as_the_pattern_cuts_it(text):
    assert ASCII_PATTERN.findall(text) == SPLIT_PATTERN.findall(text)


@given(TEXTS, st.integers(0, 100))
def test_short_words_and_many_at_once_are_merged_as_all_others(small, text, repeats):
    words = SPLIT_PATTERN.findall(text + "ababa" * repeats + "a" * repeats)
    expected = [encode_word(word_to_ids(word), small.merges) for word in words]
    for word, its_ids in zip(words, expected, strict=True):
        ids = word_to_ids(word)
        assert encode_short_word(ids, small.merges) == its_ids
        assert ids == word_to_ids(word), "the argument was changed"
    if words:
        spelled = [word.encode() for word in words]
        table = MergeTable(small.merges, BYTE_IDS)
        assert encode_words(spelled, table) == expected


@given(st.lists(st.text("ab", min_size=1, max_size=40), min_size=1, max_size=5), TEXTS)
def test_whatever_was_learnt_many_words_at_once_are_merged_as_each_alone(texts, text):
    # Runs of equal letters, and merges that share tokens in every way.
    tokenizer = Tokenizer.train(texts, 300)
    words = SPLIT_PATTERN.findall("".join(texts) + text + "ba" * 20)
    expected = [encode_word(word_to_ids(word), tokenizer.merges) for word in words]
    spelled, table = (
        [word.encode() for word in words],
        MergeTable(tokenizer.merges, BYTE_IDS),
    )
    assert encode_words(spelled, table) == expected


def test_without_merges_each_word_stays_its_bytes():
    table = MergeTable({}, range(256))
    assert encode_words([b"ab", b"c"], table) == [[97, 98], [99]]


def test_merges_in_another_order_than_their_ids_are_refused():
    with pytest.raises(ValueError, match="in the order of their ids"):
        Tokenizer({(0, 1): 257, (2, 3): 256}, {})


@given(TEXTS)
def test_few_new_words_and_many_get_the_same_ids(small, text):
    ids = []
    for many in (1, 10**9):
        with mock.patch.object(tokenization, "MANY", many):
            small.cache.clear()
            ids.append(small.encode(text))
    assert ids[0] == ids[1]


@given(st.lists(st.text("aab é中", min_size=1, max_size=60), min_size=1, max_size=4))
def test_all_places_at_once_learn_what_word_after_word_learns(texts):
    counts = count_words(texts)
    words = [word.encode() for word in counts]
    for n_merges in (3, 1000):
        fast = learn_pairs(words, counts.values(), n_merges, BYTE_IDS)
        assert list(fast.items()) == list(learn_merges(counts, n_merges).items())


@pytest.mark.parametrize("letters", ["a", "ACGT", "0123456789", "天地玄黄宇宙", "😀🎈"])
def test_one_giant_word_is_learnt_and_encoded_as_the_tokenizers_library_does(letters):
    word = "".join(random.Random(0).choices(letters, k=20_000))
    ours, theirs = Tokenizer.train(word, 400), train_with_rust([word], 400)
    assert named_merges(ours) == merges_of_rust(theirs)
    assert ours.decode(ours.encode(word)) == word
    with mock.patch.object(tokenization, "MANY", 10**9):
        plain = Tokenizer(ours.merges, ours.special_tokens).encode(word)
    assert ours.encode(word) == plain


# Encoding and decoding


@given(st.text())
def test_decoding_gives_back_any_text(small, text):
    assert small.decode(small.encode(text)) == text


def test_all_of_tiny_shakespeare_gets_the_ids_of_gpt2(shakespeare, gpt2, their_gpt2):
    text = shakespeare.read_text(encoding="utf-8")
    ids = gpt2.encode(text)
    assert ids == their_gpt2.encode(text)
    assert gpt2.decode(ids) == text


@given(TEXTS)
def test_any_text_gets_the_ids_of_gpt2(gpt2, their_gpt2, text):
    # transformers allows special tokens in a text unless told otherwise
    assert gpt2.encode(text) == their_gpt2.encode(text, split_special_tokens=True)
    ids = gpt2.encode(text, allowed_special=[END_OF_TEXT])
    assert ids == their_gpt2.encode(text)
    assert gpt2.decode(ids) == text


def test_gpt2_vocabulary_gives_the_published_ids(gpt2):
    assert gpt2.encode("The quick brown fox jumps over the lazy dog.") == (
        [464, 2068, 7586, 21831, 18045, 625, 262, 16931, 3290, 13]
    )
    assert gpt2.vocab_size == 50257
    assert gpt2.end_of_text == 50256


def test_a_very_long_word_gets_the_ids_of_gpt2(gpt2, their_gpt2):
    letters = random.Random(0).choices("etaoinshrdlu", k=4_000)
    word = "".join(letters) + "a" * 1_000
    assert gpt2.encode(word) == their_gpt2.encode(word)


@pytest.mark.parametrize("text", ["\ud800", "fine until \udfff here", "\ude00\ud83d"])
def test_half_a_surrogate_pair_is_refused(small, text):
    message = "text must be valid Unicode, got the lone surrogate"
    with pytest.raises(ValueError, match=message):
        small.encode(text)
    with pytest.raises(ValueError, match=message):
        list(small.encode_iterable(text))
    with pytest.raises(ValueError, match=message):
        Tokenizer.train(text, 300)


@pytest.mark.parametrize("text", [b"bytes", ["list"], None])
def test_encoding_what_is_no_text_is_a_type_error(small, text):
    with pytest.raises(TypeError, match="text must be a str, got"):
        small.encode(text)


def test_a_special_token_is_ordinary_text_unless_allowed(small):
    text = f"one{END_OF_TEXT}two{END_OF_TEXT}"
    ordinary = small.encode(text)
    assert small.end_of_text not in ordinary
    assert small.decode(ordinary) == text
    end = [small.end_of_text]
    expected = small.encode("one") + end + small.encode("two") + end
    allowed = small.encode(text, allowed_special=[END_OF_TEXT])
    assert allowed == expected
    assert small.decode(allowed) == text


def test_of_two_special_tokens_that_fit_the_longer_is_taken():
    tokenizer = Tokenizer.train("text", 258, ("<|a", "<|a|>"))
    short, long = tokenizer.special_tokens.values()
    assert tokenizer.encode("<|a|><|a", allowed_special=("<|a", "<|a|>")) == [
        long,
        short,
    ]
    assert tokenizer.encode("<|a|>", allowed_special=("<|a",))[0] == short


def test_all_special_tokens_can_be_allowed_at_once(small):
    text = f"one{END_OF_TEXT}two"
    expected = small.encode(text, allowed_special=[END_OF_TEXT])
    assert small.encode(text, allowed_special="all") == expected
    assert small.encode_batch([text, "", "one"], "all") == [
        expected,
        [],
        small.encode("one"),
    ]
    assert small.decode_batch([expected, []]) == [text, ""]
    assert len(small) == small.vocab_size
    with pytest.raises(TypeError, match="got one str"):
        small.encode_batch(text)


@given(SPECIAL, st.lists(st.integers(0, 10**6), max_size=12))
def test_special_tokens_are_found_in_a_stream_wherever_it_is_cut(text, borders):
    names = ("<|", "<|endoftext|>", "|>")  # the beginning of one is another
    tokenizer = Tokenizer({}, {name: 256 + i for i, name in enumerate(names)})
    for allowed in ([], [END_OF_TEXT], ["<|", END_OF_TEXT], "all"):
        ids = list(tokenizer.encode_iterable(cut(text, borders), allowed))
        assert ids == tokenizer.encode(text, allowed)
        assert tokenizer.decode(ids) == text
        if END_OF_TEXT in allowed or allowed == "all":
            assert ids.count(257) == text.count(END_OF_TEXT)


@pytest.mark.parametrize("allowed", [["<|pad|>"], END_OF_TEXT])
def test_allowing_an_unknown_special_token_is_refused(small, allowed):
    with pytest.raises(ValueError, match="allowed_special must be a collection out of"):
        small.encode("text", allowed_special=allowed)


def test_a_tokenizer_without_end_of_text_says_so():
    with pytest.raises(ValueError, match="no special token"):
        _ = Tokenizer.train("text", 300, ()).end_of_text


@pytest.mark.parametrize("wrong", [-1, 600, 10**9])
def test_an_id_out_of_range_is_refused(small, wrong):
    message = rf"token id must be in 0..599, got {wrong}"
    for decode in (small.decode, small.decode_bytes):
        with pytest.raises(ValueError, match=message):
            decode([1, wrong])
    with pytest.raises(ValueError, match=message):
        list(small.decode_iterable([1, wrong]))


def test_an_id_that_is_no_integer_is_a_type_error(small):
    with pytest.raises(TypeError):
        small.decode([1.0])


@given(st.lists(st.integers(0, 599), max_size=30))
def test_any_ids_decode_to_the_text_that_transformers_gives(small, their_small, ids):
    assert small.decode(ids) == their_small.decode(ids)


@given(st.lists(st.integers(0, 599), max_size=30))
def test_decoding_piece_by_piece_gives_the_same_text(small, ids):
    assert "".join(small.decode_iterable(ids)) == small.decode(ids)


@given(st.text())
def test_no_piece_of_decoded_text_is_a_part_of_a_character(small, text):
    pieces = list(small.decode_iterable(small.encode(text)))
    assert "".join(pieces) == text
    assert "�" in text or not any("�" in piece for piece in pieces)
    assert "" not in pieces


def test_decoding_a_stream_yields_each_character_as_soon_as_it_is_whole(small):
    consumed = []
    ids = word_to_ids("é中x")  # one id per byte

    def watch():
        for i in ids:
            consumed.append(i)
            yield i

    seen = [(piece, len(consumed)) for piece in small.decode_iterable(watch())]
    assert seen == [("é", 2), ("中", 5), ("x", 6)]


# Streaming


def cut(text, borders):
    """The text in chunks, cut at the borders (any integers)."""
    places = sorted({b % (len(text) + 1) for b in borders})
    return [text[a:b] for a, b in itertools.pairwise([0, *places, len(text)])]


@given(TEXTS, st.lists(st.integers(0, 10**6), max_size=12), st.integers(1, 9))
def test_streaming_gives_the_ids_of_the_joined_text_wherever_it_is_cut(
    small, text, borders, block
):
    whole = SPLIT_PATTERN.findall(text)
    with mock.patch.object(tokenization, "BLOCK", block):
        chunks = cut(text, borders)
        assert list(itertools.chain.from_iterable(split_words(chunks))) == whole
        ids = list(small.encode_iterable(iter(chunks)))
    assert ids == small.encode(text)


def test_streaming_is_right_for_every_short_text_and_every_cut():
    with mock.patch.object(tokenization, "BLOCK", 1):
        for length in range(1, 6):
            for letters in itertools.product("'re1 \n", repeat=length):
                text = "".join(letters)
                whole = SPLIT_PATTERN.findall(text)
                # One character at a time: a decision is due after each.
                assert list(itertools.chain.from_iterable(split_words(text))) == whole


def test_streaming_yields_ids_before_the_stream_ends(small):
    def endless():
        while True:
            yield "and so on, "

    first = list(itertools.islice(small.encode_iterable(endless()), 1000))
    assert first == small.encode("and so on, " * 1000)[:1000]


def test_streaming_needs_no_more_memory_for_a_longer_text(small):
    def numbers(n):  # each word is new, so the cache fills up as well
        return (f" word{i}x" for i in range(n))

    def peak(n):
        small.cache.clear()
        tracemalloc.start()
        for _ in small.encode_iterable(numbers(n)):
            pass
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return memory

    with mock.patch.multiple(tokenization, BLOCK=1000, CACHED_WORDS=300):
        assert peak(4_000) < 1.2 * peak(1_000)


def test_the_cache_stays_within_its_limits_and_changes_no_id(small):
    text = " ".join(f"{i} {'ab' * (i % 40)}" for i in range(300))
    expected = Tokenizer(small.merges, small.special_tokens).encode(text)
    with mock.patch.multiple(tokenization, CACHED_WORDS=7, CACHED_LENGTH=20):
        small.cache.clear()
        for _ in range(2):
            assert small.encode(text) == expected
        assert 0 < len(small.cache) <= 7
        assert max(map(len, small.cache)) <= 20


# Files


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "new" / "folder"
    small.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def their_small(folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    """A copy of the saved folder, to be damaged."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def is_same(ours, other):
    assert list(ours.merges.items()) == list(other.merges.items())
    assert ours.vocab == other.vocab
    assert ours.special_tokens == other.special_tokens
    assert ours.encode(CORPUS) == other.encode(CORPUS)


def test_a_saved_tokenizer_comes_back_the_same(small, folder, tmp_path):
    again = Tokenizer.from_pretrained(folder)
    is_same(again, small)
    again.save_pretrained(tmp_path)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_merges_without_the_line_of_the_version_are_read(small, copy):
    edit_merges(copy, lambda lines: lines.pop(0))
    is_same(Tokenizer.from_pretrained(copy), small)


def test_gpt2_files_are_written_as_they_were_read(gpt2, gpt2_vocabulary, tmp_path):
    gpt2.save_pretrained(tmp_path)
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert vocab == json.loads((gpt2_vocabulary / "vocab.json").read_text())
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8").split("\n")
    theirs = (gpt2_vocabulary / "merges.txt").read_text(encoding="utf-8").split("\n")
    assert merges[1:] == theirs[theirs[0].startswith("#version") :]


@given(TEXTS)
def test_transformers_reads_the_saved_files_and_gives_the_same_ids(
    small, their_small, text
):
    ids = small.encode(text, allowed_special=[END_OF_TEXT])
    assert ids == their_small.encode(text)


@pytest.mark.parametrize("special_tokens", [(END_OF_TEXT,), (END_OF_TEXT, "<|pad|>")])
@pytest.mark.parametrize("reader", ["GPT2Tokenizer", "AutoTokenizer"])
def test_transformers_agrees_on_the_special_tokens_and_its_files_come_back(
    reader, special_tokens, tmp_path
):
    import transformers

    # "##" and the like: lines of merges.txt that look like comments
    ours = Tokenizer.train(FOREIGN + "## head\n#### head\n" * 9, 400, special_tokens)
    ours.save_pretrained(tmp_path / "ours")
    theirs = getattr(transformers, reader).from_pretrained(tmp_path / "ours")
    assert type(theirs) is transformers.GPT2Tokenizer
    assert len(theirs) == ours.vocab_size
    assert theirs.eos_token == END_OF_TEXT
    assert theirs.eos_token_id == theirs.bos_token_id == ours.end_of_text
    text = "## a" + "".join(special_tokens) + " b ####"
    assert theirs.encode(text) == ours.encode(text, allowed_special=special_tokens)
    assert theirs.encode(text, split_special_tokens=True) == ours.encode(text)

    theirs.save_pretrained(tmp_path / "theirs")
    is_same(Tokenizer.from_pretrained(tmp_path / "theirs"), ours)


def test_without_end_of_text_transformers_adds_no_token(tmp_path):
    from transformers import AutoTokenizer

    ours = Tokenizer.train("text text", 300, ())
    ours.save_pretrained(tmp_path)
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == ours.vocab_size == 260


def test_files_of_the_tokenizers_library_are_read(tmp_path):
    # it puts special tokens first, so all other ids are one higher
    theirs = train_with_rust([CORPUS], 500)
    theirs.model.save(str(tmp_path))
    ours = Tokenizer.from_pretrained(tmp_path)
    assert ours.end_of_text == 0
    assert ours.encode(CORPUS) == theirs.encode(CORPUS).ids
    assert ours.decode(ours.encode(CORPUS)) == CORPUS


def test_saving_over_a_tokenizer_of_transformers_replaces_it(tmp_path):
    from transformers import AutoTokenizer

    old, new = Tokenizer.train("old " * 9, 300), Tokenizer.train("new " * 9, 300)
    old.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    new.save_pretrained(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs.encode("old new") == new.encode("old new") != old.encode("old new")


def edit_merges(folder, change):
    """Apply the change to the list of lines of the folder's merges.txt."""
    path = folder / "merges.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    change(lines)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_every_missing_line_of_the_merges_is_named(tmp_path):
    Tokenizer.train("it is what it is, isn't it", 10_000).save_pretrained(tmp_path)
    merges = (tmp_path / "merges.txt").read_text(encoding="utf-8")
    numbers = range(2, merges.count("\n") + 1)  # line 1 is the version
    assert len(numbers) > 5
    for number in numbers:
        (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
        edit_merges(tmp_path, lambda lines, n=number: lines.pop(n - 1))
        with pytest.raises(ValueError, match=rf"^line {number} of the merges must"):
            Tokenizer.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "line, message",
    [
        ("q qq", "got 'q qq'; 'qqq' is not in the vocabulary"),
        ("onetoken", "got 'onetoken'; 'onetoken' is not in the vocabulary"),
        ("", "must join two earlier tokens to '.*', got ''"),
        ("a b c", "must join two earlier tokens to '.*', got 'a b c'"),
    ],
)
def test_a_wrong_line_of_the_merges_is_named(copy, line, message):
    edit_merges(copy, lambda lines: lines.__setitem__(8, line))
    with pytest.raises(ValueError, match="line 9 of the merges") as error:
        Tokenizer.from_pretrained(copy)
    error.match(message)


def test_a_line_too_many_or_in_the_wrong_place_is_named(copy):
    edit_merges(copy, lambda lines: lines.insert(-1, "e e"))
    count = len((copy / "merges.txt").read_text(encoding="utf-8").split("\n"))
    with pytest.raises(ValueError, match=rf"line {count - 1} .*must be the end"):
        Tokenizer.from_pretrained(copy)
    edit_merges(copy, lambda lines: lines.insert(1, lines.pop(2)))
    with pytest.raises(ValueError, match="line 2 of the merges"):
        Tokenizer.from_pretrained(copy)


def test_a_line_that_joins_what_is_not_made_yet_is_named(tmp_path):
    Tokenizer.train("abc abc", 1000).save_pretrained(tmp_path)  # a b, ab c, Ġ abc
    edit_merges(tmp_path, lambda lines: lines.__setitem__(2, "a bc"))
    with pytest.raises(ValueError, match=r"line 3 .* to 'abc', got 'a bc'"):
        Tokenizer.from_pretrained(tmp_path)


def test_a_vocabulary_without_a_byte_or_with_a_gap_is_refused(copy):
    path = copy / "vocab.json"
    vocab = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**vocab, "q": 5000}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"the ids 0, 1, 2, \.\.\., got 600"):
        Tokenizer.from_pretrained(copy)
    vocab["qq"] = vocab.pop("q")  # all ids are there, but not the byte
    path.write_text(json.dumps(vocab), encoding="utf-8")
    with pytest.raises(ValueError, match=r"no byte {'q'}"):
        Tokenizer.from_pretrained(copy)


def test_a_vocabulary_file_cut_short_is_named(copy):
    path = copy / "vocab.json"
    path.write_text(path.read_text(encoding="utf-8")[:1000], encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab.json must hold JSON, but:"):
        Tokenizer.from_pretrained(copy)


def test_a_tokenizer_of_another_kind_is_refused(copy, tmp_path):
    path = copy / "tokenizer_config.json"
    path.write_text('{"tokenizer_class": "Qwen2Tokenizer"}')
    with pytest.raises(ValueError, match="must hold a GPT-2 tokenizer, got Qwen2"):
        Tokenizer.from_pretrained(copy)
    theirs = train_with_rust(["text"], 300)
    theirs.pre_tokenizer = pre_tokenizers.Whitespace()
    theirs.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="must hold a GPT-2 tokenizer, got Whitespace"):
        Tokenizer.from_pretrained(tmp_path)


def test_a_folder_without_a_tokenizer_names_the_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"vocab\.json"):
        Tokenizer.from_pretrained(tmp_path)


# Files of others


@pytest.fixture(scope="module")
def theirs_saved(folder, tmp_path_factory) -> Path:
    """The folder as transformers saves it: one file, merges as pairs."""
    from transformers import AutoTokenizer

    path = tmp_path_factory.mktemp("theirs")
    AutoTokenizer.from_pretrained(folder).save_pretrained(path)
    return path


@pytest.fixture
def one_file(theirs_saved, tmp_path):
    """Write the one file with a part of it changed; return its folder."""

    def changed(*keys, to):
        saved = json.loads((theirs_saved / "tokenizer.json").read_text("utf-8"))
        *way, last = keys
        part = saved
        for key in way:
            part = part[key]
        part[last] = to(part[last]) if callable(to) else to
        (tmp_path / "tokenizer.json").write_text(json.dumps(saved), encoding="utf-8")
        return tmp_path

    return changed


def test_merges_as_lines_are_read_as_pairs_are(one_file, small):
    def as_lines(merges):
        return [" ".join(pair) for pair in merges]

    folder = one_file("model", "merges", to=as_lines)
    is_same(Tokenizer.from_pretrained(folder), small)
    theirs = RustTokenizer.from_file(str(folder / "tokenizer.json"))
    assert small.encode(CORPUS) == theirs.encode(CORPUS).ids


@pytest.mark.parametrize(
    ("keys", "to", "message"),
    [
        (("pre_tokenizer", "add_prefix_space"), True, "add_prefix_space=True"),
        (("pre_tokenizer", "use_regex"), False, "use_regex false"),
        (("normalizer",), {"type": "NFC"}, "normalizer={'type': 'NFC'}"),
        (("post_processor",), {"special_tokens": {"a": 1}}, "must add no tokens"),
        (("pre_tokenizer",), None, "got None"),
        (("model", "byte_fallback"), True, "byte_fallback=True"),
        (("model", "ignore_merges"), True, "ignore_merges=True"),
        (("model", "end_of_word_suffix"), "</w>", "end_of_word_suffix='</w>'"),
        (("model", "dropout"), 0.1, "dropout=0.1"),
        (("model", "vocab"), [["a", 0.1]], "must hold a model with a vocab"),
        (("model", "vocab", "a"), "0", "an id must be a whole number, got '0'"),
        (("model", "merges"), None, "must hold a list of merges, got None"),
        (("model", "merges"), [7], "line 1 of the merges must join .*, got '7'"),
        (("model",), [], "must hold a model with a vocab"),
        (("added_tokens",), [{"content": "<|pad|>"}], "must have content and id"),
        (("added_tokens", 0, "lstrip"), True, "lstrip=True"),
    ],
)
def test_what_would_change_the_ids_is_refused_by_name(keys, to, message, one_file):
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        Tokenizer.from_pretrained(one_file(*keys, to=to))


def test_a_file_that_holds_no_object_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("[]")
    with pytest.raises(ValueError, match=r"tokenizer\.json must hold a JSON object"):
        Tokenizer.from_pretrained(tmp_path)


def edit_config(folder, **changes):
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")


@pytest.mark.parametrize("name", ["add_prefix_space", "add_bos_token"])
def test_a_setting_beside_the_files_that_changes_ids_is_refused(copy, name):
    edit_config(copy, **{name: False})
    Tokenizer.from_pretrained(copy)
    edit_config(copy, **{name: True})
    with pytest.raises(ValueError, match=f"got one with {name}=True, which changes"):
        Tokenizer.from_pretrained(copy)


def test_tokens_added_in_a_file_of_their_own_are_read(copy, small):
    from transformers import AutoTokenizer

    added = {"<|pad|>": small.vocab_size, "<|user|>": small.vocab_size + 1}
    (copy / "added_tokens.json").write_text(json.dumps(added))
    (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    ours, theirs = (
        reader.from_pretrained(copy) for reader in (Tokenizer, AutoTokenizer)
    )
    assert len(ours) == len(theirs) == 602
    text = f"one<|pad|>two<|user|>{END_OF_TEXT}"
    assert ours.encode(text, "all") == theirs.encode(text)
    ours.save_pretrained(copy)
    is_same(Tokenizer.from_pretrained(copy), ours)


def test_the_files_of_openai_are_read_under_their_own_names(copy, small):
    (copy / "vocab.json").rename(copy / "encoder.json")
    (copy / "merges.txt").rename(copy / "vocab.bpe")
    (copy / "tokenizer_config.json").unlink()
    is_same(Tokenizer.from_pretrained(copy), small)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=4),
        lambda part: (
            st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part)
        ),
    )
)
def test_whatever_stands_in_the_one_file_the_error_names_it(tmp_path_factory, part):
    keys = ("model", "pre_tokenizer", "added_tokens", "normalizer", "post_processor")
    whole = {
        "model": {"vocab": {}, "merges": []},
        "pre_tokenizer": {"type": "ByteLevel"},
    }
    folder = tmp_path_factory.getbasetemp()
    for saved in (part, *({**whole, key: part} for key in keys)):
        (folder / "tokenizer.json").write_text(json.dumps(saved))
        with pytest.raises(ValueError):
            Tokenizer.from_pretrained(folder)
