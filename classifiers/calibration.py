"""Temperature scaling: scores become probabilities that can be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the softmax over the last axis.

    Examples
    --------
    >>> softmax(np.log([[1.0, 3.0]]))
    array([[0.25, 0.75]])
    """
    powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = powers.sum(axis=-1, keepdims=True)
    return powers / total


def fit_temperature(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Find the temperature T at which ``softmax(scores / T)`` is most likely.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, n_classes)
        Of images that the scoring member was not trained on.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    float
        Between 1e-3 and 1e3.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
    ICML 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(softmax(scores / np.exp(log_temperature)), labels)

    best = minimize_scalar(loss, bounds=(np.log(1e-3), np.log(1e3)), method="bounded")
    return float(np.exp(best.x))


def log_loss(probabilities: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Give the mean negative log likelihood; probabilities below 1e-15 count as that."""
    likelihoods = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(likelihoods, 1e-15)).mean())
