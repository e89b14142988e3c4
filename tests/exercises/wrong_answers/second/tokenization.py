"""A second set of wrong answers: tokenization."""

import codecs

import regex

from ..collection import to_second as to


@to("tokenization.byte_ids", "characters instead of bytes")
def _(text):
    """Unicode code points, not UTF-8 bytes."""
    return [ord(c) for c in text]


@to("tokenization.byte_ids", "type")
def _(text):
    """Gives the bytes object, not a list of int."""
    return text.encode("utf-8")


@to("tokenization.byte_ids", "utf 16 with its mark")
def _(text):
    """Encodes as UTF-16."""
    return list(text.encode("utf-16"))


@to("tokenization.split_words", "no space before digits")
def _(text):
    """The hole takes no space before digits."""
    return regex.findall(r" ?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text)


@to("tokenization.split_words", "each digit on its own")
def _(text):
    """The hole takes only one digit."""
    pattern = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    return regex.findall(pattern, text)


@to("tokenization.split_words")
def _(text):
    """The space needed before digits is not optional, so 123 at the start is lost."""
    return [
        m.group()
        for m in regex.finditer(
            r" ?\p{L}+| \p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", text
        )
    ]


@to("tokenization.count_pairs", "frequency of the word ignored")
def _(words):
    """Counts each word once, ignoring how often it occurs."""
    counts = {}
    for word in words:
        for pair in zip(word, word[1:]):
            counts[pair] = counts.get(pair, 0) + 1
    return counts


@to("tokenization.count_pairs", "once per word")
def _(words):
    """A set of the pairs of each word: a pair that stands twice in a word counts
    once."""
    counts = {}
    for word, n in words.items():
        for pair in set(zip(word, word[1:])):
            counts[pair] = counts.get(pair, 0) + n
    return counts


@to("tokenization.count_pairs", "the last word decides")
def _(words):
    """Overwrites the count with that of the last word."""
    counts = {}
    for word, n in words.items():
        for i in range(len(word) - 1):
            counts[word[i], word[i + 1]] = n
    return counts


@to("tokenization.merge_pair", "on by one after a merge")
def _(ids, pair, new_id):
    """Does not skip the second id after a merge."""
    out = []
    for i in range(len(ids)):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new_id)
        else:
            out.append(ids[i])
    return out


@to("tokenization.merge_pair", "last id lost")
def _(ids, pair, new_id):
    """The loop stops before the last id and loses it."""
    out = []
    i = 0
    while i < len(ids) - 1:
        if ids[i] == pair[0] and ids[i + 1] == pair[1]:
            out.append(new_id)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


@to("tokenization.merge_pair", "changes its input")
def _(ids, pair, new_id):
    """Changes the list that came in."""
    i = 0
    while i < len(ids) - 1:
        if (ids[i], ids[i + 1]) == tuple(pair):
            ids[i : i + 2] = [new_id]
        i += 1
    return ids


@to("tokenization.learn_merges", "first seen at a tie")
def _(words, n_merges):
    """At a tie the first met pair wins (max), not the smaller."""
    merges = []
    for i in range(n_merges):
        counts = {}
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + n
        if not counts:
            break
        best = max(counts, key=counts.get)
        merges.append(best)
        new = {}
        for word, n in words.items():
            out = []
            j = 0
            while j < len(word):
                if word[j : j + 2] == best:
                    out.append(256 + i)
                    j += 2
                else:
                    out.append(word[j])
                    j += 1
            new[tuple(out)] = new.get(tuple(out), 0) + n
        words = new
    return merges


def _learn_merges_count_pairs(words):
    counts = {}
    for word, n in words.items():
        for pair in zip(word, word[1:]):
            counts[pair] = counts.get(pair, 0) + n
    return counts


@to("tokenization.learn_merges", "counted once at the start")
def _(words, n_merges):
    """Counts once and takes the n most frequent, without merging in between."""
    counts = _learn_merges_count_pairs(words)
    ranked = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return ranked[:n_merges]


def _learn_merges_merge(ids, pair, new_id):
    out = []
    for i in ids:
        if out and (out[-1], i) == pair:
            out[-1] = new_id
        else:
            out.append(i)
    return out


@to("tokenization.learn_merges", "larger pair at a tie")
def _(words, n_merges):
    """The larger pair wins at a tie."""
    merges = []
    words = dict(words)
    for new_id in range(256, 256 + n_merges):
        counts = {}
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + n
        if len(counts) == 0:
            return merges
        best = max(counts, key=lambda p: (counts[p], p))
        merges.append(best)
        words = {
            tuple(_learn_merges_merge(w, best, new_id)): n for w, n in words.items()
        }
    return merges


@to("tokenization.encode_word", "leftmost pair first")
def _(ids, merges):
    """Merges the leftmost pair that has a merge, not the earliest learnt."""
    ids = list(ids)
    i = 0
    while i < len(ids) - 1:
        pair = (ids[i], ids[i + 1])
        if pair in merges:
            ids[i : i + 2] = [merges[pair]]
            i = 0
        else:
            i += 1
    return ids


@to("tokenization.encode_word", "stops after the first merge")
def _(ids, merges):
    """Stops after one merge."""
    pairs = [p for p in zip(ids, ids[1:]) if p in merges]
    if not pairs:
        return ids
    best = min(pairs, key=merges.get)
    out, i = [], 0
    while i < len(ids):
        if tuple(ids[i : i + 2]) == best:
            out.append(merges[best])
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


@to("tokenization.encode_word", "last learnt first")
def _(ids, merges):
    """Takes the merge learnt last (max)."""
    ids = list(ids)
    while True:
        found = [(merges[p], i) for i, p in enumerate(zip(ids, ids[1:])) if p in merges]
        if not found:
            return ids
        new_id, i = max(found)
        ids = ids[:i] + [new_id] + ids[i + 2 :]


@to("tokenization.decode", "each token decoded by itself")
def _(ids, vocabulary):
    """Decodes token by token."""
    return "".join(vocabulary[i].decode("utf-8", errors="replace") for i in ids)


@to("tokenization.decode", "broken bytes dropped")
def _(ids, vocabulary):
    """Drops what is invalid (errors=ignore)."""
    data = b""
    for i in ids:
        data += vocabulary[i]
    return data.decode("utf-8", errors="ignore")


@to("tokenization.decode", "broken bytes raise")
def _(ids, vocabulary):
    """Forgets errors='replace', so it raises on half characters."""
    return b"".join(vocabulary[i] for i in ids).decode("utf-8")


@to("tokenization.encode_special", "special tokens always recognised")
def _(text, special, allowed):
    """Recognises every special token, allowed or not."""
    ids = []
    i = 0
    while i < len(text):
        found = [s for s in special if text.startswith(s, i)]
        if found:
            s = max(found, key=len)
            ids.append(special[s])
            i += len(s)
        else:
            ids.extend(text[i].encode("utf-8"))
            i += 1
    return ids


@to("tokenization.encode_special", "shortest name first")
def _(text, special, allowed):
    """Takes the first in the set that fits, not the longest."""
    ids = []
    i = 0
    while i < len(text):
        for s in sorted(allowed, key=len):
            if text.startswith(s, i):
                ids.append(special[s])
                i += len(s)
                break
        else:
            ids.extend(text[i].encode("utf-8"))
            i += 1
    return ids


@to("tokenization.encode_special", "forbidden tokens removed")
def _(text, special, allowed):
    """Special tokens that are not allowed are dropped from the text."""
    if not special:
        return list(text.encode("utf-8"))
    names = sorted(special, key=len, reverse=True)
    pattern = "(" + "|".join(regex.escape(s) for s in names) + ")"
    ids = []
    for piece in regex.split(pattern, text):
        if piece in special:
            if piece in allowed:
                ids.append(special[piece])
        else:
            ids += list(piece.encode("utf-8"))
    return ids


@to("tokenization.stream_text", "every token at once")
def _(tokens):
    """Decodes each token by itself."""
    for token in tokens:
        yield token.decode("utf-8", errors="replace")


@to("tokenization.stream_text", "end not flushed")
def _(tokens):
    """Never flushes what stays incomplete at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for token in tokens:
        yield decoder.decode(token)


@to("tokenization.stream_text", "whole text every time", "the text so far every time")
def _(tokens):
    """Yields the whole text so far each time."""
    data = b""
    for token in tokens:
        data += token
        yield data.decode("utf-8", errors="ignore")
    yield data.decode("utf-8", errors="replace")
