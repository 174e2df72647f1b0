"""The regular grid of 4x4-cell patches that all dense local descriptors share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CELLS = 4
"""Cells along each side of a patch (Lowe 2004)."""

Bounds = tuple[int, int, int, int]
"""(top, left, bottom, right): the first and the last row and column of pixels, both included."""


class LocalDescriptors(NamedTuple):
    """Local descriptors of one image: all of them, or those of a band of it.

    Attributes
    ----------
    values : ndarray of float32, shape (n_descriptors, d)
        One descriptor a row.
    positions : ndarray of float32, shape (n_descriptors, 2)
        (row, column) of each patch's centre, in [-0.5, 0.5] of the image's height and width.
    """

    values: NDArray[np.float32]
    positions: NDArray[np.float32]


@dataclass(frozen=True)
class PatchGrid:
    """All patches of 4x4 cells, `bin_size` pixels apart, that fit an image at steps of `step`.

    The first patch has its first cell's centre on the bounds' first pixel; a patch spans
    ``3 * bin_size + 1`` pixels between the centres of its outermost cells (VLFeat's frame).
    There are ``(bottom - top - 3 * bin_size) // step + 1`` rows of patches, or none, and columns
    likewise; patches are listed row by row.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of the image in pixels.
    step : int
        Pixels between neighbouring patches.
    bin_size : int
        Pixels between neighbouring cells of a patch.
    bounds : tuple of int, optional
        (top, left, bottom, right): the pixels, both ends included, that cells may be centred on;
        what lies outside the image is cut off. None is the whole image.

    Examples
    --------
    >>> grid = PatchGrid(shape=(120, 160), step=4, bin_size=4)
    >>> grid.n_rows, grid.n_columns
    (27, 37)
    >>> grid.centers()[0]
    array([6., 6.], dtype=float32)
    """

    shape: tuple[int, int]
    step: int
    bin_size: int
    bounds: Bounds | None = None

    @property
    def origin(self) -> tuple[int, int]:
        """(row, column) of the first cell's centre."""
        top, left = self.bounds[:2] if self.bounds else (0, 0)
        return max(top, 0), max(left, 0)

    @property
    def n_rows(self) -> int:
        """Rows of patches."""
        return self._count(0)

    @property
    def n_columns(self) -> int:
        """Columns of patches."""
        return self._count(1)

    def __len__(self) -> int:
        return self.n_rows * self.n_columns

    def _count(self, axis: int) -> int:
        last = self.shape[axis] - 1
        if self.bounds:
            last = min(last, self.bounds[2 + axis])
        span = (CELLS - 1) * self.bin_size
        return max(0, (last - self.origin[axis] - span) // self.step + 1)

    def between(self, first: int, last: int) -> PatchGrid:
        """Give the patches whose first cells are centred on pixel rows `first` to `last - 1`.

        >>> PatchGrid((120, 160), step=4, bin_size=4).between(10, 21).centers()[0]
        array([18.,  6.], dtype=float32)
        """
        top, left = self.origin
        start, stop = (
            min(max(0, -((top - row) // self.step)), self.n_rows) for row in (first, last)
        )
        begin = top + start * self.step
        end = top + (stop - 1) * self.step + (CELLS - 1) * self.bin_size if start < stop else -1
        right = self.bounds[3] if self.bounds else self.shape[1] - 1
        return replace(self, bounds=(begin, left, end, right))

    def pixel_rows(self) -> tuple[int, int]:
        """Give the first row of pixels that the cells weigh, and the one after the last."""
        top, reach = self.origin[0], self.bin_size
        last = top + (self.n_rows - 1) * self.step + (CELLS - 1) * self.bin_size
        return max(0, top - reach + 1), min(self.shape[0], last + reach)

    def centers(self) -> NDArray[np.float32]:
        """Give the patch centres: (row, column) in pixels, shape (n_patches, 2)."""
        offset = self.bin_size * (CELLS - 1) / 2
        top, left = self.origin
        centers = np.empty((self.n_rows, self.n_columns, 2), dtype=np.float32)
        centers[:, :, 0] = (np.arange(self.n_rows) * self.step + (top + offset))[:, None]
        centers[:, :, 1] = np.arange(self.n_columns) * self.step + (left + offset)
        return centers.reshape(-1, 2)

    def positions(self) -> NDArray[np.float32]:
        """Give the patch centres as parts of the image, each in [-0.5, 0.5]; (n_patches, 2)."""
        size = np.asarray(self.shape, dtype=np.float32)
        positions: NDArray[np.float32] = (self.centers() + np.float32(0.5)) / size - np.float32(0.5)
        return positions


_BAND_PIXELS = 2**21
"""Pixels described together: larger images are cut into bands of rows."""


def band_grids(grids: Sequence[PatchGrid]) -> Iterator[list[PatchGrid]]:
    """Cut the grids of one image into bands of rows, each of about two million pixels.

    Every patch is in one band; an image of no more pixels is one band.
    """
    rows, columns = grids[0].shape
    height = max(1, _BAND_PIXELS // columns)
    for first in range(0, rows, height):
        yield [grid.between(first, first + height) for grid in grids]


@dataclass(frozen=True)
class Band:
    """What is known of the patches of a band of an image, scale by scale.

    Attributes
    ----------
    grids : sequence of PatchGrid
        The patches of each scale.
    arrays : tuple of ndarray
        Each with one row a patch, scale by scale.
    """

    grids: Sequence[PatchGrid]
    arrays: tuple[NDArray[np.float32], ...]

    @classmethod
    def empty(cls, grids: Sequence[PatchGrid], *shapes: tuple[int, ...]) -> Band:
        """Allocate arrays whose rows have these shapes."""
        n_patches = sum(map(len, grids))
        return cls(grids, tuple(np.empty((n_patches, *shape), np.float32) for shape in shapes))

    def scales(self) -> list[tuple[NDArray[np.float32], ...]]:
        """View the parts of the arrays that belong to each scale."""
        ends = np.cumsum([len(grid) for grid in self.grids])[:-1]
        return list(zip(*(np.split(array, ends) for array in self.arrays), strict=True))

    def positions(self) -> NDArray[np.float32]:
        """Give the positions of all patches, (n_patches, 2)."""
        return np.concatenate([grid.positions() for grid in self.grids])


def join_bands(bands: Sequence[Band], grids: Sequence[PatchGrid]) -> Band:
    """Join the bands of a whole image, whose grids these are: scale by scale, rows in order."""
    if len(bands) == 1:
        return bands[0]
    by_scale = list(zip(*(band.scales() for band in bands), strict=True))
    arrays = [
        np.concatenate([part[number] for scale in by_scale for part in scale])
        for number in range(len(bands[0].arrays))
    ]
    return Band(grids, tuple(arrays))
