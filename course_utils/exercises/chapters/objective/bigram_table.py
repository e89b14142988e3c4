"""Counting as a model: exercise bigram_table and its mistakes."""

import itertools

import torch

from course_utils.exercises.engine.definition import Exercise


def _count_cases(rng):
    for n, V, alpha in ((6, 3, 1.0), (9, 4, 0.5), (25, 4, 0.1), (30, 6, 2.0)):
        # The last token never comes, so that one row has no counts at all.
        ids = [rng.randrange(V - 1) for _ in range(n)]
        yield torch.tensor(ids), V, alpha


def bigram_table(ids, vocab_size, alpha):
    counts = torch.zeros(vocab_size, vocab_size)
    for before, after in itertools.pairwise(ids):
        counts[before, after] += 1
    smoothed = counts + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


def _pair_counts(ids, V):
    pairs = ids[:-1] * V + ids[1:]
    return torch.bincount(pairs, minlength=V * V).reshape(V, V).float()


bigram_table = Exercise(
    name="objective.bigram_table",
    task="(ids (N,), int vocab_size, float alpha) -> (V, V): row a, column b is the "
    "probability that b comes right after a: how often it did, with alpha added to "
    "every count, so that none is 0. Each row sums to 1.",
    reference=bigram_table,
    cases=_count_cases,
    hints=(
        "Which pairs of neighbours does a text of N tokens have? How many are there?",
        "counts is (V, V); each row is divided by its own sum, (V, 1).",
        "counts = zeros(V, V)\n"
        "for each pair (a, b) of neighbours: counts[a, b] += 1\n"
        "counts += alpha\ndivide each row by its sum",
    ),
    proves="Counting gives a language model. What may happen has no probability of 0.",
)


@bigram_table.wrong
def smoothing_left_out(ids, vocab_size, alpha):
    """Nothing is added: a pair that you have not seen has probability 0. One such pair
    in a new text, and its loss is infinite."""
    counts = _pair_counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)


@bigram_table.wrong
def a_row_without_counts_divided_by_0(ids, vocab_size, alpha):
    """Nothing is added, and a token that never came gives 0/0: NaN. With alpha in every
    place, its row is even."""
    counts = _pair_counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True)


@bigram_table.wrong
def alpha_not_in_the_sum(ids, vocab_size, alpha):
    """You add alpha to the counts but divide by the sum without it: rows sum to more
    than 1. Every alpha must be paid for by the others."""
    counts = _pair_counts(ids, vocab_size)
    return (counts + alpha) / counts.sum(dim=1, keepdim=True).clamp(min=1)


@bigram_table.wrong
def alpha_once_in_the_sum(ids, vocab_size, alpha):
    """You divide by count + alpha. Each of the V places got alpha: count + V·alpha."""
    counts = _pair_counts(ids, vocab_size)
    return (counts + alpha) / (counts.sum(dim=1, keepdim=True) + alpha)


@bigram_table.wrong
def columns_in_place_of_rows(ids, vocab_size, alpha):
    """Your columns sum to 1: what came *before* b. Rows must: what comes after a."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=0, keepdim=True)


@bigram_table.wrong
def rows_and_columns_exchanged(ids, vocab_size, alpha):
    """You count the pair backwards: row after, column before."""
    smoothed = _pair_counts(ids, vocab_size).T + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def the_whole_table_sums_to_1(ids, vocab_size, alpha):
    """Your whole table sums to 1: how likely is the pair (a, b)? Asked is how likely b
    is once a has come. Divide each row by its own sum."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum()


@bigram_table.wrong
def end_joined_to_the_beginning(ids, vocab_size, alpha):
    """You count the last token with the first as a pair: N tokens have N - 1 pairs of
    neighbours."""
    ring = torch.cat([ids, ids[:1]])
    smoothed = _pair_counts(ring, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def single_tokens_counted(ids, vocab_size, alpha):
    """All your rows are equal: you count single tokens. A bigram looks at the token
    before."""
    counts = torch.bincount(ids[1:], minlength=vocab_size).float() + alpha
    return (counts / counts.sum()).expand(vocab_size, -1).clone()


@bigram_table.wrong
def alpha_added_to_the_probabilities(ids, vocab_size, alpha):
    """You divide first and add alpha to the probabilities. A row seen a thousand times
    would be smoothed as hard as one seen once: add to the counts."""
    counts = _pair_counts(ids, vocab_size)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1) + alpha
    return shares / shares.sum(dim=1, keepdim=True)


@bigram_table.wrong
def each_pair_counted_once(ids, vocab_size, alpha):
    """Indexed with whole tensors, += 1 adds 1 once, however often a pair comes: all go
    to the same place at the same time. Loop, or use bincount."""
    smoothed = _pair_counts(ids, vocab_size).clamp(max=1) + alpha
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def only_unseen_pairs_smoothed(ids, vocab_size, alpha):
    """Only pairs with a count of 0 get alpha in your table. It is added to every
    count."""
    counts = _pair_counts(ids, vocab_size)
    smoothed = counts.where(counts > 0, torch.tensor(alpha))
    return smoothed / smoothed.sum(dim=1, keepdim=True)


@bigram_table.wrong
def sums_lined_up_with_columns(ids, vocab_size, alpha):
    """Without keepdim=True the sums are (V,), and broadcasting divides column b by the
    sum of row b. keepdim=True makes them (V, 1)."""
    smoothed = _pair_counts(ids, vocab_size) + alpha
    return smoothed / smoothed.sum(dim=1)


@bigram_table.wrong
def counts_not_divided(ids, vocab_size, alpha):
    """These are counts. Divided by the sum of their row they become probabilities."""
    return _pair_counts(ids, vocab_size) + alpha


@bigram_table.wrong
def alpha_added_after_dividing(ids, vocab_size, alpha):
    """You divide first and add alpha after that: rows sum to more than 1, and a row
    seen a thousand times is smoothed as hard as one seen once. Add to the counts, then
    divide."""
    counts = _pair_counts(ids, vocab_size)
    return counts / counts.sum(dim=1, keepdim=True).clamp(min=1) + alpha


@bigram_table.wrong
def one_for_each_token_in_the_sum(ids, vocab_size, alpha):
    """You divide by the row's count plus V. alpha was added V times, so the sum grew by
    alpha · V: divide by the sum of the smoothed counts."""
    counts = _pair_counts(ids, vocab_size)
    return (counts + alpha) / (counts.sum(dim=1, keepdim=True) + vocab_size)


@bigram_table.wrong
def logarithms_returned(ids, vocab_size, alpha):
    """You return logarithms. The table holds the probabilities themselves."""
    return bigram_table.reference(ids, vocab_size, alpha).log()
