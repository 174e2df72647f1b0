"""Pooling over images: what those of one lesion, or of one study, say together.

Each image gives evidence for each class, the logarithm of its probability less that of the class's
share. The images of a lesion are much alike: were their evidence summed, as that of independent
images, the sum would be far too sure; its mean is not sure enough. So the mean of n images is
multiplied by n to a power from 0 (a mean) to 1 (a sum), the inverse of a temperature, which is
chosen on lesions that the members had not seen. One image alone keeps its probabilities.

A sum of log odds is the product of experts of independent evidence [1]_.

References
----------
.. [1] C. Genest, J. V. Zidek, "Combining probability distributions: a critique and an annotated
   bibliography", Statistical Science 1, 1986, section 3: logarithmic opinion pools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import LEAST_LIKELIHOOD, softmax
from trifuse.classifiers.conformal import PredictionSets, fit_prediction_sets

LEAST_GROUPS = 22
"""Groups of several images that a power is chosen on; with fewer it is 0."""


@dataclass(frozen=True)
class Pooling:
    """How the probabilities of several images become those of their group.

    Attributes
    ----------
    power : float
        From 0 to 1.
    sets : PredictionSets
        Of groups of several images; a group of one has its image's.
    """

    power: float
    sets: PredictionSets


def pool(
    evidence: NDArray[np.float64],
    counts: NDArray[np.intp],
    prior: NDArray[np.float64],
    power: float,
) -> NDArray[np.float64]:
    """Give the probabilities of groups.

    Parameters
    ----------
    evidence : ndarray of float64, shape (n_groups, n_classes)
        Sum of what `weigh_evidence` gives of the group's images.
    counts : ndarray of int, shape (n_groups,)
        Images of each group, 1 or more.
    prior : ndarray of float64, shape (n_classes,)
        Class shares to assume; those of the images' own probabilities may be others.
    power : float

    Returns
    -------
    ndarray of float64, shape (n_groups, n_classes)

    Examples
    --------
    >>> shares = np.array([0.5, 0.5])
    >>> evidence = 2 * weigh_evidence(np.array([[0.75, 0.25]]), shares)
    >>> [pool(evidence, np.array([2]), shares, power).round(6).tolist() for power in (0.0, 1.0)]
    [[[0.75, 0.25]], [[0.9, 0.1]]]
    """
    return softmax(np.log(prior) + evidence * counts[:, None].astype(np.float64) ** (power - 1))


def weigh_evidence(
    probabilities: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give what images say beyond the class shares under which they were judged.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (..., n_classes)
    prior : ndarray of float64, shape (n_classes,)
        Positive.

    Examples
    --------
    >>> weigh_evidence(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    array([0., 0.])
    """
    evidence: NDArray[np.float64] = np.log(np.maximum(probabilities, LEAST_LIKELIHOOD))
    return evidence - np.log(prior)


def fit_pooling(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    prior: NDArray[np.float64],
    coverage: float,
) -> Pooling:
    """Choose the power at which the labels of groups of several images are most likely.

    The floors of the prediction sets are those of the same groups, one by one, as
    `trifuse.classifiers.conformal.fit_prediction_sets` finds them. Groups whose images have
    several labels count for nothing.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, n_classes)
        Of images that the scoring members were not trained on.
    labels, groups : ndarray of int, shape (n,)
    prior : ndarray of float64, shape (n_classes,)
        Class shares of the training images.
    coverage : float
        Above 0 and below 1.
    """
    from scipy.optimize import minimize_scalar

    evidence, counts, own = sum_groups(probabilities, labels, groups, prior)
    places = np.arange(len(own))

    def loss(power: float) -> float:
        pooled = pool(evidence, counts, prior, power)
        return float(-np.log(np.maximum(pooled[places, own], LEAST_LIKELIHOOD)).mean())

    power = 0.0
    if len(own) >= LEAST_GROUPS:
        power = float(minimize_scalar(loss, bounds=(0, 1), method="bounded").x)
    pooled = pool(evidence, counts, prior, power)
    return Pooling(power, fit_prediction_sets(pooled, own, places, coverage))


def sum_groups(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    prior: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
    """Sum the evidence of the groups of several images that have one label.

    The parameters are those of `fit_pooling`.

    Returns
    -------
    evidence : ndarray of float64, shape (n_groups, n_classes)
    counts, labels : ndarray of int, shape (n_groups,)
    """
    _, first, numbers, counts = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    odd = np.bincount(numbers, labels != labels[first][numbers], minlength=len(counts)) > 0
    chosen = (counts > 1) & ~odd
    evidence = np.zeros((len(counts), probabilities.shape[1]))
    np.add.at(evidence, numbers, weigh_evidence(probabilities, prior))
    return evidence[chosen], counts[chosen], labels[first][chosen]
