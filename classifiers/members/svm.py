"""Linear support vector machines on the fused blocks, one against the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.member import LinearMachine, Member, Problem
from trifuse.encoders.fusion import fuse
from trifuse.recipes.options import Positive

COORDINATES = 2_000
"""Of images in a reduced problem."""
EPOCHS = 20
"""Times that a reduced problem's solver sees each image."""
LEAST_SHARE = 1e-6
"""Of the kernel's trace, that a coordinate has."""


@dataclass(frozen=True)
class SvmOptions:
    """The linear support vector machines on the fused blocks."""

    C: Positive = 2.0


@dataclass(frozen=True)
class DualSvm:
    """One machine a class in the dual: a weight for every training image.

    Attributes
    ----------
    coefficients : ndarray of float64, shape (n_training, n_classes)
        Signed; zero for an image that is no support vector of the class.
    intercepts : ndarray of float64, shape (n_classes,)
    """

    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]

    def scores(self, kernel: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score images by their kernel with the training images; (n, n_training)."""
        scores: NDArray[np.float64] = kernel @ self.coefficients + self.intercepts
        return scores

    def fold_back(
        self, blocks: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]
    ) -> LinearMachine:
        """Turn the machines into one vector of the fused blocks' length a class.

        Parameters
        ----------
        blocks : dict of str to ndarray of float32, shape (n_training, dim)
            Of the training images.
        weights : dict of str to float
            Of the fusion.
        """
        rows = np.ascontiguousarray(self.coefficients.T, dtype=np.float32)
        # Fusion is linear: the sum of fused vectors is what the sums of the blocks fuse to.
        sums = {name: rows @ blocks[name] for name in weights}
        return LinearMachine(fuse(sums, weights), self.intercepts)


def fit_svm(
    kernel: NDArray[np.float32], labels: NDArray[np.intp], n_classes: int, C: float
) -> DualSvm:
    """Fit class-balanced machines, each class against the rest.

    Fused vectors are longer (tens of thousands) than there are images (thousands), so the dual
    is the smaller problem: libsvm solves it on the kernel, which all classes and folds share.

    Parameters
    ----------
    kernel : ndarray of float32, shape (n_training, n_training)
        Inner products of the fused blocks.
    labels : ndarray of int, shape (n_training,)
        In 0..n_classes-1; every class must occur.
    n_classes : int
    C : float
        Cost of a margin violation, multiplied for each side by n / (2 * its size).
    """
    from sklearn.svm import SVC

    precise = kernel.astype(np.float64)
    coefficients = np.zeros((len(labels), n_classes))
    intercepts = np.zeros(n_classes)
    for index in range(n_classes):
        machine = SVC(C=C, kernel="precomputed", class_weight="balanced", cache_size=1)
        machine.fit(precise, labels == index)
        coefficients[machine.support_, index] = machine.dual_coef_[0]
        intercepts[index] = machine.intercept_[0]
    return DualSvm(coefficients, intercepts)


def fit_svm_member(
    problem: Problem, options: SvmOptions, random_state: int = 0
) -> tuple[LinearMachine, NDArray[np.float64]]:
    """Fit the machines on all images, and out of fold.

    Where the kernel is of all images, the machines are exact, on parts of it. Where it is of some
    that stand for all, the machines have fewer coordinates: see `find_coordinates`.
    """
    labels, n_classes = problem.labels, problem.n_classes
    rows, kernel = problem.kernel
    scores = np.zeros((len(labels), n_classes))
    if len(rows) == len(labels):
        for training, test in problem.folds:
            part = kernel[np.ix_(training, training)]
            machine = fit_svm(part, labels[training], n_classes, options.C)
            scores[test] = machine.scores(kernel[np.ix_(test, training)])
        machine = fit_svm(kernel, labels, n_classes, options.C)
        return machine.fold_back(problem.blocks, problem.weights), scores
    basis, points = find_coordinates(problem, random_state)
    for training, test in problem.folds:
        reduced = fit_reduced(
            points[training], labels[training], n_classes, options.C, random_state
        )
        scores[test] = reduced.scores(points[test])
    reduced = fit_reduced(points, labels, n_classes, options.C, random_state)
    coefficients = (basis @ reduced.weights.T).astype(np.float64)
    some = {name: problem.blocks[name][rows] for name in problem.weights}
    return DualSvm(coefficients, reduced.intercepts).fold_back(some, problem.weights), scores


def find_coordinates(
    problem: Problem, random_state: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give all images coordinates in the leading space of those that the kernel is of [1]_.

    Returns
    -------
    basis : ndarray of float32, shape (n_rows, n_coordinates)
        What an image's kernel with those images is multiplied with.
    points : ndarray of float32, shape (n_images, n_coordinates)

    References
    ----------
    .. [1] C. Williams, M. Seeger, "Using the Nyström method to speed up kernel machines", NIPS
       2000, section 2.
    """
    from sklearn.utils.extmath import randomized_svd

    rows, kernel = problem.kernel
    n_kept, floor = min(COORDINATES, len(rows)), LEAST_SHARE * float(kernel.trace())
    vectors, values, _ = randomized_svd(kernel, n_kept, n_iter=2, random_state=random_state)
    kept = values > floor
    basis = np.ascontiguousarray(vectors[:, kept] / np.sqrt(values[kept]), dtype=np.float32)
    points = np.zeros((len(problem.labels), basis.shape[1]), np.float32)
    for name, weight in problem.weights.items():
        block, share = problem.blocks[name], weight / sum(problem.weights.values())
        points += block @ (np.float32(share) * block[rows].T @ basis)
    return basis, points


def fit_reduced(
    points: NDArray[np.float32],
    labels: NDArray[np.intp],
    n_classes: int,
    C: float,
    random_state: int,
) -> LinearMachine:
    """Fit the machines of `fit_svm` to points, by averaged stochastic gradients [1]_.

    References
    ----------
    .. [1] B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
       Journal on Control and Optimization 30, 1992.
    """
    from sklearn.linear_model import SGDClassifier

    weights = np.zeros((n_classes, points.shape[1]), np.float32)
    intercepts = np.zeros(n_classes)
    for index in range(n_classes):
        machine = SGDClassifier(
            alpha=1 / (C * len(labels)),
            max_iter=EPOCHS,
            tol=None,
            class_weight="balanced",
            average=True,
            random_state=random_state,
        )
        machine.fit(points, labels == index)
        weights[index], intercepts[index] = machine.coef_[0], machine.intercept_[0]
    return LinearMachine(weights, intercepts)


METHOD = Member("svm", SvmOptions, fit_svm_member)
