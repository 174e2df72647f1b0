"""Normalisations that encoders share."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)


def signed_square_root(values: NDArray[Float]) -> NDArray[Float]:
    """Power normalisation with exponent 1/2, ``sign(x) * sqrt(|x|)`` (Perronnin et al. 2010)."""
    rooted: NDArray[Float] = np.sqrt(np.abs(values))
    return np.copysign(rooted, values)


def l2_normalize(values: NDArray[Float]) -> NDArray[Float]:
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
    normalized: NDArray[Float] = np.divide(scaled, norms, out=scaled, where=norms > 0)
    return normalized


def to_float32(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round to float32; what is too large for it becomes its largest number."""
    largest = np.finfo(np.float32).max
    return values.clip(-largest, largest).astype(np.float32)
