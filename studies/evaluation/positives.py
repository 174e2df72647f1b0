"""The price of finding some classes: they are told from all others by their summed probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate, Figures, estimate_figures, number_groups
from trifuse.classifiers.ranked_images import RankedImages
from trifuse.datasets.predictions import find_classes
from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.matched import MatchedImages

FOUND = (80, 90, 95, 99)
"""In percent."""
N_RESAMPLES = 1000
DIGITS = 12
"""Of a sum of probabilities."""


@dataclass(frozen=True)
class PositiveFigures:
    """How well some classes are told from all others.

    Attributes
    ----------
    classes : tuple of str
    n_images, n_positive, n_lesions, n_positive_lesions : int
    figures : dict of str to Estimate
        ``roc_auc``; ``pr_auc``, the average precision; ``sensitivity_at_specificity_90`` and so
        on, the highest with at least this specificity; ``specificity_at_sensitivity_90`` and so on;
        ``work_90`` and so on, the share of the images that are looked at, in order of probability,
        until this share of the positive lesions is found; and ``review_first_90``, the same where
        all images with a reason for a review are looked at first, if the file has reasons.
    """

    classes: tuple[str, ...]
    n_images: int
    n_positive: int
    n_lesions: int
    n_positive_lesions: int
    figures: dict[str, Estimate]


def sum_probabilities(images: MatchedImages, columns: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum the probabilities of some classes; (n_images,), equal where rounding alone differs."""
    scores = images.probabilities[:, columns].sum(axis=1)
    return np.asarray(np.minimum(scores.round(DIGITS), 1))


def tell_positive(images: MatchedImages, names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which images are of one of some classes; (n_images,).

    Raises
    ------
    DatasetError
        If one is none of the model's classes, or all of them are named.
    """
    return np.isin(images.labels, number_positive(images, names))


def number_positive(images: MatchedImages, names: Sequence[str]) -> NDArray[np.intp]:
    """Find classes by name, in any letter case where that is enough; (n_classes,), sorted.

    Raises
    ------
    DatasetError
        If one is none of the model's classes, or all of them are named.
    """
    classes = images.table.classes
    columns = find_classes(classes, names)
    if -1 in columns:
        wrong = names[columns.index(-1)]
        raise DatasetError(
            f"{wrong!r} is none of the classes of the predictions, or may be several: "
            f"{', '.join(classes)}"
        )
    if len(set(columns)) == len(classes):
        raise DatasetError("every class is positive; name those that are to be found")
    return np.unique(columns)


def measure_positives(images: MatchedImages, names: Sequence[str]) -> PositiveFigures:
    """Measure how well some classes are told from all others, and the work of finding them.

    Images that the model was trained on are in no figure, unless there are no others.

    Parameters
    ----------
    images : MatchedImages
    names : sequence of str
        The positive classes.

    Returns
    -------
    PositiveFigures
        Intervals are 95 % percentile intervals on resamples of whole lesions.

    Raises
    ------
    DatasetError
        If a class is not known, the file does not hold the probability of every class, or there is
        no positive image, or no other.
    """
    columns, used = number_positive(images, names), images.counted
    if not images.table.complete:
        raise DatasetError(
            "the predictions lack the probabilities of all classes, which positive ones are summed "
            "from; run predict with --probabilities"
        )
    positive = np.isin(images.labels[used], columns)
    if positive.all() or not positive.any():
        which = "every" if positive.all() else "no"
        raise DatasetError(f"{which} image with a truth is of the classes {', '.join(names)}")
    scores = sum_probabilities(images, columns)[used]
    lesions = number_groups(images.lesions)[used]
    by_score = RankedImages(scores, positive, lesions)
    orders = {"work": by_score}
    if images.table.reviews is not None:
        doubtful = np.array([bool(images.table.reviews[row]) for row in images.rows])[used]
        orders["review_first"] = RankedImages(scores + 2 * doubtful, positive, lesions)

    def figures(weights: NDArray[np.float64]) -> Figures:
        found = by_score.figures(weights)
        for name, order in orders.items():
            found |= {f"{name}_{share}": order.work(weights, share / 100) for share in FOUND}
        return found

    return PositiveFigures(
        classes=tuple(images.table.classes[column] for column in columns),
        n_images=len(positive),
        n_positive=int(positive.sum()),
        n_lesions=len(np.unique(lesions)),
        n_positive_lesions=len(np.unique(lesions[positive])),
        figures=estimate_figures(figures, lesions, N_RESAMPLES),
    )
