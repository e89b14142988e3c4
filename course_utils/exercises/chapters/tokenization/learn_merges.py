"""Learning: exercise learn_merges and its mistakes."""

from collections import Counter
from itertools import pairwise

from course_utils.exercises.engine.definition import Exercise

from .count_pairs import _some_words, count_pairs
from .merge_pair import merge_pair


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


@learn_merges.wrong
def stops_at_pairs_that_occur_once(words, n_merges):
    """You stop as soon as no pair occurs twice. That may be wise for a real text, but
    here merges go on as long as there is a pair at all."""
    frequency_now = dict(words)
    merges = []
    while len(merges) < n_merges:
        counts = count_pairs.reference(frequency_now)
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        new_id = 256 + len(merges)
        merges.append(best)
        frequency_now = {
            tuple(merge_pair.reference(list(word), best, new_id)): n
            for word, n in frequency_now.items()
        }
    return merges
