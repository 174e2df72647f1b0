"""Probabilities beside their labels, ready to be measured under many image weights."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_BINS = 15
ROW_SUM_TOLERANCE = 1e-6


class ScoredImages:
    """Scored images prepared so that figures under many image weights cost little.

    The bootstrap counts an image as often as its group was drawn, so one set of formulas with
    weights serves both the figures and their intervals.

    Parameters
    ----------
    probabilities : float64 (n_images, n_classes)
        Rows sum to 1; NaN where only the most probable classes are known.
    labels : int (n_images,)
        Index into `classes`.
    classes : sequence of str (n_classes,)

    Attributes
    ----------
    ranking : int (n_images, n_classes)
        Classes from the most to the least probable; ties go to the earlier class, NaN comes last.
    rank : int (n_images,)
        Place of the label in its row of `ranking`, from 0.
    confidence : float64 (n_images,)
        The largest probability.

    Raises
    ------
    ValueError
        If there is no image, or shapes, labels or probabilities do not fit.
    """

    def __init__(
        self,
        probabilities: NDArray[np.float64],
        labels: NDArray[np.integer],
        classes: Sequence[str],
    ) -> None:
        _check(probabilities, labels, classes)
        self.labels, self.n_classes = labels, len(classes)
        # What is known of every image: all classes, or the few most probable ones.
        self.n_known = int((~np.isnan(probabilities)).sum(axis=1).min())
        self.ranking = np.argsort(-probabilities, axis=1, kind="stable")
        self.rank = (self.ranking == labels[:, None]).argmax(axis=1)
        self.confidence = np.nanmax(probabilities, axis=1)
        # Bins are open below and closed above, as in the paper of `calibration_error`.
        self.bin = np.searchsorted(np.linspace(0, 1, N_BINS + 1)[1:-1], self.confidence)
        columns = range(self.n_classes if self.n_known == self.n_classes else 0)
        self.order = [self._order(probabilities[:, c], labels == c) for c in columns]

    @staticmethod
    def _order(
        scores: NDArray[np.float64], positive: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], ...]:
        """Find positives, negatives in order of score, and how many are below and not above."""
        positives, negatives = np.flatnonzero(positive), np.flatnonzero(~positive)
        negatives = negatives[np.argsort(scores[negatives])]
        below = np.searchsorted(scores[negatives], scores[positives], side="left")
        not_above = np.searchsorted(scores[negatives], scores[positives], side="right")
        return positives, negatives, below, not_above

    def summary(self, weights: NDArray[Any]) -> dict[str, float]:
        """Compute the figures that get an interval, each image counted `weights` times."""
        total = np.bincount(self.labels, weights, minlength=self.n_classes)
        right = np.bincount(self.labels, weights * (self.rank == 0), minlength=self.n_classes)
        auc = self.auc(weights)
        defined = auc[~np.isnan(auc)]
        return {
            "bma": float((right[total > 0] / total[total > 0]).mean()),
            "accuracy": self.top_k(weights, 1),
            "top_3_accuracy": self.top_k(weights, 3),
            "macro_auc": float(defined.mean()) if len(defined) else math.nan,
            "ece": self.calibration_error(weights),
        }

    def top_k(self, weights: NDArray[Any], k: int) -> float:
        """Compute the share of images whose label is among the k most probable classes."""
        if self.n_known < min(k, self.n_classes):
            return math.nan
        return float(weights @ (self.rank < k) / weights.sum())

    def calibration_error(self, weights: NDArray[Any]) -> float:
        """Compute the expected calibration error of the top-1 confidence [1]_, equation 3.

        References
        ----------
        .. [1] C. Guo et al., "On calibration of modern neural networks", ICML 2017.
        """
        gap = np.bincount(self.bin, weights * ((self.rank == 0) - self.confidence))
        return float(np.abs(gap).sum() / weights.sum())

    def auc(self, weights: NDArray[Any]) -> NDArray[np.float64]:
        """Compute each class's one-vs-rest AUC (n_classes,), NaN if it is absent or alone.

        It is the chance that an image of the class outranks one of another class.
        """
        values = np.full(self.n_classes, np.nan)
        for column, (positives, negatives, below, not_above) in enumerate(self.order):
            passed = np.concatenate([[0.0], np.cumsum(weights[negatives])])
            pairs = weights[positives].sum() * passed[-1]
            if pairs > 0:
                # A tie is half a win.
                wins = weights[positives] @ (passed[below] + passed[not_above]) / 2
                values[column] = wins / pairs
        return values


def _check(
    probabilities: NDArray[np.float64], labels: NDArray[np.integer], classes: Sequence[str]
) -> None:
    if len(labels) == 0:
        raise ValueError("there is no scored image to measure")
    if len(classes) < 2:
        raise ValueError("at least two classes are needed to measure anything")
    if probabilities.shape != (len(labels), len(classes)):
        raise ValueError(
            f"probabilities have the shape {probabilities.shape}, but {len(labels)} labels and "
            f"{len(classes)} classes ask for {(len(labels), len(classes))}"
        )
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"labels must be 0 to {len(classes) - 1}, the indices of the classes")
    known = ~np.isnan(probabilities)
    sums, full = np.nansum(probabilities, axis=1), known.all(axis=1)
    if (
        not known.any(axis=1).all()
        or np.nanmin(probabilities) < 0
        or (sums > 1 + ROW_SUM_TOLERANCE).any()
        or (sums[full] < 1 - ROW_SUM_TOLERANCE).any()
    ):
        raise ValueError("probabilities must be at least 0 and sum to 1 in every row")
