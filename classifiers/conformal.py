"""Cross-conformal prediction sets: the classes that an image may have, with a promised coverage.

Floors come from out-of-fold probabilities, of members that were fitted on a part of the images;
new images are scored by members that were fitted on all. So the guarantee of split conformal
prediction holds as far as both score alike [1]_.

Images of one group (a lesion) are not independent: a floor counts groups, not images. It is that
of hierarchical conformal prediction [2]_, section 3, whose promise is for an image of a new group:
each image weighs one over the images of its group.

References
----------
.. [1] V. Vovk, "Cross-conformal predictors", Annals of Mathematics and Artificial Intelligence 74,
   2015.
.. [2] Y. Lee, R. F. Barber, R. Willett, "Distribution-free inference with hierarchical data",
   arXiv:2306.06342, 2023; for one image a group also R. Dunn, L. Wasserman, A. Ramdas,
   "Distribution-free prediction sets for two-layer hierarchical models", Journal of the American
   Statistical Association 118, 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, comb

import numpy as np
from numpy.typing import NDArray

MANY_GROUPS = 200
"""Groups from which on a class gets just the promised coverage.

The coverage that a floor gives varies with the draw of its n groups, with a standard deviation of
about ``sqrt(coverage * (1 - coverage) / n)`` at most: 2 points for 200 groups at 90 %.
"""
CONFIDENCE = 0.9
"""Probability with which the coverage is reached in a class of fewer groups."""
ROUNDING = 1e-9
"""Of a sum of weights."""


@dataclass(frozen=True)
class PredictionSets:
    """The least probability with which each class is held by a set.

    Attributes
    ----------
    floors : ndarray of float64, shape (n_classes,)
        From 0 to 1.
    strata : dict of str to ndarray of float64, shape (n_classes,)
        Those of images of which is known that they are in a stratum, such as an age, by its name.
    """

    floors: NDArray[np.float64]
    strata: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def contain(
        self, probabilities: NDArray[np.float64], strata: Sequence[str] | None = None
    ) -> NDArray[np.bool_]:
        """Tell which classes each set holds; the most probable class always.

        Parameters
        ----------
        probabilities : ndarray of float64, shape (n, n_classes)
        strata : sequence of str, shape (n,), optional
            The stratum of each image; one that has no floors has those of all images.

        Returns
        -------
        ndarray of bool, shape (n, n_classes)
        """
        floors = self.floors
        if strata is not None and self.strata:
            floors = np.array([self.strata.get(name, self.floors) for name in strata])
        inside: NDArray[np.bool_] = probabilities >= floors.reshape(-1, len(self.floors))
        inside[np.arange(len(probabilities)), probabilities.argmax(axis=-1)] = True
        return inside

    def members(self, probabilities: NDArray[np.float64], stratum: str = "") -> tuple[int, ...]:
        """Give the classes of one image's set, the most probable first; (n_classes,).

        Examples
        --------
        >>> PredictionSets(np.array([0.4, 0.1, 0.1])).members(np.array([0.35, 0.6, 0.05]))
        (1,)
        >>> PredictionSets(np.array([0.3, 0.1, 0.1])).members(np.array([0.35, 0.6, 0.05]))
        (1, 0)
        """
        inside = self.contain(probabilities[None], [stratum])[0]
        order = np.argsort(-probabilities, kind="stable")
        return tuple(int(index) for index in order if inside[index])


def fit_prediction_sets(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    coverage: float,
    strata: Sequence[str] = (),
) -> PredictionSets:
    """Find the floors at which sets hold the right class with the promised coverage.

    The promise is for images of new groups that are scored as these were.

    An image conforms to a class by the class's probability, which gives the smallest sets for a
    coverage [2]_. The floors are taken class by class, which promises the coverage in each class
    rather than on average [1]_: see `find_floor`. Classes of too few groups for a rank are pooled,
    and the coverage is promised for all of them together; where even these are too few, their
    floor is 0, and each set holds them.

    Where strata are told, a class has a floor of its own in each stratum in which it has enough
    groups for a rank, which promises the coverage there (Mondrian conformal prediction, [1]_,
    section 4); in the others it has the floor of the class.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, n_classes)
        Of images that the scoring members were not trained on.
    labels : ndarray of int, shape (n,)
    groups : ndarray of int, shape (n,)
        The group of each image, such as its lesion.
    coverage : float
        Above 0 and below 1.
    strata : sequence of str, shape (n,), optional
        What else is known of each image.

    References
    ----------
    .. [1] V. Vovk, "Conditional validity of inductive conformal predictors", ACML 2012: section 3
       for one class at a time, proposition 2 for classes of few images.
    .. [2] M. Sadinle, J. Lei, L. Wasserman, "Least ambiguous set-valued classifiers with bounded
       error levels", Journal of the American Statistical Association 114, 2019, section 2.
    """
    floors = np.zeros(probabilities.shape[1])
    likelihoods = probabilities[np.arange(len(labels)), labels]
    counts = [len(np.unique(groups[labels == index])) for index in range(len(floors))]
    for classes in class_pools(counts, coverage):
        own = np.isin(labels, classes)
        floors[classes] = find_floor(likelihoods[own], groups[own], coverage)
    of_strata = {}
    for name in sorted(set(strata)):
        inside = np.array([one == name for one in strata])
        found = floors.copy()
        for index in range(len(floors)):
            own = inside & (labels == index)
            if floor_rank(len(np.unique(groups[own])), coverage):
                found[index] = find_floor(likelihoods[own], groups[own], coverage)
        if (found != floors).any():
            of_strata[name] = found
    return PredictionSets(floors, of_strata)


def find_floor(
    likelihoods: NDArray[np.float64], groups: NDArray[np.intp], coverage: float
) -> float:
    """Give the largest likelihood below which images weigh less than `floor_rank` groups.

    Each image weighs one over the images of its group, and what lies below weighs at most the
    rank minus one; with one image a group the floor is the rank-th smallest likelihood.

    Parameters
    ----------
    likelihoods : ndarray of float64, shape (n,)
    groups : ndarray of int, shape (n,)
    coverage : float

    Returns
    -------
    float
        0 where there are too few groups for a rank.

    Examples
    --------
    >>> find_floor(np.arange(60) / 60, np.arange(60), 0.9), floor_rank(60, 0.9)
    (0.03333333333333333, 3)
    >>> find_floor(np.arange(120) / 120, np.arange(120) // 2, 0.9)
    0.03333333333333333
    """
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if not (rank := floor_rank(len(sizes), coverage)):
        return 0.0
    order = np.argsort(likelihoods, kind="stable")
    weights = 1 / sizes[numbers][order]
    below = np.cumsum(weights) - weights
    place = np.searchsorted(below, rank - 1 + ROUNDING, side="right") - 1
    return float(likelihoods[order][place])


def class_pools(counts: Sequence[int], coverage: float) -> list[list[int]]:
    """Pool classes by their groups: those with a `floor_rank` alone, the others together, last.

    Examples
    --------
    >>> class_pools([300, 10, 120, 7], 0.9)
    [[0], [2], [1, 3]]
    """
    alone = [index for index, n in enumerate(counts) if floor_rank(n, coverage)]
    others = sorted(set(range(len(counts))) - set(alone))
    return [[index] for index in alone] + ([others] if others else [])


def floor_rank(n: int, coverage: float) -> int:
    """Give the rank, from below, of the one of n groups whose likelihood becomes the floor.

    From `MANY_GROUPS` on it is ``n + 1 - ceil(coverage * (n + 1))``, which covers one more group
    with the promised probability. Of fewer groups some draws would give much less, so it is the
    largest rank r with which the coverage itself is as promised in `CONFIDENCE` of the draws:
    ``P(B < r) <= 1 - CONFIDENCE`` for a binomial B of n trials that succeed with 1 - coverage.
    That is exact where the images of a group are alike, which is where draws differ most.

    Returns
    -------
    int
        0 where no rank is low enough: for 21 groups or fewer at a coverage of 90 %.

    Examples
    --------
    >>> [floor_rank(n, 0.9) for n in (21, 22, 100, 199, 200, 999)]
    [0, 1, 6, 15, 20, 100]
    """
    if n >= MANY_GROUPS:
        return n + 1 - conformal_rank(n, coverage)
    rank, below = 0, coverage**n
    while rank < n and below <= 1 - CONFIDENCE:
        rank += 1
        below += comb(n, rank) * (1 - coverage) ** rank * coverage ** (n - rank)
    return rank


def conformal_rank(n: int, level: float) -> int:
    """Give the least rank in 1..n+1 that one more exchangeable number reaches at most.

    Of n + 1 exchangeable numbers the last is at most the rank-th smallest of the others with a
    probability of `level` at least; the rank n + 1 stands for no bound at all.

    Examples
    --------
    >>> conformal_rank(99, 0.9), conformal_rank(8, 0.9)
    (90, 9)
    """
    return max(1, ceil(level * (n + 1) - 1e-9))  # 0.28 * 25 is a little above 7


def measure_coverage(
    sets: NDArray[np.bool_], labels: NDArray[np.intp], classes: Sequence[int]
) -> float:
    """Give the share of the images of some classes whose set holds the right one.

    Parameters
    ----------
    sets : ndarray of bool, shape (n, n_classes)
        As `PredictionSets.contain` gives them.
    labels : ndarray of int, shape (n,)
    classes : sequence of int
    """
    rows = np.flatnonzero(np.isin(labels, classes))
    return float(sets[rows, labels[rows]].mean())
