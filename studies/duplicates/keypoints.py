"""Keypoints of an image, and whether those of two images lie alike."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.images import ImageError, read_image
from trifuse.features.resize import shrink

LONGEST_SIDE = 300
"""Pixels to which an image is shrunk before its keypoints are sought."""

MOST_KEYPOINTS = 300
LEAST_CONTRAST = 0.01
"""A quarter of OpenCV's default: skin has little."""

MOST_EDGE = 15.0
LARGEST_RATIO = 0.8
"""A match is the nearest descriptor by that factor, or better, before the second nearest."""

TOLERANCE = 4 / 300
"""By which a keypoint may lie off its place, as a share of the image's longest side."""

LEAST_AGREEING = 8
"""Matches at different places that must agree; a wrong alignment explains a few by chance."""

LEAST_SHARE = 0.4
"""Of the matches that must agree: a wrong alignment explains more where a texture repeats."""

FINE, COARSE = 2.0, 12.0
"""Pixels; standard deviations of Gaussian blurs."""


class Keypoints(NamedTuple):
    """What is kept of an image.

    Attributes
    ----------
    pixels : bytes
        SHA-256 of its pixels and their shape.
    longest_side : int
        Of the shrunken image, in pixels.
    positions : ndarray of float32, shape (n, 2)
        (column, row), as OpenCV has it, in pixels of the shrunken image.
    descriptors : ndarray of uint8, shape (n, 128)
        SIFT (Lowe, IJCV 2004).
    """

    pixels: bytes
    longest_side: int
    positions: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


def detect_keypoints(path: Path) -> Keypoints | None:
    """Detect the strongest keypoints of an image file; None if it cannot be read."""
    try:
        image = read_image(path)
    except ImageError:
        return None
    grey = to_grey(image)
    sift = cv2.SIFT.create(
        MOST_KEYPOINTS, contrastThreshold=LEAST_CONTRAST, edgeThreshold=MOST_EDGE
    )
    found, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        descriptors = np.zeros((0, 128))
    return Keypoints(
        hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest(),
        max(grey.shape),
        np.array([point.pt for point in found], np.float32).reshape(-1, 2),
        descriptors.astype(np.uint8),
    )


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an RGB image to `LONGEST_SIDE` and take its grey levels."""
    return np.asarray(cv2.cvtColor(shrink(image, LONGEST_SIDE), cv2.COLOR_RGB2GRAY), np.uint8)


def mirror(keypoints: Keypoints) -> Keypoints:
    """Give the keypoints that the mirrored image has, but for rounding.

    A descriptor's 4 x 4 cells change sides along the axis across its keypoint's orientation, and
    its 8 orientations turn the other way.
    """
    cells = keypoints.descriptors.reshape(-1, 4, 4, 8)[:, ::-1]
    turned = cells[..., [0, 7, 6, 5, 4, 3, 2, 1]].reshape(-1, 128)
    return keypoints._replace(
        positions=keypoints.positions * np.array((-1, 1), np.float32), descriptors=turned
    )


def root_sift(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Take the Hellinger kernel's map of SIFT: rows of unit L2 norm (Arandjelovic, CVPR 2012)."""
    sums = descriptors.sum(axis=1, keepdims=True, dtype=np.float32)
    return np.asarray(np.sqrt(descriptors / np.maximum(sums, 1)), np.float32)


def align(one: Keypoints, other: Keypoints, mirrored: bool = False) -> NDArray[np.float64] | None:
    """Find the rotation, magnification and shift that brings one image onto another.

    Keypoints match if each is the other's nearest by RootSIFT and the second nearest is much
    farther (Lowe's ratio test); RANSAC finds what brings most of them within `TOLERANCE`.

    Parameters
    ----------
    one, other : Keypoints
    mirrored : bool
        Mirror the one first.

    Returns
    -------
    ndarray of float64, shape (2, 3), or None
        Takes (column, row, 1) of one image to (column, row) of the other; None if fewer than
        `LEAST_AGREEING` matches, or `LEAST_SHARE` of them, agree.
    """
    if min(len(one.positions), len(other.positions)) < LEAST_AGREEING:
        return None
    if mirrored:
        one = mirror(one)
    rows, columns = _match(root_sift(one.descriptors), root_sift(other.descriptors))
    if len(rows) < LEAST_AGREEING:
        return None
    here, there = one.positions[rows], other.positions[columns]
    tolerance = TOLERANCE * min(one.longest_side, other.longest_side)
    matrix, inliers = cv2.estimateAffinePartial2D(
        here, there, ransacReprojThreshold=tolerance, maxIters=300
    )
    if matrix is None:
        return None
    # One place can have keypoints of several orientations, which agree whatever they show.
    agreeing = np.unique(here[inliers.ravel() > 0].round(), axis=0)
    if len(agreeing) < max(LEAST_AGREEING, LEAST_SHARE * len(here)):
        return None
    return np.asarray(matrix, np.float64) * (-1 if mirrored else 1, 1, 1)


def _match(
    one: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the rows of two sets of descriptors, of unit norm, that match."""
    nearness = one @ other.T
    rows = np.arange(len(one))
    nearest = nearness.argmax(axis=1)
    best = nearness[rows, nearest]
    nearness[rows, nearest] = -1
    # The squared distance of unit vectors is 2 - 2 x.y.
    rows = np.flatnonzero(1 - best < LARGEST_RATIO**2 * (1 - nearness.max(axis=1)))
    nearness[np.arange(len(one)), nearest] = best
    mutual = nearness[:, nearest[rows]].argmax(axis=0) == rows
    return rows[mutual], nearest[rows[mutual]]


def correlate_detail(
    one: NDArray[np.uint8], other: NDArray[np.uint8], matrix: NDArray[np.float64]
) -> float:
    """Correlate the fine detail of two aligned images where they overlap.

    Detail is what lies between a Gaussian blur of `FINE` and one of `COARSE`: without it, one dark
    spot in the middle of pale skin is like any other.

    Parameters
    ----------
    one, other : ndarray of uint8, shape (rows, columns)
        Of `to_grey`.
    matrix : ndarray of float64, shape (2, 3)
        Brings one onto the other, as `align` gives it.

    Returns
    -------
    float
        In [0, 1]; 0 where there is nothing to correlate.
    """
    size = other.shape[::-1]
    moved = cv2.warpAffine(one, matrix, size)
    both = cv2.warpAffine(np.full_like(one, 255), matrix, size) == 255
    details = [_detail(image, both)[both] for image in (moved, other)]
    if both.sum() < 2 or min(map(np.ptp, details)) == 0:
        return 0.0
    return max(0.0, min(1.0, float(np.corrcoef(details)[0, 1])))


def _detail(grey: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Subtract two blurs, each of what is inside only."""
    weight = inside.astype(np.float32)
    fine, coarse = (
        cv2.GaussianBlur(grey * weight, (0, 0), sigma)
        / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
        for sigma in (FINE, COARSE)
    )
    return np.asarray(fine - coarse, np.float32)
