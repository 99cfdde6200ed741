"""Figures of a whole from those of a sample, with their 95 % intervals: plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 1000
NORMAL_95 = 1.96

Value = tuple[float, float, float]  # an estimate, and the ends of its 95 % interval


def wilson(count: int, size: int) -> Value:
    """Return a share and its 95 % interval (E. B. Wilson, 1927)."""
    share, z = count / size, NORMAL_95
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * (share * (1 - share) / size + z * z / (4 * size * size)) ** 0.5
    return share, max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(values: Sequence[float], seed: int) -> Value:
    """Return a mean and its 95 % interval, by drawing the sample again from itself: few values may be very large."""
    numbers = np.array(values, float)
    chance = np.random.default_rng(seed)
    means = np.array([chance.choice(numbers, len(numbers)).mean() for _ in range(RESAMPLES)])
    low, high = np.percentile(means, (2.5, 97.5))
    return float(numbers.mean()), float(low), float(high)


def scaled(value: Value, by: float) -> Value:
    """Return a figure times a number."""
    middle, low, high = value
    return middle * by, low * by, high * by
