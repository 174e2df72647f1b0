"""The ensemble: calibrated members, averaged with weights chosen on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.boosting import fit_boosting
from trifuse.classifiers.calibration import Calibration, fit_calibration, log_loss
from trifuse.classifiers.svm import LinearSvm, fit_svm
from trifuse.classifiers.trees import Trees
from trifuse.encoders.fusion import fuse
from trifuse.encoders.projection import Projection
from trifuse.recipes.recipe import Recipe

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""(training, held-out) row numbers; the held-out parts are disjoint and cover every row."""

MEMBERS = ("svm", "lightgbm")


@dataclass(frozen=True)
class Ensemble:
    """A fitted SVM and boosted trees, their calibrations and their weights.

    Attributes
    ----------
    block_weights : dict of str to float
        The fusion.
    svm : LinearSvm
    projections : dict of str to Projection
        The PCA of each block that feeds the trees.
    trees_text : str
        LightGBM's text form.
    trees : Trees
    calibrations : dict of str to Calibration
        By the names of `MEMBERS`.
    member_weights : dict of str to float
        Summing to one.
    prior : ndarray of float64, shape (n_classes,)
        Shares of the classes in training.
    """

    block_weights: Mapping[str, float]
    svm: LinearSvm
    projections: dict[str, Projection]
    trees_text: str
    trees: Trees
    calibrations: dict[str, Calibration]
    member_weights: dict[str, float]
    prior: NDArray[np.float64]

    def member_probabilities(
        self, blocks: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float64]]:
        """Give each member's calibrated probabilities; (n, n_classes) by name."""
        scores = {
            "svm": self.svm.scores(fuse(blocks, self.block_weights)),
            "lightgbm": self.trees.scores(reduce_blocks(blocks, self.projections)),
        }
        return {name: self.calibrations[name].probabilities(scores[name]) for name in MEMBERS}

    def probabilities(self, blocks: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Give calibrated probabilities; blocks of (n, dim) each to (n, n_classes)."""
        return average(self.member_probabilities(blocks), self.member_weights)


@dataclass(frozen=True)
class OutOfFold:
    """What members that never saw an image's group say of it.

    Attributes
    ----------
    probabilities : dict of str to ndarray of float64, shape (n_images, n_classes)
        By member, and `ensemble`.
    """

    probabilities: dict[str, NDArray[np.float64]]


def average(
    probabilities: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]
) -> NDArray[np.float64]:
    """Average the members' probabilities."""
    total: NDArray[np.float64] = np.sum([weights[n] * probabilities[n] for n in MEMBERS], axis=0)
    return total


def reduce_blocks(
    blocks: Mapping[str, NDArray[np.float32]], projections: Mapping[str, Projection]
) -> NDArray[np.float32]:
    """Join the leading principal components of each block; (n, n_features)."""
    return np.hstack([projections[name].apply(blocks[name]) for name in projections])


def fit_ensemble(
    blocks: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
) -> tuple[Ensemble, OutOfFold]:
    """Fit the members, and their calibrations and weights on out-of-fold scores.

    The PCA in front of the trees sees no labels and is fitted once, on all rows.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    labels : ndarray of int, shape (n_images,)
        In 0..n_classes-1; every class must occur in every fold's training part.
    folds : Folds
        Images of one group must share a fold.
    n_classes : int
    recipe : Recipe

    Returns
    -------
    Ensemble, OutOfFold
    """
    weights = recipe.block_weights
    svm, svm_scores = fit_svm_member(fuse(blocks, weights), labels, folds, n_classes, recipe)
    projections = {
        name: Projection.fit(blocks[name], recipe.lightgbm.pca_dimension, recipe.random_state)
        for name in weights
    }
    features = reduce_blocks(blocks, projections)
    text, tree_scores = _fit_trees_member(features, labels, folds, n_classes, recipe)

    scores = {"svm": svm_scores, "lightgbm": tree_scores}
    calibrations = {name: fit_calibration(scores[name], labels) for name in MEMBERS}
    calibrated = {name: calibrations[name].probabilities(scores[name]) for name in MEMBERS}
    member_weights = _fit_weights(calibrated, labels)
    calibrated["ensemble"] = average(calibrated, member_weights)
    ensemble = Ensemble(
        weights,
        svm,
        projections,
        text,
        Trees.parse(text, features.shape[1], n_classes),
        calibrations,
        member_weights,
        np.bincount(labels, minlength=n_classes) / len(labels),
    )
    return ensemble, OutOfFold(calibrated)


def fit_svm_member(
    fused: NDArray[np.float32],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
) -> tuple[LinearSvm, NDArray[np.float64]]:
    """Fit the SVM on all rows, and score each row by one that has not seen its group.

    Parameters
    ----------
    fused : ndarray of float32, shape (n_images, dim)
    labels, folds, n_classes, recipe
        As in `fit_ensemble`.

    Returns
    -------
    LinearSvm, ndarray of float64, shape (n_images, n_classes)
    """
    kernel = fused @ fused.T
    scores = np.zeros((len(labels), n_classes))
    for training, test in folds:
        part = kernel[np.ix_(training, training)]
        machine = fit_svm(part, labels[training], n_classes, recipe.svm.C)
        scores[test] = machine.scores(kernel[np.ix_(test, training)])
    return fit_svm(kernel, labels, n_classes, recipe.svm.C).fold_back(fused), scores


def _fit_trees_member(
    features: NDArray[np.float32],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
) -> tuple[str, NDArray[np.float64]]:
    """Fit the trees on all rows, and score each row by some that have not seen its group."""

    def fit(rows: NDArray[np.intp]) -> str:
        return fit_boosting(
            features[rows], labels[rows], n_classes, recipe.lightgbm, recipe.random_state
        )

    scores = np.zeros((len(labels), n_classes))
    for training, test in folds:
        trees = Trees.parse(fit(training), features.shape[1], n_classes)
        scores[test] = trees.scores(features[test])
    return fit(np.arange(len(labels))), scores


def _fit_weights(
    calibrated: Mapping[str, NDArray[np.float64]], labels: NDArray[np.intp]
) -> dict[str, float]:
    """Choose the average of two members with the least log loss."""
    from scipy.optimize import minimize_scalar

    first, second = MEMBERS

    def loss(weight: float) -> float:
        return log_loss(weight * calibrated[first] + (1 - weight) * calibrated[second], labels)

    best = minimize_scalar(loss, bounds=(0, 1), method="bounded")
    return {first: float(best.x), second: 1 - float(best.x)}
