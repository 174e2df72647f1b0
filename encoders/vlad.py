"""VLAD: vectors of locally aggregated descriptors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize, signed_square_root, to_float32

_BLOCK = 2048
"""Descriptors encoded together: few enough for a core's cache."""


def vlad(
    descriptors: NDArray[np.float32],
    centers: NDArray[np.float32],
    *,
    by_residual: bool = False,
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
    by_residual : bool
        Scale each residual to unit L2 norm, first (residual normalisation [3]_).
    by_mass : bool
        Divide each centre's sum by its number of descriptors, next.
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
    .. [3] J. Delhumeau, P.-H. Gosselin, H. Jegou, P. Perez, "Revisiting the VLAD image
       representation", ACM Multimedia 2013.

    Examples
    --------
    >>> centers = np.array([[0, 0], [10, 0]], dtype=np.float32)
    >>> descriptors = np.array([[1, 1], [-1, 2], [10, 1]], dtype=np.float32)
    >>> vlad(descriptors, centers, square_root=False, by_component=False, normalize=False)
    array([0., 3., 0., 1.], dtype=float32)
    """
    statistics = VladStatistics(
        centers,
        by_residual=by_residual,
        by_mass=by_mass,
        square_root=square_root,
        by_component=by_component,
        normalize=normalize,
    )
    statistics.add(descriptors)
    return statistics.vector()


class VladStatistics:
    """What a VLAD needs to know of a set of descriptors that comes in parts.

    These are, for each centre, the number of its descriptors and the sum of their residuals,
    computed in float32 and summed in float64. A part whose squares are too large for float32 is
    computed in float64.

    Parameters
    ----------
    centers : ndarray of float32, shape (n_centers, d)
    by_residual, by_mass, square_root, by_component, normalize : bool
        As in `vlad`.
    """

    def __init__(
        self,
        centers: NDArray[np.float32],
        *,
        by_residual: bool = False,
        by_mass: bool = False,
        square_root: bool = True,
        by_component: bool = True,
        normalize: bool = True,
    ) -> None:
        self.centers = centers
        self.by_residual = by_residual
        self.by_mass = by_mass
        self.square_root = square_root
        self.by_component = by_component
        self.normalize = normalize
        self.mass = np.zeros((len(centers), 1))
        self.residuals = np.zeros(centers.shape)
        self._nearness = _nearness(centers, np.float32)

    def add(self, descriptors: NDArray[np.float32]) -> None:
        """Take in more descriptors, (n, d); n may be zero."""
        for start in range(0, len(descriptors), _BLOCK):
            block = descriptors[start : start + _BLOCK]
            if not self._add(block, self._nearness):
                self._add(block, _nearness(self.centers, np.float64))

    def _add(self, block: NDArray[np.float32], nearness: _Nearness) -> bool:
        """Take in a block, unless some number is too large for the type of `nearness`."""
        from scipy.sparse import csc_array  # here: it takes a tenth of a second to import

        with np.errstate(over="ignore", invalid="ignore"):
            near = np.subtract(block, nearness.offset) @ nearness.linear
            near += nearness.constant
            row_sums = near @ np.ones(len(self.centers), near.dtype)  # finite if every part is
            nearest = near.argmax(axis=1)
            # Residuals before sums: the difference of two sums would leave rounding errors where
            # all descriptors are on their centre, and the normalisations would blow them up.
            residuals = block - nearness.centers[nearest]
            if self.by_residual:
                residuals = l2_normalize(residuals)
            ones = np.ones(len(block), dtype=residuals.dtype)
            ends = np.arange(len(block) + 1)
            shape = (len(self.centers), len(block))
            sums = csc_array((ones, nearest, ends), shape=shape) @ residuals
        if not (np.isfinite(row_sums).all() and np.isfinite(sums).all()):
            return False
        self.mass += np.bincount(nearest, minlength=len(self.centers))[:, None]
        self.residuals += sums
        return True

    def vector(self) -> NDArray[np.float32]:
        """Give the VLAD of all descriptors so far."""
        vector = self.residuals / np.maximum(self.mass, 1) if self.by_mass else self.residuals
        if self.square_root:
            vector = signed_square_root(vector)
        if self.by_component:
            vector = l2_normalize(vector)
        vector = vector.ravel()
        return to_float32(l2_normalize(vector) if self.normalize else vector)


class _Nearness(NamedTuple):
    """What ranks centres by nearness: ``x @ linear + constant`` for x less `offset`.

    It is half the negative squared distance, but for what is the same for every centre.
    """

    centers: NDArray[np.floating]
    offset: NDArray[np.floating]
    linear: NDArray[np.floating]
    constant: NDArray[np.floating]


def _nearness(centers: NDArray[np.float32], dtype: type[np.floating]) -> _Nearness:
    """Compute what ranks the centres, in float64 where it is too large for `dtype`."""
    precise = centers.astype(np.float64)
    offset = precise.mean(axis=0).astype(np.float32)  # float32 loses no digits to it
    moved = precise - offset
    constant = -(moved * moved).sum(axis=1) / 2
    if np.abs(constant).max() > np.finfo(dtype).max:
        dtype = np.float64
    return _Nearness(
        centers.astype(dtype),
        offset.astype(dtype),
        moved.T.astype(dtype, order="C"),
        constant.astype(dtype),
    )
