"""Fusion: named blocks become one vector, whose linear kernel is the blocks' weighted mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def fuse(
    blocks: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]
) -> NDArray[np.float32]:
    """Join blocks, each scaled by the square root of its share of the weights.

    The inner product of two fused vectors is ``sum_b w_b <x_b, y_b> / sum_b w_b``, so that a
    linear machine on fused vectors is one with the weighted mean of the blocks' linear kernels.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (..., dim)
        Blocks of the same images, of unit norm.
    weights : dict of str to float
        The blocks to join, in this order, and their weights; only the ratios count.

    Returns
    -------
    ndarray of float32, shape (..., sum of the dims)
        Of unit norm where all blocks are.

    Raises
    ------
    KeyError
        If a weight names no block.

    Examples
    --------
    >>> blocks = {"a": np.ones(1, dtype=np.float32), "b": np.ones(1, dtype=np.float32)}
    >>> fuse(blocks, {"a": 9, "b": 16})
    array([0.6, 0.8], dtype=float32)
    """
    total = sum(weights.values())
    scaled = [
        blocks[name] * np.float32((weight / total) ** 0.5) for name, weight in weights.items()
    ]
    return np.concatenate(scaled, axis=-1)
