"""How some classes are told from all others at every threshold, with intervals over lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import (
    Estimate,
    Figures,
    estimate_figures,
    interval_around,
    number_groups,
    resample_figures,
)
from trifuse.classifiers.ranked_images import RankedImages
from trifuse.studies.evaluation.matched import MatchedImages
from trifuse.studies.evaluation.positives import N_RESAMPLES, number_positive, sum_probabilities

GRID = np.linspace(0, 1, 201)


@dataclass(frozen=True)
class DetectionCurves:
    """How well some classes are told from all others.

    Attributes
    ----------
    name : str
        The class, or classes with a plus between them.
    n_positive, n_images : int
    roc_auc, pr_auc : Estimate
        The latter is the average precision.
    sensitivity : float64 (3, n_points)
        The highest with at most a fallout of each point of `GRID`, and the 95 % interval of each.
    precision : float64 (3, n_points)
        Where the sensitivity is first that of each point, and the 95 % interval of each.
    """

    name: str
    n_positive: int
    n_images: int
    roc_auc: Estimate
    pr_auc: Estimate
    sensitivity: NDArray[np.float64]
    precision: NDArray[np.float64]


def measure_detection(images: MatchedImages, names: Sequence[str] = ()) -> list[DetectionCurves]:
    """Measure how some classes together are told from all others, or, by default, each class.

    Images that the model was trained on are left out, unless there are no others. Classes that have
    no image, or all of them, have no curves, and there are none where the file does not hold the
    probability of every class.

    Raises
    ------
    trifuse.datasets.table.DatasetError
        If one of `names` is none of the model's classes, or all of them are named.
    """
    if not images.table.complete:
        return []
    each = [np.array([column]) for column in range(len(images.table.classes))]
    used = images.counted
    labels, lesions = images.labels[used], number_groups(images.lesions)[used]
    found = []
    for columns in [number_positive(images, names)] if names else each:
        positive = np.isin(labels, columns)
        if positive.any() and not positive.all():
            ranked = RankedImages(sum_probabilities(images, columns)[used], positive, lesions)
            name = " + ".join(images.table.classes[column] for column in columns)
            found.append(_measure(name, ranked, lesions))
    return found


def _measure(name: str, ranked: RankedImages, lesions: NDArray[np.intp]) -> DetectionCurves:
    def curves(weights: NDArray[np.float64]) -> Figures:
        return ranked.curves(weights, GRID)

    areas = estimate_figures(ranked.figures, lesions, N_RESAMPLES)
    values, resampled = resample_figures(curves, lesions, N_RESAMPLES)
    bands = {
        key: np.array(
            [
                (value, *interval_around(value, drawn))
                for value, drawn in zip(values[key].tolist(), resampled[key], strict=True)
            ]
        ).T
        for key in values
    }
    return DetectionCurves(
        name=name,
        n_positive=int(ranked.positive.sum()),
        n_images=len(ranked.positive),
        roc_auc=areas["roc_auc"],
        pr_auc=areas["pr_auc"],
        **bands,
    )
