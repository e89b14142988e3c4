"""Encoding: exercise encode_word and its mistakes."""

from itertools import pairwise

from course_utils.exercises.engine.definition import Exercise

from .learn_merges import learn_merges
from .merge_pair import merge_pair


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
    yield [a, b, c], {(a, b): 257, (b, c): 256}  # a dict may list them in any order
    yield [a, b, c, d], {(c, d): 256, (a, b): 257, (257, 256): 258}
    yield [a, b, a, b, b, c], {(b, c): 256, (a, b): 257, (257, 257): 258}
    yield [a, a, a], {(a, a): 256}
    yield [a, b], {}
    yield [], {(a, b): 256}
    yield [0, 1, 0, 0], {(1, 0): 256, (0, 0): 257}  # 0 is a byte like any other
    yield [a, b, c], {(b, c): 257, (a, b): 256}  # the ids say the order, not the dict
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


@encode_word.wrong
def in_the_order_of_the_dict(ids, merges):
    """You go through the merges as the dict lists them. Which was learnt first is said
    by the new ids: the smallest first, whatever the order of the dict."""
    ids = list(ids)
    for pair, new_id in merges.items():
        ids = merge_pair.reference(ids, pair, new_id)
    return ids


@encode_word.wrong
def smallest_pair_first(ids, merges):
    """You take the pair whose own ids are the smallest. What counts is the id that it
    becomes: the smallest was learnt first."""
    ids = list(ids)
    while known := [pair for pair in pairwise(ids) if pair in merges]:
        ids = merge_pair.reference(ids, min(known), merges[min(known)])
    return ids
