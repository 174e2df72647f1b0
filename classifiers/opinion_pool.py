"""The logarithmic opinion pool of an ensemble: members' probabilities become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import LEAST_LIKELIHOOD, softmax

GREATEST_WEIGHT = 10.0
"""That a member can have."""


@dataclass(frozen=True)
class OpinionPool:
    """``softmax(sum of weight * log(probabilities) + biases)`` over the members.

    Where members err apart, the pool is surer than each of them, which a mean of probabilities
    never is; the biases keep the classes' shares while it becomes so.

    Attributes
    ----------
    weights : dict of str to float
        Of the members, in 0 to `GREATEST_WEIGHT`; one of them at least is positive.
    biases : ndarray of float64, shape (n_classes,)
        The mean is zero.
    """

    weights: Mapping[str, float]
    biases: NDArray[np.float64]

    def combine(self, probabilities: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Combine the probabilities of the members, (n, n_classes) each, to (n, n_classes).

        Examples
        --------
        >>> pool = OpinionPool({"one": 1.0, "other": 1.0}, np.zeros(2))
        >>> one, other = np.array([[0.75, 0.25]]), np.array([[0.75, 0.25]])
        >>> pool.combine({"one": one, "other": other})
        array([[0.9, 0.1]])
        """
        logs = [weight * _log(probabilities[name]) for name, weight in self.weights.items()]
        return softmax(np.sum(logs, axis=0) + self.biases)

    def alone(self, member: str) -> OpinionPool:
        """Give the pool that has this member and no other."""
        return OpinionPool({member: 1.0}, np.zeros_like(self.biases))


def fit_pool(
    probabilities: Mapping[str, NDArray[np.float64]], labels: NDArray[np.intp]
) -> OpinionPool:
    """Find the weights and biases at which the labels are most likely.

    The problem is convex [1]_. One member is taken as it is, and members of which none tells
    anything are taken alike.

    Parameters
    ----------
    probabilities : dict of str to ndarray of float64, shape (n, n_classes)
        By member, of images that it was not trained on.
    labels : ndarray of int, shape (n,)

    References
    ----------
    .. [1] T. Heskes, "Selecting weighting factors in logarithmic opinion pools", NIPS 1997; the
       pool itself: C. Genest, J. V. Zidek, "Combining probability distributions: a critique and
       an annotated bibliography", Statistical Science 1, 1986.

    Examples
    --------
    >>> right = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
    >>> pool = fit_pool({"right": right, "wrong": right[:, ::-1]}, np.array([0, 0, 1, 1]))
    >>> pool.weights["right"] > pool.weights["wrong"]
    True
    """
    from scipy.optimize import minimize

    names = list(probabilities)
    logs = np.stack([_log(probabilities[name]) for name in names])
    n_members, _, n_classes = logs.shape
    start = np.append(np.full(n_members, 1 / n_members), np.zeros(n_classes))
    best = start
    if n_members > 1:
        limits = [(0.0, GREATEST_WEIGHT)] * n_members + [(-20.0, 20.0)] * n_classes
        best = minimize(
            pool_loss, start, (logs, labels), jac=True, method="L-BFGS-B", bounds=limits, tol=1e-12
        ).x
    weights, biases = np.split(best if best[:n_members].any() else start, [n_members])
    return OpinionPool(dict(zip(names, weights.tolist(), strict=True)), biases - biases.mean())


def pool_loss(
    parameters: NDArray[np.float64], logs: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Give the log loss of a pool, and its gradient.

    Parameters
    ----------
    parameters : ndarray of float64, shape (n_members + n_classes,)
        The weights, and the biases.
    logs : ndarray of float64, shape (n_members, n, n_classes)
        Logarithms of the members' probabilities.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    float, ndarray of float64 of shape (n_members + n_classes,)
    """
    n_members, n, n_classes = logs.shape
    scores = np.tensordot(parameters[:n_members], logs, 1) + parameters[n_members:]
    probabilities = softmax(scores)
    residuals = (probabilities - np.eye(n_classes)[labels]) / n
    of_weights = (logs * residuals).sum(axis=(1, 2))
    likelihoods = np.maximum(probabilities[np.arange(n), labels], LEAST_LIKELIHOOD)
    return float(-np.log(likelihoods).mean()), np.append(of_weights, residuals.sum(axis=0))


def _log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities, LEAST_LIKELIHOOD))
    return logs
