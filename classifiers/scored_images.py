"""Probabilities beside their labels, ready to be measured under many image weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

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
        self.likelihood = probabilities[np.arange(len(labels)), labels]
        # Bins are open below and closed above, as in the paper of `calibration_error`.
        bins = np.searchsorted(np.linspace(0, 1, N_BINS + 1)[1:-1], self.confidence)
        # Sums over classes and bins are products with sparse matrices: one number an image.
        right, everyone = self.rank == 0, np.ones(len(labels))
        self._gaps = _by_number(bins, N_BINS, right - self.confidence)
        self._of_class = _by_number(labels, self.n_classes, everyone)
        self._right = _by_number(labels, self.n_classes, right.astype(np.float64))
        self._in_class = _by_number(self.ranking[:, 0], self.n_classes, everyone)
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

    def summary(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Compute the figures that get an interval, each image counted `weights` times.

        Parameters
        ----------
        weights : float64 (n_images, ...)
            As here in every method, further axes are of so many resamples, each figure's own.
        """
        return {
            "bma": mean_of_known(self.recall(weights)),
            "accuracy": self.top_k(weights, 1),
            "top_3_accuracy": self.top_k(weights, 3),
            "macro_auc": mean_of_known(self.auc(weights)),
            "ece": self.calibration_error(weights),
        }

    def recall(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's recall (n_classes, ...), NaN if it is absent."""
        return _ratio(_times(self._right, weights), _times(self._of_class, weights))

    def f1(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute each class's F1 (n_classes, ...), NaN if it is absent."""
        present = _times(self._of_class, weights)
        return _ratio(
            2 * (_times(self._right, weights)),
            np.where(present > 0, present + _times(self._in_class, weights), 0),
        )

    def top_k(self, weights: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Compute the share of images whose label is among the k most probable classes."""
        if self.n_known < min(k, self.n_classes):
            return np.full(weights.shape[1:], np.nan)
        return _mean((self.rank < k).astype(np.float64), weights)

    def log_loss(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the mean of -ln p(label); a p of 0 counts as the smallest step from 1 to less."""
        losses = -np.log(np.maximum(self.likelihood, np.finfo(np.float64).eps))
        return _mean(losses, weights)

    def calibration_error(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the expected calibration error of the top-1 confidence [1]_, equation 3.

        References
        ----------
        .. [1] C. Guo et al., "On calibration of modern neural networks", ICML 2017.
        """
        return np.asarray(np.abs(_times(self._gaps, weights)).sum(axis=0) / weights.sum(axis=0))

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
            values[column] = _ratio(wins, counted.sum(axis=0) * passed[-1])
        return values


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the first axis what is not NaN; NaN where nothing is.

    Examples
    --------
    >>> mean_of_known(np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, np.nan]]))
    array([1.5, nan])
    """
    return _ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.einsum("i,i...->...", values, weights) / weights.sum(axis=0))


def _by_number(
    numbers: NDArray[np.integer], count: int, values: NDArray[np.float64]
) -> csr_array[np.float64]:
    """Give the matrix (count, n_images) that sums values times weights by number."""
    places = (numbers, np.arange(len(numbers)))
    return csr_array((values, places), shape=(count, len(numbers)))


def _times(matrix: csr_array[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(matrix @ weights)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with NaN for nothing of nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0))


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
