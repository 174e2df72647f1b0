"""Calibration: scores become probabilities that can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_LIKELIHOOD = 1e-15
"""That a label counts as having where calibrations and weights are fitted."""


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


@dataclass(frozen=True)
class Calibration:
    """A member's calibration: ``softmax(scores / temperature + biases)``.

    The members are trained with balanced classes. The biases give their probabilities the class
    shares of the training images, which the prior shift of `trifuse.classifiers.prior` starts
    from; a temperature alone cannot.

    Attributes
    ----------
    temperature : float
        Positive.
    biases : ndarray of float64, shape (n_classes,)
        The mean is zero.
    """

    temperature: float
    biases: NDArray[np.float64]

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn scores into probabilities; both of shape (n, n_classes)."""
        return softmax(scores / self.temperature + self.biases)


def fit_calibration(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> Calibration:
    """Find the temperature and the biases at which the labels are most likely.

    This is bias-corrected temperature scaling [2]_, temperature scaling [1]_ with one more number
    a class. The problem is convex in the biases and the inverse temperature.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, n_classes)
        Of images that the scoring member was not trained on.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    Calibration
        With a temperature from 1e-3 to 1e3 and biases from -20 to 20.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On calibration of modern neural networks",
       ICML 2017, section 4.2.
    .. [2] A. Alexandari, A. Kundaje, A. Shrikumar, "Maximum likelihood with bias-corrected
       calibration is hard-to-beat at label shift adaptation", ICML 2020, section 3.1.
    """
    from scipy.optimize import minimize

    n_classes = scores.shape[1]
    limits = [(-np.log(1e3), np.log(1e3)), *[(-20.0, 20.0)] * n_classes]
    start = np.zeros(1 + n_classes)
    best = minimize(
        calibration_loss, start, (scores, labels),
        jac=True, method="L-BFGS-B", bounds=limits, tol=1e-12,
    )  # fmt: skip
    biases = best.x[1:] - best.x[1:].mean()
    return Calibration(float(np.exp(-best.x[0])), biases)


def calibration_loss(
    parameters: NDArray[np.float64], scores: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Give the log loss of a calibration, and its gradient.

    Parameters
    ----------
    parameters : ndarray of float64, shape (1 + n_classes,)
        The logarithm of the inverse temperature, and the biases.
    scores : ndarray of float64, shape (n, n_classes)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    float, ndarray of float64 of shape (1 + n_classes,)
    """
    n, n_classes = scores.shape
    inverse, biases = np.exp(parameters[0]), parameters[1:]
    probabilities = softmax(scores * inverse + biases)
    residuals = (probabilities - np.eye(n_classes)[labels]) / n
    gradient = np.append((residuals * scores).sum() * inverse, residuals.sum(axis=0))
    likelihoods = np.maximum(probabilities[np.arange(n), labels], LEAST_LIKELIHOOD)
    return float(-np.log(likelihoods).mean()), gradient
