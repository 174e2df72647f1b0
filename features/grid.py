"""The regular grid of 4x4-cell patches that all dense local descriptors share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = 4
"""Cells along each side of a patch (Lowe 2004)."""


class LocalDescriptors(NamedTuple):
    """The local descriptors of one image.

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

    The first patch has its first cell's centre on pixel (0, 0); a patch spans
    ``3 * bin_size + 1`` pixels between the centres of its outermost cells (VLFeat's frame).
    There are ``(rows - 3 * bin_size - 1) // step + 1`` rows of patches, or none, and columns
    likewise; patches are listed row by row.

    Attributes
    ----------
    shape : tuple of int
        (rows, columns) of the image in pixels.
    step : int
        Pixels between neighbouring patches.
    bin_size : int
        Pixels between neighbouring cells of a patch.

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

    @property
    def n_rows(self) -> int:
        """Rows of patches."""
        return self._count(self.shape[0])

    @property
    def n_columns(self) -> int:
        """Columns of patches."""
        return self._count(self.shape[1])

    def __len__(self) -> int:
        return self.n_rows * self.n_columns

    def _count(self, pixels: int) -> int:
        return max(0, (pixels - (CELLS - 1) * self.bin_size - 1) // self.step + 1)

    @property
    def patch_area(self) -> int:
        """Pixels of the square that the cells' centres span."""
        return ((CELLS - 1) * self.bin_size + 1) ** 2

    def centers(self) -> NDArray[np.float32]:
        """Give the patch centres: (row, column) in pixels, shape (n_patches, 2)."""
        offset = self.bin_size * (CELLS - 1) / 2
        rows = np.arange(self.n_rows, dtype=np.float32) * self.step + offset
        columns = np.arange(self.n_columns, dtype=np.float32) * self.step + offset
        return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)

    def positions(self) -> NDArray[np.float32]:
        """Give the patch centres as parts of the image, each in [-0.5, 0.5]; (n_patches, 2)."""
        size = np.asarray(self.shape, dtype=np.float32)
        positions: NDArray[np.float32] = (self.centers() + np.float32(0.5)) / size - np.float32(0.5)
        return positions

    @cached_property
    def _kernel(self) -> NDArray[np.float32]:
        """The triangular cell, 2 * bin_size - 1 taps that sum to one."""
        reach = self.bin_size
        taps = reach - np.abs(np.arange(1 - reach, reach))
        return (taps / reach**2).astype(np.float32)

    @property
    def _stride(self) -> int:
        """Pixels between the samples that hold every cell centre."""
        return gcd(self.step, self.bin_size)

    def sample(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """Weigh a plane by the triangular cell, where cells of the grid have their centres.

        Outside the image the nearest pixel counts (VLFeat's padding by continuity).

        Parameters
        ----------
        plane : ndarray of float32, shape (rows, columns)

        Returns
        -------
        ndarray of float32, shape (n_sample_rows, n_sample_columns)
            Means around every `gcd(step, bin_size)`-th pixel; `gather` turns them into patches.
        """
        one = np.ones(1, dtype=np.float32)
        border = cv2.BORDER_REPLICATE
        rows = cv2.sepFilter2D(plane, -1, one, self._kernel, borderType=border)[:: self._stride]
        both = cv2.sepFilter2D(rows, -1, self._kernel, one, borderType=border)
        sampled: NDArray[np.float32] = both[:, :: self._stride]
        return sampled

    def gather(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """View interleaved samples as patches, without a copy.

        Parameters
        ----------
        samples : ndarray of float32, shape (n_sample_rows, n_sample_columns, n_channels)
            What `sample` gives for each channel, stacked along the last axis.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_columns, 4, 4, n_channels)
            Axes: patch row, patch column, cell row, cell column, channel. Read-only.
        """
        stride = self._stride
        patch, cell = self.step // stride, self.bin_size // stride
        row, column, channel = samples.strides
        return np.lib.stride_tricks.as_strided(
            samples,
            shape=(self.n_rows, self.n_columns, CELLS, CELLS, samples.shape[2]),
            strides=(patch * row, patch * column, cell * row, cell * column, channel),
            writeable=False,
        )
