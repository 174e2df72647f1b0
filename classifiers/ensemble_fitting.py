"""Fitting the ensemble: members, and calibrations and their pool on their out-of-fold scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import (
    Calibration,
    fit_calibration,
    softmax,
)
from trifuse.classifiers.components import Projected, analyse, count_components
from trifuse.classifiers.ensemble import ENSEMBLE, IMAGES_ALONE, NETWORK, Ensemble, OutOfFold
from trifuse.classifiers.member import Folds, Machine, Problem, held_out_parts
from trifuse.classifiers.metadata import encode_metadata, learn_column
from trifuse.classifiers.opinion_pool import OpinionPool, fit_pool
from trifuse.encoders.fusion import fuse
from trifuse.features.processes import limited_threads
from trifuse.features.stages import say_where
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import members


def fit_ensemble(
    blocks: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
    with_residuals: bool = False,
    metadata: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Ensemble, OutOfFold]:
    """Fit the members, and their calibrations and pool on out-of-fold scores.

    The PCA in front of the reduced members sees no labels and is fitted once, on all rows. Every
    library has one thread: the same archive makes the same model on any machine of a kind.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
        With the logits of fine-tuned networks under `NETWORK`, if there are any, NaN for images
        whose groups these have seen. The weights, and all that is fitted on `OutOfFold`, then come
        from the other images alone; the machines learn from all.
    labels : ndarray of int, shape (n_images,)
        In 0..n_classes-1; every class must occur in every fold's training part.
    folds : Folds
        Images of one group must share a fold.
    n_classes : int
    recipe : Recipe
    with_residuals : bool
        Take the residuals that novelty is fitted on as well.
    metadata : dict of str to sequence of str, shape (n_images,), optional
        What is known of the images beside their pixels, by column.

    Returns
    -------
    Ensemble, OutOfFold

    Raises
    ------
    ValueError
        If a column of metadata says nothing.
    """
    import sklearn  # noqa: F401  # its libraries, imported inside, would not be held

    columns = tuple(learn_column(name, cells) for name, cells in (metadata or {}).items())
    weights, n_components = recipe.block_weights, count_components(recipe)
    machines: dict[str, Machine] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    with limited_threads():
        projections, kernel, residuals = analyse(blocks, recipe, folds if with_residuals else ())
        images = Projected(blocks, projections)
        for number, name in enumerate(recipe.ensemble.members, 1):
            say_where(f"{name}, member {number} of {len(recipe.ensemble.members)}")
            features = (
                partial(images.joined, n_components[name])
                if name in n_components
                else partial(fuse, blocks, weights)
            )
            problem = Problem(blocks, weights, kernel, features, labels, folds, n_classes)
            machines[name], scores[name] = members()[name].fit(
                problem, recipe.members[name], recipe.random_state
            )
    rows = np.arange(len(labels))
    if NETWORK in blocks:
        scores[NETWORK] = blocks[NETWORK].astype(np.float64)
        rows = np.flatnonzero(~np.isnan(scores[NETWORK]).any(axis=1))
    ensemble = Ensemble(
        weights,
        machines,
        projections,
        n_components,
        {name: _calibrate(scores[name], labels) for name in scores},
        OpinionPool.plain(dict.fromkeys(scores, 1.0), n_classes),
        np.bincount(labels, minlength=n_classes) / len(labels),
        columns,
    )
    calibrated = {
        name: calibration.probabilities(scores[name][rows])
        for name, calibration in ensemble.calibrations.items()
    }
    known = [part[rows] for part in encode_metadata(columns, metadata or {}, len(labels))]
    with limited_threads():
        pool = fit_pool(calibrated, labels[rows], known)
        pools = [
            (own, _pool_of_others(pool, others, calibrated, labels[rows], known))
            for others, own in held_out_parts(rows, folds)
        ]
    uncalibrated = {name: softmax(scores[name][rows]) for name in scores}
    before = OpinionPool.plain(pool.weights, n_classes).combine(uncalibrated)
    judged = calibrated | _judge_held_out(pools, calibrated, known)
    return replace(ensemble, pool=pool), OutOfFold(rows, judged, before, residuals)


def _pool_of_others(
    pool: OpinionPool,
    others: NDArray[np.intp],
    probabilities: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.intp],
    metadata: Sequence[NDArray[np.float64]],
) -> OpinionPool:
    """Fit the pool on the other folds; where these have not every class, it is that of all."""
    if len(np.unique(labels[others])) < len(pool.biases):
        return pool
    known = {name: values[others] for name, values in probabilities.items()}
    return fit_pool(known, labels[others], [part[others] for part in metadata])


def _judge_held_out(
    pools: Sequence[tuple[NDArray[np.intp], OpinionPool]],
    probabilities: Mapping[str, NDArray[np.float64]],
    metadata: Sequence[NDArray[np.float64]],
) -> dict[str, NDArray[np.float64]]:
    """Pool what members say of each fold, by the pool beside it."""
    shape = next(iter(probabilities.values())).shape
    judged = {name: np.zeros(shape) for name in (ENSEMBLE, *([IMAGES_ALONE] if metadata else []))}
    for rows, pool in pools:
        told = {name: values[rows] for name, values in probabilities.items()}
        numbers = np.hstack([part[rows] for part in metadata]) if metadata else None
        judged[ENSEMBLE][rows] = pool.combine(told, numbers)
        if metadata:
            judged[IMAGES_ALONE][rows] = pool.combine(told)
    return judged


def _calibrate(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> Calibration:
    """Fit a member's calibration on the rows that it has scores of."""
    known = ~np.isnan(scores).any(axis=1)
    return fit_calibration(scores[known], labels[known])
