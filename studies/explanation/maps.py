"""Contributions of local descriptors are summed back onto the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import softmax
from trifuse.features.grid import CELLS, PatchGrid


class Lattice(NamedTuple):
    """A regular lattice of local descriptors; lengths are shares of the image's height and width.

    Attributes
    ----------
    rows, columns : ndarray of float64, shape (n_rows,) and (n_columns,)
        Centres, in 0..1.
    side : tuple of float
        Height and width of what a descriptor describes.
    """

    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    side: tuple[float, float]


def patch_lattices(grids: Sequence[PatchGrid]) -> list[Lattice]:
    """Give the lattices of the patches of grids.

    Examples
    --------
    >>> lattice, = patch_lattices([PatchGrid((16, 32), step=8, bin_size=4)])
    >>> lattice.rows, lattice.columns, lattice.side
    (array([0.40625]), array([0.203125, 0.453125, 0.703125]), (1.0, 0.5))
    """
    lattices = []
    for grid in grids:
        middle = (CELLS - 1) * grid.bin_size / 2 + 0.5
        axes = zip(grid.origin, (grid.n_rows, grid.n_columns), grid.shape, strict=True)
        rows, columns = (
            (first + np.arange(n) * grid.step + middle) / length for first, n, length in axes
        )
        side = CELLS * grid.bin_size
        lattices.append(Lattice(rows, columns, (side / grid.shape[0], side / grid.shape[1])))
    return lattices


def cell_lattice(n_rows: int, n_columns: int, *, seen: float = 1.0) -> Lattice:
    """Give the lattice of the cells of a feature map, of the image's middle or of all.

    Examples
    --------
    >>> lattice = cell_lattice(1, 2, seen=0.5)
    >>> lattice.rows, lattice.columns, lattice.side
    (array([0.5]), array([0.375, 0.625]), (0.5, 0.25))
    """
    rows, columns = (0.5 + seen * ((np.arange(n) + 0.5) / n - 0.5) for n in (n_rows, n_columns))
    return Lattice(rows, columns, (seen / n_rows, seen / n_columns))


def spread(
    contributions: NDArray[np.float64], lattices: Sequence[Lattice], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Share out each descriptor's contribution among the pixels about its centre.

    Pixels get their share by a Gaussian whose standard deviation is half the descriptor's side,
    along each axis: for a patch this is the window of SIFT itself (Lowe 2004), two bins wide. What
    would fall outside goes to the pixels inside.

    Parameters
    ----------
    contributions : ndarray of float64, shape (n_descriptors,)
        Lattice by lattice, row by row.
    lattices : sequence of Lattice
    shape : tuple of int
        (rows, columns) of the map.

    Returns
    -------
    ndarray of float64, shape (rows, columns)
        With the sum of `contributions`.

    Examples
    --------
    >>> spread(np.array([2.0, 4.0]), [cell_lattice(1, 2)], (2, 2)).round(2)
    array([[1.12, 1.88],
           [1.12, 1.88]])
    """
    total = np.zeros(shape)
    ends = np.cumsum([len(lattice.rows) * len(lattice.columns) for lattice in lattices])
    for lattice, part in zip(lattices, np.split(contributions, ends[:-1]), strict=True):
        grid = part.reshape(len(lattice.rows), len(lattice.columns))
        by_row = _windows(lattice.rows, lattice.side[0], shape[0])
        by_column = _windows(lattice.columns, lattice.side[1], shape[1])
        total += by_row.T @ grid @ by_column
    return total


def _windows(centers: NDArray[np.float64], side: float, length: int) -> NDArray[np.float64]:
    """Give the pixels' weights along one axis, (n_centers, length); each row sums to one."""
    pixels = (np.arange(length) + 0.5) / length
    distances = (pixels - centers[:, None]) / (side / 2)
    return softmax(-0.5 * distances**2)  # so that no window, however narrow, is empty
