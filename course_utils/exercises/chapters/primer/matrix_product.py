"""Matrix product: exercise matrix_product and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.forbidden import READY_MADE_PRODUCT
from course_utils.exercises.engine.inputs import tensor


def _product_cases(rng):
    for N, K, M in ((2, 2, 2), (2, 3, 2), (1, 3, 4), (3, 3, 3), (4, 2, 5)):
        yield tensor(rng, N, K), tensor(rng, K, M)


def matrix_product(a, b):
    products = a[:, :, None] * b[None, :, :]  # (N, K, 1) * (1, K, M) -> (N, K, M)
    return products.sum(dim=1)  # (N, M)


matrix_product = Exercise(
    name="primer.matrix_product",
    task="(a (N, K), b (K, M)) -> (N, M): the matrix product, without @ and its "
    "other names (matmul, einsum). Loops will do; broadcasting and one sum is shorter.",
    reference=matrix_product,
    without=(READY_MADE_PRODUCT,),
    cases=_product_cases,
    hints=(
        "Which row and which column make the entry at (n, m)?",
        "All products at once have the shape (N, K, M). Which one is summed away?",
        "products = a as (N, K, 1) times b as (1, K, M)\n"
        "return the sum of products over dimension 1",
    ),
    proves="A matrix product is products and sums, nothing else: row n meets column m.",
)


@matrix_product.wrong
def entry_by_entry(a, b):
    """This multiplies number by number, as * does. In a matrix product each entry sums
    over a whole row and a whole column."""
    return a * b


@matrix_product.wrong
def rows_with_rows(a, b):
    """You multiply rows of a with rows of b. The second factor gives its columns."""
    return a @ b.T


@matrix_product.wrong
def result_transposed(a, b):
    """Your result lies on its side: rows come from a, columns from b."""
    return (a @ b).T


@matrix_product.wrong
def factors_swapped(a, b):
    """This is b times a. The order matters for matrices."""
    return b @ a


@matrix_product.wrong
def mean_in_place_of_the_sum(a, b):
    """You take the mean of the K products. A matrix product takes their sum."""
    return a @ b / a.shape[1]


@matrix_product.wrong
def summed_over_the_columns_of_b(a, b):
    """The products (N, K, M) are right, but you sum over M. What a row and a column
    share is K, dimension 1."""
    return (a[:, :, None] * b[None, :, :]).sum(dim=2)


@matrix_product.wrong
def only_the_last_product_kept(a, b):
    """Each product overwrites the one before it, so of K only the last is left. Add
    them up: += in the place of =."""
    return torch.outer(a[:, -1], b[-1])


@matrix_product.wrong
def the_last_product_left_out(a, b):
    """Your sum stops one early: the last column of a and the last row of b have no part
    in it. range(K) ends before K by itself."""
    return a[:, :-1].mm(b[:-1])
