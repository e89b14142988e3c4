"""Exercises on speed and scale: int8 weights, days, bytes, and many workers.

Notebook 14. Numbers are uneven everywhere: rows of very different size, workers with
batches of different size, so that a wrong scale or a wrong weight is seen.
"""

SECTIONS = (
    "quantize_rows",
    "training_days",
    "training_memory",
    "average_gradients",
    "clinic",
)
