"""What each local descriptor adds to a Fisher vector or a VLAD, before normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import softmax
from trifuse.encoders.codebook import GaussianMixture


class Summands(NamedTuple):
    """What some descriptors add to some components of a block, before it is normalised.

    Attributes
    ----------
    rows : ndarray of int, shape (m,)
        Numbers of the descriptors, each once.
    columns : ndarray of int, shape (c,)
        Numbers of the components.
    values : ndarray of float64, shape (m, c)
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: NDArray[np.float64]


def fisher_summands(points: NDArray[np.float32], mixture: GaussianMixture) -> Iterator[Summands]:
    """Give what descriptors add to the gradients of each Gaussian.

    These are the terms of the sums in `trifuse.encoders.fisher.fisher_vector`. Posteriors below
    float32's resolution, which are lost in the encoder's sums too, count as zero.

    Parameters
    ----------
    points : ndarray of float32, shape (n_descriptors, d)
    mixture : GaussianMixture
    """
    posteriors = _posteriors(points, mixture)
    n_components, dimension = mixture.means.shape
    for k in range(n_components):
        rows = np.flatnonzero(posteriors[:, k] > np.finfo(np.float32).eps)
        scale = posteriors[rows, k] / (len(points) * np.sqrt(float(mixture.weights[k])))
        deviations = np.sqrt(mixture.variances[k].astype(np.float64))
        standard = (points[rows].astype(np.float64) - mixture.means[k]) / deviations
        values = np.hstack([standard, (standard * standard - 1) / np.sqrt(2)]) * scale[:, None]
        first = np.arange(k * dimension, (k + 1) * dimension)
        yield Summands(rows, np.concatenate([first, first + mixture.means.size]), values)


def vlad_summands(points: NDArray[np.float32], centers: NDArray[np.float32]) -> Iterator[Summands]:
    """Give each centre's residuals, the terms of the sums in `trifuse.encoders.vlad.vlad`.

    Parameters
    ----------
    points : ndarray of float32, shape (n_descriptors, d)
    centers : ndarray of float32, shape (n_centers, d)
    """
    offset = centers.mean(axis=0, dtype=np.float64)
    moved = centers - offset
    nearest = ((points - offset) @ moved.T - (moved * moved).sum(axis=1) / 2).argmax(axis=1)
    dimension = centers.shape[1]
    for k, center in enumerate(centers):
        rows = np.flatnonzero(nearest == k)
        columns = np.arange(k * dimension, (k + 1) * dimension)
        yield Summands(rows, columns, points[rows].astype(np.float64) - center)


def _posteriors(points: NDArray[np.float32], mixture: GaussianMixture) -> NDArray[np.float64]:
    """Give each descriptor's posterior under each Gaussian, (n_descriptors, n_components)."""
    offset = mixture.means.mean(axis=0, dtype=np.float64)
    means, precisions = mixture.means - offset, 1 / mixture.variances.astype(np.float64)
    moved = points - offset
    with np.errstate(divide="ignore"):  # the logarithm of a weight of zero is a fair -inf
        constant = np.log(mixture.weights.astype(np.float64))
    constant = constant + 0.5 * (np.log(precisions) - means * means * precisions).sum(axis=1)
    squares = moved * moved
    return softmax(moved @ (means * precisions).T - 0.5 * squares @ precisions.T + constant)
