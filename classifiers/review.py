"""What a model says of its own doubt: prediction sets and novelty, and how well they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from trifuse.classifiers.conformal import (
    PredictionSets,
    fit_prediction_sets,
    measure_coverage,
)
from trifuse.classifiers.ensemble import OutOfFold
from trifuse.classifiers.member import Folds
from trifuse.classifiers.novelty import Novelty, fit_novelty, fit_threshold
from trifuse.recipes.recipe import Recipe

LARGE_SET = 3
"""Classes; the share of sets with more is reported."""

Rate: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True)
class ReviewFigures:
    """How the prediction sets and the novelty score did on images that they had not seen.

    Attributes
    ----------
    coverage : tuple of float, shape (n_classes,)
        Share of each class's images whose set held the class.
    set_size : float
        Mean number of classes in a set.
    large_sets : float
        Share of the sets with more than `LARGE_SET` classes.
    false_alarms : float
        Share of the images that were called unfamiliar.
    """

    coverage: tuple[Rate, ...]
    set_size: Annotated[float, Meta(ge=1, le=1e9)]
    large_sets: Rate
    false_alarms: Rate


@dataclass(frozen=True)
class Review:
    """The parts that tell doubt.

    Attributes
    ----------
    sets : PredictionSets
    novelty : Novelty
    figures : ReviewFigures
    """

    sets: PredictionSets
    novelty: Novelty
    figures: ReviewFigures


def fit_review(
    labels: NDArray[np.intp], folds: Folds, out_of_fold: OutOfFold, recipe: Recipe
) -> Review:
    """Fit prediction sets and novelty beside an ensemble.

    Parameters
    ----------
    labels : ndarray of int, shape (n_images,)
    folds : Folds
        Those of `out_of_fold`.
    out_of_fold : OutOfFold
        The ensemble's, with residuals; the prediction sets come from its rows alone.
    recipe : Recipe
    """
    novelty, scores = fit_novelty(out_of_fold.residuals, recipe)
    probabilities, labels = out_of_fold.probabilities["ensemble"], labels[out_of_fold.rows]
    sets = fit_prediction_sets(probabilities, labels, recipe.review.coverage)
    figures = ReviewFigures(
        **_measure_sets(probabilities, labels, _parts(out_of_fold.rows, folds), recipe),
        false_alarms=_count_alarms(scores, folds, recipe),
    )
    return Review(sets, novelty, figures)


def _parts(rows: NDArray[np.intp], folds: Folds) -> Iterator[tuple[NDArray[np.intp], ...]]:
    """Give, for each fold, the places in `rows` of the other folds' images and of its own."""
    for _, test in folds:
        inside = np.isin(rows, test)
        yield np.flatnonzero(~inside), np.flatnonzero(inside)


def _measure_sets(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    parts: Iterable[tuple[NDArray[np.intp], ...]],
    recipe: Recipe,
) -> dict[str, Any]:
    """Apply to each fold the floors that the other folds' out-of-fold probabilities give."""
    inside = np.zeros(probabilities.shape, dtype=bool)
    for others, rows in parts:
        sets = fit_prediction_sets(probabilities[others], labels[others], recipe.review.coverage)
        inside[rows] = sets.contain(probabilities[rows])
    sizes = inside.sum(axis=1)
    return {
        "coverage": tuple(
            measure_coverage(inside, labels, [index]) for index in range(probabilities.shape[1])
        ),
        "set_size": float(sizes.mean()),
        "large_sets": float(np.mean(sizes > LARGE_SET)),
    }


def _count_alarms(scores: NDArray[np.float64], folds: Folds, recipe: Recipe) -> float:
    """Apply to each fold the threshold that the other folds' out-of-fold scores give."""
    alarms = np.zeros(len(scores), dtype=bool)
    for others, rows in folds:
        alarms[rows] = scores[rows] > fit_threshold(scores[others], recipe.review.false_alarm_rate)
    return float(alarms.mean())
