"""Vectors become points of a plane, by t-SNE or UMAP, and what the plane keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import LabelledTable
from trifuse.features.threads import limited_threads
from trifuse.studies.extra import need_extra
from trifuse.studies.projection.errors import ProjectionError
from trifuse.studies.projection.vectors import ImageVectors

MAX_COMPONENTS = 50
"""Principal components that are kept in front of either method."""
MIN_PERPLEXITY = 5
"""Van der Maaten and Hinton (2008): "typical values are between 5 and 50"."""
NEIGHBORS = 5
"""Of the trustworthiness."""


@dataclass(frozen=True)
class Faithfulness:
    """What a plane keeps of the vectors.

    Attributes
    ----------
    trustworthiness : float
        In 0 to 1, over the 5 nearest neighbours: 1 where all neighbours in the plane are
        neighbours among the vectors too (Venna and Kaski 2001).
    recall, plane_recall : float
        Mean over the classes of the share of images whose nearest image of another group is of
        their class, among the vectors and in the plane.
    """

    trustworthiness: float
    recall: float
    plane_recall: float


@dataclass(frozen=True)
class ImageMap:
    """Images in a plane.

    Attributes
    ----------
    images : ImageVectors
    points : ndarray of float32, shape (n_images, 2)
        x and y, without a unit.
    faithfulness : Faithfulness
    method : str
        A key of `METHODS`.
    perplexity : int
    seed : int
    """

    images: ImageVectors
    points: NDArray[np.float32]
    faithfulness: Faithfulness
    method: str
    perplexity: int
    seed: int

    @property
    def title(self) -> str:
        """Say which way led from what into the plane."""
        return f"{METHODS[self.method].title} of {self.images.of}"

    @property
    def caption(self) -> str:
        """Say what is shown, and how far it is to be believed."""
        unit = METHODS[self.method].unit
        table, kept = self.images.table, self.faithfulness
        return (
            f"{self.title}, {unit} {self.perplexity}, seed {self.seed}: "
            f"{len(table):,} images of {len(set(table.groups)):,} groups. "
            f"Trustworthiness {kept.trustworthiness:.3f}. The nearest image of another group is of "
            f"the same class (mean over classes): {100 * kept.plane_recall:.1f} % here, "
            f"{100 * kept.recall:.1f} % before projection."
        )


def map_images(
    images: ImageVectors, method: str = "tsne", perplexity: int = 30, seed: int = 0
) -> ImageMap:
    """Project images, and measure what is kept.

    Raises
    ------
    ProjectionError, trifuse.studies.extra.ExtraError
        See `project`.
    """
    points = project(images.vectors, method, perplexity, seed)
    kept = measure(images.vectors, points, images.table)
    return ImageMap(images, points, kept, method, perplexity, seed)


def project(
    vectors: NDArray[np.float32], method: str = "tsne", perplexity: int = 30, seed: int = 0
) -> NDArray[np.float32]:
    """Project vectors onto their 50 leading principal components, and these into the plane.

    t-SNE is scikit-learn's (van der Maaten and Hinton 2008; Barnes-Hut, van der Maaten 2014), from
    the first two components on, so that the seed changes little; UMAP is umap-learn's (McInnes
    et al. 2018). Both run on one thread: the same vectors and seed give the same points.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_images, dim)
    method : {"tsne", "umap"}
    perplexity : int
        How many neighbours of an image count: t-SNE's perplexity, UMAP's ``n_neighbors``.
    seed : int

    Returns
    -------
    ndarray of float32, shape (n_images, 2)

    Raises
    ------
    ProjectionError
        See `check_perplexity`; also if all vectors are the same.
    trifuse.studies.extra.ExtraError
        If UMAP is asked for and not installed.
    """
    from sklearn.decomposition import PCA

    check_perplexity(perplexity, len(vectors))
    if (vectors == vectors[0]).all():
        msg = f"the {len(vectors)} images have one and the same vector: there is nothing to see"
        raise ProjectionError(msg)
    reducer = METHODS[method].build(perplexity, seed)
    with limited_threads():
        pca = PCA(min(MAX_COMPONENTS, *vectors.shape), random_state=seed)
        points = reducer.fit_transform(pca.fit_transform(vectors))
    return np.asarray(points, dtype=np.float32)


def check_perplexity(perplexity: int, n_images: int) -> None:
    """Refuse a perplexity that is too small to mean anything or too large for the images.

    Barnes-Hut t-SNE takes three neighbours of an image for one of the perplexity (van der Maaten
    2014, section 4.1).

    Raises
    ------
    ProjectionError

    Examples
    --------
    >>> check_perplexity(30, 60)
    Traceback (most recent call last):
    ...
    trifuse.studies.projection.errors.ProjectionError: a perplexity of 30 takes 91 images at \
least, and there are 60; a perplexity of 19 would do
    """
    if perplexity < MIN_PERPLEXITY:
        msg = f"the perplexity must be {MIN_PERPLEXITY} at least, not {perplexity}"
        raise ProjectionError(msg)
    if n_images <= 3 * perplexity:
        most = (n_images - 1) // 3
        remedy = f"a perplexity of {most} would do" if most >= MIN_PERPLEXITY else "give more"
        msg = (
            f"a perplexity of {perplexity} takes {3 * perplexity + 1} images at least, and "
            f"there are {n_images}; {remedy}"
        )
        raise ProjectionError(msg)


def measure(
    vectors: NDArray[np.float32], points: NDArray[np.float32], table: LabelledTable
) -> Faithfulness:
    """Hold the points against the vectors, and both against the labels.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_images, dim)
        More than ten images.
    points : ndarray of float32, shape (n_images, 2)
    table : LabelledTable
    """
    from sklearn.manifold import trustworthiness
    from sklearn.metrics.pairwise import euclidean_distances

    distances = euclidean_distances(vectors)
    return Faithfulness(
        float(trustworthiness(distances, points, n_neighbors=NEIGHBORS, metric="precomputed")),
        neighbor_recall(distances, table),
        neighbor_recall(euclidean_distances(points), table),
    )


def neighbor_recall(distances: NDArray[np.floating[Any]], table: LabelledTable) -> float:
    """Give the mean over classes of how often the nearest image of another group is of the class.

    It is the recall of a classifier by one nearest neighbour, as t-SNE's author measures planes
    (van der Maaten 2014, section 5), but no image is classified by its own lesion's others.

    Parameters
    ----------
    distances : ndarray of float, shape (n_images, n_images)
    table : LabelledTable
        Two groups at least.
    """
    groups, labels = table.group_indices, table.label_indices
    others = np.where(groups[:, None] == groups, np.inf, distances)
    hits = labels[others.argmin(axis=1)] == labels
    return float(np.mean([hits[labels == label].mean() for label in np.unique(labels)]))


def _build_tsne(perplexity: int, seed: int) -> Any:
    from sklearn.manifold import TSNE

    return TSNE(
        perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed, n_jobs=1
    )


def _build_umap(neighbors: int, seed: int) -> Any:
    with need_extra("umap"):
        from umap import UMAP
    return UMAP(n_neighbors=neighbors, random_state=seed, n_jobs=1)


class Method(NamedTuple):
    """A way into the plane: its name, what it calls the perplexity, and scikit-learn's kind."""

    title: str
    unit: str
    build: Callable[[int, int], Any]


METHODS = {
    "tsne": Method("t-SNE", "perplexity", _build_tsne),
    "umap": Method("UMAP", "neighbours", _build_umap),
}
