"""How good calibrated multi-class probabilities are, with intervals.

Everything that is averaged over classes uses one rule: the mean runs over the classes that the
labels hold. A class without an image has no recall (NaN) and counts in no mean.
"""

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from trifuse.classifiers.bootstrap import interval_around, resample_figures
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.classifiers.text_tables import json_safe

BY_CLASS = ("recall", "precision", "auc")
"""The figures of each class."""


@dataclass(frozen=True)
class Metrics:
    """The figures of one set of scored images; NaN where one is undefined or cannot be known.

    Attributes
    ----------
    classes : tuple of str
        In the order of the columns of the probabilities and of `confusion`.
    n_images : int
    bma : float
        Balanced multi-class accuracy, the mean recall over the classes present (ISIC 2018).
    accuracy, top_2_accuracy, top_3_accuracy : float
        Share of images whose label is the most, the two most, the three most probable classes.
    macro_auc : float
        Mean of `auc` over the classes where it is defined.
    macro_f1 : float
        Mean F1 over the classes present.
    ece : float
        Expected calibration error of the top-1 confidence: the debiased root of the mean squared
        gap between confidence and accuracy, in 15 bins of equal width; NaN for one lesion. See
        `ScoredImages.squared_calibration_error`.
    log_loss : float
        Mean negative natural logarithm of the probability of the label.
    brier : float
        Mean squared distance to the one-hot label, summed over classes: 0 to 2 [1]_.
    recall, precision, auc : dict of float by class
        `precision` is NaN for a class never predicted; `auc` is one-vs-rest and NaN for a class
        that is absent or alone.
    support : dict of int by class
        Images that have this label.
    confusion : tuple of tuple of int
        Rows are labels, columns are predicted classes.

    References
    ----------
    .. [1] G. W. Brier, "Verification of forecasts expressed in terms of probability",
       Monthly Weather Review 78 (1950), eq. 2.
    """

    classes: tuple[str, ...]
    n_images: int
    bma: float
    accuracy: float
    top_2_accuracy: float
    top_3_accuracy: float
    macro_auc: float
    macro_f1: float
    ece: float
    log_loss: float
    brier: float
    recall: dict[str, float]
    precision: dict[str, float]
    auc: dict[str, float]
    support: dict[str, int]
    confusion: tuple[tuple[int, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for NaN."""
        plain: dict[str, Any] = json_safe(asdict(self))
        return plain


def compute_metrics(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    groups: Sequence[Hashable] | NDArray[Any] | None = None,
) -> Metrics:
    """Measure probabilities against labels.

    Parameters
    ----------
    probabilities : float64 (n_images, n_classes)
        Rows sum to 1. Where only the few most probable classes of an image are known (a table of
        the top 3), the others are NaN; then the figures that need them are NaN.
    labels : int (n_images,)
        Index into `classes`.
    classes : sequence of str (n_classes,)
    groups : sequence (n_images,), optional
        The lesion of each image, for the ECE; every image by itself unless told.

    Returns
    -------
    Metrics

    Raises
    ------
    ValueError
        If there is no image, or shapes, labels or probabilities do not fit.

    Examples
    --------
    >>> metrics = compute_metrics(
    ...     np.array([[0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]), np.array([0, 1, 1]), ["cat", "dog"]
    ... )
    >>> metrics.bma, metrics.recall
    (0.75, {'cat': 1.0, 'dog': 0.5})
    """
    sample = ScoredImages(probabilities, labels, classes, groups)
    figures, _ = resample_figures(sample.figures, range(len(labels)), n_resamples=0)
    named: dict[str, Any] = {
        name: dict(zip(classes, value.tolist(), strict=True)) if name in BY_CLASS else float(value)
        for name, value in figures.items()
    }
    confusion = confusion_matrix(labels, sample.ranking[:, 0], labels=range(len(classes)))
    return Metrics(
        classes=tuple(classes),
        n_images=len(labels),
        **named,
        support=dict(zip(classes, confusion.sum(axis=1).tolist(), strict=True)),
        confusion=tuple(map(tuple, confusion.tolist())),
    )


def baseline_metrics(labels: NDArray[np.integer], classes: Sequence[str]) -> Metrics:
    """Measure what always answering with the class frequencies of `labels` would score.

    Its first answer is always the largest class, so its accuracy is that class's share; any
    classifier has to be read beside it.
    """
    frequencies = np.bincount(labels, minlength=len(classes)) / max(len(labels), 1)
    return compute_metrics(np.tile(frequencies, (len(labels), 1)), labels, classes)


def bootstrap_intervals(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.integer],
    groups: Sequence[Hashable] | NDArray[Any],
    classes: Sequence[str],
    n_resamples: int = 1000,
    level: float = 0.95,
    random_state: int = 0,
) -> dict[str, Any]:
    """Percentile intervals of all figures, resampling whole groups.

    Images of one lesion are no independent evidence, so lesions are drawn with replacement, each
    with all of its images. A resample that lacks a class averages over those it holds. The interval
    of the ECE is made from the resamples by `trifuse.classifiers.bootstrap.reflect`. Each
    interval holds its figure.

    Parameters
    ----------
    probabilities, labels, classes
        As for `compute_metrics`.
    groups : sequence (n_images,)
        The lesion of each image.

    Returns
    -------
    dict
        (low, high) by the names of the figures of `Metrics`, and for `BY_CLASS` a dict of these by
        class; NaN where the figure is NaN, and everywhere if there are fewer than two groups.
    """
    sample = ScoredImages(probabilities, labels, classes, groups)
    values, resampled = resample_figures(sample.figures, groups, n_resamples, random_state)
    intervals: dict[str, Any] = {}
    for name, value in values.items():
        each = [
            interval_around(one, row, level)
            for one, row in zip(
                np.ravel(value).tolist(), np.atleast_2d(resampled[name]), strict=True
            )
        ]
        intervals[name] = dict(zip(classes, each, strict=True)) if name in BY_CLASS else each[0]
    return intervals


def describe_metrics(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    groups: Sequence[Hashable],
) -> dict[str, Any]:
    """Give `Metrics` as plain JSON values, and with them, as "intervals", those of every figure."""
    metrics = compute_metrics(probabilities, labels, classes, groups)
    intervals = bootstrap_intervals(probabilities, labels, groups, classes)
    return {**metrics.to_dict(), "intervals": json_safe(intervals)}
