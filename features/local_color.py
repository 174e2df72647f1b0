"""Local colour statistics on the grid of the dense SIFT descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.cells import CellGrid
from trifuse.features.checks import check_color_image, check_count, check_counts
from trifuse.features.grid import (
    CELLS,
    Band,
    LocalDescriptors,
    PatchGrid,
    band_grids,
    join_bands,
)

CHANNELS = 6
DIMENSION = CELLS * CELLS * CHANNELS


@dataclass(frozen=True)
class LocalColorExtractor:
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

    step: int = 4
    bin_sizes: Sequence[int] = (4, 6, 8, 10)

    def __post_init__(self) -> None:
        check_count("step", self.step)
        check_counts("bin_sizes", self.bin_sizes)

    def grids(self, shape: tuple[int, int]) -> list[PatchGrid]:
        """Give the grid of patches of each scale in an image of (rows, columns) pixels."""
        return [PatchGrid(shape, self.step, bin_size) for bin_size in self.bin_sizes]

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

        Raises
        ------
        ValueError
            If the image has another shape or type.
        """
        bands = list(self._described(image))
        whole = join_bands(bands, self.grids(image.shape[:2]))
        return LocalDescriptors(whole.arrays[0], whole.positions())

    def bands(self, image: NDArray[np.uint8]) -> Iterator[LocalDescriptors]:
        """Describe one image band by band, as `DenseSiftExtractor.bands` does."""
        for band in self._described(image):
            yield LocalDescriptors(band.arrays[0], band.positions())

    def _described(self, image: NDArray[np.uint8]) -> Iterator[Band]:
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


def _planes(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give L*, a*, b* less their means, and their squares, (6, rows, columns); and the means.

    The spread is measured about the mean colour, where float32 has digits to spare.
    """
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB) / 100
    offset = lab.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    planes = np.empty((CHANNELS, *image.shape[:2]), dtype=np.float32)
    planes[:3] = (lab - offset).transpose(2, 0, 1)
    np.multiply(planes[:3], planes[:3], out=planes[3:])
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
    samples *= np.float32(1 / grid.bin_size**2)  # the triangles' weights now sum to one
    means, spreads = samples[..., :3], samples[..., 3:]
    np.subtract(spreads, means * means, out=spreads)
    np.maximum(spreads, 0, out=spreads)
    np.sqrt(spreads, out=spreads)
    means += offset
    for row, out in enumerate(values.reshape(grid.n_rows, grid.n_columns, DIMENSION)):
        cells.gather(samples, row, out)
