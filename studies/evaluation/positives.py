"""The price of finding some classes: they are told from all others by their summed probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Figures, number_groups, ratio, resample_figures
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.datasets.predictions import find_classes
from trifuse.datasets.table import DatasetError
from trifuse.studies.evaluation.matched import MatchedImages
from trifuse.studies.measured import Estimate, Measured

SPECIFICITIES = (80, 90, 95)
SENSITIVITIES = (80, 90, 95, 99)
FOUND = (80, 90, 95, 99)
"""In percent."""
N_RESAMPLES = 1000
ROUNDING = 1e-9
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


def tell_positive(images: MatchedImages, names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which images are of one of some classes; (n_images,).

    Raises
    ------
    DatasetError
        If one is none of the model's classes, or all of them are named.
    """
    return np.isin(images.labels, _find_classes(images, names))


def _find_classes(images: MatchedImages, names: Sequence[str]) -> NDArray[np.intp]:
    """Find classes by name, in any letter case where that is enough; (n_names,)."""
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
    columns, used = _find_classes(images, names), images.counted
    if not images.table.complete:
        raise DatasetError(
            "the predictions lack the probabilities of all classes, which positive ones are summed "
            "from; run predict with --probabilities"
        )
    positive = np.isin(images.labels[used], columns)
    if positive.all() or not positive.any():
        which = "every" if positive.all() else "no"
        raise DatasetError(f"{which} image with a truth is of the classes {', '.join(names)}")
    scores = images.probabilities[used][:, columns].sum(axis=1)
    scores = np.minimum(scores.round(DIGITS), 1)  # what is equal but for rounding is equal
    lesions = number_groups(images.lesions)[used]
    pair = np.stack([1 - scores, scores], axis=1)
    sample = ScoredImages(pair, positive.astype(np.intp), ("others", "positive"))
    by_score = _Order(scores, positive, lesions)
    orders = {"work": by_score}
    if images.table.reviews is not None:
        doubtful = np.array([bool(images.table.reviews[row]) for row in images.rows])[used]
        orders["review_first"] = _Order(scores + 2 * doubtful, positive, lesions)

    def figures(weights: NDArray[np.float64]) -> Figures:
        found = {"roc_auc": sample.auc(weights)[1], **by_score.figures(weights)}
        for name, order in orders.items():
            found |= {f"{name}_{share}": order.work(weights, share / 100) for share in FOUND}
        return found

    values, resampled = resample_figures(figures, lesions, N_RESAMPLES)
    measured = Measured({name: float(value) for name, value in values.items()}, resampled)
    return PositiveFigures(
        classes=tuple(images.table.classes[column] for column in columns),
        n_images=len(positive),
        n_positive=int(positive.sum()),
        n_lesions=len(np.unique(lesions)),
        n_positive_lesions=len(np.unique(lesions[positive])),
        figures={name: measured.estimate(name) for name in values},
    )


class _Order:
    """Images in the order in which they are looked at, the highest score first, equal ones at once.

    Sums up to a place are (n_places, ...) for weights (n_images, ...).
    """

    def __init__(
        self,
        scores: NDArray[np.float64],
        positive: NDArray[np.bool_],
        lesions: NDArray[np.intp],
    ) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.ends = np.flatnonzero(np.append(np.diff(scores[self.order]) != 0, True))
        self.positive = positive[self.order]
        # A lesion is found by the first of its positive images.
        places = np.flatnonzero(self.positive)
        _, first = np.unique(lesions[self.order][places], return_index=True)
        self.finds = np.zeros(len(scores), dtype=bool)
        self.finds[places[first]] = True

    def _sum(self, weights: NDArray[np.float64], which: NDArray[np.bool_]) -> NDArray[np.float64]:
        chosen = which.reshape(-1, *[1] * (weights.ndim - 1))
        return np.asarray(np.cumsum(weights[self.order] * chosen, axis=0)[self.ends])

    def figures(self, weights: NDArray[np.float64]) -> Figures:
        """Give the average precision, and sensitivities and specificities; (...) each."""
        right, wrong = (self._sum(weights, which) for which in (self.positive, ~self.positive))
        sensitivity = ratio(right, np.broadcast_to(right[-1], right.shape))
        fallout = ratio(wrong, np.broadcast_to(wrong[-1], wrong.shape))
        steps = np.diff(sensitivity, axis=0, prepend=0)
        found = {"pr_auc": (steps * np.nan_to_num(ratio(right, right + wrong))).sum(axis=0)}
        for percent in SPECIFICITIES:
            # The last place with this specificity; before the first nothing is found.
            places = (fallout <= 1 - percent / 100 + ROUNDING).sum(axis=0)
            from_none = np.concatenate([np.zeros_like(sensitivity[:1]), sensitivity])
            found[f"sensitivity_at_specificity_{percent}"] = _take(from_none, places)
        for percent in SENSITIVITIES:
            places = (sensitivity < percent / 100 - ROUNDING).sum(axis=0)
            found[f"specificity_at_sensitivity_{percent}"] = 1 - _take(fallout, places)
        unknown = np.isnan(sensitivity[-1]) | np.isnan(fallout[-1])
        return {name: np.where(unknown, np.nan, value) for name, value in found.items()}

    def work(self, weights: NDArray[np.float64], share: float) -> NDArray[np.float64]:
        """Give the share of images until this share of the positive lesions is found; (...)."""
        found = self._sum(weights, self.finds)
        looked = self._sum(weights, np.ones(len(self.order), dtype=bool))
        places = (found < (share - ROUNDING) * found[-1]).sum(axis=0)
        return np.where(found[-1] > 0, _take(looked, places) / looked[-1], np.nan)


def _take(values: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Take the value at a place of the first axis, (n_places, ...) and (...)."""
    places = np.minimum(places, len(values) - 1)
    return np.asarray(np.take_along_axis(values, np.asarray(places)[None], axis=0)[0])
