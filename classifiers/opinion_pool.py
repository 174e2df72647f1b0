"""The logarithmic opinion pool of an ensemble: members' probabilities become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import LEAST_LIKELIHOOD, softmax

GREATEST_WEIGHT = 10.0
"""That a member can have."""
GREATEST_MOVE = 20.0
"""Of any other number of the pool, from where it starts."""
MIXING_PENALTY = 50.0
"""Half of it is what the square of an entry of the mixing costs, beside its value in the identity,
in the log loss of all images together."""
METADATA_PENALTY = 5.0
"""Likewise of a coefficient of the metadata."""


@dataclass(frozen=True)
class OpinionPool:
    """``softmax(centred @ mixing + biases + metadata @ coefficients)`` over the members.

    `centred` is the sum of ``weight * log(probabilities)`` over the members, less its mean over the
    classes. Where members err apart, the pool is surer than each of them, which a mean of
    probabilities never is; mixing and biases keep what becomes so as frequent as it says.

    Attributes
    ----------
    weights : dict of str to float
        Of the members, in 0 to `GREATEST_WEIGHT`; one of them at least is positive.
    mixing : ndarray of float64, shape (n_classes, n_classes)
        What the evidence for a class (row) says of another (column).
    biases : ndarray of float64, shape (n_classes,)
        The mean is zero.
    coefficients : ndarray of float64, shape (n_numbers, n_classes)
        Of the numbers that metadata are encoded to, see `trifuse.classifiers.metadata`. These are
        zero where nothing is known of an image.
    """

    weights: Mapping[str, float]
    mixing: NDArray[np.float64]
    biases: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    @classmethod
    def plain(cls, weights: Mapping[str, float], n_classes: int) -> OpinionPool:
        """Give the pool that has weights, and leaves classes as they are."""
        nothing = np.zeros((0, n_classes))
        return cls(weights, np.eye(n_classes), np.zeros(n_classes), nothing)

    def combine(
        self,
        probabilities: Mapping[str, NDArray[np.float64]],
        metadata: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Combine the probabilities of the members, (n, n_classes) each, to (n, n_classes).

        Parameters
        ----------
        probabilities : dict of str to ndarray of float64, shape (n, n_classes)
        metadata : ndarray of float64, shape (n, n_numbers), optional
            None where nothing is known of any image.

        Examples
        --------
        >>> pool = OpinionPool.plain({"one": 1.0, "other": 1.0}, 2)
        >>> one, other = np.array([[0.75, 0.25]]), np.array([[0.75, 0.25]])
        >>> pool.combine({"one": one, "other": other})
        array([[0.9, 0.1]])
        """
        scores = _centred(self.weights, probabilities) @ self.mixing + self.biases
        return softmax(scores if metadata is None else scores + metadata @ self.coefficients)

    def alone(self, member: str) -> OpinionPool:
        """Give the pool that has this member and no other, and no metadata."""
        return OpinionPool.plain({member: 1.0}, len(self.biases))


def fit_pool(
    probabilities: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.intp],
    metadata: Sequence[NDArray[np.float64]] = (),
) -> OpinionPool:
    """Find the pool under which the labels are most likely.

    First the weights are found, with biases; this problem is convex [1]_. Members of which none
    tells anything are taken alike. Then, with these weights, mixing and biases, as in Dirichlet
    calibration with its regularisation off the diagonal [2]_, towards the identity; and the
    coefficients of the metadata. These are learnt from every image several times: with all that is
    known of it, without one of the columns, and with nothing; so that the pool is right for images
    of which less is known. One member is taken as it is where there are no metadata.

    Parameters
    ----------
    probabilities : dict of str to ndarray of float64, shape (n, n_classes)
        By member, of images that it was not trained on.
    labels : ndarray of int, shape (n,)
    metadata : sequence of ndarray of float64, shape (n, n_numbers)
        Of each column.

    References
    ----------
    .. [1] T. Heskes, "Selecting weighting factors in logarithmic opinion pools", NIPS 1997; the
       pool itself: C. Genest, J. V. Zidek, "Combining probability distributions: a critique and
       an annotated bibliography", Statistical Science 1, 1986.
    .. [2] M. Kull et al., "Beyond temperature scaling: obtaining well-calibrated multiclass
       probabilities with Dirichlet calibration", NeurIPS 2019, sections 3 and 4.

    Examples
    --------
    >>> right = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.1]])
    >>> pool = fit_pool({"right": right, "wrong": right[:, ::-1]}, np.array([0, 0, 1, 1]))
    >>> pool.weights["right"] > pool.weights["wrong"]
    True
    """
    weights, biases = _fit_weights(probabilities, labels)
    if len(weights) == 1 and not metadata:
        return OpinionPool.plain(weights, len(biases))
    centred = _centred(weights, probabilities)
    n_classes, ends = centred.shape[1], np.cumsum([0, *(part.shape[1] for part in metadata)])
    numbers = np.hstack([*metadata, np.zeros((len(labels), 0))])
    copies = [numbers]
    if metadata:
        copies.append(np.zeros_like(numbers))
    if len(metadata) > 1:
        for first, last in pairwise(ends):
            copies.append(numbers.copy())
            copies[-1][:, first:last] = 0
    start = np.vstack([np.eye(n_classes), biases, np.zeros((ends[-1], n_classes))])
    features = np.vstack([np.hstack([centred, np.ones((len(labels), 1)), copy]) for copy in copies])
    penalties = np.repeat([MIXING_PENALTY, 0, METADATA_PENALTY], [n_classes, 1, ends[-1]])
    found = _fit_rows(start, features, np.tile(labels, len(copies)), penalties * len(copies))
    mixing, found_biases, coefficients = np.split(found, [n_classes, n_classes + 1])
    own = found_biases[0] - found_biases[0].mean()
    return OpinionPool(weights, mixing, own, coefficients)


def _fit_weights(
    probabilities: Mapping[str, NDArray[np.float64]], labels: NDArray[np.intp]
) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Find the weights of the members, and biases of the classes."""
    from scipy.optimize import minimize

    names = list(probabilities)
    logs = np.stack([_log(probabilities[name]) for name in names])
    n_members, _, n_classes = logs.shape
    start = np.append(np.full(n_members, 1 / n_members), np.zeros(n_classes))
    best = start
    if n_members > 1:
        limits = [(0.0, GREATEST_WEIGHT)] * n_members
        limits += [(-GREATEST_MOVE, GREATEST_MOVE)] * n_classes
        best = minimize(
            pool_loss, start, (logs, labels), jac=True, method="L-BFGS-B", bounds=limits, tol=1e-12
        ).x
    weights, biases = np.split(best if best[:n_members].any() else start, [n_members])
    return dict(zip(names, weights.tolist(), strict=True)), biases


def _fit_rows(
    start: NDArray[np.float64],
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    penalties: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find the coefficients of a penalised multinomial regression; (n_features, n_classes)."""
    from scipy.optimize import minimize

    limits = [(value - GREATEST_MOVE, value + GREATEST_MOVE) for value in start.ravel().tolist()]
    best = minimize(
        regression_loss, start.ravel(), (start, features, labels, penalties),
        jac=True, method="L-BFGS-B", bounds=limits, tol=1e-12, options={"maxiter": 1000},
    )  # fmt: skip
    found: NDArray[np.float64] = best.x.reshape(start.shape)
    return found


def pool_loss(
    parameters: NDArray[np.float64], logs: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Give the log loss of weights and biases, and its gradient.

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
    n_members = len(logs)
    scores = np.tensordot(parameters[:n_members], logs, 1) + parameters[n_members:]
    loss, residuals = _log_loss(scores, labels)
    of_weights = (logs * residuals).sum(axis=(1, 2))
    return loss, np.append(of_weights, residuals.sum(axis=0))


def regression_loss(
    parameters: NDArray[np.float64],
    start: NDArray[np.float64],
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    penalties: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """Give the penalised log loss of a multinomial regression, and its gradient.

    Parameters
    ----------
    parameters : ndarray of float64, shape (n_features * n_classes,)
    start : ndarray of float64, shape (n_features, n_classes)
        What costs nothing.
    features : ndarray of float64, shape (n, n_features)
    labels : ndarray of int, shape (n,)
    penalties : ndarray of float64, shape (n_features,)

    Returns
    -------
    float, ndarray of float64 of shape (n_features * n_classes,)
    """
    moved = parameters.reshape(start.shape) - start
    loss, residuals = _log_loss(features @ (start + moved), labels)
    cost = penalties[:, None] * moved / len(labels)
    return loss + float((cost * moved).sum() / 2), (features.T @ residuals + cost).ravel()


def _log_loss(
    scores: NDArray[np.float64], labels: NDArray[np.intp]
) -> tuple[float, NDArray[np.float64]]:
    """Give the log loss of scores, and its gradient by them; (n, n_classes)."""
    n, n_classes = scores.shape
    probabilities = softmax(scores)
    likelihoods = np.maximum(probabilities[np.arange(n), labels], LEAST_LIKELIHOOD)
    return float(-np.log(likelihoods).mean()), (probabilities - np.eye(n_classes)[labels]) / n


def _centred(
    weights: Mapping[str, float], probabilities: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    logs = [weight * _log(probabilities[name]) for name, weight in weights.items()]
    total: NDArray[np.float64] = np.sum(logs, axis=0)
    total -= total.mean(axis=-1, keepdims=True)
    return total


def _log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(probabilities, LEAST_LIKELIHOOD))
    return logs
