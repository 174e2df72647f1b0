"""Resamples of whole groups, and the intervals that they give."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES_AT_ONCE = 100
"""Weights of so many resamples of some thousand images stay in a processor's cache."""


def resample_groups(
    groups: Sequence[Hashable] | NDArray[Any], n_resamples: int, random_state: int
) -> Iterator[NDArray[np.float64]]:
    """Draw groups with replacement, each with all of its images [1]_, chapter 8.

    The same arguments always give the same resamples, so that two methods can be compared on them.

    Parameters
    ----------
    groups : sequence (n_images,)
        The lesion of each image.
    n_resamples : int
    random_state : int

    Yields
    ------
    float64 (n_images, n)
        How often each image is in each of the next `n` resamples; nothing if there are fewer than
        two groups.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> (weights,) = resample_groups(["lesion", "lesion", "another"], 3, random_state=1)
    >>> weights.astype(int)
    array([[1, 0, 2],
           [1, 0, 2],
           [1, 2, 0]])
    """
    numbers: dict[Hashable, int] = {}
    members = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    n_groups, draw = len(numbers), np.random.default_rng(random_state)
    for start in range(0, n_resamples if n_groups > 1 else 0, RESAMPLES_AT_ONCE):
        size = (min(RESAMPLES_AT_ONCE, n_resamples - start), n_groups)
        counts = [
            np.bincount(row, minlength=n_groups) for row in draw.integers(n_groups, size=size)
        ]
        yield np.stack(counts, axis=1).astype(np.float64)[members]


def percentile_interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """Give the percentile interval of what was measured on resamples, leaving out NaN.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), level=0.5)
    (25.0, 75.0)
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
