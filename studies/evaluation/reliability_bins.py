"""How often answers are right, by the probability that is given to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from trifuse.classifiers.bootstrap import Estimate
from trifuse.classifiers.scored_images import N_BINS


class ReliabilityBin(NamedTuple):
    """Images whose first class has about the same probability.

    Attributes
    ----------
    low, high : float
        Probabilities above the one, and up to the other.
    n_images, n_lesions : int
    confidence : float
        The mean of the first class's probability.
    accuracy : Estimate
        The share of images of this class, with its 95 % interval.
    """

    low: float
    high: float
    n_images: int
    n_lesions: int
    confidence: float
    accuracy: Estimate


def bin_by_confidence(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], lesions: NDArray[np.intp]
) -> list[ReliabilityBin]:
    """Divide images into the bins of the calibration error, and leave out empty ones.

    Intervals are Jeffreys' [1]_, with as many trials as there are lesions. They are wide where
    lesions are few, even if all of them are right, of which a bootstrap would say nothing.

    Parameters
    ----------
    confidence : float64 (n_images,)
        The probability of the first class.
    right : bool (n_images,)
        Whether this is the class of the image.
    lesions : intp (n_images,)

    References
    ----------
    .. [1] L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion",
       Statistical Science 16 (2), 2001, sections 3.1.3 and 4.1.1.

    Examples
    --------
    >>> (only,) = bin_by_confidence(np.full(8, 0.9), np.ones(8, bool), np.arange(8) // 2)
    >>> only.n_lesions, only.accuracy.value, round(only.accuracy.low, 3), only.accuracy.high
    (4, 1.0, 0.555, 1.0)
    """
    edges = np.linspace(0, 1, N_BINS + 1)
    bins = np.searchsorted(edges[1:-1], confidence)
    found = []
    for place in np.unique(bins):
        own = bins == place
        n_lesions = len(np.unique(lesions[own]))
        found.append(
            ReliabilityBin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                n_images=int(own.sum()),
                n_lesions=n_lesions,
                confidence=float(confidence[own].mean()),
                accuracy=_estimate_share(float(right[own].mean()), n_lesions),
            )
        )
    return found


def _estimate_share(share: float, n_trials: int) -> Estimate:
    successes = share * n_trials
    chances = beta(successes + 0.5, n_trials - successes + 0.5)
    low, high = chances.interval(0.95)
    return Estimate(share, 0.0 if share == 0 else float(low), 1.0 if share == 1 else float(high))
