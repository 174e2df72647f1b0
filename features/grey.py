"""Grey levels of an image, of any range, in float32."""

from __future__ import annotations

from math import frexp
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def grey_levels(image: NDArray[Any]) -> tuple[NDArray[np.float32], float]:
    """Give an image as grey levels, and what they were divided by.

    Parameters
    ----------
    image : ndarray of uint8 or floats, shape (rows, columns) or (rows, columns, 3)
        Grey levels, or RGB, whose luma of ITU-R BT.601 is taken.

    Returns
    -------
    levels : ndarray of float32, shape (rows, columns)
    gain : float
        1, or a power of two where the squares of the levels might not be finite or be lost.

    Raises
    ------
    ValueError
        If the image has another shape or type, or numbers that are not finite.

    Examples
    --------
    >>> grey_levels(np.full((1, 2), 2.0**100))
    (array([[128., 128.]], dtype=float32), 9.903520314283042e+27)
    """
    if image.ndim not in {2, 3} or not image.size or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(
            f"an image must have the shape (rows, columns) or (rows, columns, 3), not {image.shape}"
        )
    if image.dtype == np.uint8:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.ndim == 3 else image
        return grey.astype(np.float32), 1.0
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"an image must be uint8 or floating point, not {image.dtype}")
    peak = float(np.abs(image).max())
    if not peak <= float(np.finfo(np.float32).max):  # NaN as well
        raise ValueError("an image must hold finite numbers only")
    exponent = 0 if peak == 0 or 2**-4 < peak < 2**16 else frexp(peak)[1] - 8
    # Not divided: float32 does not hold the divisor of the smallest levels that it holds.
    scaled = np.ldexp(image, -exponent).astype(np.float32)
    if image.ndim == 3:
        # cv2.cvtColor rounds the pixels at a row's end differently, which is a gradient.
        red, green, blue = np.moveaxis(scaled, 2, 0)
        scaled = 0.299 * red + 0.587 * green + 0.114 * blue
    return scaled, 2.0**exponent
