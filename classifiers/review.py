"""What a model says of its own doubt: prediction sets and novelty, and how well they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from trifuse.classifiers.bands import name_stratum
from trifuse.classifiers.conformal import (
    PredictionSets,
    fit_prediction_sets,
    measure_coverage,
)
from trifuse.classifiers.ensemble import ENSEMBLE, IMAGES_ALONE, OutOfFold
from trifuse.classifiers.group_pooling import Pooling, fit_pooling
from trifuse.classifiers.member import Folds, held_out_parts
from trifuse.classifiers.novelty import Novelty, fit_novelty, fit_threshold
from trifuse.recipes.recipe import Recipe

LARGE_SET = 3
"""Classes; the share of sets with more is reported."""

Rate: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


@dataclass(frozen=True)
class StratumFigures:
    """How the prediction sets did in a stratum of the recipe's groups: see `ReviewFigures`."""

    name: str
    images: int
    groups: int
    coverage: Rate
    set_size: Annotated[float, Meta(ge=1, le=1e9)]


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
    strata : tuple of StratumFigures
        None unless the recipe names groups.
    alone : StratumFigures, optional
        Of all images, were nothing known of them beside their pixels; where the ensemble takes
        metadata.
    """

    coverage: tuple[Rate, ...]
    set_size: Annotated[float, Meta(ge=1, le=1e9)]
    large_sets: Rate
    false_alarms: Rate
    strata: tuple[StratumFigures, ...] = ()
    alone: StratumFigures | None = None


@dataclass(frozen=True)
class Review:
    """The parts that tell doubt.

    Attributes
    ----------
    sets : PredictionSets
    novelty : Novelty
    figures : ReviewFigures
    pooling : Pooling, optional
        What several images of one group say together; models of an older trifuse have none.
    """

    sets: PredictionSets
    novelty: Novelty
    figures: ReviewFigures
    pooling: Pooling | None = None


@dataclass(frozen=True)
class HeldOut:
    """What is said of images that had no part in it: out of fold, bounds included.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        The images, as in `trifuse.classifiers.ensemble.OutOfFold`.
    probabilities : ndarray of float64, shape (n_rows, n_classes)
        Of the ensemble.
    sets : ndarray of bool, shape (n_rows, n_classes)
        The prediction sets, under the floors that the other folds give.
    unfamiliar : ndarray of bool, shape (n_rows,)
        Above the threshold that the other folds give.
    """

    rows: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    sets: NDArray[np.bool_]
    unfamiliar: NDArray[np.bool_]


def fit_review(
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    folds: Folds,
    out_of_fold: OutOfFold,
    recipe: Recipe,
    strata: Sequence[str] = (),
) -> tuple[Review, HeldOut]:
    """Fit prediction sets and novelty beside an ensemble.

    What is said out of fold is under the bounds that the other folds give.

    Parameters
    ----------
    labels, groups : ndarray of int, shape (n_images,)
    folds : Folds
        Those of `out_of_fold`.
    out_of_fold : OutOfFold
        The ensemble's, with residuals; the prediction sets come from its rows alone.
    recipe : Recipe
    strata : sequence of str, shape (n_images,), optional
        By the recipe's groups; see `trifuse.classifiers.bands.name_stratum`.
    """
    novelty, scores = fit_novelty(out_of_fold.residuals, recipe)
    coverage, alarms = recipe.review.coverage, _find_alarms(scores, folds, recipe)
    rows, probabilities = out_of_fold.rows, out_of_fold.probabilities[ENSEMBLE]
    labels, groups = labels[rows], groups[rows]
    own_strata = [strata[row] for row in rows] if strata else []
    inside, alone = np.zeros((2, *probabilities.shape), dtype=bool)
    nowhere = name_stratum(recipe.review.groups, recipe.review.bands, ())
    pixels_alone = out_of_fold.probabilities.get(IMAGES_ALONE)
    for others, own in held_out_parts(rows, folds):
        known, told = (
            [own_strata[place] for place in part] if strata else [] for part in (others, own)
        )
        given = fit_prediction_sets(
            probabilities[others], labels[others], groups[others], coverage, known
        )
        inside[own] = given.contain(probabilities[own], told or None)
        if pixels_alone is not None:
            alone[own] = given.contain(pixels_alone[own], [nowhere] * len(own) if strata else None)
    sizes, classes = inside.sum(axis=1), range(probabilities.shape[1])
    figures = ReviewFigures(
        coverage=tuple(measure_coverage(inside, labels, [index]) for index in classes),
        set_size=float(sizes.mean()),
        large_sets=float(np.mean(sizes > LARGE_SET)),
        false_alarms=float(alarms.mean()),
        strata=_measure_strata(inside, labels, groups, own_strata),
    )
    if pixels_alone is not None:
        (nothing_known,) = _measure_strata(alone, labels, groups, [IMAGES_ALONE] * len(rows))
        figures = replace(figures, alone=nothing_known)
    sets = fit_prediction_sets(probabilities, labels, groups, coverage, own_strata)
    prior = np.bincount(labels, minlength=len(classes)) / len(labels)
    pooling = fit_pooling(probabilities, labels, groups, prior, coverage)
    held_out = HeldOut(rows, probabilities, inside, alarms[rows])
    return Review(sets, novelty, figures, pooling), held_out


def _measure_strata(
    sets: NDArray[np.bool_],
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    strata: Sequence[str],
) -> tuple[StratumFigures, ...]:
    found = []
    for name in sorted(set(strata)):
        rows = np.flatnonzero([one == name for one in strata])
        covered, size = sets[rows, labels[rows]].mean(), sets[rows].sum(axis=1).mean()
        n_groups = len(np.unique(groups[rows]))
        found.append(StratumFigures(name, len(rows), n_groups, float(covered), float(size)))
    return tuple(found)


def _find_alarms(scores: NDArray[np.float64], folds: Folds, recipe: Recipe) -> NDArray[np.bool_]:
    """Apply to each fold the threshold that the other folds' out-of-fold scores give."""
    alarms = np.zeros(len(scores), dtype=bool)
    for others, rows in folds:
        alarms[rows] = scores[rows] > fit_threshold(scores[others], recipe.review.false_alarm_rate)
    return alarms
