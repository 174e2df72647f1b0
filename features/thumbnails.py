"""Images made small, as the bytes of a JPEG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.resize import shrink

JPEG_QUALITY = 85


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
