"""Codebooks of local descriptors: k-means centres and diagonal Gaussian mixtures.

Both are fitted by scikit-learn in float64 on a sample of descriptors; scikit-learn's mixture
is wrong in float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

VARIANCE_FLOOR = 1e-3
"""Smallest variance of a Gaussian, as a part of the sample's variance in that dimension."""


class CodebookError(ValueError):
    """Descriptors that no codebook can be trained on, or arrays that are no codebook."""


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


def check_sample(sample: NDArray[np.float32]) -> None:
    """Raise CodebookError if no two descriptors of the sample, (n, d), differ."""
    if not len(sample) or not np.ptp(sample, axis=0).any():
        msg = (
            "There are no two different local descriptors to train a codebook on; "
            "the images are too small or too plain."
        )
        raise CodebookError(msg)


def fit_centers(
    sample: NDArray[np.float32], n_centers: int, random_state: int = 0
) -> NDArray[np.float32]:
    """Fit k-means centres; (n_samples, d) to (n_centers, d)."""
    from sklearn.cluster import KMeans

    kmeans = KMeans(
        min(n_centers, len(sample)), n_init=1, max_iter=50, tol=1e-3, random_state=random_state
    )
    centers: NDArray[np.float32] = kmeans.fit(sample.astype(np.float64)).cluster_centers_
    return centers.astype(np.float32)


def fit_gaussian_mixture(
    sample: NDArray[np.float32], n_components: int, random_state: int = 0
) -> GaussianMixture:
    """Fit a mixture by expectation maximisation as scikit-learn does by default: from k-means.

    It is that fit in float64 but for the variances: those below
    `VARIANCE_FLOOR` of the sample's are raised to it, and so are those of a dimension that hardly
    varies in the sample: in other images it may vary.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as SklearnMixture

    sample64 = sample.astype(np.float64)
    spread = sample64.var(axis=0)
    floor = VARIANCE_FLOOR * np.maximum(spread, 1e-6 * spread.max())
    mixture = SklearnMixture(
        min(n_components, len(sample)),
        covariance_type="diag",
        reg_covar=float(floor.min()),
        random_state=random_state,
    )
    with warnings.catch_warnings():
        # After a hundred iterations more hardly change the Fisher vectors.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(sample64)
    variances: NDArray[np.float64] = np.maximum(mixture.covariances_, floor)
    return GaussianMixture(
        mixture.means_.astype(np.float32),
        variances.astype(np.float32),
        mixture.weights_.astype(np.float32),
    )
