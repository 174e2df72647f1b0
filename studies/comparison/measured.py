"""The figures of one method, on all images and on resamples of whole lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import percentile_interval, resample_groups
from trifuse.classifiers.scored_images import ScoredImages, mean_of_known
from trifuse.studies.comparison.scores import Answers, Truth

FIGURES = {
    "balanced_bma": "BMA, balanced prior",
    "bma": "BMA",
    "accuracy": "accuracy",
    "top_3_accuracy": "top-3 accuracy",
    "macro_f1": "macro F1",
    "macro_auc": "macro AUC",
    "log_loss": "log loss",
    "ece": "ECE",
}
"""Of every method; all but the first under the class shares of the training parts."""
N_RESAMPLES = 2000


class Estimate(NamedTuple):
    """A figure and its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


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
        return Estimate(self.values[figure], *percentile_interval(self.resampled[figure]))

    def minus(self, other: Measured, figure: str) -> Estimate:
        """Give the difference from another method, paired: both are on the same resamples."""
        change = self.resampled[figure] - other.resampled[figure]
        return Estimate(self.values[figure] - other.values[figure], *percentile_interval(change))


def measure(answers: Answers, truth: Truth, n_resamples: int = N_RESAMPLES) -> Measured:
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
            ScoredImages(probabilities, truth.labels, truth.classes),
            ScoredImages(balanced, truth.labels, truth.classes),
        )
        for probabilities, balanced in zip(answers.probabilities, answers.balanced, strict=True)
    ]
    names = _names(truth.classes)

    def mean_figures(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.mean([_figures(*pair, weights) for pair in repeats], axis=0))

    values = mean_figures(np.ones(len(truth.labels)))
    resampled = np.concatenate(
        [
            np.empty((len(names), 0)),
            *map(mean_figures, resample_groups(truth.groups, n_resamples, random_state=0)),
        ],
        axis=1,
    )
    return Measured(
        dict(zip(names, values.tolist(), strict=True)), dict(zip(names, resampled, strict=True))
    )


def _names(classes: Sequence[str]) -> list[str]:
    """Name the rows of `_figures`."""
    recalls = [f"{prior}recall_{name}" for prior in ("", "balanced_") for name in classes]
    return [*FIGURES, *recalls]


def _figures(
    sample: ScoredImages, balanced: ScoredImages, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute every figure (n_figures, ...) in the order of `_names`."""
    recall, balanced_recall = sample.recall(weights), balanced.recall(weights)
    summary = sample.summary(weights) | {
        "balanced_bma": mean_of_known(balanced_recall),
        "macro_f1": mean_of_known(sample.f1(weights)),
        "log_loss": sample.log_loss(weights),
    }
    return np.stack([*(summary[name] for name in FIGURES), *recall, *balanced_recall])
