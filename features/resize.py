"""Images of other sizes; small ones also as a JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 85


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize to (rows, columns), averaging pixel areas; bilinearly where a side grows.

    >>> resize(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), (1, 1))
    array([[[5, 6, 7]]], dtype=uint8)
    """
    rows, columns = size
    shrinks = rows <= image.shape[0] and columns <= image.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=interpolation), np.uint8)


def shrink(image: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """Shrink an image so that its longest side is at most that, in pixels; never enlarge it.

    >>> shrink(np.zeros((30, 60, 3), dtype=np.uint8), 20).shape
    (10, 20, 3)
    """
    size = shrunk_size(image.shape[:2], longest_side)
    return image if size == image.shape[:2] else resize(image, size)


def shrunk_size(size: tuple[int, ...], longest_side: int) -> tuple[int, int]:
    """Give the (rows, columns) that `shrink` shrinks to."""
    rows, columns = size
    scale = min(1, longest_side / max(rows, columns))
    return max(1, round(rows * scale)), max(1, round(columns * scale))


def encode_thumbnail(image: NDArray[np.uint8], side: int) -> bytes:
    r"""Shrink an image and encode it as a JPEG.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.
    side : int
        Pixels of the longest side, at most.

    Examples
    --------
    >>> encode_thumbnail(np.zeros((60, 90, 3), dtype=np.uint8), 30)[:3]
    b'\xff\xd8\xff'
    """
    small = np.ascontiguousarray(shrink(image, side)[:, :, ::-1])
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
