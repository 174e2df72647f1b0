"""The ensemble: calibrated members, averaged with weights chosen on out-of-fold scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.boosting import fit_boosting
from trifuse.classifiers.calibration import Calibration, fit_calibration
from trifuse.classifiers.linear import LinearMachine
from trifuse.classifiers.softmax_layer import fit_softmax_layer
from trifuse.classifiers.svm import fit_svm
from trifuse.classifiers.trees import Trees
from trifuse.encoders.fusion import fuse
from trifuse.encoders.projection import Projection
from trifuse.recipes.recipe import Recipe

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
"""(training, held-out) row numbers; the held-out parts are disjoint and cover every row."""
Machine: TypeAlias = LinearMachine | Trees

NETWORK = "network"
"""The member that is no machine on the blocks: the mean logits of fine-tuned networks, which come
beside the blocks under this name."""
LEAST_LIKELIHOOD = 1e-15


@dataclass(frozen=True)
class Ensemble:
    """Fitted members, their calibrations and their weights.

    Attributes
    ----------
    block_weights : dict of str to float
        The fusion.
    machines : dict of str to Machine
        The recipe's members by name: a linear one scores fused blocks, trees score reduced ones.
    projections : dict of str to Projection
        The PCA of each block, for the trees and for novelty.
    calibrations : dict of str to Calibration
        Of each member: the machines, and `NETWORK` where there are fine-tuned networks.
    member_weights : dict of str to float
        Of the same members, summing to one.
    prior : ndarray of float64, shape (n_classes,)
        Shares of the classes in training.
    """

    block_weights: Mapping[str, float]
    machines: dict[str, Machine]
    projections: dict[str, Projection]
    calibrations: dict[str, Calibration]
    member_weights: dict[str, float]
    prior: NDArray[np.float64]

    def member_probabilities(
        self, blocks: Mapping[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float64]]:
        """Give each member's calibrated probabilities; (n, n_classes) by name."""
        scores = {name: self._scores(name, blocks) for name in self.calibrations}
        return {name: self.calibrations[name].probabilities(scores[name]) for name in scores}

    def probabilities(self, blocks: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Give calibrated probabilities; blocks of (n, dim) each to (n, n_classes)."""
        return average(self.member_probabilities(blocks), self.member_weights)

    def alone(self, member: str) -> Ensemble:
        """Give the ensemble that has this member and no other."""
        calibrations = {member: self.calibrations[member]}
        return replace(self, calibrations=calibrations, member_weights={member: 1.0})

    def _scores(
        self, member: str, blocks: Mapping[str, NDArray[np.float32]]
    ) -> NDArray[np.float64]:
        if member == NETWORK:
            return blocks[NETWORK].astype(np.float64)
        machine = self.machines[member]
        if isinstance(machine, Trees):
            return machine.scores(reduce_blocks(blocks, self.projections))
        return machine.scores(fuse(blocks, self.block_weights))


@dataclass(frozen=True)
class OutOfFold:
    """What members that never saw an image's group say of it.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        The images: all, but for those that fine-tuned networks have seen.
    probabilities : dict of str to ndarray of float64, shape (n_rows, n_classes)
        By member, and `ensemble`.
    """

    rows: NDArray[np.intp]
    probabilities: dict[str, NDArray[np.float64]]


def average(
    probabilities: Mapping[str, NDArray[np.float64]], weights: Mapping[str, float]
) -> NDArray[np.float64]:
    """Average the members' probabilities."""
    total: NDArray[np.float64] = np.sum(
        [weight * probabilities[name] for name, weight in weights.items()], axis=0
    )
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
        With the logits of fine-tuned networks under `NETWORK`, if there are any, NaN for images
        whose groups these have seen. The weights, and all that is fitted on `OutOfFold`, then come
        from the other images alone; the machines learn from all.
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
    projections = {
        name: Projection.fit(blocks[name], recipe.lightgbm.pca_dimension, recipe.random_state)
        for name in weights
    }
    machines: dict[str, Machine] = {}
    scores: dict[str, NDArray[np.float64]] = {}
    for name in recipe.ensemble.members:
        trees = name == "lightgbm"
        features = reduce_blocks(blocks, projections) if trees else fuse(blocks, weights)
        fit = _FIT_MEMBER[name]
        machines[name], scores[name] = fit(features, labels, folds, n_classes, recipe)
    rows = np.arange(len(labels))
    if NETWORK in blocks:
        scores[NETWORK] = blocks[NETWORK].astype(np.float64)
        rows = np.flatnonzero(~np.isnan(scores[NETWORK]).any(axis=1))
    ensemble = Ensemble(
        weights,
        machines,
        projections,
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
    return ensemble, OutOfFold(rows, calibrated)


def fit_svm_member(
    fused: NDArray[np.float32],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
) -> tuple[LinearMachine, NDArray[np.float64]]:
    """Fit the SVM on all rows, and score each row by one that has not seen its group.

    Parameters
    ----------
    fused : ndarray of float32, shape (n_images, dim)
    labels, folds, n_classes, recipe
        As in `fit_ensemble`.

    Returns
    -------
    LinearMachine, ndarray of float64, shape (n_images, n_classes)
    """
    kernel = fused @ fused.T
    scores = np.zeros((len(labels), n_classes))
    for training, test in folds:
        part = kernel[np.ix_(training, training)]
        machine = fit_svm(part, labels[training], n_classes, recipe.svm.C)
        scores[test] = machine.scores(kernel[np.ix_(test, training)])
    return fit_svm(kernel, labels, n_classes, recipe.svm.C).fold_back(fused), scores


def _fit_softmax(
    features: NDArray[np.float32], labels: NDArray[np.intp], n_classes: int, recipe: Recipe
) -> Machine:
    return fit_softmax_layer(features, labels, n_classes, recipe.softmax, recipe.random_state)


def _fit_trees(
    features: NDArray[np.float32], labels: NDArray[np.intp], n_classes: int, recipe: Recipe
) -> Machine:
    text = fit_boosting(features, labels, n_classes, recipe.lightgbm, recipe.random_state)
    return Trees.parse(text, features.shape[1], n_classes)


def _fit_member(
    fit: Callable[[NDArray[np.float32], NDArray[np.intp], int, Recipe], Machine],
    features: NDArray[np.float32],
    labels: NDArray[np.intp],
    folds: Folds,
    n_classes: int,
    recipe: Recipe,
) -> tuple[Machine, NDArray[np.float64]]:
    """Fit a member on all rows, and score each row by one that has not seen its group."""
    scores = np.zeros((len(labels), n_classes))
    for training, test in folds:
        machine = fit(features[training], labels[training], n_classes, recipe)
        scores[test] = machine.scores(features[test])
    return fit(features, labels, n_classes, recipe), scores


_FIT_MEMBER: dict[str, Callable[..., tuple[Machine, NDArray[np.float64]]]] = {
    "svm": fit_svm_member,
    "lightgbm": partial(_fit_member, _fit_trees),
    "softmax": partial(_fit_member, _fit_softmax),
}


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
