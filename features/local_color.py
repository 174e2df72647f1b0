"""Local colour statistics on the grid of the dense SIFT descriptors."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.grid import CELLS, LocalDescriptors, PatchGrid

DIMENSION = CELLS * CELLS * 6


class LocalColor:
    """Mean and standard deviation of CIELAB in each cell of a grid of 4x4-cell patches.

    Dermatologists look at colour, which SIFT does not see. The cells, their triangular weights
    and the patches are those of `DenseSift`; the statistics are those of [1]_, in CIELAB
    (D65) instead of RGB. Component ``channel + 6 * (cell_column + 4 * cell_row)`` holds the
    means of L*, a*, b* (channels 0 to 2) and their standard deviations (3 to 5), all divided
    by 100.

    Parameters
    ----------
    step : int
        Pixels between neighbouring patches.
    bin_sizes : sequence of int
        Pixels between the cells of a patch, one for each scale.

    References
    ----------
    .. [1] S. Clinchant, G. Csurka, F. Perronnin, J.-M. Renders, "XRCE's participation to
       ImagEval", ImagEval workshop at CIVR 2007.

    Examples
    --------
    >>> grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    >>> values, positions = LocalColor(step=8, bin_sizes=[4]).extract(grey)
    >>> values.shape, positions.shape
    ((49, 96), (49, 2))
    >>> values[0, :6].round(3)  # L* of mid-grey is 53.6; it has no colour and no spread
    array([0.536, 0.   , 0.   , 0.   , 0.   , 0.   ], dtype=float32)
    """

    def __init__(self, step: int = 4, bin_sizes: Sequence[int] = (4, 6, 8, 10)) -> None:
        self.step = step
        self.bin_sizes = bin_sizes

    def extract(self, image: NDArray[np.uint8]) -> LocalDescriptors:
        """Describe one image.

        Parameters
        ----------
        image : ndarray of uint8, shape (rows, columns, 3)
            RGB.

        Returns
        -------
        LocalDescriptors
            Values of shape (n_descriptors, 96): all patches of the first bin size row by row,
            then those of the next. An image too small for a patch gives none.
        """
        lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
        grids = [PatchGrid(lab.shape[:2], self.step, bin_size) for bin_size in self.bin_sizes]
        values = [_statistics(lab, grid) for grid in grids]
        return LocalDescriptors(
            np.concatenate(values), np.concatenate([grid.positions() for grid in grids])
        )


def _statistics(lab: NDArray[np.float32], grid: PatchGrid) -> NDArray[np.float32]:
    """Weighted mean and standard deviation of each cell, gathered into patches."""
    if not len(grid):
        return np.empty((0, DIMENSION), dtype=np.float32)
    # The spread is measured about the image's mean colour, where float32 has digits to spare.
    offset = lab.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    planes = [np.ascontiguousarray(lab[:, :, channel] - offset[channel]) for channel in range(3)]
    means = np.stack([grid.sample(plane) for plane in planes], axis=-1)
    squares = np.stack([grid.sample(plane * plane) for plane in planes], axis=-1)
    deviations = np.sqrt(np.maximum(squares - means * means, 0))
    samples = np.concatenate([means + offset, deviations], axis=-1)
    return grid.gather(samples).reshape(-1, DIMENSION)
