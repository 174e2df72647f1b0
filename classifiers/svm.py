"""Linear support vector machines on the fused blocks, one against the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.linear import LinearMachine


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

    def fold_back(self, fused: NDArray[np.float32]) -> LinearMachine:
        """Turn the machines into one weight vector a class.

        Parameters
        ----------
        fused : ndarray of float32, shape (n_training, dim)
            The fused blocks of the training images.
        """
        weights = fused.T @ self.coefficients.astype(np.float32)
        return LinearMachine(np.ascontiguousarray(weights.T), self.intercepts)


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
