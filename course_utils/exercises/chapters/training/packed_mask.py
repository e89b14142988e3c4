"""Packing: exercise packed_mask and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise


def _packed_cases(rng):
    for lengths in ((2, 1), (1, 3, 2), (4,), (3, 1, 1, 4)):
        end, row = rng.randrange(50, 60), []
        for length in lengths:
            row += [end, *(rng.randrange(50) for _ in range(length))]
        yield torch.tensor(row), end
    yield torch.tensor([0, 3, 1, 0, 1]), 0  # the end of text may be any id
    yield torch.tensor([1, 0, 4, 1, 0]), 1


def packed_mask(ids, end_of_text):
    number = (ids == end_of_text).cumsum(0)  # (T,): which document each token is in
    same = number[:, None] == number[None, :]  # (T, T)
    return same & torch.ones_like(same).tril()


def _numbers(ids, end_of_text):
    return (ids == end_of_text).cumsum(0)


packed_mask = Exercise(
    name="training.packed_mask",
    task="(ids (T,), int end_of_text) -> bool (T, T): True where a query (row) may see "
    "a key (column): not later, and in the same document. Each document begins with an "
    "end_of_text, which belongs to it.",
    reference=packed_mask,
    cases=_packed_cases,
    hints=(
        "Can you give each token the number of its document, without a loop?",
        "A (T,) row of numbers; compared with itself as a column it is (T, T).",
        "number = how many end_of_text stand up to here (cumsum)\n"
        "same = number as a column == number as a row\n"
        "return same, and not later (tril)",
    ),
    proves="Several documents share a row, and none of them knows of the others.",
)


@packed_mask.wrong
def documents_see_each_other(ids, end_of_text):
    """This is the plain causal mask: each document reads all that stand before it in
    the row, though they have nothing to do with it."""
    return torch.ones(len(ids), len(ids)).tril().bool()


@packed_mask.wrong
def the_future_is_visible(ids, end_of_text):
    """Documents are apart, but within one a token sees what comes later."""
    number = _numbers(ids, end_of_text)
    return number[:, None] == number[None, :]


@packed_mask.wrong
def rows_and_columns_swapped(ids, end_of_text):
    """Your mask is transposed: queries are rows, keys are columns."""
    return packed_mask.reference(ids, end_of_text).T


@packed_mask.wrong
def end_of_text_counted_to_the_document_before(ids, end_of_text):
    """Your end_of_text belongs to the document before it. Here it begins the next one:
    without it, a document's first token has nothing to be predicted from."""
    is_end = ids == end_of_text
    number = is_end.cumsum(0) - is_end.long()
    number[0] = 0
    return (number[:, None] == number[None, :]).tril()


@packed_mask.wrong
def only_the_separator_hidden(ids, end_of_text):
    """You hide the end_of_text and nothing else: what stands before it is still
    seen."""
    causal = torch.ones(len(ids), len(ids)).tril().bool()
    return causal & ((ids != end_of_text)[None, :] | torch.eye(len(ids)).bool())


@packed_mask.wrong
def the_token_itself_hidden(ids, end_of_text):
    """A token does not see itself: use tril(), not tril(-1). The first row would be
    empty, and its softmax NaN."""
    return packed_mask.reference(ids, end_of_text).tril(-1)


@packed_mask.wrong
def the_document_before_visible_too(ids, end_of_text):
    """A document sees the one before it. Only its own tokens are wanted."""
    number = _numbers(ids, end_of_text)
    distance = number[:, None] - number[None, :]
    return (distance <= 1).tril()


@packed_mask.wrong
def true_where_nothing_may_be_seen(ids, end_of_text):
    """Your mask is the other way round: True where a key is hidden. Here True means
    that it may be seen."""
    return ~packed_mask.reference(ids, end_of_text)


@packed_mask.wrong
def only_the_first_border(ids, end_of_text):
    """You separate the first document from the rest, and all others see each other.
    Every end_of_text begins a document."""
    mask = torch.ones(len(ids), len(ids)).tril().bool()
    borders = [i for i in range(1, len(ids)) if ids[i] == end_of_text]
    for border in borders[:1]:
        mask[border:, :border] = False
    return mask


@packed_mask.wrong
def separators_see_nothing_and_are_not_seen(ids, end_of_text):
    """Your end_of_text sees nothing and nobody sees it. It belongs to the document that
    it begins: that is how a model knows where it starts."""
    number, own = _numbers(ids, end_of_text), ids != end_of_text
    same = (number[:, None] == number) & own[:, None] & own
    return same & torch.ones(len(ids), len(ids)).tril().bool()
