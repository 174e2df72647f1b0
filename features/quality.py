"""What is wrong with a picture itself: too dark, too bright, blurred or small.

The bounds were set on the 4,910 images of HAM10000 that trifuse is developed with (600x450
pixels), of which they flag three, 0.06 %. Blurred by a Gaussian of sigma 4, 99.9 % are flagged,
at 10 % brightness 100 %, exposed 1.6 times as long 89 % and twice as long 99 %.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.checks import check_color_image
from trifuse.features.resize import shrink

TOO_DARK, TOO_BRIGHT, BLURRED, SMALL = FLAWS = ("too dark", "too bright", "blurred", "small")
"""The flaws, in the order in which `find_flaws` gives them."""

MIN_SIDE = 64
"""Pixels that the shorter side must have."""
MEASURED_SIDE = 300
"""Pixels that the longest side is shrunk to before light and sharpness are measured."""
LIGHT_LEVEL = 80
"""Luma (0-255) from which on a pixel is not dark."""
LIGHT_SHARE = 0.05
"""Share of the pixels that must not be dark."""
CLIPPED_LEVEL = 254
"""Level (0-255) from which on a channel is clipped; JPEG moves 255 a little."""
CLIPPED_SHARE = 0.6
"""Share of the pixels in which a channel may be clipped."""
BLUR_SIGMAS = (2.0, 4.0)
"""Standard deviations, in shrunk pixels, of the two Gaussians that part detail by scale."""
SHARPNESS = 1.0
"""Ratio of the energies of fine and coarse detail that must be exceeded."""
LEAST_ENERGY = 1e-3
"""Coarse detail below this, in squared grey levels, is float32's rounding."""


def find_flaws(image: NDArray[np.uint8]) -> tuple[str, ...]:
    """Name what is wrong with a picture, by fixed rules.

    - `too dark`: fewer than 5 % of the pixels have a luma (ITU-R BT.601) of 80 or more. A mean or
      median would also find pictures whose corners the dermatoscope's tube leaves black.
    - `too bright`: in 60 % of the pixels or more the largest channel is 254 or more. On skin red
      is clipped long before the luma is.
    - `blurred`: `sharpness` is at most 1, as for a picture without any detail.
    - `small`: the shorter side is below 64 pixels.

    Parameters
    ----------
    image : ndarray of uint8, shape (rows, columns, 3)
        RGB.

    Returns
    -------
    tuple of str
        Some of `FLAWS`, in their order.

    Raises
    ------
    ValueError
        If the image has another shape or type.

    Examples
    --------
    >>> find_flaws(np.zeros((40, 90, 3), dtype=np.uint8))
    ('too dark', 'blurred', 'small')
    """
    check_color_image(image)
    small = shrink(image, MEASURED_SIDE)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    largest = np.maximum.reduce(cv2.split(small))
    found = (
        bool(np.mean(grey >= LIGHT_LEVEL) < LIGHT_SHARE),
        bool(np.mean(largest >= CLIPPED_LEVEL) >= CLIPPED_SHARE),
        sharpness(grey) <= SHARPNESS,
        min(image.shape[:2]) < MIN_SIDE,
    )
    return tuple(flaw for flaw, is_there in zip(FLAWS, found, strict=True) if is_there)


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Compare the energy of fine detail with that of detail twice as coarse.

    With the Gaussian blurs ``g(2)`` and ``g(4)`` of the grey levels ``f`` it is
    ``mean((f - g(2))^2) / mean((g(2) - g(4))^2)``. Contrast and brightness cancel; what a lens
    out of focus takes away first is the numerator. Energies of differences of Gaussians stand for
    Laplacians of two scales.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)

    Returns
    -------
    float
        0 where there is no detail at all.

    References
    ----------
    F. Crete, T. Dolmiere, P. Ladret, M. Nicolas, "The blur effect: perception and estimation with
    a new no-reference perceptual blur metric", SPIE 6492, 2007: comparing a picture with its own
    blur.

    Examples
    --------
    >>> edge = np.zeros((60, 60), dtype=np.uint8)
    >>> edge[:, 30:] = 200
    >>> sharpness(edge) > 2 * sharpness(cv2.GaussianBlur(edge, (0, 0), 3))
    True
    """
    levels = grey.astype(np.float32)
    near, far = (cv2.GaussianBlur(levels, (0, 0), sigma) for sigma in BLUR_SIGMAS)
    fine = float(np.mean(np.square(levels - near)))
    coarse = float(np.mean(np.square(near - far)))
    return fine / coarse if coarse > LEAST_ENERGY else 0.0
