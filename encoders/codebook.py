"""Codebooks of local descriptors: what can be one, and the centres of k-means."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.features.processes import limited_threads

_FIRST = 500
"""Descriptors a centre that a codebook is first fitted to."""


class CodebookError(ValueError):
    """Descriptors that no codebook can be trained on, or arrays that are no codebook."""


def check_sample(sample: NDArray[np.float32]) -> None:
    """Raise CodebookError if no two descriptors of the sample, (n, d), differ."""
    if not len(sample) or not np.ptp(sample, axis=0).any():
        msg = (
            "There are no two different local descriptors to train a codebook on; "
            "the images are too small or too plain."
        )
        raise CodebookError(msg)


def check_centers(arrays: Mapping[str, ArrayLike]) -> NDArray[np.float32]:
    """Take a codebook's `centers`, (n_centers, d), from anywhere.

    Raises
    ------
    ValueError
        If they are missing (CodebookError), or no matrix of finite numbers.
    """
    if "centers" not in arrays:
        raise CodebookError("a codebook needs centers: they are missing")
    centers = np.array(arrays["centers"], dtype=np.float32)
    if centers.ndim != 2 or not centers.size or not np.isfinite(centers).all():
        raise CodebookError(
            f"centers must be finite numbers of the shape (n_centers, d), not of {centers.shape}"
        )
    return centers


def far_offset(center: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what to subtract from descriptors so that their squares keep their digits in float32.

    Parameters
    ----------
    center, spread : ndarray of float64, shape (d,)
        About where descriptors lie, and their standard deviations.

    Returns
    -------
    ndarray of float64, shape (d,)
        The centre, rounded to float32; or zero where they lie about zero, as those of a PCA do.
    """
    offset = center.astype(np.float32).astype(np.float64)
    return offset if np.any(np.abs(offset) > spread) else np.zeros_like(offset)


def nearest_center(points: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give each descriptor's nearest centre, computed in float64; (n, d) to (n,)."""
    offset = centers.mean(axis=0, dtype=np.float64)
    moved = centers - offset
    scores = (points - offset) @ moved.T - (moved * moved).sum(axis=1) / 2
    return scores.argmax(axis=1)  # type: ignore[no-any-return]


def thin_out(sample: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Give the part of a sample, spread evenly over it, that a codebook of a size starts from.

    The last steps see all of it. What the many steps before find in 500 descriptors a centre is
    about as good, and takes a fraction of the time.
    """
    return sample[:: max(1, len(sample) // (_FIRST * size))]


def fit_centers(
    sample: NDArray[np.float32], n_centers: int, random_state: int = 0
) -> NDArray[np.float32]:
    """Fit k-means centres; (n_samples, d) to (n_centers, d)."""
    few = thin_out(sample, n_centers)
    centers, _ = fit_kmeans(few, n_centers, random_state)
    return centers if len(few) == len(sample) else fit_kmeans(sample, n_centers, start=centers)[0]


def fit_kmeans(
    sample: NDArray[np.float32],
    n_centers: int,
    random_state: int = 0,
    start: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Fit k-means by scikit-learn, on one thread: several would add up in any order.

    Parameters
    ----------
    sample : ndarray of float32, shape (n_samples, d)
    n_centers : int
        Fewer are fitted to fewer descriptors.
    random_state : int
    start : ndarray of float32, shape (n_centers, d), optional
        Where the centres are at first; by default k-means++ chooses.

    Returns
    -------
    centers : ndarray of float32, shape (n_centers, d)
    labels : ndarray of int32, shape (n_samples,)
        The number of each descriptor's centre.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    kmeans = KMeans(
        min(n_centers, len(sample)),
        init="k-means++" if start is None else start,
        n_init=1,
        max_iter=50,
        tol=1e-3,
        random_state=random_state,
    )
    with limited_threads(), warnings.catch_warnings():
        # Of fewer different descriptors than centres: some centres are the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(sample)
    return kmeans.cluster_centers_, kmeans.labels_
