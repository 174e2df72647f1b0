"""Codebooks of local descriptors: k-means centres and diagonal Gaussian mixtures.

Both are fitted by scikit-learn in float64 on a sample of descriptors; scikit-learn's mixture
is wrong in float32.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VARIANCE_FLOOR = 1e-3
"""Smallest variance of a Gaussian, as a part of the sample's variance in that dimension."""


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
    """Fit a mixture by expectation maximisation, started from k-means++ seeds.

    Variances below `VARIANCE_FLOOR` of the sample's are raised to it, and so are those of a
    dimension that hardly varies in the sample: in other images it may vary.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as SklearnMixture

    sample64 = sample.astype(np.float64)
    spread = sample64.var(axis=0)
    floor = VARIANCE_FLOOR * np.maximum(spread, 1e-6 * spread.max())
    mixture = SklearnMixture(
        min(n_components, len(sample)),
        covariance_type="diag",
        init_params="k-means++",
        reg_covar=float(floor.min()),
        max_iter=50,
        random_state=random_state,
    )
    with warnings.catch_warnings():
        # Stopping early is deliberate: later iterations hardly change the Fisher vectors.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(sample64)
    variances: NDArray[np.float64] = np.maximum(mixture.covariances_, floor)
    return GaussianMixture(
        mixture.means_.astype(np.float32),
        variances.astype(np.float32),
        mixture.weights_.astype(np.float32),
    )
