"""The gradient of an embedding table: exercise embedding_backward and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import AUTOGRAD
from course_utils.exercises.engine.inputs import tensor


def _table_cases(rng):
    for B, T, C, V in ((1, 1, 2, 3), (1, 3, 2, 2), (2, 4, 3, 6), (3, 6, 2, 5)):
        ids = [[rng.randrange(V - (V > 3)) for _ in range(T)] for _ in range(B)]
        ids[0][-1] = ids[0][0]  # a token comes twice; with a large V one never comes
        ids[-1][0] = ids[0][0]
        yield torch.tensor(ids), tensor(rng, B, T, C), V


def embedding_backward(ids, g, V):
    of_table = g.new_zeros(V, g.shape[-1])
    of_table.index_add_(0, ids.flatten(), g.flatten(0, 1))
    return of_table


def _by_loop(ids, g, V, put):
    """Go through all tokens in order; ``put`` says what a row becomes."""
    of_table = torch.zeros(V, g.shape[-1])
    for token, gradient in zip(ids.flatten().tolist(), g.flatten(0, 1), strict=True):
        of_table[token] = put(of_table[token], gradient)
    return of_table


embedding_backward = Exercise(
    name="backward.embedding_backward",
    task="(ids (B, T), g (B, T, C), int V) -> (V, C): the gradient of the table, where "
    "g is the gradient of table[ids]. A token may come several times, or never. "
    "Without autograd.",
    reference=embedding_backward,
    without=(AUTOGRAD,),
    cases=_table_cases,
    hints=(
        "Row 5 of the table was read in three places. What is its gradient? And that "
        "of a row that was never read?",
        "Start with zeros (V, C). Each of the B·T gradients (C,) goes to one row.",
        "of_table = g.new_zeros(V, C)\n"
        "for each text b and position t: of_table[ids[b, t]] += g[b, t]\n"
        "or in one call: of_table.index_add_(0, ids.flatten(), g.flatten(0, 1))",
    ),
    proves="Reading rows, backwards, is adding to rows (scatter-add).",
)


@embedding_backward.wrong
def set_in_place_of_added(ids, g, V):
    """A token that comes twice keeps its last gradient only. of_table[ids] = g sets;
    of_table[ids] += g reads every row once, before anything was added. Use a loop, or
    index_add_."""
    return _by_loop(ids, g, V, lambda row, gradient: gradient)


@embedding_backward.wrong
def the_first_one_stays(ids, g, V):
    """A token that comes twice keeps its first gradient only. All its uses add up."""
    return _by_loop(ids, g, V, lambda row, new: row if row.any() else new)


@embedding_backward.wrong
def averaged_over_the_uses(ids, g, V):
    """You divide by how often a token comes. Its uses add up: what is frequent moves
    more."""
    counts = torch.bincount(ids.flatten(), minlength=V).clamp(min=1)
    return embedding_backward.reference(ids, g, V) / counts[:, None]


@embedding_backward.wrong
def divided_by_all_positions(ids, g, V):
    """You divide by B·T. If the loss is a mean, its division is in g already."""
    return embedding_backward.reference(ids, g, V) / ids.numel()


@embedding_backward.wrong
def uses_counted(ids, g, V):
    """You count how often each token comes. What is added is the gradient that came
    back, g."""
    return embedding_backward.reference(ids, torch.ones_like(g), V)


@embedding_backward.wrong
def only_the_last_text(ids, g, V):
    """Only the last text arrives: the table starts at zeros anew for each. Make the
    zeros once, before the loop."""
    return embedding_backward.reference(ids[-1:], g[-1:], V)


@embedding_backward.wrong
def only_the_first_text(ids, g, V):
    """Only the first text arrives. All B texts read the same table."""
    return embedding_backward.reference(ids[:1], g[:1], V)


@embedding_backward.wrong
def a_table_for_each_text(ids, g, V):
    """You have a table for each text, (B, V, C). They all read one: add them up."""
    pairs = zip(ids, g, strict=True)
    return torch.stack(
        [embedding_backward.reference(i[None], x[None], V) for i, x in pairs]
    )


@embedding_backward.wrong
def table_on_its_side(ids, g, V):
    """Your table lies on its side, (C, V). A row for each token: (V, C)."""
    return embedding_backward.reference(ids, g, V).T


@embedding_backward.wrong
def rows_of_the_positions(ids, g, V):
    """You add to the row of the *position*. That is the table of positions; here the
    token says which row."""
    places = torch.arange(ids.shape[1]).expand(ids.shape)
    return embedding_backward.reference(places, g, V)


@embedding_backward.wrong
def rows_that_were_never_read_left_out(ids, g, V):
    """You return rows only for tokens that came. The table has V rows; the others have
    the gradient 0."""
    return embedding_backward.reference(ids, g, V)[ids.unique()]


@embedding_backward.wrong
def spread_over_all_rows(ids, g, V):
    """Every row that was read gets the sum of all gradients. Each place has its own
    token."""
    read = torch.bincount(ids.flatten(), minlength=V) > 0
    return read[:, None] * g.sum(dim=(0, 1))


@embedding_backward.wrong
def as_many_rows_as_the_largest_id_needs(ids, g, V):
    """Your table ends at the largest id of this batch. The gradient has the table's
    shape, V rows: those that no id reads are 0."""
    of_table = torch.zeros(int(ids.max()) + 1, g.shape[-1])
    return of_table.index_add(0, ids.flatten(), g.flatten(0, 1))


@embedding_backward.wrong
def put_where_it_was_read_from(ids, g, V):
    """You read rows of g by the ids. It goes the other way: row by row, g is added to
    the rows of the table that the ids name."""
    rows = g.flatten(0, 1)
    return rows[ids.flatten() % len(rows)]
