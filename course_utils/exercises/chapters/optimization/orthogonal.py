"""Muon's idea: exercise orthogonal and its mistakes."""

import torch

from course_utils.exercises.engine.definition import Exercise
from course_utils.exercises.engine.inputs import tensor


def _matrix_cases(rng):
    for rows, columns in ((2, 2), (2, 4), (5, 2), (3, 6)):
        left = torch.linalg.qr(tensor(rng, rows, rows))[0]
        right = torch.linalg.qr(tensor(rng, columns, columns))[0]
        sizes = torch.linspace(0.3, 4.0, min(rows, columns))
        yield (left[:, : len(sizes)] * sizes @ right[: len(sizes)],)


def orthogonal(matrix):
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right


orthogonal = Exercise(
    name="optimization.orthogonal",
    task="matrix (rows, columns) -> (rows, columns): the same matrix with all its "
    "singular values set to 1. torch.linalg.svd takes it apart as U S Vᵀ.",
    reference=orthogonal,
    cases=_matrix_cases,
    hints=(
        "M = U S Vᵀ. What is left of it when S is the identity?",
        "With full_matrices=False, U is (rows, r) and the third result, Vᵀ already, "
        "is (r, columns), r the smaller side.",
        "U, S, Vt = torch.linalg.svd(matrix, full_matrices=False)\nreturn U @ Vt",
    ),
    proves="The same directions, all with the same strength: this is Muon's step.",
    tolerance=1e-3,
)


@orthogonal.wrong
def put_together_as_it_was(matrix):
    """You get the matrix back: its singular values are still in it."""
    return matrix.clone()


@orthogonal.wrong
def divided_by_its_length(matrix):
    """You divide by the length of the whole matrix. All singular values shrink by one
    factor; they do not become equal."""
    return matrix / matrix.norm()


@orthogonal.wrong
def divided_by_the_largest_singular_value(matrix):
    """Only the largest singular value is 1 now. All shall be."""
    return matrix / torch.linalg.matrix_norm(matrix, 2)


@orthogonal.wrong
def rows_of_length_1(matrix):
    """Each row has length 1, but rows may still point the same way: the singular
    values differ."""
    return matrix / matrix.norm(dim=1, keepdim=True)


@orthogonal.wrong
def columns_of_length_1(matrix):
    """Each column has length 1, but columns may still point the same way: the singular
    values differ."""
    return matrix / matrix.norm(dim=0, keepdim=True)


@orthogonal.wrong
def signs_of_the_entries(matrix):
    """You set every entry to 1 or -1. Singular values belong to directions of the
    whole matrix, not to entries."""
    return matrix.sign()


@orthogonal.wrong
def full_matrices_left_on(matrix):
    """Unless told full_matrices=False, torch.linalg.svd returns square U and Vᵀ, which
    fit together only if the matrix is square."""
    left, _, right = torch.linalg.svd(matrix)
    return left @ right


@orthogonal.wrong
def transposed_once_too_often(matrix):
    """The third factor is Vᵀ, and yours is V. torch.linalg.svd returns Vᵀ, which is not
    to be transposed again; torch.svd returns V, which must be."""
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ right.T


@orthogonal.wrong
def singular_values_kept_as_roots(matrix):
    """You took the roots of the singular values. They come nearer to 1, and are not
    there."""
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    return left * sizes.sqrt() @ right


@orthogonal.wrong
def the_first_factor_alone(matrix):
    """You return U. It has the singular values 1, but without Vᵀ it says nothing about
    where each direction leads to."""
    return torch.linalg.svd(matrix, full_matrices=False)[0]


@orthogonal.wrong
def orthogonal_by_qr(matrix):
    """QR makes an orthogonal matrix too, but other directions: it goes column by
    column. Only U Vᵀ keeps the directions of the matrix."""
    return torch.linalg.qr(matrix)[0]
