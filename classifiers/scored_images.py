"""Probabilities beside their labels, ready to be measured under many image weights."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from trifuse.classifiers.bootstrap import (
    SQUARED_ECE,
    mean,
    mean_of_known,
    number_groups,
    ratio,
    sum_by_number,
    times,
)

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
    groups : sequence (n_images,), optional
        The lesion of each image; every image by itself unless told. The calibration error alone
        asks for it.

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
        groups: Sequence[Hashable] | NDArray[Any] | None = None,
    ) -> None:
        groups = range(len(labels)) if groups is None else groups
        _check(probabilities, labels, classes, groups)
        self.labels, self.n_classes = labels, len(classes)
        # What is known of every image: all classes, or the few most probable ones.
        self.n_known = int((~np.isnan(probabilities)).sum(axis=1).min())
        self.ranking = np.argsort(-probabilities, axis=1, kind="stable")
        self.rank = (self.ranking == labels[:, None]).argmax(axis=1)
        self.confidence = np.nanmax(probabilities, axis=1)
        self.likelihood = probabilities[np.arange(len(labels)), labels]
        self._distance = (probabilities**2).sum(axis=1) - 2 * self.likelihood + 1
        # Sums over classes and bins are products with sparse matrices: one number an image.
        right, everyone = self.rank == 0, np.ones(len(labels))
        self._bins = self._bin(right - self.confidence, groups)
        self._of_class = sum_by_number(labels, self.n_classes, everyone)
        self._right = sum_by_number(labels, self.n_classes, right.astype(np.float64))
        self._in_class = sum_by_number(self.ranking[:, 0], self.n_classes, everyone)
        columns = range(self.n_classes if self.n_known == self.n_classes else 0)
        self.order = [self._order(probabilities[:, c], labels == c) for c in columns]

    def _bin(
        self, gaps: NDArray[np.float64], groups: Sequence[Hashable] | NDArray[Any]
    ) -> list[csr_array[np.float64]]:
        """Give the sums of each bin: gaps, images, and both times those of the image's group."""
        # Bins are open below and closed above, as in the paper of `squared_calibration_error`.
        bins = np.searchsorted(np.linspace(0, 1, N_BINS + 1)[1:-1], self.confidence)
        cells = number_groups(groups) * N_BINS + bins
        _, cells, images = np.unique(cells, return_inverse=True, return_counts=True)
        own = np.bincount(cells, weights=gaps)[cells], images[cells].astype(np.float64)
        values = (gaps, np.ones(len(gaps)), gaps * own[0], own[1])
        return [sum_by_number(bins, N_BINS, value) for value in values]

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

    def figures(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Compute every figure, each image counted `weights` times.

        Parameters
        ----------
        weights : float64 (n_images, ...)
            As here in every method, further axes are of so many resamples, each figure's own.

        Returns
        -------
        dict of str to float64
            (n_classes, ...) for "recall", "precision" and "auc", (...) for all others.
        """
        recall, auc = self.recall(weights), self.auc(weights)
        return {
            "bma": mean_of_known(recall),
            "accuracy": self.top_k(weights, 1),
            "top_2_accuracy": self.top_k(weights, 2),
            "top_3_accuracy": self.top_k(weights, 3),
            "macro_auc": mean_of_known(auc),
            "macro_f1": mean_of_known(self.f1(weights)),
            SQUARED_ECE: self.squared_calibration_error(weights),
            "log_loss": self.log_loss(weights),
            "brier": self.brier(weights),
            "recall": recall,
            "precision": self.precision(weights),
            "auc": auc,
        }

    def recall(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's recall (n_classes, ...), NaN if it is absent."""
        return ratio(times(self._right, weights), times(self._of_class, weights))

    def precision(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's precision (n_classes, ...), NaN if it is never predicted."""
        return ratio(times(self._right, weights), times(self._in_class, weights))

    def f1(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's F1 (n_classes, ...), NaN if it is absent."""
        present = times(self._of_class, weights)
        return ratio(
            2 * (times(self._right, weights)),
            np.where(present > 0, present + times(self._in_class, weights), 0),
        )

    def top_k(self, weights: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Compute the share of images whose label is among the k most probable classes."""
        if self.n_known < min(k, self.n_classes):
            return np.full(weights.shape[1:], np.nan)
        return mean((self.rank < k).astype(np.float64), weights)

    def log_loss(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the mean of -ln p(label); a p of 0 counts as the smallest step from 1 to less."""
        losses = -np.log(np.maximum(self.likelihood, np.finfo(np.float64).eps))
        return mean(losses if self.n_known == self.n_classes else losses * np.nan, weights)

    def brier(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the mean squared distance to the one-hot label, summed over classes."""
        return mean(self._distance, weights)

    def squared_calibration_error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the debiased square of the calibration error of the top-1 confidence.

        The calibration error is the root of the mean, over images, of the squared gap between a
        bin's accuracy and its mean confidence. Squared as they are found, gaps of few images count
        chance as an error. So pairs of images take a square's place, as in the debiased
        estimator of [1]_, section 5, and none within a group: with the sums S of a bin's gaps and
        N of its images, and s and n those of its groups, a bin's squared gap is
        ``(S^2 - sum s^2) / (N^2 - sum n^2)``. It has the right mean, and is below zero by chance.
        A bin of one group says nothing, and is left out.

        References
        ----------
        .. [1] A. Kumar, P. Liang, T. Ma, "Verified uncertainty calibration", NeurIPS 2019. The
           bins, of equal width, are those of C. Guo et al., "On calibration of modern neural
           networks", ICML 2017, section 2.
        """
        gaps, images, of_gaps, of_images = (times(matrix, weights) for matrix in self._bins)
        pairs = images**2 - of_images
        squares = ratio(gaps**2 - of_gaps, pairs)
        known = np.where(pairs > 0, images, 0)
        return ratio(np.nansum(squares * known, axis=0), known.sum(axis=0))

    def auc(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's one-vs-rest AUC (n_classes, ...), NaN if it is absent or alone.

        It is the chance that an image of the class outranks one of another class.
        """
        values = np.full((self.n_classes, *weights.shape[1:]), np.nan)
        for column, (positives, negatives, below, not_above) in enumerate(self.order):
            passed = np.zeros((len(negatives) + 1, *weights.shape[1:]))
            np.cumsum(weights[negatives], axis=0, out=passed[1:])
            counted = weights[positives]
            # A tie is half a win.
            wins = (counted * (passed[below] + passed[not_above])).sum(axis=0) / 2
            values[column] = ratio(wins, counted.sum(axis=0) * passed[-1])
        return values


def _check(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.integer],
    classes: Sequence[str],
    groups: Sequence[Hashable] | NDArray[Any],
) -> None:
    if len(labels) == 0:
        raise ValueError("there is no scored image to measure")
    if len(groups) != len(labels):
        raise ValueError(f"there are {len(labels)} labels but {len(groups)} groups")
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
