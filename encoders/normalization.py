"""Normalisations that encoders share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def signed_square_root(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power normalisation with exponent 1/2, ``sign(x) * sqrt(|x|)`` (Perronnin et al. 2010)."""
    rooted: NDArray[np.float32] = np.sqrt(np.abs(values))
    return np.copysign(rooted, values)


def l2_normalize(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each row (the last axis) to unit L2 norm; a zero row stays zero.

    Examples
    --------
    >>> l2_normalize(np.array([[3, 4], [0, 0]], dtype=np.float32))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    largest = np.abs(values).max(axis=-1, keepdims=True, initial=0)
    scaled = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    norms = np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    normalized: NDArray[np.float32] = np.divide(scaled, norms, out=scaled, where=norms > 0)
    return normalized
