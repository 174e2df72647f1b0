"""Dense SIFT descriptors, after VLFeat's ``vl_dsift`` and ``vl_phow``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.cells import CellGrid, window
from trifuse.features.checks import (
    check_bounds,
    check_choice,
    check_count,
    check_counts,
    check_flag,
    check_number,
)
from trifuse.features.grey import grey_levels
from trifuse.features.grid import (
    CELLS,
    Band,
    Bounds,
    LocalDescriptors,
    PatchGrid,
    band_grids,
    join_bands,
)
from trifuse.features.orientation import ORIENTATIONS, orientation_maps

DIMENSION = CELLS * CELLS * ORIENTATIONS
CLIP = 0.2
"""Largest component after the first normalisation (Lowe 2004, section 6.1)."""
WINDOW_SIZE = 2.0
"""Standard deviation of the Gaussian window, in bin sizes (VLFeat's default)."""
_BLOCK_PATCHES = 1024
"""Patches normalised together: 512 KiB of descriptors, which a core's cache holds."""
_ONES = np.ones(DIMENSION, dtype=np.float32)


@dataclass(frozen=True)
class DenseSiftExtractor:
    """SIFT descriptors on a regular grid, at several scales.

    The image's gradient is shared out among 8 orientation maps, each map is weighed by the
    triangular 4x4 cells under a Gaussian window about the patch's centre, and the 128 numbers are
    L2-normalised, clipped at 0.2 and normalised again [1]_. Component
    ``orientation + 8 * (cell_column + 4 * cell_row)`` is a cell's share of an orientation;
    orientation 0 points along growing columns, and angles grow towards growing rows.

    Hold BLAS to one thread (`trifuse.features.threads.limited_threads`), as the estimators do.

    The defaults are those of VLFeat's ``vl_dsift`` [3]_ but for four scales. Those of its
    ``vl_phow`` are ``step=2, bin_sizes=(4, 6, 8, 10), window_size=1.5, magnification=6,
    aligned=True, contrast_threshold=1.275``, which is 0.005 of a white level of 255.

    Parameters
    ----------
    step : int
        Pixels between neighbouring patches.
    bin_sizes : sequence of int
        Pixels between the cells of a patch, one for each scale.
    window : {"flat", "gauss"}
        `gauss` weighs each pixel by the Gaussian window; `flat` weighs each cell by the window's
        mean over it, which is faster, and VLFeat's ``fast``.
    window_size : float
        Standard deviation of the window, in bin sizes.
    magnification : float
        Where not 0, each scale sees the image smoothed by a Gaussian of standard deviation
        ``bin_size / magnification``, cut off at four of them.
    aligned : bool
        Whether the scales' first patches share their centre, as in ``vl_phow``, and not
        their corner.
    bounds : tuple of int, optional
        (top, left, bottom, right): the pixels, both ends included, that cells may be centred on.
    contrast_threshold : float
        Patches with a norm below it become zero. The norm is VLFeat's: the sum of the 128
        numbers before normalisation over the patch's area, ``(3 * bin_size + 1) ** 2``, for grey
        levels in 0..255; a contrasty patch has about 10.
    root : bool
        Give RootSIFT [2]_: the square root of the L1-normalised descriptor.

    Raises
    ------
    ValueError
        If a value does not fit; the message names it.

    References
    ----------
    .. [1] D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60, 2004.
    .. [2] R. Arandjelovic, A. Zisserman, "Three things everyone should know to improve object
       retrieval", CVPR 2012.
    .. [3] A. Vedaldi, B. Fulkerson, "VLFeat: an open and portable library of computer vision
       algorithms", 2008, ``vl_dsift`` and ``vl_phow``.

    Examples
    --------
    >>> grey = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    >>> values, positions = DenseSiftExtractor(step=8, bin_sizes=[4]).extract(grey)
    >>> values.shape, positions.shape
    ((49, 128), (49, 2))
    >>> sorted(set(values[0].nonzero()[0] % 8))  # the gradient points along the columns
    [np.int64(0)]
    """

    step: int = 4
    bin_sizes: Sequence[int] = (4, 6, 8, 10)
    window: Literal["flat", "gauss"] = "flat"
    window_size: float = WINDOW_SIZE
    magnification: float = 0.0
    aligned: bool = False
    bounds: Bounds | None = None
    contrast_threshold: float = 0.0
    root: bool = False

    def __post_init__(self) -> None:
        check_count("step", self.step)
        check_counts("bin_sizes", self.bin_sizes)
        check_choice("window", self.window, ("flat", "gauss"))
        check_number("window_size", self.window_size, least=0.1)
        check_number("magnification", self.magnification, least=0.1 if self.magnification else 0)
        check_flag("aligned", self.aligned)
        check_bounds("bounds", self.bounds)
        check_number("contrast_threshold", self.contrast_threshold)
        check_flag("root", self.root)

    def grids(self, shape: tuple[int, int]) -> list[PatchGrid]:
        """Give the grid of patches of each scale in an image of (rows, columns) pixels."""
        top, left, bottom, right = self.bounds or (0, 0, shape[0] - 1, shape[1] - 1)
        top, left = max(top, 0), max(left, 0)
        largest = max(self.bin_sizes)
        grids = []
        for bin_size in self.bin_sizes:
            shift = (CELLS - 1) * (largest - bin_size) // 2 if self.aligned else 0
            bounds = (top + shift, left + shift, bottom, right)
            grids.append(PatchGrid(shape, self.step, bin_size, bounds))
        return grids

    def extract(self, image: NDArray[np.uint8] | NDArray[np.float32]) -> LocalDescriptors:
        """Describe one image.

        Parameters
        ----------
        image : ndarray of uint8 or float32, shape (rows, columns) or (rows, columns, 3)
            Grey levels or RGB, in 0..255 or in any other range: descriptors do not depend on an
            image's brightness and contrast, only `contrast_threshold` does.

        Returns
        -------
        LocalDescriptors
            Values of shape (n_descriptors, 128): all patches of the first bin size row by row,
            then those of the next. An image too small for a patch gives none. At a step of 4 they
            take 32 bytes a pixel and scale; `bands` gives those of a large image piece by piece.

        Raises
        ------
        ValueError
            If the image has another shape or type, or numbers that are not finite.
        """
        return self.extract_with_contrast(image)[0]

    def extract_with_contrast(
        self, image: NDArray[np.uint8] | NDArray[np.float32]
    ) -> tuple[LocalDescriptors, NDArray[np.float32]]:
        """Describe one image as `extract` does, and give the descriptors' norms as well.

        Returns
        -------
        descriptors : LocalDescriptors
        contrast : ndarray of float32, shape (n_descriptors,)
            The norms that `contrast_threshold` is compared with.
        """
        bands = list(self._described(image))
        whole = join_bands(bands, self.grids(image.shape[:2]))
        values, contrast = whole.arrays
        return LocalDescriptors(values, whole.positions()), contrast

    def bands(self, image: NDArray[np.uint8] | NDArray[np.float32]) -> Iterator[LocalDescriptors]:
        """Describe one image band by band, in memory that does not grow with its height.

        A band is about two million pixels; smaller images are one band. Together, bands hold the
        descriptors of `extract`, all scales of one band before those of the next.
        """
        for band in self._described(image):
            yield LocalDescriptors(band.arrays[0], band.positions())

    def _described(self, image: NDArray[Any]) -> Iterator[Band]:
        grey, gain = grey_levels(image)
        for grids in band_grids(self.grids(grey.shape)):
            band = Band.empty(grids, (DIMENSION,), ())
            for grid, maps, out in zip(grids, self._maps(grey, grids), band.scales(), strict=True):
                if len(grid):
                    self._describe(grid, maps, gain, *out)
            yield band

    def _maps(self, grey: NDArray[np.float32], grids: Sequence[PatchGrid]) -> Iterator[_Maps]:
        """Give the orientation maps that each scale needs."""
        if self.magnification:
            for grid in grids:
                yield _maps(grey, [grid], grid.bin_size / self.magnification)
        else:
            yield from [_maps(grey, grids, 0.0)] * len(grids)

    def _describe(
        self,
        grid: PatchGrid,
        maps: _Maps,
        gain: float,
        values: NDArray[np.float32],
        contrast: NDArray[np.float32],
    ) -> None:
        """Fill in the normalised descriptors of one scale, and their norms."""
        flat = self.window == "flat"
        cells = CellGrid(grid, None if flat else self.window_size)
        samples = cells.sample(maps.planes, maps.top)
        means = window(grid.bin_size, self.window_size).mean(axis=1)
        weights = np.outer(means, means).repeat(ORIENTATIONS).astype(np.float32)
        by_row = values.reshape(grid.n_rows, grid.n_columns, DIMENSION)
        block = max(1, _BLOCK_PATCHES // grid.n_columns)
        for first in range(0, grid.n_rows, block):
            rows = by_row[first : first + block]
            for row, out in enumerate(rows, start=first):
                cells.gather(samples, row, out)
            if flat:
                rows *= weights
            patches = slice(first * grid.n_columns, (first + len(rows)) * grid.n_columns)
            np.matmul(values[patches], _ONES, out=contrast[patches])
            with np.errstate(over="ignore"):  # of levels near float32's largest: infinite
                contrast[patches] *= gain / grid.patch_area
            self._normalize(values[patches], contrast[patches])

    def _normalize(self, values: NDArray[np.float32], contrast: NDArray[np.float32]) -> None:
        """Normalise rows in place; rows without contrast become zero."""
        if self.contrast_threshold > 0:
            values[contrast < self.contrast_threshold] = 0
        # Clipped before it is normalised: the second normalisation undoes the first.
        np.minimum(values, CLIP * _norms(values)[:, None], out=values)
        divisors = values @ _ONES if self.root else _norms(values)
        values *= np.divide(1, divisors, out=np.zeros_like(divisors), where=divisors > 0)[:, None]
        if self.root:
            np.sqrt(values, out=values)


class _Maps(NamedTuple):
    """Orientation maps of some rows of the image, from `top` on; (8, rows, columns)."""

    planes: NDArray[np.float32]
    top: int


def _maps(grey: NDArray[np.float32], grids: Sequence[PatchGrid], smoothing: float) -> _Maps:
    """Take the gradient of the rows of pixels that these patches see, smoothed before."""
    spans = [grid.pixel_rows() for grid in grids if len(grid)]
    if not spans:
        return _Maps(np.empty((ORIENTATIONS, 0, grey.shape[1]), dtype=np.float32), 0)
    radius = ceil(4 * smoothing)
    margin = 1 + radius  # what the smoothing and the gradient of the outermost rows see
    top = max(0, min(first for first, _ in spans) - margin)
    rows = grey[top : max(last for _, last in spans) + margin]
    if smoothing:
        rows = _smoothed(rows, smoothing, radius)
    return _Maps(orientation_maps(rows), top)


def _smoothed(grey: NDArray[np.float32], sigma: float, radius: int) -> NDArray[np.float32]:
    # In float64, so that what is constant stays so: rounding would give it a gradient.
    size = (2 * radius + 1, 2 * radius + 1)
    smoothed: NDArray[np.float32] = cv2.GaussianBlur(
        grey.astype(np.float64), size, sigma, borderType=cv2.BORDER_REPLICATE
    ).astype(np.float32)
    return smoothed


def _norms(values: NDArray[np.float32]) -> NDArray[np.float32]:
    norms: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", values, values))
    return norms
