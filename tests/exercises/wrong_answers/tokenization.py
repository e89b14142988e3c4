"""Wrong answers to the exercises on tokenization."""

import itertools
import re
from collections import Counter

import regex

from .collection import to


@to("tokenization.byte_ids", "characters instead of bytes")
def _(text):
    """Code points, not bytes."""
    return [ord(letter) for letter in text]


@to("tokenization.byte_ids", "utf 16 with its mark")
def _(text):
    """UTF-16 in the place of UTF-8."""
    return list(text.encode("utf-16"))


@to("tokenization.byte_ids", "type")
def _(text):
    """Gives the bytes object, no list."""
    return text.encode()


@to("tokenization.byte_ids", "latin 1 with question marks")
def _(text):
    """Latin-1 with a question mark for all it does not have."""
    return list(text.encode("latin-1", errors="replace"))


@to("tokenization.byte_ids", "only ASCII survives")
def _(text):
    """Drops all that is not ASCII."""
    return list(text.encode("ascii", errors="ignore"))


@to("tokenization.byte_ids", "code points cut to a byte")
def _(text):
    """Cuts the code point down to a byte."""
    return [ord(letter) % 256 for letter in text]


@to("tokenization.split_words", "spaces thrown away")
def _(text):
    """str.split: all white space is lost."""
    return text.split()


@to("tokenization.split_words", "cut at spaces only")
def _(text):
    """Splits at spaces only, the space before the word."""
    return [piece for piece in re.split(r"(?= )", text) if piece]


@to("tokenization.split_words", "letters and digits glued")
def _(text):
    r"""\\w for letters and digits in one."""
    return regex.findall(r" ?\w+| ?[^\s\w]+|\s+(?!\S)|\s+", text)


@to("tokenization.split_words", "space belongs to the word before")
def _(text):
    """The space goes after the word, not before it."""
    return regex.findall(r"\p{L}+ ?|\p{N}+ ?|[^\s\p{L}\p{N}]+ ?|\s+", text)


@to("tokenization.split_words", "letters from a to z only")
def _(text):
    """ASCII letters only: é becomes another character."""
    return regex.findall(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", text)


@to("tokenization.split_words", "white space takes the last space too")
def _(text):
    """White space is taken whole: the last space does not go to the word."""
    return regex.findall(r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+", text)


@to("tokenization.split_words", "white space as a piece of its own")
def _(text):
    """The space stands alone."""
    return regex.findall(r"\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+|\s+", text)


@to("tokenization.split_words", "each digit on its own")
def _(text):
    """Each digit on its own."""
    return regex.findall(r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text)


@to("tokenization.count_pairs", "frequency of the word ignored")
def _(words):
    """Each word counts once, however often it occurs."""
    counts = Counter()
    for word in words:
        for pair in itertools.pairwise(word):
            counts[pair] += 1
    return dict(counts)


@to("tokenization.count_pairs", "once per word")
def _(words):
    """A pair counts once a word, however many places it has."""
    counts = Counter()
    for word, n in words.items():
        for pair in set(itertools.pairwise(word)):
            counts[pair] += n
    return counts


@to("tokenization.count_pairs", "the last word decides")
def _(words):
    """Sets the count: the last word's wins."""
    counts = {}
    for word, n in words.items():
        for pair in itertools.pairwise(word):
            counts[pair] = n
    return counts


@to("tokenization.count_pairs", "neighbours in steps of two")
def _(words):
    """Pairs that overlap count once: aaa has one (a, a)."""
    counts = Counter()
    for word, n in words.items():
        for i in range(0, len(word) - 1, 2):
            counts[word[i], word[i + 1]] += n
    return counts


@to("tokenization.count_pairs", "with all that follow")
def _(words):
    """Pairs of one id with every later one, not only its neighbour."""
    counts = Counter()
    for word, n in words.items():
        for i in range(len(word)):
            for j in range(i + 1, len(word)):
                counts[word[i], word[j]] += n
    return counts


@to("tokenization.count_pairs", "the last pair left out")
def _(words):
    """Range ends one early: the last pair is lost."""
    counts = Counter()
    for word, n in words.items():
        for i in range(len(word) - 2):
            counts[word[i], word[i + 1]] += n
    return counts


@to("tokenization.count_pairs", "order in the pair ignored")
def _(words):
    """Order does not matter: pairs are sorted."""
    counts = Counter()
    for word, n in words.items():
        for pair in itertools.pairwise(word):
            counts[tuple(sorted(pair))] += n
    return counts


@to("tokenization.merge_pair", "on by one after a merge")
def _(ids, pair, new_id):
    """After a merge goes on by one: the pair's second id stays."""
    result = []
    for i in range(len(ids)):
        if tuple(ids[i : i + 2]) == tuple(pair):
            result.append(new_id)
        else:
            result.append(ids[i])
    return result


@to("tokenization.merge_pair", "last id lost")
def _(ids, pair, new_id):
    """The last id is lost when it is in no pair."""
    result, i = [], 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == pair:
            result.append(new_id)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return result


@to("tokenization.merge_pair", "only the first place merged")
def _(ids, pair, new_id):
    """Only the first place is merged."""
    for i in range(len(ids) - 1):
        if (ids[i], ids[i + 1]) == pair:
            return [*ids[:i], new_id, *ids[i + 2 :]]
    return list(ids)


@to("tokenization.merge_pair", "changes its input")
def _(ids, pair, new_id):
    """Changes the list that was given."""
    i = 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == pair:
            ids[i : i + 2] = [new_id]
        i += 1
    return ids


@to("tokenization.merge_pair", "from right to left")
def _(ids, pair, new_id):
    """From right to left: aaa becomes [a, aa]."""
    result, i = [], len(ids) - 1
    while i >= 0:
        if i > 0 and (ids[i - 1], ids[i]) == pair:
            result.insert(0, new_id)
            i -= 2
        else:
            result.insert(0, ids[i])
            i -= 1
    return result


@to("tokenization.merge_pair", "both orders merged")
def _(ids, pair, new_id):
    """Either order of the pair is merged."""
    result, i = [], 0
    while i < len(ids):
        if i + 1 < len(ids) and {ids[i], ids[i + 1]} == set(pair):
            result.append(new_id)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return result


@to("tokenization.merge_pair", "only the first id compared")
def _(ids, pair, new_id):
    """Asks for the first id alone."""
    result, i = [], 0
    while i < len(ids):
        if ids[i] == pair[0] and i + 1 < len(ids):
            result.append(new_id)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return result


def _merge(ids, pair, new_id):
    result, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == pair:
            result.append(new_id)
            i += 2
        else:
            result.append(ids[i])
            i += 1
    return tuple(result)


def _counts(words):
    counts = Counter()
    for word, n in words.items():
        for pair in itertools.pairwise(word):
            counts[pair] += n
    return counts


def _learn(words, n_merges, choose, enough=lambda n: True, first=256):
    pairs = []
    for step in range(n_merges):
        counts = _counts(words)
        if not counts or not enough(max(counts.values())):
            break
        pair = choose(counts)
        pairs.append(pair)
        merged = Counter()
        for word, n in words.items():
            merged[_merge(word, pair, first + step)] += n
        words = merged
    return pairs


@to("tokenization.learn_merges", "larger pair at a tie")
def _(words, n_merges):
    """The larger pair at a tie."""
    return _learn(words, n_merges, lambda c: max(c, key=lambda p: (c[p], p)))


@to("tokenization.learn_merges", "first seen at a tie")
def _(words, n_merges):
    """The pair met first at a tie."""
    return _learn(words, n_merges, lambda c: c.most_common(1)[0][0])


@to("tokenization.learn_merges", "counted once at the start")
def _(words, n_merges):
    """Counts once and takes the most frequent pairs of that."""
    counts = _counts(words)
    return sorted(counts, key=lambda p: (-counts[p], p))[:n_merges]


@to("tokenization.learn_merges", "stops at pairs that occur once")
def _(words, n_merges):
    """Stops when a pair occurs only once."""
    return _learn(
        words, n_merges, lambda c: min(c, key=lambda p: (-c[p], p)), lambda n: n > 1
    )


@to("tokenization.learn_merges", "new ids start at 257")
def _(words, n_merges):
    """New ids start at 257."""
    return _learn(
        words, n_merges, lambda c: min(c, key=lambda p: (-c[p], p)), first=257
    )


@to("tokenization.learn_merges", "rarest pair first")
def _(words, n_merges):
    """The rarest pair."""
    return _learn(words, n_merges, lambda c: min(c, key=lambda p: (c[p], p)))


@to("tokenization.learn_merges", "type")
def _(words, n_merges):
    """Gives a dict from pair to id."""
    pairs = _learn(words, n_merges, lambda c: min(c, key=lambda p: (-c[p], p)))
    return {pair: 256 + i for i, pair in enumerate(pairs)}


@to("tokenization.learn_merges", "words forget their frequency")
def _(words, n_merges):
    """Each word counts once, however often it occurs."""
    pairs = []
    for step in range(n_merges):
        counts = Counter()
        for word in words:
            for pair in itertools.pairwise(word):
                counts[pair] += 1
        if not counts:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        pairs.append(pair)
        words = {_merge(w, pair, 256 + step): n for w, n in words.items()}
    return pairs


@to("tokenization.encode_word", "one pass from left to right", "leftmost pair first")
def _(ids, merges):
    """One pass from left to right, whatever was learnt first."""
    result = []
    for one in ids:
        result.append(one)
        while len(result) > 1 and (result[-2], result[-1]) in merges:
            pair = (result[-2], result[-1])
            result[-2:] = [merges[pair]]
    return result


@to("tokenization.encode_word", "leftmost pair first")
def _(ids, merges):
    """Merges the leftmost pair that is known."""
    ids = list(ids)
    i = 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) in merges:
            ids[i : i + 2] = [merges[ids[i], ids[i + 1]]]
            i = 0
        else:
            i += 1
    return ids


@to("tokenization.encode_word", "last learnt first")
def _(ids, merges):
    """The pair learnt last first."""
    ids = tuple(ids)
    while len(ids) > 1:
        known = [p for p in itertools.pairwise(ids) if p in merges]
        if not known:
            break
        pair = max(known, key=merges.get)
        ids = _merge(ids, pair, merges[pair])
    return list(ids)


@to("tokenization.encode_word", "stops after the first merge")
def _(ids, merges):
    """One merge, then it stops."""
    known = [p for p in itertools.pairwise(ids) if p in merges]
    if not known:
        return list(ids)
    pair = min(known, key=merges.get)
    return list(_merge(ids, pair, merges[pair]))


@to("tokenization.encode_word", "in the order of the dict")
def _(ids, merges):
    """Goes through the merges in the order of the dict."""
    ids = tuple(ids)
    for pair, new_id in merges.items():
        ids = _merge(ids, pair, new_id)
    return list(ids)


@to("tokenization.encode_word")
def _(ids, merges):
    """Fails at one byte: min of nothing."""
    ids = tuple(ids)
    while True:
        pair = min(itertools.pairwise(ids), key=lambda p: merges.get(p, float("inf")))
        if pair not in merges:
            return list(ids)
        ids = _merge(ids, pair, merges[pair])


@to("tokenization.encode_word", "smallest pair first")
def _(ids, merges):
    """The smallest pair by its ids, not by what was learnt."""
    ids = tuple(ids)
    while known := [p for p in itertools.pairwise(ids) if p in merges]:
        pair = min(known)
        ids = _merge(ids, pair, merges[pair])
    return list(ids)


@to("tokenization.decode", "each token decoded by itself")
def _(ids, vocabulary):
    """Each token decoded on its own: a character split over two breaks."""
    return "".join(vocabulary[i].decode(errors="replace") for i in ids)


@to("tokenization.decode", "broken bytes raise")
def _(ids, vocabulary):
    """Strict: raises where the bytes are no UTF-8."""
    return b"".join(vocabulary[i] for i in ids).decode("utf-8")


@to("tokenization.decode", "broken bytes dropped")
def _(ids, vocabulary):
    """Leaves invalid bytes out."""
    return b"".join(vocabulary[i] for i in ids).decode(errors="ignore")


@to("tokenization.decode", "spaces put between tokens")
def _(ids, vocabulary):
    """A space between the tokens."""
    return b" ".join(vocabulary[i] for i in ids).decode(errors="replace")


@to("tokenization.decode", "type")
def _(ids, vocabulary):
    """Gives bytes, not text."""
    return b"".join(vocabulary[i] for i in ids)


@to("tokenization.decode", "each byte as a character")
def _(ids, vocabulary):
    """Latin-1: one character a byte."""
    return b"".join(vocabulary[i] for i in ids).decode("latin-1")


@to("tokenization.decode", "ids taken for characters")
def _(ids, vocabulary):
    """chr of the ids, as if they were bytes."""
    return "".join(chr(i) for i in ids)


@to("tokenization.stream_text", "every token at once")
def _(tokens):
    """Each token decoded on its own."""
    for token in tokens:
        yield token.decode("utf-8", errors="replace")


@to("tokenization.stream_text", "end not flushed")
def _(tokens):
    """Forgets what is incomplete at the end."""
    kept = b""
    for token in tokens:
        kept += token
        try:
            yield kept.decode()
            kept = b""
        except UnicodeDecodeError:
            pass


@to("tokenization.stream_text", "the text so far every time")
def _(tokens):
    """The whole text anew after each token."""
    kept = b""
    for token in tokens:
        kept += token
        yield kept.decode(errors="ignore")


@to("tokenization.stream_text", "nothing until the end")
def _(tokens):
    """All at the end, in one piece."""
    yield b"".join(tokens).decode(errors="replace")


@to("tokenization.stream_text", "half characters dropped")
def _(tokens):
    """Half characters are dropped, not kept."""
    for token in tokens:
        yield token.decode(errors="ignore")


@to("tokenization.stream_text", "waits until nothing is left over")
def _(tokens):
    """Waits until all that is kept is complete; at the end shows the rest."""
    kept = b""
    for token in tokens:
        kept += token
        text = kept.decode(errors="replace")
        if "�" not in text:
            yield text
            kept = b""
    if kept:
        yield kept.decode(errors="replace")


@to("tokenization.encode_special", "special tokens always recognised")
def _(text, special, allowed):
    """All special tokens count, allowed or not."""
    result, i = [], 0
    while i < len(text):
        fits = [s for s in special if text.startswith(s, i)]
        if fits:
            longest = max(fits, key=len)
            result.append(special[longest])
            i += len(longest)
        else:
            result += text[i].encode()
            i += 1
    return result


@to("tokenization.encode_special", "shortest name first")
def _(text, special, allowed):
    """The first that fits, not the longest."""
    result, i = [], 0
    while i < len(text):
        for name, number in special.items():
            if name in allowed and text.startswith(name, i):
                result.append(number)
                i += len(name)
                break
        else:
            result += text[i].encode()
            i += 1
    return result


@to("tokenization.encode_special", "special tokens never recognised")
def _(text, special, allowed):
    """No special token at all: bytes only."""
    return list(text.encode())


@to("tokenization.encode_special", "forbidden tokens removed")
def _(text, special, allowed):
    """Leaves a special token that is not allowed out."""
    result, i = [], 0
    while i < len(text):
        fits = [s for s in special if text.startswith(s, i)]
        if fits:
            longest = max(fits, key=len)
            if longest in allowed:
                result.append(special[longest])
            i += len(longest)
        else:
            result += text[i].encode()
            i += 1
    return result


@to("tokenization.encode_special", "characters in place of bytes")
def _(text, special, allowed):
    """ord in the place of bytes."""
    result, i = [], 0
    while i < len(text):
        fits = [s for s in allowed if text.startswith(s, i)]
        if fits:
            longest = max(fits, key=len)
            result.append(special[longest])
            i += len(longest)
        else:
            result.append(ord(text[i]))
            i += 1
    return result


@to("tokenization.encode_special", "special tokens never recognised")
def _(text, special, allowed):
    """re.split with unescaped names: | means "or"."""
    if not allowed:
        return list(text.encode())
    pattern = "(" + "|".join(sorted(allowed, key=len, reverse=True)) + ")"
    result = []
    for piece in re.split(pattern, text):
        if piece in allowed:
            result.append(special[piece])
        elif piece:
            result += piece.encode()
    return result


@to("tokenization.encode_special", "only the first one recognised")
def _(text, special, allowed):
    """Only the first special token of the text is seen."""
    for name in sorted(allowed, key=len, reverse=True):
        if name in text:
            before, _, after = text.partition(name)
            return [*before.encode(), special[name], *after.encode()]
    return list(text.encode())
