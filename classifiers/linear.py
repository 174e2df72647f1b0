"""A linear classifier, fitted: one weight vector a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LinearMachine:
    """One weight vector a class, so that scoring an image costs one product.

    Attributes
    ----------
    weights : ndarray of float32, shape (n_classes, dim)
    intercepts : ndarray of float64, shape (n_classes,)
    """

    weights: NDArray[np.float32]
    intercepts: NDArray[np.float64]

    def scores(self, fused: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score images by their fused blocks; (n, dim) to (n, n_classes)."""
        scores: NDArray[np.float64] = fused @ self.weights.T + self.intercepts
        return scores
