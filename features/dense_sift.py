"""Dense SIFT descriptors, after VLFeat's ``vl_dsift`` with the flat window."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.grid import CELLS, LocalDescriptors, PatchGrid

ORIENTATIONS = 8
DIMENSION = CELLS * CELLS * ORIENTATIONS
CLIP = 0.2
"""Largest component after the first normalisation (Lowe 2004, section 6.1)."""
WINDOW_SIZE = 2.0
"""Standard deviation of the Gaussian window, in bin sizes (VLFeat's default)."""
_BLOCK_PATCHES = 1024
"""Patches normalised together: 512 KiB of descriptors, which a core's cache holds."""


class DenseSift:
    """SIFT descriptors on a regular grid, at several scales.

    The image's gradient is shared out among 8 orientation maps, each map is weighed by the
    triangular 4x4 cells with whole-image filters, each cell is multiplied by the mean of the
    Gaussian window over it (the flat window approximation of [3]_), and the 128 numbers are
    L2-normalised, clipped at 0.2 and normalised again [1]_. Component
    ``orientation + 8 * (cell_column + 4 * cell_row)`` is a cell's share of an orientation;
    orientation 0 points along growing columns, and angles grow towards growing rows.

    Parameters
    ----------
    step : int
        Pixels between neighbouring patches.
    bin_sizes : sequence of int
        Pixels between the cells of a patch, one for each scale.
    contrast_threshold : float
        Patches with a norm below it become zero. The norm is VLFeat's: the sum of the 128
        numbers before normalisation over the patch's area, ``(3 * bin_size + 1) ** 2``, for grey
        levels in 0..255; a contrasty patch has about 10.
    root : bool
        Give RootSIFT [2]_: the square root of the L1-normalised descriptor.

    References
    ----------
    .. [1] D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004.
    .. [2] R. Arandjelovic, A. Zisserman, "Three things everyone should know to improve object
       retrieval", CVPR 2012.
    .. [3] A. Vedaldi, B. Fulkerson, "VLFeat: an open and portable library of computer vision
       algorithms", 2008, ``vl_dsift``.

    Examples
    --------
    >>> grey = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> values, positions = DenseSift(step=8, bin_sizes=[4]).extract(grey)
    >>> values.shape, positions.shape
    ((49, 128), (49, 2))
    >>> sorted(set(values[0].nonzero()[0] % 8))  # the gradient points along the columns
    [np.int64(0)]
    """

    def __init__(
        self,
        step: int = 4,
        bin_sizes: Sequence[int] = (4, 6, 8, 10),
        contrast_threshold: float = 0.0,
        root: bool = False,
    ) -> None:
        self.step = step
        self.bin_sizes = bin_sizes
        self.contrast_threshold = contrast_threshold
        self.root = root

    def extract(self, image: NDArray[np.uint8] | NDArray[np.float32]) -> LocalDescriptors:
        """Describe one image.

        Parameters
        ----------
        image : ndarray of uint8 or float32, shape (rows, columns) or (rows, columns, 3)
            Grey levels or RGB in 0..255.

        Returns
        -------
        LocalDescriptors
            Values of shape (n_descriptors, 128): all patches of the first bin size row by row,
            then those of the next. An image too small for a patch gives none.
        """
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
        maps = _orientation_maps(grey.astype(np.float32, copy=False))
        grids = [PatchGrid(grey.shape, self.step, bin_size) for bin_size in self.bin_sizes]
        values = np.empty((sum(map(len, grids)), DIMENSION), dtype=np.float32)
        start = 0
        for grid in grids:
            self._describe(maps, grid, values[start : start + len(grid)])
            start += len(grid)
        return LocalDescriptors(values, np.concatenate([grid.positions() for grid in grids]))

    def _describe(
        self, maps: NDArray[np.float32], grid: PatchGrid, out: NDArray[np.float32]
    ) -> None:
        """Fill `out` with the normalised descriptors of one scale."""
        if not len(grid):
            return
        patches = grid.gather(np.stack([grid.sample(plane) for plane in maps], axis=-1))
        window = _window(grid.bin_size)[:, :, None]
        out = out.reshape(patches.shape)
        block = max(1, _BLOCK_PATCHES // grid.n_columns)
        for first in range(0, grid.n_rows, block):
            rows = slice(first, first + block)
            np.multiply(patches[rows], window, out=out[rows])
            self._normalize(out[rows].reshape(-1, DIMENSION), grid)

    def _normalize(self, values: NDArray[np.float32], grid: PatchGrid) -> None:
        """Normalise rows in place; rows without contrast become zero."""
        if self.contrast_threshold > 0:
            values[values.sum(axis=1) < self.contrast_threshold * grid.patch_area] = 0
        _divide_rows(values, _norms(values))
        np.minimum(values, CLIP, out=values)
        if self.root:
            _divide_rows(values, values.sum(axis=1))
            np.sqrt(values, out=values)
        else:
            _divide_rows(values, _norms(values))


def _norms(values: NDArray[np.float32]) -> NDArray[np.float32]:
    norms: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", values, values))
    return norms


def _divide_rows(values: NDArray[np.float32], divisors: NDArray[np.float32]) -> None:
    """Divide each row in place; a row whose divisor is zero stays zero."""
    values *= np.divide(1, divisors, out=np.zeros_like(divisors), where=divisors > 0)[:, None]


def _orientation_maps(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share each pixel's gradient among the two nearest of 8 orientations; (8, rows, columns)."""
    by_row, by_column = (_central_difference(grey, axis) for axis in (0, 1))
    # cv2.magnitude rounds differently where its arrays happen to lie differently in memory.
    magnitude = np.sqrt(by_column * by_column + by_row * by_row)
    angle = _orientation(by_row, by_column)
    maps = np.empty((ORIENTATIONS, *grey.shape), dtype=np.float32)
    for orientation, share in enumerate(maps):
        np.subtract(angle, orientation, out=share)
        np.abs(share, out=share)
        if orientation == 0:
            np.minimum(share, ORIENTATIONS - angle, out=share)
        np.subtract(1, share, out=share)
        np.maximum(share, 0, out=share)
        np.multiply(share, magnitude, out=share)
    return maps


def _orientation(
    by_row: NDArray[np.float32], by_column: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Angle of the gradient in units of orientations, in [0, 8].

    The arctangent is VLFeat's: the cubic 0.1821 r^3 - 0.9675 r within each quadrant, up to
    0.35 degrees from the exact one. With the exact one, descriptors differ by up to 0.006.
    """
    rise = np.abs(by_row)
    rise += np.finfo(np.float32).eps
    run = np.abs(by_column)
    ratio = np.subtract(run, rise)
    np.add(run, rise, out=run)
    ratio /= run
    np.multiply(ratio, ratio, out=rise)
    rise *= 0.1821
    rise -= 0.9675
    rise *= ratio
    rise *= ORIENTATIONS / (2 * np.pi)
    rise += ORIENTATIONS / 8  # the angle to the nearer half of the column axis, in [0, 2]
    np.subtract(ORIENTATIONS / 2, rise, out=rise, where=by_column < 0)
    np.subtract(ORIENTATIONS, rise, out=rise, where=by_row < 0)
    return rise


def _central_difference(grey: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Half the difference of the neighbours; at the border the one-sided difference."""
    values = np.moveaxis(grey, axis, 0)
    out = np.zeros_like(grey)
    difference = np.moveaxis(out, axis, 0)
    if len(values) > 1:
        np.subtract(values[2:], values[:-2], out=difference[1:-1])
        difference[1:-1] *= 0.5
        np.subtract(values[1], values[0], out=difference[0])
        np.subtract(values[-1], values[-2], out=difference[-1])
    return out


def _window(bin_size: int) -> NDArray[np.float32]:
    """Mean of the Gaussian window over each cell's support, times the cell's area; (4, 4)."""
    support = np.arange(1 - bin_size, bin_size)
    centers = bin_size * (np.arange(CELLS) - (CELLS - 1) / 2)
    distances = (support + centers[:, None]) / (bin_size * WINDOW_SIZE)
    weights = np.exp(-0.5 * distances**2).mean(axis=1) * bin_size
    return np.outer(weights, weights).astype(np.float32)
