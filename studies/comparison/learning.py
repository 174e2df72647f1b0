"""Learning curves: how good a method is when fitted on fewer lesions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import LabelledTable
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.comparison.folds import draw_folds
from trifuse.studies.comparison.run import Say, be_silent, score_methods
from trifuse.studies.comparison.scores import LearningCurve, MethodScores

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the training lesions of each class."""


def measure_learning(
    cache: BlockCache,
    name: str,
    method: Recipe,
    recipe: Recipe,
    n_folds: int = 5,
    say: Say = be_silent,
) -> LearningCurve:
    """Fit a method, codebooks and all, on growing parts of each fold's training lesions.

    The folds are those of the first repeat of `compare`, whose scores are the last point. The
    test images are the same at every point: all.

    Parameters
    ----------
    cache, recipe, n_folds, say
        As in `compare`.
    name : str
        Of the method, for `say`.
    method : Recipe
    """
    (folds,) = draw_folds(cache.table, n_folds, 1, recipe.random_state)
    lesions: list[int] = []
    points: list[MethodScores] = []
    for share in SHARES:
        thinned = [
            (thin(cache.table, training, share, method.ensemble.folds, recipe.random_state), test)
            for training, test in folds
        ]
        counts = [len(set(cache.table.group_indices[training])) for training, _ in thinned]
        if lesions and round(float(np.mean(counts))) == lesions[-1]:
            continue  # of so few lesions all shares keep those that the inner folds need
        lesions.append(round(float(np.mean(counts))))
        title = f"{name}, {lesions[-1]} lesions"
        points.append(score_methods(cache, {title: method}, [thinned], say)[title])
    return LearningCurve(tuple(lesions), tuple(points))


def thin(
    table: LabelledTable, rows: NDArray[np.intp], share: float, at_least: int, random_state: int
) -> NDArray[np.intp]:
    """Keep a share of the lesions of each class, whole; a smaller share is part of a larger one.

    Parameters
    ----------
    table : LabelledTable
    rows : ndarray of int
        To keep some of.
    share : float
        Above 0, at most 1; of a class's lesions so many are kept, rounded.
    at_least : int
        Lesions kept of each class, or all where it has fewer: inner folds need one each.
    random_state : int

    Returns
    -------
    ndarray of int
        In the order of `rows`.
    """
    labels, groups = table.label_indices[rows], table.group_indices[rows]
    random = np.random.default_rng(random_state)
    kept = []
    for label in np.unique(labels):
        lesions = random.permutation(np.unique(groups[labels == label]))
        kept.append(lesions[: max(at_least, round(share * len(lesions)))])
    return rows[np.isin(groups, np.concatenate(kept))]
