"""Principal components of blocks, by the inner products of the images: one matrix serves all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.member import Folds, Kernel
from trifuse.encoders.projection import Projection
from trifuse.features.stages import say_where
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import members

MOST_IMAGES = 25_000
"""Whose inner products are taken: 12 bytes a pair, 7.5 GB."""
DRAWN_IMAGES = 12_000
"""Of more images, so many that are drawn at random stand for all."""
LEAST_ENERGY = 1e-6
"""Floor of residual energies; blocks are unit vectors in float32, whose squares round."""
_DENSE = 500
"""Images of which all components are found at once, exactly."""
_ITERATIONS = 3
"""Of the randomised solver; each multiplies twice by the inner products, so that the leading
components come out as of seven iterations over the vectors, scikit-learn's own choice for PCA."""


@dataclass(frozen=True)
class Projected:
    """Blocks of some images beside their principal components, each computed once.

    Attributes
    ----------
    blocks : dict of str to ndarray of float32, shape (n, dim)
    projections : dict of str to Projection
        The PCA of each block.
    """

    blocks: Mapping[str, NDArray[np.float32]]
    projections: Mapping[str, Projection]

    @cached_property
    def components(self) -> dict[str, NDArray[np.float32]]:
        """Each block's components, by falling variance; (n, n_components)."""
        return {name: found.apply(self.blocks[name]) for name, found in self.projections.items()}

    def joined(self, n_components: int) -> NDArray[np.float32]:
        """Join the leading components of all blocks; (n, n_features)."""
        return np.hstack([own[:, :n_components] for own in self.components.values()])

    def residuals(self, n_components: int) -> NDArray[np.float64]:
        """Measure what the leading components leave out of each block.

        It is ``|x - mean|^2 - |(x - mean) @ components.T|^2``, the squared error of the vector's
        reconstruction, `LEAST_ENERGY` at least.

        Returns
        -------
        ndarray of float64, shape (n, n_blocks)
        """
        found = []
        for name, own in self.components.items():
            centred = self.blocks[name] - self.projections[name].mean
            energies = np.einsum("ij,ij->i", centred, centred, dtype=np.float64)
            kept = np.square(own[:, :n_components], dtype=np.float64).sum(axis=1)
            found.append(np.maximum(energies - kept, LEAST_ENERGY))
        return np.stack(found, axis=1)


class Analysis(NamedTuple):
    """What is learnt of an archive's blocks without a look at a label.

    Attributes
    ----------
    projections : dict of str to Projection
        The PCA of each block.
    kernel : Kernel
        Of the fused blocks.
    residuals : ndarray of float64, shape (n_images, n_blocks)
        What components that an image's fold was kept from leave out of it.
    """

    projections: dict[str, Projection]
    kernel: Kernel
    residuals: NDArray[np.float64]


def count_components(recipe: Recipe) -> dict[str, int]:
    """Tell how many components of each block the reduced members look at, by member."""
    chosen = {name: members()[name].machine for name in recipe.ensemble.members}
    return {
        name: recipe.members[name].pca_dimension
        for name, machine in chosen.items()
        if machine.reduced
    }


def analyse(
    blocks: Mapping[str, NDArray[np.float32]], recipe: Recipe, folds: Folds = ()
) -> Analysis:
    """Take the kernel and the principal components from one matrix of inner products a block.

    The components of n vectors longer than n are those of the matrix of their inner products
    [1]_, and those of a part of the vectors come from that part of the matrix.

    Parameters
    ----------
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    recipe : Recipe
    folds : Folds
        For whose held-out images residuals are wanted.

    References
    ----------
    .. [1] L. Sirovich, "Turbulence and the dynamics of coherent structures, part I", Quarterly of
       Applied Mathematics 45, 1987, section 3 (the method of snapshots).
    """
    weights, seed = recipe.block_weights, recipe.random_state
    n_images, n_kept = len(next(iter(blocks.values()))), recipe.review.components
    n_components = max(n_kept, *count_components(recipe).values(), 1)
    rows = _draw(n_images, seed)
    products = np.zeros((len(rows), len(rows)), np.float32)
    residuals = np.zeros((n_images if folds else 0, len(weights)))
    projections = {}
    for column, (name, weight) in enumerate(weights.items()):
        say_where(f"principal components of {name}, {column + 1} of {len(weights)} blocks")
        vectors = blocks[name] if len(rows) == n_images else blocks[name][rows]
        gram = vectors @ vectors.T
        projections[name] = fit_projection(vectors, gram, n_components, seed)
        for training, test in folds:
            part = np.flatnonzero(np.isin(rows, training))
            own = fit_projection(vectors[part], gram[np.ix_(part, part)], n_kept, seed)
            held_out = Projected({name: blocks[name][test]}, {name: own})
            residuals[test, column] = held_out.residuals(n_kept)[:, 0]
        gram *= weight / sum(weights.values())
        products += gram
    return Analysis(projections, Kernel(rows, products), residuals)


def fit_projection(
    vectors: NDArray[np.float32], gram: NDArray[np.float32], n_components: int, random_state: int
) -> Projection:
    """Fit a PCA to vectors by their inner products; it keeps no component of no variance.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n, dim)
    gram : ndarray of float32, shape (n, n)
    n_components : int
    random_state : int
        Seed of the randomised solver that large matrices have.
    """
    from scipy.linalg import eigh
    from sklearn.preprocessing import KernelCenterer
    from sklearn.utils.extmath import randomized_svd

    centred, n_sought = KernelCenterer().fit_transform(gram), min(n_components, len(gram))
    # Not KernelPCA: it refuses matrices whose smallest eigenvalues rounding makes negative.
    if len(gram) > max(_DENSE, 2 * n_sought):
        found, variances, _ = randomized_svd(
            centred, n_sought, n_iter=_ITERATIONS, random_state=random_state
        )
    else:
        values, found = eigh(centred, subset_by_index=(len(gram) - n_sought, len(gram) - 1))
        found, variances = found[:, ::-1], values[::-1]
    least = float(np.finfo(np.float32).tiny)
    floor = max(LEAST_ENERGY * float(gram.trace(dtype=np.float64)), least)
    n_kept = max(1, int((variances > floor).sum()))
    scaled = found[:, :n_kept] / np.sqrt(np.maximum(variances[:n_kept], floor))
    rows, mean = np.ascontiguousarray(scaled.T, dtype=np.float32), vectors.mean(axis=0)
    return Projection(mean, rows @ vectors - rows.sum(axis=1)[:, None] * mean)


def _draw(n_images: int, random_state: int) -> NDArray[np.intp]:
    """Draw the images that stand for all, in their order: all of them unless they are too many."""
    if n_images <= MOST_IMAGES:
        return np.arange(n_images)
    drawn = np.random.default_rng(random_state).choice(n_images, DRAWN_IMAGES, replace=False)
    return np.sort(drawn)
