"""Counting: exercise count_pairs and its mistakes."""

from collections import Counter
from itertools import pairwise

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import WORDS


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


@count_pairs.wrong
def the_last_pair_left_out(words):
    """The last pair of every word is missing: a word of n ids has n - 1 pairs. range(n
    - 1) ends before n - 1 by itself."""
    counts = Counter()
    for word, frequency in words.items():
        for pair in pairwise(word[:-1]):
            counts[pair] += frequency
    return counts


@count_pairs.wrong
def the_last_word_decides(words):
    """You set a pair's count anew at each place: what was counted before is lost. Add
    to it: += in the place of =."""
    counts = {}
    for word, frequency in words.items():
        for pair in pairwise(word):
            counts[pair] = frequency
    return counts


@count_pairs.wrong
def with_all_that_follow(words):
    """You pair each id with all that come after it. Only direct neighbours can merge:
    an id and the next one."""
    counts = Counter()
    for word, frequency in words.items():
        for i, first in enumerate(word):
            for second in word[i + 1 :]:
                counts[first, second] += frequency
    return counts
