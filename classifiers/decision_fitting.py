"""Fitting operating points on out-of-fold probabilities, and what calibration did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bootstrap import Estimate, Figures, estimate_figures, ratio
from trifuse.classifiers.conformal import find_floor
from trifuse.classifiers.decision import (
    AT_SPECIFICITY,
    SENSITIVITY,
    SPECIFICITY,
    Decision,
    Findings,
    OperatingPoint,
    sum_columns,
)
from trifuse.classifiers.ensemble import ENSEMBLE, IMAGES_ALONE, OutOfFold
from trifuse.classifiers.member import Folds, held_out_parts
from trifuse.classifiers.ranked_images import RankedImages
from trifuse.recipes.recipe import Recipe


def fit_decision(
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    folds: Folds,
    out_of_fold: OutOfFold,
    columns: Sequence[int],
    recipe: Recipe,
) -> Decision:
    """Fix the operating points of a recipe.

    Parameters
    ----------
    labels, groups : ndarray of int, shape (n_images,)
    folds : Folds
        Those of `out_of_fold`.
    out_of_fold : OutOfFold
    columns : sequence of int
        The positive classes, one at least.
    recipe : Recipe
    """
    rows, probabilities = out_of_fold.rows, out_of_fold.probabilities[ENSEMBLE]
    pixels_alone = out_of_fold.probabilities.get(IMAGES_ALONE)
    positive, groups = np.isin(labels[rows], columns), groups[rows]
    scores = sum_columns(probabilities, columns)
    points = []
    for wanted in sorted(set(recipe.decision.sensitivity)):
        floors = np.zeros(len(rows))
        for others, held in held_out_parts(rows, folds):
            known = others[positive[others]]
            floors[held] = find_floor(scores[known], groups[known], wanted)
        found = estimate_figures(_Found(scores >= floors, positive), groups)
        threshold, alone = find_floor(scores[positive], groups[positive], wanted), None
        if pixels_alone is not None:
            alerts = sum_columns(pixels_alone, columns) >= floors
            measured = estimate_figures(_Found(alerts, positive), groups)
            alone = measured[SENSITIVITY], measured[SPECIFICITY]
        points.append(OperatingPoint(wanted, threshold, alone=alone, **found))
    before, after = (
        _judge(told, columns, positive, groups)
        for told in (out_of_fold.uncalibrated, probabilities)
    )
    return Decision(tuple(columns), Findings(tuple(points), before, after))


@dataclass(frozen=True)
class _Found:
    """Sensitivity and specificity under image weights (n_images, ...)."""

    found: NDArray[np.bool_]
    positive: NDArray[np.bool_]

    def __call__(self, weights: NDArray[np.float64]) -> Figures:
        """Give both; (...) each."""
        right, wrong = weights[self.positive], weights[~self.positive]
        return {
            SENSITIVITY: ratio(right[self.found[self.positive]].sum(axis=0), right.sum(axis=0)),
            SPECIFICITY: ratio(wrong[~self.found[~self.positive]].sum(axis=0), wrong.sum(axis=0)),
        }


def _judge(
    probabilities: NDArray[np.float64],
    columns: Sequence[int],
    positive: NDArray[np.bool_],
    groups: NDArray[np.intp],
) -> dict[str, Estimate]:
    """Estimate `FIGURES`."""
    first = _Found(np.isin(probabilities.argmax(axis=1), columns), positive)
    ranked = RankedImages(sum_columns(probabilities, columns), positive, groups)

    def figures(weights: NDArray[np.float64]) -> Figures:
        return {**first(weights), AT_SPECIFICITY: ranked.figures(weights)[AT_SPECIFICITY]}

    return estimate_figures(figures, groups)
