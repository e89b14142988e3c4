"""Exercises on tokenization: from characters to bytes to merges learnt from text.

Notebook 01. Words are tuples of ids; the ids 0 to 255 are the bytes, higher ones are
merges in the order in which they were learnt.
"""

import codecs
from collections import Counter
from itertools import pairwise

import regex

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import WORDS, text
from course_utils.exercises.engine.questions import Question

# --- bytes ----------------------------------------------------------------------------


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


# --- splitting ------------------------------------------------------------------------


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
    "(\\p{L}), of digits (\\p{N}) or of other signs, with one space before it if there "
    "is one; or white space up to the last sign of it that stands before a word.",
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


# --- counting -------------------------------------------------------------------------


def _some_words(rng, n_words):
    words = rng.sample(WORDS, n_words)
    return {tuple(word.encode()): rng.randint(1, 9) for word in words}


def _word_cases(rng):
    a, b, c = rng.sample(range(97, 123), 3)
    yield ({(a, b, c): rng.randint(2, 5)},)
    yield ({(a, a, a): 1},)
    yield ({(a, b): 2, (b, a): 3, (c,): 4},)
    yield ({(a, a, a, a, b): 2, (a, b, a, b): 3},)
    yield ({},)
    yield (_some_words(rng, 8),)


def count_pairs(words):
    counts = Counter()
    for word, frequency in words.items():
        for pair in pairwise(word):
            counts[pair] += frequency
    return counts


count_pairs = Exercise(
    name="tokenization.count_pairs",
    task="dict (word as a tuple of ids -> how often it occurs) -> dict (pair of "
    "neighbouring ids -> how often it occurs). Every position counts: aaa has (a, a) "
    "at two.",
    reference=count_pairs,
    cases=_word_cases,
    hints=(
        "If the word (1, 2, 3) occurs five times, how often does the pair (1, 2)?",
        "{(1, 2, 3): 5} gives {(1, 2): 5, (2, 3): 5}: one entry less than ids.",
        "for each word and its frequency:\n"
        "  for each pair of neighbours, pairwise(word):\n"
        "    add the frequency to the pair's count",
    ),
    proves="Your counts are those from which GPT-2's merges are learnt.",
)


@count_pairs.wrong
def pairs_across_word_borders(words):
    """The last id of a word and the first of the next are no pair: merges never cross
    the border of a word, or 'of the' would become one token."""
    counts = Counter()
    ids = [i for word, frequency in words.items() for i in word * frequency]
    counts.update(pairwise(ids))
    return counts


@count_pairs.wrong
def frequency_of_the_word_ignored(words):
    """Every word counts once here, be it 'the' or 'mississippi'. A pair occurs as often
    as the words that hold it."""
    return Counter(pair for word in words for pair in pairwise(word))


@count_pairs.wrong
def overlapping_pairs_counted_once(words):
    """In aaa the pair (a, a) stands at two positions. Only one of them can be merged,
    but learning counts positions: GPT-2 counts two here."""
    counts = Counter()
    for word, frequency in words.items():
        i = 0
        while i < len(word) - 1:
            counts[word[i : i + 2]] += frequency
            i += 2 if word[i : i + 2] == word[i + 1 : i + 3] else 1
    return counts


@count_pairs.wrong
def neighbours_in_steps_of_two(words):
    """You cut the word into pairs, (1, 2) (3, 4), and never look at (2, 3). Windows of
    two ids move on by one."""
    counts = Counter()
    for word, frequency in words.items():
        for pair in zip(word[::2], word[1::2], strict=False):
            counts[pair] += frequency
    return counts


@count_pairs.wrong
def order_in_the_pair_ignored(words):
    """(a, b) and (b, a) are two pairs: 'th' is not 'ht'. Do not sort them."""
    counts = Counter()
    for word, frequency in words.items():
        for pair in pairwise(word):
            counts[tuple(sorted(pair))] += frequency
    return counts


@count_pairs.wrong
def once_per_word(words):
    """A pair that stands twice in a word counts twice: 'banana' has two (a, n)."""
    counts = Counter()
    for word, frequency in words.items():
        for pair in set(pairwise(word)):
            counts[pair] += frequency
    return counts


# --- merging --------------------------------------------------------------------------


def _merge_cases(rng):
    a, b, c = rng.sample(range(97, 123), 3)
    new = rng.randint(256, 999)
    yield ([a, b], (a, b), new)
    yield ([a, a, a], (a, a), new)
    yield ([c, a, b, a, b], (a, b), new)
    yield ([b, a, c, b, a, b], (a, b), new)
    yield ([a, a, a, a, b], (a, a), new)
    yield ([], (a, b), new)
    yield ([a], (a, a), new)
    yield ([rng.choice((a, b)) for _ in range(20)], (a, b), new)


def merge_pair(ids, pair, new_id):
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


merge_pair = Exercise(
    name="tokenization.merge_pair",
    task="(list of ids, pair, new id) -> a new list in which new_id stands wherever "
    "the pair stood. From left to right; an id is used once, so aaa becomes [aa, a].",
    reference=merge_pair,
    cases=_merge_cases,
    hints=(
        "After a merge at position i, which position do you look at next?",
        "[1, 2, 3, 1, 2] with (1, 2) -> 9 gives [9, 3, 9]: two shorter.",
        "i = 0\nwhile i < len(ids):\n"
        "  if the pair stands at i: append new_id, i += 2\n"
        "  else: append ids[i], i += 1",
    ),
    proves="You hold the one operation that all of BPE is made of.",
)


@merge_pair.wrong
def only_the_first_place_merged(ids, pair, new_id):
    """Only the first place is merged. A merge replaces the pair everywhere."""
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == pair:
            return [*ids[:i], new_id, *ids[i + 2 :]]
    return list(ids)


@merge_pair.wrong
def one_id_used_in_two_merges(ids, pair, new_id):
    """aaa became [aa, aa], four a's. After a merge go on two positions further: the
    second a is used up."""
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged.append(new_id)
            i += 1 if tuple(ids[i + 1 : i + 3]) == pair else 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


@merge_pair.wrong
def from_right_to_left(ids, pair, new_id):
    """aaa became [a, aa]. Everybody who uses this vocabulary must merge in the same
    direction, and that is from left to right."""
    merged, i = [], len(ids)
    while i > 0:
        if i >= 2 and tuple(ids[i - 2 : i]) == pair:
            merged.append(new_id)
            i -= 2
        else:
            merged.append(ids[i - 1])
            i -= 1
    return merged[::-1]


@merge_pair.wrong
def second_id_left_standing(ids, pair, new_id):
    """The new id takes the place of both: here the second id of the pair stays behind
    it."""
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            merged += [new_id, ids[i + 1]]
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


@merge_pair.wrong
def last_id_lost(ids, pair, new_id):
    """A loop up to len(ids) - 1 never reaches the last id if that is no part of a
    merge: it is lost."""
    merged, i = [], 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == pair:
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


@merge_pair.wrong
def both_orders_merged(ids, pair, new_id):
    """(b, a) is not (a, b): only the pair in its own order is merged."""
    merged, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) in (pair, pair[::-1]):
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged


# --- learning -------------------------------------------------------------------------


def _learn_cases(rng):
    a, b, c = sorted(rng.sample(range(97, 123), 3))
    yield {(a, b): 1}, 1
    yield {(a, b, c): 3, (b, c): 2}, 2
    yield {(b, c): 2, (a, c): 2}, 2  # a tie
    yield {(a, b, a, b, a, b): 4, (c, a, b): 1}, 3
    yield {(a, a, a, a, a): 2, (a, b): 3}, 3
    yield {(a, b): 1}, 0
    yield {(a, b): 5}, 4  # there is only one merge to learn
    yield _some_words(rng, 8), 12


def learn_merges(words, n_merges):
    merges = []
    for new_id in range(256, 256 + n_merges):
        counts = Counter()
        for word, frequency in words.items():
            for pair in pairwise(word):
                counts[pair] += frequency
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        merged_words = Counter()
        for word, frequency in words.items():
            ids, i = [], 0
            while i < len(word):
                found = word[i : i + 2] == best
                ids.append(new_id if found else word[i])
                i += 2 if found else 1
            merged_words[tuple(ids)] += frequency
        words = merged_words
    return merges


learn_merges = Exercise(
    name="tokenization.learn_merges",
    task="(words as in count_pairs, number of merges) -> list of pairs in the order "
    "learnt: again and again the most frequent pair, the smaller one at a tie, becomes "
    "one new id (256, 257, ...). Fewer if no pair is left.",
    reference=learn_merges,
    cases=_learn_cases,
    hints=(
        "After (t, h) has become 256, which pairs can 'the' still give?",
        "The k-th pair of the result is what the id 256 + k stands for; a pair may "
        "hold ids above 255.",
        "repeat n_merges times, new_id from 256:\n"
        "  count the pairs of the words as they are now; stop if there are none\n"
        "  best = the most frequent, the smaller at a tie\n"
        "  note best; replace it by new_id in every word",
    ),
    proves="You have trained a tokenizer: this list is what a merges.txt holds.",
)


def _learn(words, n_merges, recount=True, order=None, first_id=256, shrink=None):
    """Learn merges in one of the wrong ways that the misconceptions below name."""
    pair_counts, merge = count_pairs.reference, merge_pair.reference
    order = order or (lambda counts, pair: (-counts[pair], pair))
    merges, counts = [], pair_counts(words)
    for new_id in range(first_id, first_id + n_merges):
        counts = pair_counts(words) if recount else counts
        if not counts:
            break
        best = min(counts, key=lambda pair: order(counts, pair))
        merges.append(best)
        if recount:
            merged_words = Counter()
            for word, frequency in words.items():
                frequency = shrink(frequency) if shrink else frequency
                merged_words[tuple(merge(list(word), best, new_id))] += frequency
            words = merged_words
        else:
            del counts[best]
    return merges


@learn_merges.wrong
def counted_once_at_the_start(words, n_merges):
    """You count once and take the top of that list. Each merge changes what stands
    beside what, so count anew after each: 'th' first makes 'th' + 'e' possible."""
    return _learn(words, n_merges, recount=False)


@learn_merges.wrong
def rarest_pair_first(words, n_merges):
    """You merge the rarest pair. The most frequent one shortens the text the most."""
    return _learn(words, n_merges, order=lambda counts, pair: (counts[pair], pair))


@learn_merges.wrong
def larger_pair_at_a_tie(words, n_merges):
    """At a tie you take the larger pair (max of (count, pair) does that). The rule here
    is the smaller one, and a rule it must be: others have to learn the same merges."""
    return _learn(
        words,
        n_merges,
        order=lambda counts, pair: (-counts[pair], -pair[0], -pair[1]),
    )


@learn_merges.wrong
def first_seen_at_a_tie(words, n_merges):
    """At a tie you take the pair that was met first, as Counter.most_common does: the
    merges then depend on the order of the words. The rule is the smaller pair."""
    return _learn(words, n_merges, order=lambda counts, pair: -counts[pair])


@learn_merges.wrong
def new_ids_start_at_257(words, n_merges):
    """The bytes take 0 to 255, so the first merge is 256."""
    return _learn(words, n_merges, first_id=257)


@learn_merges.wrong
def words_forget_their_frequency(words, n_merges):
    """After the first merge every word counts once. Carry the frequency over to the
    merged word."""
    return _learn(words, n_merges, shrink=lambda frequency: 1)


# --- encoding -------------------------------------------------------------------------


def _random_merges(rng, letters, n_merges):
    """Return merges as learnt from random words of these letters."""
    words = {
        tuple(rng.choice(letters) for _ in range(rng.randint(2, 7))): rng.randint(1, 5)
        for _ in range(12)
    }
    learnt = learn_merges.reference(words, n_merges)
    return {pair: 256 + i for i, pair in enumerate(learnt)}


def _encode_cases(rng):
    a, b, c, d = rng.sample(range(97, 123), 4)
    yield [a, b], {(a, b): 256}
    yield [a, b, c], {(b, c): 256, (a, b): 257}
    yield [a, b, c, d], {(c, d): 256, (a, b): 257, (257, 256): 258}
    yield [a, b, a, b, b, c], {(b, c): 256, (a, b): 257, (257, 257): 258}
    yield [a, a, a], {(a, a): 256}
    yield [a, b], {}
    yield [], {(a, b): 256}
    # What is rarer in this word was learnt first:
    yield [a, b, c, b, c], {(a, b): 256, (b, c): 257}
    # The vocabulary knows abc, but its parts never meet:
    yield [a, b, c, d], {(a, b): 256, (b, c): 257, (a, 257): 258}
    for _ in range(4):
        letters = [a, b, c]
        merges = _random_merges(rng, letters, 8)
        yield [rng.choice(letters) for _ in range(14)], merges


def encode_word(ids, merges):
    ids = list(ids)
    while True:
        pairs = [pair for pair in pairwise(ids) if pair in merges]
        if not pairs:
            return ids
        best = min(pairs, key=merges.get)
        merged, i = [], 0
        while i < len(ids):
            found = tuple(ids[i : i + 2]) == best
            merged.append(merges[best] if found else ids[i])
            i += 2 if found else 1
        ids = merged


encode_word = Exercise(
    name="tokenization.encode_word",
    task="(list of byte ids, dict pair -> new id) -> list of ids: as long as there is "
    "a pair that has a merge, apply the one that was learnt first (the smallest id).",
    reference=encode_word,
    cases=_encode_cases,
    hints=(
        "The word is 'abc'; 'bc' was learnt before 'ab'. Which of them is applied?",
        "The result is at most as long as ids; a merge may use what another has made.",
        "repeat:\n"
        "  the pairs of neighbours that are in merges; none left: return ids\n"
        "  best = the one with the smallest merges[pair]\n"
        "  replace best by merges[best] everywhere",
    ),
    proves="You encode as GPT-2 does: in the order in which the merges were learnt.",
)


@encode_word.wrong
def one_pass_from_left_to_right(ids, merges):
    """You walk through the word once and merge whatever fits. In 'abc' you meet 'ab'
    first, though 'bc' was learnt earlier: the order of learning decides, and merged
    tokens can merge again."""
    merged, i = [], 0
    while i < len(ids):
        pair = tuple(ids[i : i + 2])
        merged.append(merges.get(pair, ids[i]))
        i += 2 if pair in merges else 1
    return merged


@encode_word.wrong
def leftmost_pair_first(ids, merges):
    """You repeat until nothing fits, but take the leftmost pair each time. Take the
    one that was learnt first, wherever it stands."""
    ids, i = list(ids), 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) in merges:
            ids[i : i + 2] = [merges[ids[i], ids[i + 1]]]
            i = 0
        else:
            i += 1
    return ids


@encode_word.wrong
def most_frequent_pair_first(ids, merges):
    """Frequency decided when the merges were learnt. Encoding counts nothing: it
    follows the order learnt, or a word would be cut differently in every text."""
    ids = list(ids)
    while True:
        pairs = [pair for pair in pairwise(ids) if pair in merges]
        if not pairs:
            return ids
        best = min(pairs, key=lambda pair: (-pairs.count(pair), merges[pair]))
        ids = merge_pair.reference(ids, best, merges[best])


@encode_word.wrong
def last_learnt_first(ids, merges):
    """You apply the latest merge first (max in the place of min). The first learnt, the
    smallest new id, comes first."""
    ids = list(ids)
    while True:
        pairs = [pair for pair in pairwise(ids) if pair in merges]
        if not pairs:
            return ids
        best = max(pairs, key=merges.get)
        ids = merge_pair.reference(ids, best, merges[best])


@encode_word.wrong
def longest_token_first(ids, merges):
    """You take the longest token of the vocabulary that fits (WordPiece does so). BPE
    knows no lengths: it applies merges in the order learnt."""
    spelling = {}
    for pair, new_id in sorted(merges.items(), key=lambda entry: entry[1]):
        spelling[new_id] = sum((spelling.get(i, (i,)) for i in pair), ())
    by_spelling = {word: new_id for new_id, word in spelling.items()}
    result, start = [], 0
    while start < len(ids):
        for end in range(len(ids), start, -1):
            word = tuple(ids[start:end])
            if word in by_spelling or end == start + 1:
                result.append(by_spelling.get(word, ids[start]))
                start = end
                break
    return result


@encode_word.wrong
def stops_after_the_first_merge(ids, merges):
    """One merge is applied and that is all. Go on until no pair has a merge: tokens
    grow in several steps."""
    pairs = [pair for pair in pairwise(ids) if pair in merges]
    if not pairs:
        return list(ids)
    best = min(pairs, key=merges.get)
    return merge_pair.reference(list(ids), best, merges[best])


# --- decoding -------------------------------------------------------------------------

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
    yield list(text(rng, 6).encode()), vocabulary


def decode(ids, vocabulary):
    return b"".join(vocabulary[i] for i in ids).decode("utf-8", errors="replace")


decode = Exercise(
    name="tokenization.decode",
    task="(list of ids, dict id -> bytes) -> str. What is no valid UTF-8 becomes the "
    "sign � (errors='replace').",
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


# --- decoding while it comes ----------------------------------------------------------


def _stream_cases(rng):
    yield ([b"the", b" cat"],)
    yield ([b"caf\xc3", b"\xa9", b"!"],)
    yield ([b"\xe4", b"\xb8", b"\xad", rng.choice([b"a", b"b"])],)
    yield ([b"\xf0\x9f", b"\x99\x82 ok"],)
    yield ([],)
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


# --- special tokens -------------------------------------------------------------------

END = "<|endoftext|>"
SPECIAL = {END: 256, "<|user|>": 257, "<|user|>!": 258}


def _special_cases(rng):
    word = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=4))
    yield word, SPECIAL, {END}
    yield f"{word}{END}a", SPECIAL, {END}
    yield f"{word}{END}a", SPECIAL, set()
    yield f"{END}{END} end of text | {word}", SPECIAL, {END}
    yield f"<|user|>{word}{END}", SPECIAL, {END}
    yield f"<|user|>{word}{END}", SPECIAL, {END, "<|user|>"}
    yield f"é <|user|>! {word}", SPECIAL, set(SPECIAL)
    yield "", SPECIAL, {END}
    # A set has no order to rely on: with this many pairs of names, one of which begins
    # with the other, whoever does not sort them is found out.
    for n in range(8):
        short = "<|" + "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=5)) + "|>"
        names = {short: 1000 + n, f"{short}!": 2000 + n}
        yield f"{word}{short}! {short}{word}", names, set(names)


def encode_special(text, special, allowed):
    names = sorted(allowed, key=len, reverse=True)
    if not names:
        return list(text.encode("utf-8"))
    ids = []
    for piece in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        if piece in allowed:
            ids.append(special[piece])
        else:
            ids += piece.encode("utf-8")
    return ids


encode_special = Exercise(
    name="tokenization.encode_special",
    task="(str, dict special token -> id, set of those allowed) -> list of ids. An "
    "allowed special token gives its id (the longest that fits); all other text gives "
    "its UTF-8 bytes, special tokens that are not allowed too.",
    reference=encode_special,
    cases=_special_cases,
    hints=(
        "A user types <|endoftext|> into a chat. Should that end the conversation?",
        "With nothing allowed the result is list(text.encode('utf-8')), whatever the "
        "text says.",
        "split the text at the allowed names, the longest first, and keep them:\n"
        "  regex.split('(' + '|'.join(regex.escape(name) ...) + ')', text)\n"
        "for each piece: its id if it is an allowed name, else its bytes",
    ),
    proves="Nobody can smuggle a control token in through text.",
)


def _by_names(text, special, names):
    """Encode, recognising the special tokens of these names, tried in this order."""
    if not names:
        return list(text.encode("utf-8"))
    ids = []
    for piece in regex.split("(" + "|".join(map(regex.escape, names)) + ")", text):
        ids += [special[piece]] if piece in names else piece.encode("utf-8")
    return ids


@encode_special.wrong
def special_tokens_always_recognised(text, special, allowed):
    """Whoever writes <|endoftext|> into a text gets the control token, allowed or not:
    so a prompt can pretend to be the end of a document. Only allowed ones count."""
    return _by_names(text, special, sorted(special, key=len, reverse=True))


@encode_special.wrong
def special_tokens_never_recognised(text, special, allowed):
    """Allowed special tokens must give their one id. Yours are spelt out in bytes, so
    the model never sees the end of a document. (If you look for them with a pattern:
    | means "or" there; regex.escape makes it an ordinary sign.)"""
    return list(text.encode("utf-8"))


@encode_special.wrong
def one_allowed_means_all_allowed(text, special, allowed):
    """As soon as one special token is allowed you recognise them all. Look for the
    names in ``allowed`` only."""
    names = sorted(special, key=len, reverse=True) if allowed else []
    return _by_names(text, special, names)


@encode_special.wrong
def shortest_name_first(text, special, allowed):
    """<|user|>! begins with <|user|>, and the shorter one is taken. Among the names
    that fit, the longest counts: put it first."""
    return _by_names(text, special, sorted(allowed, key=len))


@encode_special.wrong
def forbidden_tokens_removed(text, special, allowed):
    """You cut special tokens that are not allowed out of the text. They are ordinary
    text then: encode their bytes, so that nothing is lost."""
    for name in sorted(special, key=len, reverse=True):
        if name not in allowed:
            text = text.replace(name, "")
    return _by_names(text, special, sorted(allowed, key=len, reverse=True))


# --- recall ---------------------------------------------------------------------------

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
