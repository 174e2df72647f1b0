"""The figures of scored images and their intervals: of a method, and of a file of predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    N_RESAMPLES,
    Estimate,
    Figures,
    interval_around,
    mean_of_known,
    resample_figures,
)
from trifuse.classifiers.metrics import (
    BY_CLASS,
    Metrics,
    baseline_metrics,
    bootstrap_intervals,
    compute_metrics,
)
from trifuse.classifiers.scored_images import ScoredImages
from trifuse.classifiers.text_tables import (
    TITLES,
    json_safe,
    plain_table,
    with_interval,
    write_number,
)

FIGURES = {
    name: TITLES[name]
    for name in (
        "balanced_bma", "bma", "accuracy", "top_3_accuracy",
        "macro_f1", "macro_auc", "log_loss", "ece",
    )
}  # fmt: skip
"""Of every method; all but the first under the class shares of the training parts."""
EVALUATED = {
    name: TITLES[name]
    for name in (
        "bma", "accuracy", "top_2_accuracy", "top_3_accuracy",
        "macro_auc", "macro_f1", "log_loss", "brier", "ece",
    )
} | {"bma": "BMA (balanced accuracy)", "ece": "ECE (15 bins, debiased)"}  # fmt: skip
"""Of the images of a file of predictions."""


@dataclass(frozen=True)
class Answers:
    """What is said of every image by what did not see it.

    Attributes
    ----------
    probabilities : ndarray of float64, shape (n_repeats, n_images, n_classes)
        Under the class shares of each fold's training part; rows sum to 1.
    balanced : ndarray of float64, shape (n_repeats, n_images, n_classes)
        The same, shifted to a prior in which all classes are equally frequent.
    """

    probabilities: NDArray[np.float64]
    balanced: NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What is so of the images of one archive.

    Attributes
    ----------
    classes : tuple of str
        In the order of the probabilities' columns.
    labels : ndarray of intp, shape (n_images,)
    groups : ndarray of intp, shape (n_images,)
        The number of each image's lesion.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.intp]
    groups: NDArray[np.intp]


@dataclass(frozen=True)
class Measured:
    """The figures of one method, on all images and on every resample of the lesions.

    Attributes
    ----------
    values : dict of str to float
        Of `FIGURES`, and of each class ``recall_CLASS`` and ``balanced_recall_CLASS``.
    resampled : dict of str to float64 (n_resamples,)
    """

    values: dict[str, float]
    resampled: dict[str, NDArray[np.float64]]

    def estimate(self, figure: str) -> Estimate:
        """Give a figure with its percentile interval."""
        value = self.values[figure]
        return Estimate(value, *interval_around(value, self.resampled[figure]))

    def minus(self, other: Measured, figure: str) -> Estimate:
        """Give the difference from another method, paired: both are on the same resamples."""
        value = self.values[figure] - other.values[figure]
        change = self.resampled[figure] - other.resampled[figure]
        return Estimate(value, *interval_around(value, change))


def measure_method(answers: Answers, truth: Truth, n_resamples: int = N_RESAMPLES) -> Measured:
    """Measure one method; each figure is the mean over the repeats of it on all images.

    Parameters
    ----------
    answers : Answers
    truth : Truth
        The resamples depend on its lesions alone.
    n_resamples : int
    """
    repeats = [
        (
            ScoredImages(probabilities, truth.labels, truth.classes, truth.groups),
            ScoredImages(balanced, truth.labels, truth.classes),
        )
        for probabilities, balanced in zip(answers.probabilities, answers.balanced, strict=True)
    ]

    def mean_figures(weights: NDArray[np.float64]) -> Figures:
        each = []
        for sample, balanced in repeats:
            recall = balanced.recall(weights)
            found = {"balanced_bma": mean_of_known(recall), "balanced_recall": recall}
            each.append(sample.figures(weights) | found)
        return {name: np.mean([figures[name] for figures in each], axis=0) for name in each[0]}

    values, resampled = resample_figures(mean_figures, truth.groups, n_resamples)
    places: dict[str, tuple[str, int | EllipsisType]] = {name: (name, ...) for name in FIGURES}
    for kind in ("recall", "balanced_recall"):
        places |= {f"{kind}_{name}": (kind, row) for row, name in enumerate(truth.classes)}
    return Measured(
        {name: float(values[kind][row]) for name, (kind, row) in places.items()},
        {name: resampled[kind][row] for name, (kind, row) in places.items()},
    )


@dataclass(frozen=True)
class Evaluated:
    """The figures of some images.

    Attributes
    ----------
    metrics : Metrics
        NaN where the file does not hold what a figure needs.
    intervals : dict
        95 % bootstrap intervals of every figure, resampling `resampled`, as
        `trifuse.classifiers.metrics.bootstrap_intervals` gives them.
    baseline : Metrics
        Of always answering with the class frequencies of these images.
    resampled : str
        "lesions" or "images".
    """

    metrics: Metrics
    intervals: dict[str, Any]
    baseline: Metrics
    resampled: str

    @classmethod
    def of(
        cls,
        probabilities: NDArray[np.float64],
        labels: NDArray[np.intp],
        lesions: Sequence[str],
        classes: Sequence[str],
    ) -> Evaluated:
        """Measure images; (n_images, n_classes), and a label and a lesion each."""
        return cls(
            compute_metrics(probabilities, labels, classes, lesions),
            bootstrap_intervals(probabilities, labels, lesions, classes),
            baseline_metrics(labels, classes),
            "lesions" if len(set(lesions)) < len(lesions) else "images",
        )

    @property
    def largest_class(self) -> str:
        """The class that has the most images."""
        return max(self.metrics.classes, key=lambda name: self.metrics.support[name])

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values, with None for what is undefined or not known."""
        plain: dict[str, Any] = json_safe(
            {
                "metrics": self.metrics.to_dict(),
                "intervals": {"level": 0.95, "resampled": self.resampled, **self.intervals},
                "largest_class": {
                    "class": self.largest_class,
                    **{name: getattr(self.baseline, name) for name in EVALUATED},
                },
            }
        )
        return plain

    def tables(self) -> list[str]:
        """Give plain aligned tables: the figures, those of each class, and the confusion."""
        figures = list(BY_CLASS)
        if all(map(math.isnan, self.metrics.auc.values())):
            figures.remove("auc")
        titles = ["AUC" if name == "auc" else name for name in figures]
        by_class = class_rows(self.metrics, self.intervals, figures)
        confusion = ["truth \\ predicted", *self.metrics.classes]
        return [
            self.figures(),
            plain_table(["class", "images", *titles], by_class),
            plain_table(confusion, confusion_rows(self.metrics)),
        ]

    def figures(self) -> str:
        """Give the figures of all classes together as a plain aligned table."""
        header = ["", "value", "95 % interval", f"always {self.largest_class}"]
        rows = []
        for name, title in EVALUATED.items():
            value, baseline = getattr(self.metrics, name), getattr(self.baseline, name)
            low, high = self.intervals[name]
            interval = "" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
            if not math.isnan(value):
                rows.append([title, write_number(value), interval, write_number(baseline)])
        note = f"Intervals: bootstrap over {self.resampled}."
        return f"{plain_table(header, rows)}\n{note}"


def class_rows(
    metrics: Metrics, intervals: Mapping[str, Any], figures: Iterable[str] = BY_CLASS
) -> list[list[str]]:
    """Give the cells of a table of a row a class: its name, its images, and figures of it."""
    return [
        [
            name,
            str(metrics.support[name]),
            *(with_interval(getattr(metrics, key)[name], intervals[key][name]) for key in figures),
        ]
        for name in metrics.classes
    ]


def confusion_rows(metrics: Metrics) -> list[list[str]]:
    """Give the cells of the confusion matrix: a row a label, with its name in front."""
    return [
        [name, *map(str, counts)]
        for name, counts in zip(metrics.classes, metrics.confusion, strict=True)
    ]
