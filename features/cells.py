"""The 4x4 cells of every patch of a grid, weighed out of whole-image planes.

A cell is a weighted sum of pixels with separable weights, so all cells of an image are a product
``R @ plane @ C.T``. The matrices R and C hold a few numbers in each row, and are multiplied tile by
tile where those numbers are. Each cell is computed where the grid samples it, and nowhere else.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.grid import CELLS, PatchGrid

_ROW_TILE, _COLUMN_TILE = 16, 32
"""Samples computed by one product: large enough for BLAS, small beside the band of pixels."""


class _Tile(NamedTuple):
    """Rows `start` to `stop` of R or C, and the pixels from `first` to `last` that they weigh."""

    start: int
    stop: int
    first: int
    last: int
    weights: NDArray[np.float32]  # (stop - start, last - first)


class _Axis(NamedTuple):
    """One axis of a grid: all bands of an image share that of its columns, and its tiles."""

    length: int  # pixels
    origin: int  # pixel of the first cell's centre
    n_patches: int
    step: int
    bin_size: int
    window_size: float | None

    def spacing(self) -> tuple[int, int]:
        """Count the samples from a patch to the next, and from a cell to the next.

        Without a window, patches can share samples: one at every `gcd(step, bin_size)`-th pixel.
        Where those are more than four to a step, or each patch has its own window, a patch has
        its own four.
        """
        stride = gcd(self.step, self.bin_size)
        if self.window_size is None and self.step // stride <= CELLS:
            return self.step // stride, self.bin_size // stride
        return CELLS, 1


class CellGrid:
    """Weighted sums over the cells of a grid's patches.

    Pixels count by the triangle ``1 - |t| / bin_size`` about a cell's centre along each axis;
    outside the image the nearest pixel counts (VLFeat's padding by continuity).

    Parameters
    ----------
    grid : PatchGrid
    window_size : float, optional
        Standard deviation, in bin sizes, of a Gaussian window about each patch's centre, by which
        pixels count besides. None is no window.
    """

    def __init__(self, grid: PatchGrid, window_size: float | None = None) -> None:
        self._rows, self._columns = (
            _Axis(length, origin, n_patches, grid.step, grid.bin_size, window_size)
            for length, origin, n_patches in zip(
                grid.shape, grid.origin, (grid.n_rows, grid.n_columns), strict=True
            )
        )

    def sample(self, planes: NDArray[np.float32], top: int) -> NDArray[np.float32]:
        """Weigh planes where the grid has cells.

        Parameters
        ----------
        planes : ndarray of float32, shape (n_channels, rows, columns)
            The whole image, or a band that holds every pixel that the cells weigh.
        top : int
            The image's row that the planes begin with.

        Returns
        -------
        ndarray of float32, shape (n_sample_rows, n_sample_columns, n_channels)
            What `gather` arranges by patches.
        """
        by_row, by_column = _tiles(self._rows, _ROW_TILE), _tiles(self._columns, _COLUMN_TILE)
        n_columns = by_column[-1].stop
        samples = np.empty((by_row[-1].stop, n_columns, len(planes)), dtype=np.float32)
        for row in by_row:
            band = np.matmul(row.weights, planes[:, row.first - top : row.last - top])
            band = band.reshape(-1, planes.shape[2])  # channels and sample rows
            weighed = np.empty((len(band), n_columns), dtype=np.float32)
            for column in by_column:
                pixels = band[:, column.first : column.last]
                np.matmul(pixels, column.weights.T, out=weighed[:, column.start : column.stop])
            by_channel = weighed.reshape(len(planes), -1, n_columns)
            samples[row.start : row.stop] = by_channel.transpose(1, 2, 0)
        return samples

    def gather(self, samples: NDArray[np.float32], row: int, out: NDArray[np.float32]) -> None:
        """Copy the cells of one row of patches into `out`.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_sample_rows, n_sample_columns, n_channels)
            What `sample` gave.
        row : int
            The row of patches.
        out : ndarray of float32, shape (n_columns, 16 * n_channels)
            Channels within cell columns within cell rows.
        """
        patch, _ = self._rows.spacing()
        n_channels = samples.shape[2]
        index = _gathered(self._columns, samples.shape[1])
        np.take(
            samples[row * patch :].reshape(-1, n_channels), index, axis=0,
            out=out.reshape(-1, n_channels), mode="clip",
        )  # fmt: skip


@lru_cache(maxsize=64)
def _tiles(axis: _Axis, size: int) -> tuple[_Tile, ...]:
    """Cut the matrix of one axis, R or C, into tiles of `size` samples."""
    step, reach, window_size = axis.step, axis.bin_size, axis.window_size
    patch, cell = axis.spacing()
    triangle = 1 - np.abs(np.arange(1 - reach, reach)) / reach
    if (patch, cell) == (CELLS, 1):
        centers = np.add.outer(np.arange(axis.n_patches) * step, np.arange(CELLS) * reach).ravel()
        kernels = np.tile(triangle * window(reach, window_size), (axis.n_patches, 1))
    else:
        n_samples = (axis.n_patches - 1) * patch + (CELLS - 1) * cell + 1
        centers = np.arange(n_samples) * (step // patch)
        kernels = np.broadcast_to(triangle, (n_samples, len(triangle)))
    centers += axis.origin
    pixels = np.clip(centers[:, None] + np.arange(1 - reach, reach), 0, axis.length - 1)
    tiles = []
    for start in range(0, len(centers), size):
        seen = pixels[start : start + size]
        first, last = int(seen.min()), int(seen.max()) + 1
        weights = np.zeros((len(seen), last - first))
        rows = np.arange(len(seen))[:, None]
        np.add.at(weights, (rows, seen - first), kernels[start : start + size])
        tiles.append(_Tile(start, start + len(seen), first, last, weights.astype(np.float32)))
    return tuple(tiles)


@lru_cache(maxsize=64)
def _gathered(columns: _Axis, n_samples: int) -> NDArray[np.intp]:
    """Index the samples of one row of patches, from the first patch's first cell on."""
    patch, cell = columns.spacing()
    patches = np.arange(columns.n_patches)[:, None, None] * patch
    cells = np.arange(CELLS) * cell
    return (patches + cells[:, None] * n_samples + cells).ravel()


def window(bin_size: int, window_size: float | None) -> NDArray[np.float64]:
    """Give the Gaussian window over the support of each cell along one axis.

    Parameters
    ----------
    bin_size : int
    window_size : float or None
        Standard deviation in bin sizes; None gives ones.

    Returns
    -------
    ndarray of float64, shape (4, 2 * bin_size - 1)
    """
    support = np.arange(1 - bin_size, bin_size)
    if window_size is None:
        return np.ones((CELLS, len(support)))
    centers = bin_size * (np.arange(CELLS) - (CELLS - 1) / 2)
    distances = (support + centers[:, None]) / (bin_size * window_size)
    gaussian: NDArray[np.float64] = np.exp(-0.5 * distances**2)
    return gaussian
