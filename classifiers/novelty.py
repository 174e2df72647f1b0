"""Novelty: how far an image's blocks are from those of the training archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.conformal import conformal_rank
from trifuse.encoders.projection import Projection
from trifuse.recipes.recipe import Recipe

LEAST_ENERGY = 1e-6
"""Floor of energies and variances; blocks are unit vectors in float32, whose squares round."""
LEAST_DEVIATION = 1e-3
"""Floor of the standard deviations of logarithms."""


@dataclass(frozen=True)
class Novelty:
    """How the blocks of the training images spread, and what is too far away.

    Attributes
    ----------
    variances : dict of str to ndarray of float64, shape (n_components,)
        Of each block's principal components over the training images; positive.
    means, deviations : ndarray of float64, shape (n_blocks, 2)
        Of the logarithms of a block's two energies, over images that they were not fitted on;
        the deviations are positive.
    threshold : float
        Images that score above it are unfamiliar.
    """

    variances: Mapping[str, NDArray[np.float64]]
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    threshold: float

    def scores(
        self,
        blocks: Mapping[str, NDArray[np.float32]],
        projections: Mapping[str, Projection],
    ) -> NDArray[np.float64]:
        """Sum the squares of what exceeds the mean, in standard deviations, over all energies.

        Parameters
        ----------
        blocks : dict of str to ndarray of float32, shape (n, dim)
        projections : dict of str to Projection
            The PCA of each block.

        Returns
        -------
        ndarray of float64, shape (n,)
            Zero at least.
        """
        energies = [
            log_energies(blocks[name], projections[name], variances)
            for name, variances in self.variances.items()
        ]
        return sum_excess(np.stack(energies, axis=1), self.means, self.deviations)

    def are_unfamiliar(
        self,
        blocks: Mapping[str, NDArray[np.float32]],
        projections: Mapping[str, Projection],
    ) -> NDArray[np.bool_]:
        """Tell which images score above the threshold; (n, dim) each to bool (n,)."""
        below: NDArray[np.bool_] = self.scores(blocks, projections) <= self.threshold
        return ~below  # so that a score that is no number is unfamiliar


def log_energies(
    block: NDArray[np.float32], projection: Projection, variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the logarithms of a block's energies inside and outside of its principal components.

    For a row x with the components ``z = (x - mean) @ components.T`` and their variances v they
    are ``sum_i z_i^2 / v_i``, the squared Mahalanobis distance, and ``|x - mean|^2 - |z|^2``, the
    squared error of the reconstruction: the distances in and from the feature space of [1]_.

    Parameters
    ----------
    block : ndarray of float32, shape (n, dim)
    projection : Projection
    variances : ndarray of float64, shape (n_components,)
        Positive.

    Returns
    -------
    ndarray of float64, shape (n, 2)

    References
    ----------
    .. [1] B. Moghaddam, A. Pentland, "Probabilistic visual learning for object representation",
       IEEE Transactions on Pattern Analysis and Machine Intelligence 19, 1997, section 2.2.
    """
    squares = np.square(projection.apply(block).astype(np.float64))
    centred = block - projection.mean
    total = np.einsum("ij,ij->i", centred, centred, dtype=np.float64)
    energies = np.stack([(squares / variances).sum(axis=1), total - squares.sum(axis=1)], axis=1)
    logarithms: NDArray[np.float64] = np.log(np.maximum(energies, LEAST_ENERGY))
    return logarithms


def sum_excess(
    energies: NDArray[np.float64], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum ``max(0, (energy - mean) / deviation)^2`` over the last two axes."""
    excess = np.maximum((energies - means) / deviations, 0.0)
    total: NDArray[np.float64] = np.square(excess).sum(axis=(-2, -1))
    return total


def fit_novelty(
    blocks: Mapping[str, NDArray[np.float32]],
    projections: Mapping[str, Projection],
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    recipe: Recipe,
) -> tuple[Novelty, NDArray[np.float64]]:
    """Fit the variances on all images, and all else on energies that saw no image's group.

    Mahalanobis distances in a network's features tell inputs from elsewhere [1]_. A picture
    without much of what sets lesions apart is near their mean, though, and its blocks are only
    told by what their principal components leave out: each energy counts where it is large, and
    nothing where it is small.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    projections : dict of str to Projection
        The PCA of each block, fitted on all images; those behind the out-of-fold energies are
        fitted anew on each fold's training part.
    folds : sequence of (training, held-out)
        Row numbers; images of one group must share a fold.
    recipe : Recipe

    Returns
    -------
    novelty : Novelty
    scores : ndarray of float64, shape (n_images,)
        Out of fold.

    References
    ----------
    .. [1] K. Lee, K. Lee, H. Lee, J. Shin, "A simple unified framework for detecting
       out-of-distribution samples and adversarial attacks", NeurIPS 2018, section 2.
    """
    options = recipe.lightgbm.pca_dimension, recipe.random_state
    energies = np.zeros((sum(len(test) for _, test in folds), len(projections), 2))
    for training, test in folds:
        for column, name in enumerate(projections):
            projection = Projection.fit(blocks[name][training], *options)
            variances = measure_variances(blocks[name][training], projection)
            energies[test, column] = log_energies(blocks[name][test], projection, variances)
    means, deviations = energies.mean(axis=0), energies.std(axis=0)
    deviations = np.maximum(deviations, LEAST_DEVIATION)
    scores = sum_excess(energies, means, deviations)
    variances_of = {
        name: measure_variances(blocks[name], projection)
        for name, projection in projections.items()
    }
    threshold = fit_threshold(scores, recipe.review.false_alarm_rate)
    return Novelty(variances_of, means, deviations, threshold), scores


def measure_variances(block: NDArray[np.float32], projection: Projection) -> NDArray[np.float64]:
    """Give the variances of the principal components of the rows that they were fitted on."""
    squares = np.square(projection.apply(block).astype(np.float64))
    variances: NDArray[np.float64] = np.maximum(squares.mean(axis=0), LEAST_ENERGY)
    return variances


def fit_threshold(scores: NDArray[np.float64], false_alarm_rate: float) -> float:
    """Find the score that one more image like these exceeds with the given probability at most.

    Where there are too few scores for so low a rate, it is the largest of them, which one of
    n + 1 images exceeds.

    Examples
    --------
    >>> fit_threshold(np.arange(1.0, 100.0), 0.02)
    98.0
    """
    rank = min(conformal_rank(len(scores), 1 - false_alarm_rate), len(scores))
    return float(np.sort(scores)[rank - 1])
