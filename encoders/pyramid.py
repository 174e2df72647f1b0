"""Spatial pyramids: parts of an image are encoded by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize


def encode_pyramid(
    values: NDArray[np.float32],
    positions: NDArray[np.float32],
    levels: Sequence[int],
    encode: Callable[[NDArray[np.float32]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Encode each part of each level, and join the vectors.

    Level n cuts the image into n x n equal parts; a descriptor belongs to the part that holds
    its centre. Level 1 is the whole image.

    Parameters
    ----------
    values : ndarray of float32, shape (n_descriptors, d)
    positions : ndarray of float32, shape (n_descriptors, 2)
        (row, column) in [-0.5, 0.5].
    levels : sequence of int
    encode : callable
        Turns the descriptors of one part, shape (n, d) with n >= 0, into a vector (dim,).

    Returns
    -------
    ndarray of float32, shape (sum of n * n over the levels, times dim,)
        Of unit L2 norm, or zero. Level by level, part by part in row order.

    References
    ----------
    S. Lazebnik, C. Schmid, J. Ponce, "Beyond bags of features: spatial pyramid matching for
    recognizing natural scene categories", CVPR 2006.

    Examples
    --------
    >>> values = np.array([[1], [2]], dtype=np.float32)
    >>> positions = np.array([[-0.4, -0.4], [0.4, 0.4]], dtype=np.float32)
    >>> encode_pyramid(values, positions, [2], lambda part: part.sum(axis=0)).round(3)
    array([0.447, 0.   , 0.   , 0.894], dtype=float32)
    """
    vectors = []
    for level in levels:
        row, column = np.minimum(((positions + 0.5) * level).astype(int), level - 1).T
        part = row * level + column
        vectors += [encode(values[part == number]) for number in range(level * level)]
    return l2_normalize(np.concatenate(vectors))
