"""Novelty: how badly the training archive's principal components explain an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.conformal import conformal_rank
from trifuse.encoders.projection import Projection
from trifuse.recipes.recipe import Recipe

LEAST_ENERGY = 1e-6
"""Floor of residual energies; blocks are unit vectors in float32, whose squares round."""
LEAST_DEVIATION = 1e-3
"""Floor of the standard deviations of their logarithms."""


@dataclass(frozen=True)
class Novelty:
    """What the principal components leave out of images like the archive's, and what is too much.

    Attributes
    ----------
    means, deviations : ndarray of float64, shape (n_blocks,)
        Of the logarithms of each block's residual energy, over images that the components were
        not fitted on; the deviations are positive.
    threshold : float
        Images that score above it are unfamiliar.
    """

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    threshold: float

    def scores(
        self,
        blocks: Mapping[str, NDArray[np.float32]],
        projections: Mapping[str, Projection],
    ) -> NDArray[np.float64]:
        """Score images by the block that is explained worst.

        Parameters
        ----------
        blocks : dict of str to ndarray of float32, shape (n, dim)
        projections : dict of str to Projection
            The PCA of each block.

        Returns
        -------
        ndarray of float64, shape (n,)
            The largest of ``(log(residual energy) - mean) / deviation`` over the blocks.
        """
        residuals = [
            residual_energies(blocks[name], projection) for name, projection in projections.items()
        ]
        return find_worst(np.stack(residuals, axis=1), self.means, self.deviations)

    def are_unfamiliar(
        self,
        blocks: Mapping[str, NDArray[np.float32]],
        projections: Mapping[str, Projection],
    ) -> NDArray[np.bool_]:
        """Tell which images score above the threshold; (n, dim) each to bool (n,)."""
        below: NDArray[np.bool_] = self.scores(blocks, projections) <= self.threshold
        return ~below  # so that a score that is no number is unfamiliar


def residual_energies(block: NDArray[np.float32], projection: Projection) -> NDArray[np.float64]:
    """Measure what the principal components leave out of each row.

    It is ``|x - mean|^2 - |(x - mean) @ components.T|^2``, the squared error of the row's
    reconstruction, `LEAST_ENERGY` at least.

    Parameters
    ----------
    block : ndarray of float32, shape (n, dim)
    projection : Projection

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    reduced = projection.apply(block).astype(np.float64)
    centred = block - projection.mean
    energies = np.einsum("ij,ij->i", centred, centred, dtype=np.float64)
    residuals: NDArray[np.float64] = energies - np.square(reduced).sum(axis=1)
    return np.maximum(residuals, LEAST_ENERGY)


def find_worst(
    residuals: NDArray[np.float64], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the largest standardised logarithm of each row; (n, n_blocks) to (n,)."""
    worst: NDArray[np.float64] = ((np.log(residuals) - means) / deviations).max(axis=1)
    return worst


def fit_novelty(
    blocks: Mapping[str, NDArray[np.float32]],
    projections: Mapping[str, Projection],
    folds: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
    recipe: Recipe,
) -> tuple[Novelty, NDArray[np.float64]]:
    """Fit the score and its threshold on residuals of images that no component was fitted on.

    The distance from the space of the principal components [1]_ is the Q statistic of process
    control [2]_. The Mahalanobis distance within that space [3]_ is left out on purpose: images
    that the components were fitted on have larger ones than new images have, so that a model
    would call its own archive unfamiliar; and pictures of anything else are near the mean.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    projections : dict of str to Projection
        The PCA of each block, fitted on all images. Those behind the residuals are fitted anew
        on each fold's training part.
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
    .. [1] B. Moghaddam, A. Pentland, "Probabilistic visual learning for object representation",
       IEEE Transactions on Pattern Analysis and Machine Intelligence 19, 1997, section 2.2.
    .. [2] J. E. Jackson, G. S. Mudholkar, "Control procedures for residuals associated with
       principal component analysis", Technometrics 21, 1979.
    .. [3] K. Lee, K. Lee, H. Lee, J. Shin, "A simple unified framework for detecting
       out-of-distribution samples and adversarial attacks", NeurIPS 2018, section 2.
    """
    components, random_state = recipe.lightgbm.pca_dimension, recipe.random_state
    residuals = np.zeros((sum(len(test) for _, test in folds), len(projections)))
    for training, test in folds:
        for column, name in enumerate(projections):
            projection = Projection.fit(blocks[name][training], components, random_state)
            residuals[test, column] = residual_energies(blocks[name][test], projection)
    means = np.log(residuals).mean(axis=0)
    deviations = np.maximum(np.log(residuals).std(axis=0), LEAST_DEVIATION)
    scores = find_worst(residuals, means, deviations)
    threshold = fit_threshold(scores, recipe.review.false_alarm_rate)
    return Novelty(means, deviations, threshold), scores


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
