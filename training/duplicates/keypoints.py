"""Keypoints of an image, and whether those of two images lie alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.features.images import ImageError, read_content, read_image
from trifuse.features.quality import find_flaws
from trifuse.features.resize import shrink

LONGEST_SIDE = 300
"""Pixels to which an image is shrunk before its keypoints are sought."""

MOST_KEYPOINTS, MOST_MIRRORED = 300, 100
"""Of an image, and of its mirror image: nobody photographs that, it is a copy, and very alike."""

LEAST_CONTRAST = 5
"""Grey levels; a quarter of OpenCV's default: skin has little."""

BORDER = 15
"""Pixels without keypoints along the border; half of what ORB's patches ask for."""

LARGEST_RATIO = 0.85
"""A match is the nearest descriptor by that factor, or better, before the second nearest."""

TOLERANCE = 4 / 300
"""By which a keypoint may lie off its place, as a share of the image's longest side."""

LEAST_AGREEING = 9
"""Matches at different places, twice the tolerance apart, that must agree.

A wrong alignment explains a few by chance, and all keypoints of one spot where it shrinks much.
"""

LEAST_SHARE = 0.4
"""Of the matches that must agree: a wrong alignment explains more where a texture repeats."""


class Keypoints(NamedTuple):
    """Keypoints of an image as it is, or mirrored.

    Attributes
    ----------
    positions : ndarray of float32, shape (n, 2)
        (column, row), as OpenCV has it, in pixels of the shrunken image.
    descriptors : ndarray of uint8, shape (n, 32)
        ORB: 256 bits (Rublee et al., ICCV 2011).
    turns : ndarray of uint8, shape (n,)
        Orientations; 256 are a full circle.
    scales : ndarray of uint8, shape (n,)
        Levels of the pyramid, each 1.2 times smaller than the one before.
    tolerance : float
        Pixels.
    """

    positions: NDArray[np.float32]
    descriptors: NDArray[np.uint8]
    turns: NDArray[np.uint8]
    scales: NDArray[np.uint8]
    tolerance: float


class Look(NamedTuple):
    """What is kept of an image.

    Attributes
    ----------
    sha256 : str
        Of its file, in hexadecimal.
    shape : tuple of int
        Rows, columns and 3.
    pixels : bytes
        SHA-256 of its pixels and their shape.
    own, mirrored : Keypoints
    flaws : tuple of str
        See `trifuse.features.quality.find_flaws`.
    """

    sha256: str
    shape: tuple[int, ...]
    pixels: bytes
    own: Keypoints
    mirrored: Keypoints
    flaws: tuple[str, ...] = ()


class Alignment(NamedTuple):
    """What brings one image onto another.

    Attributes
    ----------
    matrix : ndarray of float64, shape (2, 3)
        Takes (column, row, 1) of the one to (column, row) of the other.
    agreeing : int
        Matches that it explains.
    """

    matrix: NDArray[np.float64]
    agreeing: int


class Unread(NamedTuple):
    """An image that cannot be read.

    Attributes
    ----------
    path : Path
    sha256 : str
        Of its file, in hexadecimal; empty where it cannot be opened.
    reason : str
        A clause that does not name it.
    """

    path: Path
    sha256: str
    reason: str


def look_at(path: Path) -> Look | Unread:
    """Read an image file and detect its keypoints; `Unread` if it cannot be read."""
    sha256 = ""
    try:
        content = read_content(path)
        sha256 = hashlib.sha256(content).hexdigest()
        image = read_image(content)
    except ImageError as error:
        return Unread(path, sha256, str(error))
    return Look(
        sha256,
        image.shape,
        hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest(),
        *detect_keypoints(to_grey(image)),
        find_flaws(image),
    )


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an RGB image to `LONGEST_SIDE` and take its grey levels."""
    return np.asarray(cv2.cvtColor(shrink(image, LONGEST_SIDE), cv2.COLOR_RGB2GRAY), np.uint8)


def flip(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirror an image: left is right."""
    return np.ascontiguousarray(grey[:, ::-1])


def detect_keypoints(grey: NDArray[np.uint8]) -> tuple[Keypoints, Keypoints]:
    """Detect the strongest keypoints of what `to_grey` gives, and describe them.

    Returns
    -------
    own, mirrored : Keypoints
        `MOST_KEYPOINTS` at the most, and the `MOST_MIRRORED` strongest of them as the mirrored
        image has them.
    """
    side = max(grey.shape)
    if min(grey.shape) <= 2 * BORDER:  # all border; and OpenCV fails at the thinnest
        nothing = _keep((), None, side)
        return nothing, nothing
    found, descriptors = _orb().detectAndCompute(grey, None)
    strongest = sorted(found, key=lambda point: -point.response)[:MOST_MIRRORED]
    turned = []
    for point in strongest:
        # The last column is a pixel of the pyramid's level before the right border.
        column = grey.shape[1] - point.size / _orb().getPatchSize() - point.pt[0]
        angle = (540 - point.angle) % 360
        turned.append(cv2.KeyPoint(column, point.pt[1], point.size, angle, 0, point.octave))
    return _keep(found, descriptors, side), _keep(*_orb().compute(flip(grey), turned), side)


def _keep(
    found: Sequence[cv2.KeyPoint], descriptors: NDArray[np.uint8] | None, side: int
) -> Keypoints:
    return Keypoints(
        np.array([point.pt for point in found], np.float32).reshape(-1, 2),
        np.zeros((0, 32), np.uint8) if descriptors is None else descriptors,
        (np.array([point.angle for point in found]) * 256 / 360).astype(np.uint8),
        np.array([point.octave for point in found], np.uint8),
        TOLERANCE * side,
    )


@cache
def _orb() -> cv2.ORB:
    return cv2.ORB.create(MOST_KEYPOINTS, edgeThreshold=BORDER, fastThreshold=LEAST_CONTRAST)


def align(one: Keypoints, other: Keypoints) -> Alignment | None:
    """Find the rotation, magnification and shift that brings one image onto another.

    Keypoints match if each is the other's nearest by differing bits and the second nearest is
    farther (Lowe's ratio test); RANSAC finds what brings most of them within the tolerance.

    Returns
    -------
    Alignment or None
        None if fewer than `LEAST_AGREEING` places, or `LEAST_SHARE` of the matches, agree.
    """
    if min(len(one.positions), len(other.positions)) < LEAST_AGREEING:
        return None
    rows, columns = _match(one.descriptors, other.descriptors)
    if len(rows) < LEAST_AGREEING:
        return None
    here, there = one.positions[rows], other.positions[columns]
    tolerance = min(one.tolerance, other.tolerance)
    matrix, inliers = cv2.estimateAffinePartial2D(
        here, there, ransacReprojThreshold=tolerance, maxIters=300
    )
    if matrix is None:
        return None
    agreeing = inliers.ravel() > 0
    places = min(
        len(np.unique((side[agreeing] / (2 * tolerance)).round(), axis=0)) for side in (here, there)
    )
    if places < LEAST_AGREEING or agreeing.mean() < LEAST_SHARE:
        return None
    return Alignment(np.asarray(matrix, np.float64), int(agreeing.sum()))


def _match(
    one: NDArray[np.uint8], other: NDArray[np.uint8]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Give the rows of two sets of descriptors that match."""
    # Of bits as -1 and 1, a product is 256 less twice the number of those that differ.
    signs = [np.unpackbits(each, axis=1).astype(np.float32) * 2 - 1 for each in (one, other)]
    nearness = signs[0] @ signs[1].T
    rows = np.arange(len(one))
    nearest = nearness.argmax(axis=1)
    best = nearness[rows, nearest]
    nearness[rows, nearest] = -256
    rows = np.flatnonzero(256 - best < LARGEST_RATIO * (256 - nearness.max(axis=1)))
    nearness[np.arange(len(one)), nearest] = best
    mutual = nearness[:, nearest[rows]].argmax(axis=0) == rows
    return rows[mutual], nearest[rows[mutual]]
