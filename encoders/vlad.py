"""VLAD: vectors of locally aggregated descriptors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize, signed_square_root

_BLOCK = 1024
"""Descriptors encoded together: few enough for a core's cache."""


def vlad(
    descriptors: NDArray[np.float32],
    centers: NDArray[np.float32],
    *,
    by_mass: bool = False,
    square_root: bool = True,
    by_component: bool = True,
    normalize: bool = True,
) -> NDArray[np.float32]:
    r"""Encode a set of descriptors by its residuals to a codebook.

    Each descriptor is assigned to its nearest centre, and each centre sums the residuals of
    its own [1]_:

    .. math:: v_k = \sum_{n \in k} (x_n - c_k)

    Parameters
    ----------
    descriptors : ndarray of float32, shape (n_descriptors, d)
        May be empty.
    centers : ndarray of float32, shape (n_centers, d)
    by_mass : bool
        Divide each centre's sum by its number of descriptors.
    square_root : bool
        Take the signed square root of every component, next.
    by_component : bool
        Scale each centre's part to unit L2 norm, next (intra-normalisation [2]_).
    normalize : bool
        Scale the whole to unit L2 norm, last.

    Returns
    -------
    ndarray of float32, shape (n_centers * d,)
        :math:`v_1 \dots v_K`. Zero for no descriptors.

    References
    ----------
    .. [1] H. Jegou, M. Douze, C. Schmid, P. Perez, "Aggregating local descriptors into a
       compact image representation", CVPR 2010.
    .. [2] R. Arandjelovic, A. Zisserman, "All about VLAD", CVPR 2013.

    Examples
    --------
    >>> centers = np.array([[0, 0], [10, 0]], dtype=np.float32)
    >>> descriptors = np.array([[1, 1], [-1, 2], [10, 1]], dtype=np.float32)
    >>> vlad(descriptors, centers, square_root=False, by_component=False, normalize=False)
    array([0., 3., 0., 1.], dtype=float32)
    """
    if not len(descriptors):
        return np.zeros(centers.size, dtype=np.float32)
    mass = np.zeros(len(centers), dtype=np.float32)
    vector = np.zeros_like(centers)
    for start in range(0, len(descriptors), _BLOCK):
        block = descriptors[start : start + _BLOCK]
        nearest = _nearest(block, centers)
        assignments = np.zeros((len(block), len(centers)), dtype=np.float32)
        assignments[np.arange(len(block)), nearest] = 1
        mass += assignments.sum(axis=0)
        # Residuals before sums: the difference of two sums would leave rounding errors where all
        # descriptors are on their centre, and the normalisations would blow them up.
        vector += assignments.T @ (block - centers[nearest])
    if by_mass:
        vector /= np.maximum(mass, 1)[:, None]
    if square_root:
        vector = signed_square_root(vector)
    if by_component:
        vector = l2_normalize(vector)
    vector = vector.ravel()
    return l2_normalize(vector) if normalize else vector


def _nearest(descriptors: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.intp]:
    """Give the number of each descriptor's nearest centre; the first of equally near ones."""
    offset = centers.mean(axis=0)  # float32 loses no digits to it
    values, centers = descriptors - offset, centers - offset
    # |x - c|^2 / 2 but for the part that is the same for every centre
    distances = (centers * centers).sum(axis=1) / 2 - values @ centers.T
    nearest: NDArray[np.intp] = distances.argmin(axis=1)
    return nearest
