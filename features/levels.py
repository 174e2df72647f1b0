"""Samples of any number of bits become levels of 0 to 255."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_ROWS = 64
"""Rows painted at a time: temporary float64 stays small beside the image."""


def to_levels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Scale from a span to 0 to 255, rounded; what is out of it has the ends.

    Examples
    --------
    >>> to_levels(np.array([-1, 0, 2048, 4095]), 0, 4095)
    array([  0,   0, 128, 255], dtype=uint8)
    """
    scaled = (values.astype(np.float64) - low) * (255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def level_table(bits: int) -> NDArray[np.uint8]:
    """Give the level of each number of so many bits."""
    return to_levels(np.arange(2**bits), 0, 2**bits - 1)


def paint(
    codes: NDArray[Any], colours: int, show: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[np.uint8]:
    """Turn samples into levels by a function of some rows of them.

    Parameters
    ----------
    codes : ndarray, shape (rows, columns, ...)
    colours : int
    show : callable
        Of some rows of `codes`; gives (rows, columns, colours) in 0 to 255.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, colours)
    """
    painted = np.empty((*codes.shape[:2], colours), np.uint8)
    for start in range(0, len(codes), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        painted[rows] = show(codes[rows])
    return painted
