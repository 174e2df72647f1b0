"""Gaussian mixtures with diagonal covariances: posteriors, their sums, and how one is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.encoders.codebook import CodebookError, far_offset, fit_kmeans, thin_out
from trifuse.features.processes import limited_threads
from trifuse.features.stages import say_where

VARIANCE_FLOOR = 1e-3
"""Smallest variance of a Gaussian, as a part of the sample's variance in that dimension."""
TOLERANCE = 1e-3
"""Change of the mean log likelihood at which a fit ends, as scikit-learn's does."""
MOST_ITERATIONS = 100
"""After so many, more hardly change the Fisher vectors."""
_FEWEST = 1e-6
"""Descriptors that a Gaussian must have: with fewer its mean and variances stay."""

_BLOCK = 1024
"""Descriptors encoded together: few enough for a core's cache."""
_LEAST_LOGARITHM = -60.0
"""Of a Gaussian's share beside the likeliest one's: smaller shares are zero.

It is 1e-26, and float32 adds nothing below 6e-8 to the likeliest's 1. Without a bound `exp` gives
subnormal numbers, which cost some processors a hundred times a normal one, here and in the sums.
"""


@dataclass(frozen=True)
class GaussianMixture:
    """A mixture of Gaussians with diagonal covariances.

    Attributes
    ----------
    means, variances : ndarray of float32, shape (n_components, d)
    weights : ndarray of float32, shape (n_components,)
        Not negative, summing to one. A component of weight zero has no descriptors.
    """

    means: NDArray[np.float32]
    variances: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike]) -> GaussianMixture:
        """Take `means`, `variances` and `weights` from anywhere.

        Raises
        ------
        CodebookError
            If one is missing, or they are no mixture.
        """
        try:
            means, variances, weights = (
                np.array(arrays[name], dtype=np.float32)
                for name in ("means", "variances", "weights")
            )
        except KeyError as error:
            raise CodebookError(
                f"a mixture needs means, variances and weights: {error} is missing"
            ) from error
        weights = weights.ravel()  # VLFeat's are a column
        if means.ndim != 2 or means.shape != variances.shape or weights.shape != means.shape[:1]:
            raise CodebookError(
                "means and variances must have the shape (n_components, d) and weights "
                f"(n_components,), not {means.shape}, {variances.shape} and {weights.shape}"
            )
        if not all(np.isfinite(array).all() for array in (means, variances, weights)):
            raise CodebookError("means, variances and weights must be finite")
        if not variances.min() > 0 or weights.min() < 0 or abs(weights.sum() - 1) > 1e-3:
            raise CodebookError("variances must be positive; weights not negative, and sum to 1")
        return cls(means, variances, weights)

    @cached_property
    def _density(self) -> Density:
        return Density.of(self, np.float32)

    def statistics(self, points: NDArray[np.float32]) -> Statistics:
        """Sum up the posteriors of descriptors, (n, d), and descriptors weighed by them.

        It is computed in float32 and summed in float64; a block whose squares are too large for
        float32 is computed in float64.
        """
        n_components, dimension = self.means.shape
        sums, log_likelihood = np.zeros((n_components, 1 + 2 * dimension)), 0.0
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            found = _sum_up(block, self._density)
            if not np.isfinite(found.sums).all():
                found = _sum_up(block, Density.of(self, np.float64))
            if np.isfinite(found.sums).all():
                sums += found.sums
                log_likelihood += found.log_likelihood
        return Statistics(sums, log_likelihood)


class Statistics(NamedTuple):
    """What there is to know of descriptors under a mixture.

    Attributes
    ----------
    sums : ndarray of float64, shape (n_components, 1 + 2 * d)
        :math:`S^0, S^1, S^2` of Sanchez et al. 2013, algorithm 1, of descriptors less the `offset`
        of `centered`.
    log_likelihood : float
        Of all, but for what is the same under any mixture.
    """

    sums: NDArray[np.float64]
    log_likelihood: float


class Posteriors(NamedTuple):
    """How descriptors are shared out among Gaussians.

    Attributes
    ----------
    powers : ndarray, shape (n, 2 * d)
        Descriptors, less the offset, and their squares.
    shares : ndarray, shape (n, n_components)
    log_likelihoods : ndarray, shape (n, 1)
    """

    powers: NDArray[np.floating]
    shares: NDArray[np.floating]
    log_likelihoods: NDArray[np.floating]


class Density(NamedTuple):
    """Logarithms of weighted Gaussians: ``[x, x * x] @ linear + constant`` for x less `offset`."""

    offset: NDArray[np.floating]
    linear: NDArray[np.floating]
    constant: NDArray[np.floating]

    @classmethod
    def of(cls, mixture: GaussianMixture, dtype: type[np.floating]) -> Density:
        """Compute it, in float64 where it is too large for `dtype`."""
        offset, means, variances, weights = centered(mixture)
        with np.errstate(divide="ignore"):  # the logarithm of a weight of zero is a fair -inf
            logarithms = np.log(weights)
        constant = logarithms - 0.5 * (np.log(variances) + means * means / variances).sum(axis=1)
        linear = np.hstack([means / variances, -0.5 / variances]).T
        if max(np.abs(linear).max(), np.abs(constant[weights > 0]).max()) > np.finfo(dtype).max:
            dtype = np.float64
        return cls(offset.astype(dtype), linear.astype(dtype, order="C"), constant.astype(dtype))

    def posteriors(self, points: NDArray[np.float32]) -> Posteriors:
        """Compute the posteriors of descriptors, (n, d)."""
        n_points, dimension = points.shape
        moved = points - self.offset if self.offset.any() else points
        powers = np.empty((n_points, 2 * dimension), self.linear.dtype)
        powers[:, :dimension] = moved
        np.square(moved, out=powers[:, dimension:], dtype=powers.dtype)
        shares = powers @ self.linear
        shares += self.constant
        # argmax is twice as fast as max
        largest = shares[np.arange(n_points), shares.argmax(axis=1)][:, None]
        shares -= largest
        np.clip(shares, _LEAST_LOGARITHM, 0, out=shares)
        np.exp(shares, out=shares)
        shares -= np.exp(shares.dtype.type(_LEAST_LOGARITHM))
        totals = shares @ np.ones((len(self.constant), 1), shares.dtype)
        shares *= 1 / totals
        return Posteriors(powers, shares, largest + np.log(totals))


def centered(
    mixture: GaussianMixture,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give an offset, and the mixture's parameters about it, where float32 loses no digits."""
    means, variances, weights = (
        array.astype(np.float64) for array in (mixture.means, mixture.variances, mixture.weights)
    )
    center = weights @ means
    spread = np.sqrt(weights @ (variances + (means - center) ** 2))
    offset = far_offset(center, spread)
    return offset, means - offset, variances, weights


def _sum_up(block: NDArray[np.float32], density: Density) -> Statistics:
    """Sum up a block: not finite where some number is too large for the type of `density`."""
    with np.errstate(over="ignore", invalid="ignore"):
        powers, shares, log_likelihoods = density.posteriors(block)
        # Sums by products, which BLAS computes faster than numpy.sum does; and faster this way
        # round than with the posteriors first.
        mass = np.ones((1, len(block)), shares.dtype) @ shares
        sums = np.vstack([mass, powers.T @ shares]).T
        return Statistics(sums.astype(np.float64), float(log_likelihoods.sum(dtype=np.float64)))


def fit_gaussian_mixture(
    sample: NDArray[np.float32], n_components: int, random_state: int = 0
) -> GaussianMixture:
    """Fit a mixture by expectation maximisation, from k-means.

    It is scikit-learn's fit, on the sums of Fisher vectors, which are the sufficient statistics
    [1]_, and on one thread, so that its bytes depend on no machine's number of cores. Variances
    below `VARIANCE_FLOOR` of the sample's are raised to it, and so are those of a dimension that
    hardly varies in the sample: in other images it may vary.

    Parameters
    ----------
    sample : ndarray of float32, shape (n_samples, d)
    n_components : int
        Fewer are fitted to fewer descriptors.
    random_state : int

    References
    ----------
    .. [1] C. Bishop, "Pattern recognition and machine learning", 2006, section 9.2.2.
    """
    spread = sample.var(axis=0, dtype=np.float64)
    floor = VARIANCE_FLOOR * np.maximum(spread, 1e-6 * spread.max())
    few = thin_out(sample, n_components)
    with limited_threads():
        centers, labels = fit_kmeans(few, n_components, random_state)
        variances = np.broadcast_to(spread, centers.shape)
        mixture = _mixture(centers, variances, np.ones(len(centers)), floor)
        mixture = _maximize(mixture, _sums_of_clusters(mixture, few, labels), floor)
        mixture = _improve(mixture, few, floor)
        return mixture if len(few) == len(sample) else _improve(mixture, sample, floor)


def _improve(
    mixture: GaussianMixture, sample: NDArray[np.float32], floor: NDArray[np.float64]
) -> GaussianMixture:
    """Maximise a mixture's expectation until the likelihood hardly grows."""
    of, before = f"{len(mixture.weights)} Gaussians of {len(sample):,} descriptors", -np.inf
    for number in range(1, MOST_ITERATIONS + 1):
        sums, log_likelihood = mixture.statistics(sample)
        mixture = _maximize(mixture, sums, floor)
        mean = log_likelihood / len(sample)
        say_where(f"{of}: iteration {number}, log likelihood {mean:.3f}")
        if abs(mean - before) < TOLERANCE:
            break
        before = mean
    return mixture


def _sums_of_clusters(
    mixture: GaussianMixture, sample: NDArray[np.float32], labels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Give the sums of `Statistics` where each descriptor belongs to its cluster alone."""
    from scipy.sparse import csc_array

    shape = (len(mixture.weights), len(sample))
    member = csc_array((np.ones(len(sample)), labels, np.arange(len(sample) + 1)), shape=shape)
    moved = sample - centered(mixture)[0]
    columns = np.hstack([np.ones((len(sample), 1)), moved, moved * moved])
    return np.asarray(member @ columns)


def _maximize(
    mixture: GaussianMixture, sums: NDArray[np.floating], floor: NDArray[np.float64]
) -> GaussianMixture:
    """Give the mixture under which what was summed up under another is likeliest."""
    offset, means, variances, _ = centered(mixture)
    mass, first, second = np.split(sums, [1, 1 + means.shape[1]], axis=1)
    filled = mass > _FEWEST
    means = np.divide(first, mass, out=means, where=filled)
    squares = np.divide(second, mass, out=variances + means * means, where=filled)
    return _mixture(means + offset, squares - means * means, mass.ravel(), floor)


def _mixture(
    means: NDArray[np.floating],
    variances: NDArray[np.floating],
    mass: NDArray[np.floating],
    floor: NDArray[np.float64],
) -> GaussianMixture:
    """Make a mixture with no variance below the floor, and no weight of zero."""
    weights = np.maximum(mass, _FEWEST)
    return GaussianMixture(
        means.astype(np.float32),
        np.maximum(variances, floor).astype(np.float32),
        (weights / weights.sum()).astype(np.float32),
    )
