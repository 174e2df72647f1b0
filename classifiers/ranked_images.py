"""Images in the order of a score, and how well some of them are found from the top."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Figures, ratio

SPECIFICITIES = (80, 90, 95)
SENSITIVITIES = (80, 90, 95, 99)
"""In percent."""
ROUNDING = 1e-9


class RankedImages:
    """Images in the order in which they are looked at, the highest score first.

    Images of one score are looked at together, so an order has a place for each score. Weights are
    (n_images, ...), as those of `trifuse.classifiers.scored_images.ScoredImages`.

    Parameters
    ----------
    scores : float64 (n_images,)
    positive : bool (n_images,)
        Those that are to be found.
    lesions : intp (n_images,)
        A lesion is found by the first of its positive images.
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
        places = np.flatnonzero(self.positive)
        _, first = np.unique(lesions[self.order][places], return_index=True)
        self.finds = np.zeros(len(scores), dtype=bool)
        self.finds[places[first]] = True

    def figures(self, weights: NDArray[np.float64]) -> Figures:
        """Give ROC AUC, average precision, and sensitivities and specificities; (...) each."""
        sensitivity, fallout, precision = self._rates(weights)
        gained, lost = (np.diff(rate, axis=0, prepend=0) for rate in (sensitivity, fallout))
        at_specificity = _highest(sensitivity, fallout, 1 - np.array(SPECIFICITIES) / 100)
        at_sensitivity = _first(1 - fallout, sensitivity, np.array(SENSITIVITIES) / 100)
        found = {
            # A tie is half a win.
            "roc_auc": (lost * (sensitivity - gained / 2)).sum(axis=0),
            "pr_auc": (gained * np.nan_to_num(precision)).sum(axis=0),
        }
        for percent, value in zip(SPECIFICITIES, at_specificity, strict=True):
            found[f"sensitivity_at_specificity_{percent}"] = value
        for percent, value in zip(SENSITIVITIES, at_sensitivity, strict=True):
            found[f"specificity_at_sensitivity_{percent}"] = value
        return self._known(found, sensitivity, fallout)

    def curves(self, weights: NDArray[np.float64], grid: NDArray[np.float64]) -> Figures:
        """Give the highest sensitivity with at most a fallout, and precision at a sensitivity.

        Parameters
        ----------
        weights : float64 (n_images, ...)
        grid : float64 (n_points,)
            Fallouts (shares of the others that are taken for positive), and sensitivities.

        Returns
        -------
        dict of str to float64 (n_points, ...)
            ``sensitivity`` and ``precision``.
        """
        sensitivity, fallout, precision = self._rates(weights)
        found = {
            "sensitivity": _highest(sensitivity, fallout, grid),
            "precision": _first(precision, sensitivity, grid),
        }
        return self._known(found, sensitivity, fallout)

    def work(self, weights: NDArray[np.float64], share: float) -> NDArray[np.float64]:
        """Give the share of images until this share of the positive lesions is found; (...)."""
        found = self._sum(weights, self.finds)
        looked = self._sum(weights, np.ones(len(self.order), dtype=bool))
        places = (found < (share - ROUNDING) * found[-1]).sum(axis=0)
        return np.where(found[-1] > 0, _take(looked, places[None])[0] / looked[-1], np.nan)

    def _rates(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """Give sensitivity, fallout and precision up to each place; (n_places, ...) each."""
        right, wrong = (self._sum(weights, which) for which in (self.positive, ~self.positive))
        sensitivity = ratio(right, np.broadcast_to(right[-1], right.shape))
        fallout = ratio(wrong, np.broadcast_to(wrong[-1], wrong.shape))
        return sensitivity, fallout, ratio(right, right + wrong)

    def _sum(self, weights: NDArray[np.float64], which: NDArray[np.bool_]) -> NDArray[np.float64]:
        chosen = which.reshape(-1, *[1] * (weights.ndim - 1))
        return np.asarray(np.cumsum(weights[self.order] * chosen, axis=0)[self.ends])

    @staticmethod
    def _known(found: Figures, *rates: NDArray[np.float64]) -> Figures:
        """Give NaN where there is nothing to be found, or nothing else."""
        unknown = np.isnan(np.sum([rate[-1] for rate in rates], axis=0))
        return {name: np.where(unknown, np.nan, value) for name, value in found.items()}


def _highest(
    values: NDArray[np.float64], rates: NDArray[np.float64], bounds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the value at the last place whose rate is at most each bound, before the first 0."""
    from_none = np.concatenate([np.zeros_like(values[:1]), values])
    return _take(from_none, _count_below(rates, bounds + ROUNDING, "right"))


def _first(
    values: NDArray[np.float64], rates: NDArray[np.float64], bounds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the value at the first place whose rate is at least each bound."""
    return _take(values, _count_below(rates, bounds - ROUNDING, "left"))


def _count_below(
    rates: NDArray[np.float64], bounds: NDArray[np.float64], side: Literal["left", "right"]
) -> NDArray[np.intp]:
    """Count the places, of growing rates (n_places, ...), before each bound; (n_bounds, ...)."""
    columns = np.ascontiguousarray(rates.reshape(len(rates), -1).T)
    places = [np.searchsorted(column, bounds, side=side) for column in columns]
    return np.stack(places, axis=-1).reshape(len(bounds), *rates.shape[1:])


def _take(values: NDArray[np.float64], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """Take values (n_places, ...) at places (n, ...) of the first axis; (n, ...)."""
    places = np.minimum(places, len(values) - 1)
    return np.asarray(np.take_along_axis(values, places, axis=0))
