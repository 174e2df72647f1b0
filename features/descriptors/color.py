"""Local colour statistics on the grid of the dense SIFT descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.cells import CellGrid
from trifuse.features.checks import Count, Scales, check_color_image
from trifuse.features.descriptors import PatchDescriptor
from trifuse.features.grid import CELLS, Band, PatchGrid, band_grids

CHANNELS = 6
DIMENSION = CELLS * CELLS * CHANNELS


@dataclass(frozen=True)
class LocalColorExtractor(PatchDescriptor):
    """Mean and standard deviation of CIELAB in each cell of a grid of 4x4-cell patches.

    Dermatologists look at colour, which SIFT does not see. The cells, their triangular weights
    and the patches are those of `DenseSiftExtractor`; the statistics are those of [1]_, in CIELAB
    (D65) instead of RGB. Component ``channel + 6 * (cell_column + 4 * cell_row)`` holds the
    means of L*, a*, b* (channels 0 to 2) and their standard deviations (3 to 5), all divided
    by 100.

    Parameters
    ----------
    step : int
        Pixels between neighbouring patches.
    bin_sizes : sequence of int
        Pixels between the cells of a patch, one for each scale.

    Raises
    ------
    ValueError
        If a value does not fit; the message names it.

    References
    ----------
    .. [1] S. Clinchant, G. Csurka, F. Perronnin, J.-M. Renders, "XRCE's participation to
       ImagEval", ImagEval workshop at CIVR 2007.

    Examples
    --------
    >>> grey = np.full((64, 64, 3), 128, dtype=np.uint8)
    >>> values, positions = LocalColorExtractor(step=8, bin_sizes=[4]).extract(grey)
    >>> values.shape, positions.shape
    ((49, 96), (49, 2))
    >>> values[0, :6].round(3)  # L* of mid-grey is 53.6; it has no colour and no spread
    array([0.536, 0.   , 0.   , 0.   , 0.   , 0.   ], dtype=float32)
    """

    name: ClassVar = "color"
    title: ClassVar = "colour"
    chosen: ClassVar[Mapping[str, Any]] = {"bin_sizes": (4, 8, 16)}

    step: Count = 4
    bin_sizes: Scales = (4, 6, 8, 10)

    def grids(self, shape: tuple[int, int]) -> list[PatchGrid]:
        """Give the grid of patches of each scale in an image of (rows, columns) pixels."""
        return [PatchGrid(shape, self.step, bin_size) for bin_size in self.bin_sizes]

    def describe_bands(self, image: NDArray[np.uint8]) -> Iterator[Band]:
        """Describe one image band by band."""
        check_color_image(image)
        for grids in band_grids(self.grids(image.shape[:2])):
            band = Band.empty(grids, (DIMENSION,))
            spans = [grid.pixel_rows() for grid in grids if len(grid)]
            if spans:
                top = min(first for first, _ in spans)
                planes, offset = _planes(image[top : max(last for _, last in spans)])
                for grid, (values,) in zip(grids, band.scales(), strict=True):
                    if len(grid):
                        _describe(grid, planes, top, offset, values)
            yield band


METHOD = LocalColorExtractor


def _planes(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give L*, a*, b* less their means, and their squares, (6, rows, columns); and the means.

    The spread is measured about the mean colour, where float32 has digits to spare.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    planes = np.empty((CHANNELS, *image.shape[:2]), dtype=np.float32)
    means, squares = planes[:3], planes[3:]
    means[:] = lab.transpose(2, 0, 1)
    offset = means.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
    means -= offset[:, None, None]
    np.multiply(means, means, out=squares)
    return planes, offset


def _describe(
    grid: PatchGrid,
    planes: NDArray[np.float32],
    top: int,
    offset: NDArray[np.float32],
    values: NDArray[np.float32],
) -> None:
    """Fill in the statistics of the patches of one scale."""
    cells = CellGrid(grid)
    samples = cells.sample(planes, top)
    # Channel by channel: NumPy is slow along axes as short as three.
    channels = np.ascontiguousarray(samples.reshape(-1, CHANNELS).T)
    channels *= np.float32(1 / grid.bin_size**2)  # the triangles' weights now sum to one
    means, spreads = channels[:3], channels[3:]
    np.subtract(spreads, means * means, out=spreads)
    np.maximum(spreads, 0, out=spreads)
    np.sqrt(spreads, out=spreads)
    means += offset[:, None]
    samples.reshape(-1, CHANNELS)[:] = channels.T
    for row, out in enumerate(values.reshape(grid.n_rows, grid.n_columns, DIMENSION)):
        cells.gather(samples, row, out)
