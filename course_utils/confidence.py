"""Confidence: what a few runs with different seeds say of the mean, and how surely."""

import math
import statistics

# Two-sided 95% points of Student's t, by degrees of freedom.
T_95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31}


def interval(values) -> tuple[float, float]:
    """Return mean and half width of the 95% confidence interval over runs.

    Student's t: the runs are few. Raises ValueError unless there are 2 to 9.
    """
    values = list(values)
    if not 2 <= len(values) <= 9:
        raise ValueError(f"values must be of 2 to 9 runs, got {len(values)}")
    error = statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values), T_95[len(values) - 1] * error
