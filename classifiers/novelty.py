"""Novelty: how badly the training archive's principal components explain an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.components import Projected
from trifuse.classifiers.conformal import conformal_rank
from trifuse.recipes.recipe import Recipe

LEAST_DEVIATION = 1e-3
"""Floor of the standard deviations of residual energies' logarithms."""


@dataclass(frozen=True)
class Novelty:
    """What the principal components leave out of images like the archive's, and what is too much.

    Attributes
    ----------
    n_components : int
        Of each block that explain an image.
    means, deviations : ndarray of float64, shape (n_blocks,)
        Of the logarithms of each block's residual energy, over images that the components were
        not fitted on; the deviations are positive.
    threshold : float
        Images that score above it are unfamiliar.
    """

    n_components: int
    means: NDArray[np.float64]
    deviations: NDArray[np.float64]
    threshold: float

    def scores(self, images: Projected) -> NDArray[np.float64]:
        """Score images by the block that is explained worst.

        Returns
        -------
        ndarray of float64, shape (n,)
            The largest of ``(log(residual energy) - mean) / deviation`` over the blocks.
        """
        return find_worst(images.residuals(self.n_components), self.means, self.deviations)

    def are_unfamiliar(self, images: Projected) -> NDArray[np.bool_]:
        """Tell which images score above the threshold; bool (n,)."""
        below: NDArray[np.bool_] = self.scores(images) <= self.threshold
        return ~below  # so that a score that is no number is unfamiliar


def find_worst(
    residuals: NDArray[np.float64], means: NDArray[np.float64], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the largest standardised logarithm of each row; (n, n_blocks) to (n,)."""
    worst: NDArray[np.float64] = ((np.log(residuals) - means) / deviations).max(axis=1)
    return worst


def fit_novelty(
    residuals: NDArray[np.float64], recipe: Recipe
) -> tuple[Novelty, NDArray[np.float64]]:
    """Fit the score and its threshold on residuals of images that no component was fitted on.

    The distance from the space of the principal components [1]_ is the Q statistic of process
    control [2]_. The Mahalanobis distance within that space [3]_ is left out on purpose: images
    that the components were fitted on have larger ones than new images have, so that a model
    would call its own archive unfamiliar; and pictures of anything else are near the mean.

    Parameters
    ----------
    residuals : ndarray of float64, shape (n_images, n_blocks)
        Of `trifuse.classifiers.components.analyse`.
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
    means = np.log(residuals).mean(axis=0)
    deviations = np.maximum(np.log(residuals).std(axis=0), LEAST_DEVIATION)
    scores = find_worst(residuals, means, deviations)
    threshold = fit_threshold(scores, recipe.review.false_alarm_rate)
    return Novelty(recipe.review.components, means, deviations, threshold), scores


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
