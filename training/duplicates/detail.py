"""Whether two aligned images show the same: their fine detail, compared where they overlap."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.training.duplicates.keypoints import Alignment

FEW_AGREEING = 24
"""Matches; of so few, or fewer, a texture that repeats can have as many by chance."""

ECHO_SHIFT, LARGEST_ECHO = 20, 0.55
"""Pixels, and a share of the covariance of detail: one texture has more elsewhere too."""

FINE, COARSE = 2.0, 12.0
"""Pixels; standard deviations of Gaussian blurs."""


def correlate_detail(
    one: NDArray[np.uint8], other: NDArray[np.uint8], alignment: Alignment
) -> float:
    """Correlate the fine detail of two aligned images where they overlap.

    Detail is what lies between a Gaussian blur of `FINE` and one of `COARSE`: without it, one dark
    spot in the middle of pale skin is like any other. Where `FEW_AGREEING` matches or fewer agree,
    it must not fit as well at another place: one texture is no one thing.

    Parameters
    ----------
    one, other : ndarray of uint8, shape (rows, columns)
        Of `to_grey`.
    alignment : Alignment
        Of one onto the other.

    Returns
    -------
    float
        In [0, 1]; 0 where there is nothing to correlate, or it fits elsewhere.
    """
    size = other.shape[::-1]
    moved = cv2.warpAffine(one, alignment.matrix, size)
    both = cv2.warpAffine(np.full_like(one, 255), alignment.matrix, size) == 255
    here, there = _detail(moved, both), _detail(other, both)
    details = here[both], there[both]
    if both.sum() < 2 or min(map(np.ptp, details)) == 0:
        return 0.0
    score = float(np.corrcoef(details)[0, 1])
    if score <= 0 or (alignment.agreeing <= FEW_AGREEING and _fits_elsewhere(here, there, both)):
        return 0.0
    return min(1.0, score)


def _fits_elsewhere(
    one: NDArray[np.float32], other: NDArray[np.float32], inside: NDArray[np.bool_]
) -> bool:
    """Tell whether details have nearly as much in common when the one is shifted far."""
    from scipy.signal import correlate

    one, other = (np.where(inside, each - each[inside].mean(), 0) for each in (one, other))
    common = correlate(one, other, method="fft")
    row, column = inside.shape[0] - 1, inside.shape[1] - 1  # of no shift
    far = np.hypot(*np.ogrid[-row : row + 1, -column : column + 1]) > ECHO_SHIFT
    return bool(common[far].max(initial=0) > LARGEST_ECHO * common[row, column])


def _detail(grey: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Subtract two blurs, each of what is inside only."""
    weight = inside.astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(grey * weight, (0, 0), sigma)
        / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
        for sigma in (FINE, COARSE)
    )
    return np.asarray(fine - coarse, np.float32)
