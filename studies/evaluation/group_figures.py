"""How good predictions are in each group of images, and whether that differs from the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    Estimate,
    Figures,
    estimate_figures,
    mean,
    number_groups,
    ratio,
    sum_by_number,
    times,
)
from trifuse.classifiers.metrics import BY_CLASS
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.studies.comparison.statistics import holm
from trifuse.studies.evaluation.groups import Group
from trifuse.studies.evaluation.matched import MatchedImages

ENOUGH_LESIONS = 50
"""A group of fewer, or held against fewer, is shown and not tested."""
N_RESAMPLES = 1000
"""As many as of the figures of all images, which are then the same."""
N_PERMUTATIONS = 4999
PERMUTATIONS_AT_ONCE = 250
DIFFERENCES = ("accuracy", "coverage", "set_size")
"""What is held against the rest, class by class."""


@dataclass(frozen=True)
class GroupFigures:
    """What predictions are worth in one group.

    Attributes
    ----------
    column, value : str
        Of the `Group`; both empty of all images.
    n_lesions, n_images : int
    n_compared, n_rest : int
        Its lesions that can be held against others, and those that they are held against: within it
        and beyond it, of classes that are on both sides.
    figures : dict of str to Estimate
        Those of `trifuse.classifiers.metrics.Metrics`, and ``coverage``, the share of the images
        whose prediction set holds the label, and ``set_size``, the mean number of its classes; NaN
        where the predictions have no sets.
    differences : dict of str to Estimate
        Of `DIFFERENCES`: the mean over the group's images less what it would be if each class
        had the mean that it has beyond the group. Classes that are not beyond it are left out.
    p, corrected_p : dict of str to float
        Of the test of each difference, alone and by Holm's correction for all tests of all groups;
        NaN where there was none.
    """

    column: str
    value: str
    n_lesions: int
    n_images: int
    n_compared: int
    n_rest: int
    figures: dict[str, Estimate]
    differences: dict[str, Estimate]
    p: dict[str, float]
    corrected_p: dict[str, float]

    @property
    def name(self) -> str:
        """The column and the value, for a reader."""
        return f"{self.column}: {self.value}" if self.column else "all"

    @property
    def marked_name(self) -> str:
        """The same, and whether it is of too few lesions."""
        return f"{self.name} (too few)" if self.too_few else self.name

    @property
    def too_few(self) -> bool:
        """Whether it has fewer lesions than a figure is worth something of."""
        return self.n_lesions < ENOUGH_LESIONS

    @property
    def tested(self) -> bool:
        """Whether it and what it is held against have lesions enough for a test."""
        return min(self.n_compared, self.n_rest) >= ENOUGH_LESIONS


class _Images:
    """What the figures of groups are made from; each (n_images, ...)."""

    def __init__(self, images: MatchedImages, used: NDArray[np.bool_]) -> None:
        self.classes = images.table.classes
        self.probabilities = images.probabilities[used]
        self.labels = images.labels[used]
        self.lesions = number_groups(images.lesions)[used]
        right = ScoredImages(self.probabilities, self.labels, self.classes).rank == 0
        sets = images.sets()
        self.values = {"accuracy": right.astype(np.float64)}
        for name in ("coverage", "set_size"):
            self.values[name] = np.full(len(right), np.nan)
        if sets is not None:
            sets = sets[used]
            held = sets[np.arange(len(sets)), self.labels]
            self.values |= {"coverage": held.astype(np.float64), "set_size": sets.sum(1) * 1.0}


def measure_groups(images: MatchedImages, groups: Sequence[Group]) -> list[GroupFigures]:
    """Measure predictions in each group of images, and first on all of them.

    Images that the model was trained on are in no figure, unless there are no others.

    Parameters
    ----------
    images : MatchedImages
    groups : sequence of Group
        Of these images. Groups without an image that counts are left out.

    Returns
    -------
    list of GroupFigures
        All images, then the groups in their order. Intervals are 95 % percentile intervals on
        resamples of whole lesions: of a figure those of the group, of a difference those of
        all images, so that a lesion with images on both sides is drawn with both.
    """
    used = images.counted
    told = _Images(images, used)
    members = [np.ones(used.sum(), dtype=bool), *(group.members[used] for group in groups)]
    names = [("", ""), *((group.column, group.value) for group in groups)]
    measured = [
        _measure(told, inside, *name)
        for inside, name in zip(members, names, strict=True)
        if inside.any()
    ]
    tests = [(found, key) for found in measured for key, p in found.p.items() if not math.isnan(p)]
    corrected = holm([found.p[key] for found, key in tests])
    for (found, key), p in zip(tests, corrected, strict=True):
        found.corrected_p[key] = p
    return measured


def _measure(told: _Images, inside: NDArray[np.bool_], column: str, value: str) -> GroupFigures:
    lesions = told.lesions[inside]
    sample = ScoredImages(told.probabilities[inside], told.labels[inside], told.classes, lesions)
    own = {name: told.values[name][inside] for name in ("coverage", "set_size")}

    def figures(weights: NDArray[np.float64]) -> Figures:
        found = {k: v for k, v in sample.figures(weights).items() if k not in BY_CLASS}
        return found | {name: mean(values, weights) for name, values in own.items()}

    compared = inside & np.isin(told.labels, told.labels[~inside])
    rest = ~inside & np.isin(told.labels, told.labels[inside])
    unknown = dict.fromkeys(DIFFERENCES, math.nan)
    found = GroupFigures(
        column=column,
        value=value,
        n_lesions=len(np.unique(lesions)),
        n_images=int(inside.sum()),
        n_compared=len(np.unique(told.lesions[compared])),
        n_rest=len(np.unique(told.lesions[rest])),
        figures=estimate_figures(figures, lesions, N_RESAMPLES),
        differences=_differ(told, inside),
        p=dict(unknown),
        corrected_p=dict(unknown),
    )
    return replace(found, p=_test(told, inside)) if found.tested else found


def _differ(told: _Images, inside: NDArray[np.bool_]) -> dict[str, Estimate]:
    """Estimate the differences from the rest; NaN where no class has images on both sides."""
    if inside.all():
        return dict.fromkeys(DIFFERENCES, Estimate(math.nan, math.nan, math.nan))
    n_classes = len(told.classes)
    sides = [side.astype(np.float64) for side in (inside, ~inside)]
    counts = [sum_by_number(told.labels, n_classes, side) for side in sides]
    # What is not known of any image is not known of a class, and must not be 0 times NaN.
    sums = {
        name: [sum_by_number(told.labels, n_classes, side * values) for side in sides]
        for name, values in told.values.items()
    }

    def differences(weights: NDArray[np.float64]) -> Figures:
        images = [times(matrix, weights) for matrix in counts]
        found = {}
        for name, pair in sums.items():
            within, beyond = (
                ratio(times(m, weights), n) for m, n in zip(pair, images, strict=True)
            )
            found[name] = _average(within - beyond, images[0])
        return found

    return estimate_figures(differences, told.lesions, N_RESAMPLES)


def _average(gaps: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average the gaps of classes that are known, (n_classes, ...), by the group's images."""
    known = ~np.isnan(gaps)
    return ratio(np.nansum(gaps * counts, axis=0), (counts * known).sum(axis=0))


def _test(told: _Images, inside: NDArray[np.bool_]) -> dict[str, float]:
    values = np.stack([told.values[name] for name in DIFFERENCES])
    p_values = exchange_test(values, inside, told.labels, told.lesions)
    return dict(zip(DIFFERENCES, p_values.tolist(), strict=True))


def exchange_test(
    values: NDArray[np.float64],
    inside: NDArray[np.bool_],
    labels: NDArray[np.intp],
    lesions: NDArray[np.intp],
    n_permutations: int = N_PERMUTATIONS,
    random_state: int = 0,
) -> NDArray[np.float64]:
    """Test whether lesions of a class could be exchanged between a group and the rest unnoticed.

    The statistic is the mean, over the group's images of classes with images on both sides, of
    the value less the mean of their class in the rest. Lesions change sides within their class, so
    that groups of other class shares do not differ for that; a lesion with images on both sides
    counts as two.

    Parameters
    ----------
    values : float64 (n_figures, n_images)
    inside : bool (n_images,)
        Whether an image is in the group.
    labels, lesions : intp (n_images,)
    n_permutations, random_state : int

    Returns
    -------
    float64 (n_figures,)
        Two-sided p, at least ``1 / (n_permutations + 1)`` [1]_; NaN where there is nothing to
        exchange, or a value is not known.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, "Permutation p-values should never be zero", Statistical
       Applications in Genetics and Molecular Biology 9, 2010.
    """
    keys = np.stack([labels, lesions, inside.astype(np.intp)])
    (classes, _, sides), parts = np.unique(keys, axis=1, return_inverse=True)
    images = np.bincount(parts.ravel()).astype(np.float64)
    sums = np.stack([np.bincount(parts.ravel(), weights=row) for row in values], axis=1)
    each = [np.flatnonzero(classes == c) for c in np.unique(classes)]
    shared = [rows for rows in each if 0 < sides[rows].sum() < len(rows)]
    if not shared:
        return np.full(len(values), np.nan)
    draw = np.random.default_rng(random_state)

    def statistic(n: int, *, permuted: bool) -> NDArray[np.float64]:
        total, n_images = np.zeros((n, len(values))), np.zeros((n, 1))
        for rows in shared:
            drawn = np.tile(sides[rows].astype(np.float64), (n, 1))
            drawn = draw.permuted(drawn, axis=1) if permuted else drawn
            within, count = drawn @ sums[rows], (drawn @ images[rows])[:, None]
            whole, of_all = sums[rows].sum(axis=0), images[rows].sum()
            total += within - count * (whole - within) / (of_all - count)
            n_images += count
        return total / n_images

    found = np.abs(statistic(1, permuted=False)) - 1e-12
    larger = np.zeros(len(values))
    for start in range(0, n_permutations, PERMUTATIONS_AT_ONCE):
        size = min(PERMUTATIONS_AT_ONCE, n_permutations - start)
        larger += (np.abs(statistic(size, permuted=True)) >= found).sum(axis=0)
    return np.where(np.isnan(found[0]), np.nan, (1 + larger) / (1 + n_permutations))
