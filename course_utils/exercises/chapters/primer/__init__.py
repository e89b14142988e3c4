"""Exercises of the primer: broadcasting, matrix products, gradients, a bigram model.

Among the inputs are square tables, on which a wrong dimension raises no error, and
others, on which it does.
"""

SECTIONS = (
    "row_shares",
    "matrix_product",
    "numerical_gradient",
    "gradient_step",
    "mean_surprise",
)
