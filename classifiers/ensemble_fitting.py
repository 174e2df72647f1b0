"""Fitting the ensemble: members, and calibrations and weights on their out-of-fold scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.calibration import (
    LEAST_LIKELIHOOD,
    Calibration,
    fit_calibration,
    softmax,
)
from trifuse.classifiers.components import Projected, analyse, count_components
from trifuse.classifiers.ensemble import NETWORK, Ensemble, OutOfFold, average
from trifuse.classifiers.member import Folds, Machine, Problem
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
) -> tuple[Ensemble, OutOfFold]:
    """Fit the members, and their calibrations and weights on out-of-fold scores.

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

    Returns
    -------
    Ensemble, OutOfFold
    """
    import sklearn  # noqa: F401  # its libraries, imported inside, would not be held

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
        dict.fromkeys(scores, 1 / len(scores)),
        np.bincount(labels, minlength=n_classes) / len(labels),
    )
    calibrated = {
        name: calibration.probabilities(scores[name][rows])
        for name, calibration in ensemble.calibrations.items()
    }
    ensemble = replace(ensemble, member_weights=fit_weights(calibrated, labels[rows]))
    calibrated["ensemble"] = average(calibrated, ensemble.member_weights)
    uncalibrated = {name: softmax(scores[name][rows]) for name in scores}
    before = average(uncalibrated, ensemble.member_weights)
    return ensemble, OutOfFold(rows, calibrated, before, residuals)


def _calibrate(scores: NDArray[np.float64], labels: NDArray[np.intp]) -> Calibration:
    """Fit a member's calibration on the rows that it has scores of."""
    known = ~np.isnan(scores).any(axis=1)
    return fit_calibration(scores[known], labels[known])


def fit_weights(
    calibrated: Mapping[str, NDArray[np.float64]], labels: NDArray[np.intp]
) -> dict[str, float]:
    """Choose the average of the members with the least log loss.

    The members are the components of a mixture whose shares expectation maximisation finds [1]_:
    the loss is convex in the shares.

    Parameters
    ----------
    calibrated : dict of str to ndarray of float64, shape (n, n_classes)
        Out-of-fold probabilities by member.
    labels : ndarray of int, shape (n,)

    Returns
    -------
    dict of str to float
        Summing to one.

    References
    ----------
    .. [1] A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via
       the EM algorithm", Journal of the Royal Statistical Society B 39, 1977, section 4.3.

    Examples
    --------
    >>> right, wrong = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]])
    >>> weights = fit_weights({"right": right, "wrong": wrong}, np.array([0]))
    >>> {name: round(weight, 6) for name, weight in weights.items()}
    {'right': 1.0, 'wrong': 0.0}
    """
    rows = np.arange(len(labels))
    likelihoods = np.maximum(
        [probabilities[rows, labels] for probabilities in calibrated.values()], LEAST_LIKELIHOOD
    )
    weights = np.full(len(calibrated), 1 / len(calibrated))
    for _ in range(10_000):
        shares = weights[:, None] * likelihoods
        before, weights = weights, (shares / shares.sum(axis=0)).mean(axis=1)
        if np.abs(weights - before).max() < 1e-9:
            break
    return {name: float(weight) for name, weight in zip(calibrated, weights, strict=True)}
