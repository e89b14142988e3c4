"""Merging: exercise merge_pair and its mistakes."""

from course_utils.exercises.engine.definition import Exercise


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
    yield ([0, 0, a, 1, 0], (1, 0), new)  # 0 is an id like any other
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


@merge_pair.wrong
def on_by_one_after_a_merge(ids, pair, new_id):
    """After a merge you go on by one id only, to the second one of the pair, and keep
    it too. Both are used up: go on by two."""
    merged = []
    for i, one in enumerate(ids):
        merged.append(new_id if tuple(ids[i : i + 2]) == pair else one)
    return merged


@merge_pair.wrong
def only_the_first_id_compared(ids, pair, new_id):
    """You merge wherever the pair's first id stands, whatever follows it. Both ids must
    be there."""
    merged, i = [], 0
    while i < len(ids):
        if ids[i] == pair[0] and i + 1 < len(ids):
            merged.append(new_id)
            i += 2
        else:
            merged.append(ids[i])
            i += 1
    return merged
