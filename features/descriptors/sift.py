"""Dense SIFT descriptors, after VLFeat's ``vl_dsift`` and ``vl_phow``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from trifuse.features.cells import CellGrid, window
from trifuse.features.checks import (
    LARGEST,
    Count,
    Flag,
    NonNegative,
    Scales,
    check_value,
)
from trifuse.features.descriptors import PatchDescriptor
from trifuse.features.grid import (
    CELLS,
    Band,
    Bounds,
    PatchGrid,
    band_grids,
)
from trifuse.features.orientation import ORIENTATIONS, grey_levels, orientation_maps

DIMENSION = CELLS * CELLS * ORIENTATIONS
CLIP = 0.2
"""Largest component after the first normalisation (Lowe 2004, section 6.1)."""
WINDOW_SIZE = 2.0
"""Standard deviation of the Gaussian window, in bin sizes (VLFeat's default)."""
_BLOCK_PATCHES = 1024
"""Patches normalised together: 512 KiB of descriptors, which a core's cache holds."""
_ONES = np.ones(DIMENSION, dtype=np.float32)


Window: TypeAlias = Annotated[Literal["flat", "gauss"], Meta(description="one of flat, gauss")]
Width: TypeAlias = Annotated[
    float, Meta(ge=0.1, le=LARGEST, description="a finite number of at least 0.1")
]
OptionalBounds: TypeAlias = Annotated[
    Bounds | None, Meta(description="None or four integers (top, left, bottom, right)")
]


@dataclass(frozen=True)
class DenseSiftExtractor(PatchDescriptor):
    """SIFT descriptors on a regular grid, at several scales.

    The image's gradient is shared out among 8 orientation maps, each map is weighed by the
    triangular 4x4 cells under a Gaussian window about the patch's centre, and the 128 numbers are
    L2-normalised, clipped at 0.2 and normalised again [1]_. Component
    ``orientation + 8 * (cell_column + 4 * cell_row)`` is a cell's share of an orientation;
    orientation 0 points along growing columns, and angles grow towards growing rows.

    Hold BLAS to one thread (`trifuse.features.processes.limited_threads`), as the estimators do.

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

    name: ClassVar = "sift"
    title: ClassVar = "SIFT"
    chosen: ClassVar[Mapping[str, Any]] = {"bin_sizes": (4, 6, 8, 12), "root": True}

    step: Count = 4
    bin_sizes: Scales = (4, 6, 8, 10)
    window: Window = "flat"
    window_size: Width = WINDOW_SIZE
    magnification: NonNegative = 0.0
    aligned: Flag = False
    bounds: OptionalBounds = None
    contrast_threshold: NonNegative = 0.0
    root: Flag = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.magnification:
            check_value("magnification", self.magnification, Width)
        if self.bounds and (self.bounds[0] > self.bounds[2] or self.bounds[1] > self.bounds[3]):
            raise ValueError(
                "bounds must be None or four integers (top, left, bottom, right) in order, "
                f"not {self.bounds!r}"
            )

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

    def describe_bands(self, image: NDArray[Any]) -> Iterator[Band]:
        """Describe one image band by band: descriptors, and the norms that are their contrast.

        Parameters
        ----------
        image : ndarray of uint8 or float32, shape (rows, columns) or (rows, columns, 3)
            Grey levels or RGB, in 0..255 or in any other range: descriptors do not depend on an
            image's brightness and contrast, only `contrast_threshold` does.
        """
        grey, gain = grey_levels(image)
        for grids in band_grids(self.grids(grey.shape)):
            band = Band.empty(grids, (DIMENSION,), ())
            # One after the other: those of all scales would be large.
            own = (_maps(grey, [grid], grid.bin_size / self.magnification) for grid in grids)
            seen = own if self.magnification else [_maps(grey, grids, 0.0)] * len(grids)
            for grid, maps, out in zip(grids, seen, band.scales(), strict=True):
                if len(grid):
                    self._describe(grid, maps, gain, *out)
            yield band

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
                contrast[patches] *= gain / ((CELLS - 1) * grid.bin_size + 1) ** 2
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


METHOD = DenseSiftExtractor


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
        size, border = (2 * radius + 1, 2 * radius + 1), cv2.BORDER_REPLICATE
        # In float64, so that what is constant stays so: rounding would give it a gradient.
        smoothed = cv2.GaussianBlur(rows.astype(np.float64), size, smoothing, borderType=border)
        rows = smoothed.astype(np.float32)
    return _Maps(orientation_maps(rows), top)


def _norms(values: NDArray[np.float32]) -> NDArray[np.float32]:
    norms: NDArray[np.float32] = np.sqrt(np.einsum("ij,ij->i", values, values))
    return norms
