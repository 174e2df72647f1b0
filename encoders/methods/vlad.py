"""VLAD: vectors of locally aggregated descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trifuse.encoders.codebook import check_centers, far_offset, fit_centers, nearest_center
from trifuse.encoders.methods import Encoding, Summands
from trifuse.encoders.normalization import l2_normalize, signed_square_root, to_float32
from trifuse.features.checks import Count, Flag, Options

_BLOCK = 1024
"""Descriptors encoded together: few enough for a core's cache."""


@dataclass(frozen=True)
class VladOptions(Options):
    """The codebook of a VLAD, and its normalisations in their order; see `vlad`."""

    centers: Count = 64
    """Centres of the codebook; fewer are fitted to fewer descriptors."""
    by_residual: Flag = False
    by_mass: Flag = False
    square_root: Flag = True
    by_component: Flag = True
    normalize: Flag = True


@dataclass(frozen=True)
class VladEncoding(Encoding):
    """VLAD with a fitted codebook; see `vlad`.

    Attributes
    ----------
    centers : ndarray of float32, shape (n_centers, d)
    options : VladOptions
    """

    name: ClassVar[str] = "vlad"
    title: ClassVar[str] = "VLAD"
    options_type: ClassVar[type[Any]] = VladOptions
    size: ClassVar[str] = "centers"
    size_title: ClassVar[str] = "VLAD centres"

    centers: NDArray[np.float32]
    options: VladOptions = VladOptions()

    @classmethod
    def fit(
        cls, points: NDArray[np.float32], options: VladOptions, random_state: int = 0
    ) -> VladEncoding:
        """Fit the codebook."""
        return cls(fit_centers(points, options.centers, random_state), options)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], options: VladOptions) -> VladEncoding:
        """Take the codebook's `centers`, (n_centers, d).

        They are the ``cluster_centers_`` of scikit-learn's `KMeans`, or the centres of VLFeat's
        ``vl_kmeans``, transposed where a column is one.
        """
        return cls(check_centers(arrays), options)

    @classmethod
    def shapes(cls, size: int, dimension: int) -> dict[str, tuple[int, ...]]:
        """Give the shape of the codebook."""
        return {"centers": (size, dimension)}

    @classmethod
    def length(cls, size: int, dimension: int) -> int:
        """Give the length of a vector."""
        return size * dimension

    def sums(self, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Count the descriptors of each centre, and sum their residuals.

        They are computed in float32 and summed in float64; a block whose squares are too large for
        float32 is computed in float64.

        Returns
        -------
        ndarray of float64, shape (n_centers, 1 + d)
        """
        n_centers, dimension = self.centers.shape
        sums = np.zeros((n_centers, 1 + dimension))
        for start in range(0, len(points), _BLOCK):
            block = points[start : start + _BLOCK]
            found = self._sum_up(block, self._nearness)
            if not np.isfinite(found).all():
                found = self._sum_up(block, _nearness(self.centers, np.float64))
            if np.isfinite(found).all():
                sums += found
        return sums

    @cached_property
    def _nearness(self) -> _Nearness:
        return _nearness(self.centers, np.float32)

    def _sum_up(self, block: NDArray[np.float32], nearness: _Nearness) -> NDArray[np.floating]:
        """Sum up a block: not finite where some number is too large for the type of `nearness`."""
        with np.errstate(over="ignore", invalid="ignore"):
            moved = block - nearness.offset if nearness.offset.any() else block
            near = moved @ nearness.linear
            near += nearness.constant
            row_sums = near @ np.ones(len(self.centers), near.dtype)  # finite if every part is
            nearest = near.argmax(axis=1)
            mass = np.bincount(nearest, minlength=len(self.centers))
            # NumPy sorts numbers of 8 or 16 bits by counting them.
            order = nearest.astype(np.min_scalar_type(len(mass))).argsort(kind="stable")
            # Residuals before sums: the difference of two sums would leave rounding errors where
            # all descriptors are on their centre, and the normalisations would blow them up.
            residuals = nearness.centers.repeat(mass, axis=0)
            np.subtract(block.take(order, axis=0), residuals, out=residuals)
            if self.options.by_residual:
                residuals = l2_normalize(residuals)
            sums = np.zeros(self.centers.shape, residuals.dtype)
            filled = mass.nonzero()[0]
            sums[filled] = np.add.reduceat(residuals, (mass.cumsum() - mass)[filled])
        if not np.isfinite(row_sums).all():
            sums.fill(np.nan)
        return np.hstack([mass[:, None], sums])

    def vector(self, sums: NDArray[np.float64], n: int) -> NDArray[np.float32]:  # noqa: ARG002
        """Give the VLAD of descriptors."""
        mass, vector = sums[:, :1], sums[:, 1:]
        if self.options.by_mass:
            vector = vector / np.maximum(mass, 1)
        if self.options.square_root:
            vector = signed_square_root(vector)
        if self.options.by_component:
            vector = l2_normalize(vector)
        vector = vector.ravel()
        return to_float32(l2_normalize(vector) if self.options.normalize else vector)

    def summands(self, points: NDArray[np.float32]) -> Iterator[Summands]:
        """Give each centre's residuals, scaled as the options say."""
        nearest = nearest_center(points, self.centers)
        dimension = self.centers.shape[1]
        for k, center in enumerate(self.centers):
            rows = np.flatnonzero(nearest == k)
            residuals = points[rows].astype(np.float64) - center
            if self.options.by_residual:
                residuals = l2_normalize(residuals)
            if self.options.by_mass:
                residuals = residuals / max(len(rows), 1)
            yield Summands(rows, np.arange(k * dimension, (k + 1) * dimension), residuals)

    def normalized_parts(self) -> tuple[int, ...]:
        """Tell the L2 normalisations: of each centre, and of the whole."""
        by_component = (len(self.centers),) if self.options.by_component else ()
        return (*by_component, *((1,) if self.options.normalize else ()))


METHOD = VladEncoding


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
    options = VladOptions(
        by_residual=by_residual,
        by_mass=by_mass,
        square_root=square_root,
        by_component=by_component,
        normalize=normalize,
    )
    return VladEncoding(centers, options).encode(descriptors)


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
    offset = far_offset(precise.mean(axis=0), precise.std(axis=0))
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
