"""Figures under many image weights at once: on resamples of whole groups, for their intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.text_tables import with_interval

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Figures: TypeAlias = dict[str, NDArray[np.float64]]

SQUARED_ECE = "squared_ece"
"""A figure of which means over resamples and repeats are taken, and then the root."""
N_RESAMPLES = 2000
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
    members = number_groups(groups)
    n_groups, draw = members.max(initial=-1) + 1, np.random.default_rng(random_state)
    for start in range(0, n_resamples if n_groups > 1 else 0, RESAMPLES_AT_ONCE):
        size = (min(RESAMPLES_AT_ONCE, n_resamples - start), n_groups)
        counts = [
            np.bincount(row, minlength=n_groups) for row in draw.integers(n_groups, size=size)
        ]
        yield np.stack(counts, axis=1).astype(np.float64)[members]


def resample_figures(
    compute: Callable[[NDArray[np.float64]], Figures],
    groups: Sequence[Hashable] | NDArray[Any],
    n_resamples: int,
    random_state: int = 0,
) -> tuple[Figures, Figures]:
    """Compute figures on all images, and on resamples of whole groups.

    Parameters
    ----------
    compute : callable
        Gives figures under image weights, as `ScoredImages.figures` does.
    groups : sequence (n_images,)
        The lesion of each image.
    n_resamples, random_state : int

    Returns
    -------
    values : dict of str to float64 (...)
        With "ece" in the place of its debiased square, if that is one of them.
    resampled : dict of str to float64 (..., n_resamples)
        No resamples where there are fewer than two groups.
    """
    values = compute(np.ones(len(groups)))
    parts = [compute(weights) for weights in resample_groups(groups, n_resamples, random_state)]
    resampled = {
        name: np.concatenate([np.empty((*value.shape, 0)), *(part[name] for part in parts)], -1)
        for name, value in values.items()
    }
    if SQUARED_ECE not in values:
        return values, resampled
    square, squares = values.pop(SQUARED_ECE), resampled.pop(SQUARED_ECE)
    return values | {"ece": root(square)}, resampled | {"ece": root(reflect(square, squares))}


def reflect(value: NDArray[np.float64], resampled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put resamples around a value as far as they lie from their mean, on the other side.

    A resample takes the chance in the images for the truth, and adds chance of its own: the squares
    of gaps are larger on resamples than they are, by as much as their estimate was debiased.
    What the resamples tell is how far, and to which side, an estimate strays from what it
    estimates. The percentiles of the reflection are the basic bootstrap interval [1]_, equation
    5.6, about the mean of the resamples.

    References
    ----------
    .. [1] A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application", 1997.

    Examples
    --------
    >>> reflect(np.array(1.0), np.array([4.0, 5.0, 9.0]))
    array([ 3.,  2., -2.])
    """
    centre = mean_of_known(np.moveaxis(resampled, -1, 0))
    return np.asarray(value[..., None] + centre[..., None] - resampled)


def root(squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the root of squares that chance may have put below zero, where it is zero.

    Examples
    --------
    >>> root(np.array([4.0, -1.0, np.nan]))
    array([ 2.,  0., nan])
    """
    return np.asarray(np.sqrt(np.maximum(squares, 0)))


def interval_around(
    value: float, resampled: NDArray[np.float64], level: float = 0.95
) -> tuple[float, float]:
    """Give the percentile interval of what was measured on resamples, leaving out NaN.

    It is widened to `value`, measured on everything, where a few resamples lie beside it.

    Examples
    --------
    >>> interval_around(50, np.arange(101.0), level=0.5), interval_around(80, np.arange(101.0), 0.5)
    ((25.0, 75.0), (25.0, 80))
    """
    known = resampled[~np.isnan(resampled)]
    if not len(known) or math.isnan(value):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return min(float(low), value), max(float(high), value)


class Estimate(NamedTuple):
    """A figure and its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def to_text(self, sign: str = "") -> str:
        """Write it with its interval, a difference with its sign."""
        return with_interval(self.value, (self.low, self.high), sign)


def estimate_figures(
    compute: Callable[[NDArray[np.float64]], Figures],
    groups: Sequence[Hashable] | NDArray[Any],
    n_resamples: int = N_RESAMPLES,
) -> dict[str, Estimate]:
    """Estimate figures that are one number each, with percentile intervals over whole groups.

    Parameters are those of `resample_figures`.
    """
    values, resampled = resample_figures(compute, groups, n_resamples)
    return {
        name: Estimate(float(value), *interval_around(float(value), resampled[name]))
        for name, value in values.items()
    }


def number_groups(groups: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.intp]:
    """Give each image the number of its group, from 0 as groups first come; (n_images,).

    Examples
    --------
    >>> number_groups(["lesion", "another", "lesion"])
    array([0, 1, 0])
    """
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)


def sum_by_number(
    numbers: NDArray[np.integer], count: int, values: NDArray[np.float64]
) -> csr_array[np.float64]:
    """Give the matrix (count, n_images) that sums values times weights by number: see `times`."""
    from scipy.sparse import csr_array  # scoring knows estimates, and needs no SciPy

    places = (numbers, np.arange(len(numbers)))
    return csr_array((values, places), shape=(count, len(numbers)))


def times(matrix: csr_array[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum under weights (n_images, ...); (count, ...)."""
    return np.asarray(matrix @ weights)


def mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average values (n_images,) under weights (n_images, ...); (...)."""
    return np.asarray(np.einsum("i,i...->...", values, weights) / weights.sum(axis=0))


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the first axis what is not NaN; NaN where nothing is.

    Examples
    --------
    >>> mean_of_known(np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]]))
    array([1.5, nan])
    """
    return ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with NaN for nothing of nothing.

    Examples
    --------
    >>> ratio(np.array([1, 0]), np.array([2, 0]))
    array([0.5, nan])
    """
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))
