"""Confidence: what few runs say of a mean."""

import math

import pytest

from course_utils import confidence


def test_the_interval_is_students():
    mean, half = confidence.interval([1.0, 2.0, 3.0])
    assert mean == 2 and half == pytest.approx(4.30 / math.sqrt(3))
    for values in ([1.0], [1.0] * 10):
        with pytest.raises(ValueError, match="2 to 9 runs, got"):
            confidence.interval(values)
