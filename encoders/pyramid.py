"""Spatial pyramids: parts of an image are encoded by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize


class Statistics(Protocol):
    """What an encoding needs to know of a set of descriptors that comes in parts."""

    def add(self, descriptors: NDArray[np.float32]) -> None:
        """Take in more descriptors, (n, d); n may be zero."""

    def vector(self) -> NDArray[np.float32]:
        """Encode all descriptors so far; (dim,)."""


class PyramidStatistics:
    """The statistics of each part of each level of a spatial pyramid.

    Level n cuts the image into n x n equal parts; a descriptor belongs to the part that holds
    its centre. Level 1 is the whole image.

    Parameters
    ----------
    levels : sequence of int
    start : callable
        Gives the `Statistics` of a part, still without descriptors.

    References
    ----------
    S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features: spatial pyramid matching for
    recognizing natural scene categories", CVPR 2006.

    Examples
    --------
    >>> from trifuse.encoders.vlad import VladStatistics
    >>> center = np.zeros((1, 1), dtype=np.float32)
    >>> pyramid = PyramidStatistics([2], lambda: VladStatistics(center, by_component=False))
    >>> descriptors = np.array([[3], [3]], dtype=np.float32)
    >>> pyramid.add(descriptors, np.array([[-0.4, -0.4], [0.4, 0.4]], dtype=np.float32))
    >>> pyramid.vector().round(3)
    array([0.707, 0.   , 0.   , 0.707], dtype=float32)
    """

    def __init__(self, levels: Sequence[int], start: Callable[[], Statistics]) -> None:
        self.levels = levels
        self.parts = [[start() for _ in range(level * level)] for level in levels]

    def add(self, descriptors: NDArray[np.float32], positions: NDArray[np.float32]) -> None:
        """Take in more descriptors.

        Parameters
        ----------
        descriptors : ndarray of float32, shape (n, d)
        positions : ndarray of float32, shape (n, 2)
            (row, column) in [-0.5, 0.5].
        """
        for level, parts in zip(self.levels, self.parts, strict=True):
            if level == 1:
                parts[0].add(descriptors)
                continue
            row, column = np.minimum(((positions + 0.5) * level).astype(int), level - 1).T
            of = row * level + column
            for number, part in enumerate(parts):
                part.add(descriptors[of == number])

    def vector(self) -> NDArray[np.float32]:
        """Join the vectors of all parts.

        Returns
        -------
        ndarray of float32, shape (sum of n * n over the levels, times dim,)
            Of unit L2 norm, or zero. Level by level, part by part in row order. A pyramid of
            level 1 alone is the vector of the whole image, as it is.
        """
        vectors = [part.vector() for parts in self.parts for part in parts]
        return vectors[0] if len(vectors) == 1 else l2_normalize(np.concatenate(vectors))
