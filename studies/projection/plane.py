"""Vectors become points of a plane, by t-SNE or UMAP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trifuse.features.libraries import need_extra
from trifuse.features.processes import limited_threads
from trifuse.studies.projection.faithfulness import Faithfulness, Recall, measure_faithfulness
from trifuse.studies.projection.vectors import ImageVectors, ProjectionError

TITLES = {"tsne": "t-SNE", "umap": "UMAP"}
MAX_COMPONENTS = 50
"""Principal components that are kept in front of either method."""
MIN_PERPLEXITY = 5
"""Van der Maaten and Hinton (2008): "typical values are between 5 and 50"."""


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
        "tsne" or "umap".
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
        return f"{TITLES[self.method]} of {self.images.of}"

    @property
    def caption(self) -> str:
        """Say what is shown, and how far it is to be believed."""
        kept = self.faithfulness
        unit = "neighbours" if self.method == "umap" else "perplexity"
        table, n_known = self.images.table, int(self.images.trained_on.sum())
        training = f"; the model was trained on {n_known:,} of the images" if n_known else ""
        of_parts = "".join(
            f"; of the {n_images:,} that the model was {kind} on: {_tell_recall(recall)}"
            for n_images, kind, recall in (
                (n_known, "trained", kept.known),
                (len(table) - n_known, "not trained", kept.new),
            )
            if recall
        )
        return (
            f"{self.title}, {unit} {self.perplexity}, seed {self.seed}: "
            f"{len(table):,} images of {len(set(table.groups)):,} groups{training}. "
            f"Trustworthiness {kept.trustworthiness:.3f}. The nearest image of another group is of "
            f"the same class (mean over classes): {_tell_recall(kept.recall)} projection{of_parts}."
        )


def place_images(
    images: ImageVectors, method: str = "tsne", perplexity: int = 30, seed: int = 0
) -> ImageMap:
    """Project images, and measure what is kept.

    Raises
    ------
    ProjectionError, trifuse.features.libraries.ExtraError
        See `project_vectors`.
    """
    points = project_vectors(images.vectors, method, perplexity, seed)
    kept = measure_faithfulness(images.vectors, points, images.table, images.trained_on)
    return ImageMap(images, points, kept, method, perplexity, seed)


def project_vectors(
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
    trifuse.features.libraries.ExtraError
        See `build_reducer`.
    """
    from sklearn.decomposition import PCA

    check_perplexity(perplexity, len(vectors))
    if (vectors == vectors[0]).all():
        msg = f"the {len(vectors)} images have one and the same vector: there is nothing to see"
        raise ProjectionError(msg)
    reducer = build_reducer(method, perplexity, seed)
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
    trifuse.studies.projection.vectors.ProjectionError: a perplexity of 30 takes 91 images at \
least, and there are 60; a perplexity of 19 would do
    """
    if perplexity < MIN_PERPLEXITY:
        raise ProjectionError(f"the perplexity must be {MIN_PERPLEXITY} at least, not {perplexity}")
    if n_images <= 3 * perplexity:
        most = (n_images - 1) // 3
        remedy = f"a perplexity of {most} would do" if most >= MIN_PERPLEXITY else "give more"
        raise ProjectionError(
            f"a perplexity of {perplexity} takes {3 * perplexity + 1} images at least, and "
            f"there are {n_images}; {remedy}"
        )


def _tell_recall(recall: Recall) -> str:
    return f"{100 * recall.plane:.1f} % here, {100 * recall.vectors:.1f} % before"


def build_reducer(method: str, perplexity: int, seed: int) -> Any:
    """Build what takes vectors into the plane, of scikit-learn's kind; arguments as above.

    Raises
    ------
    ProjectionError
        If there is no such method.
    trifuse.features.libraries.ExtraError
        If UMAP is asked for and not installed.
    """
    if method not in TITLES:
        raise ProjectionError(f"there is no method {method!r}; there are {', '.join(TITLES)}")
    if method == "umap":
        with need_extra("umap"):
            from umap import UMAP
        return UMAP(n_neighbors=perplexity, random_state=seed, n_jobs=1)
    from sklearn.manifold import TSNE

    return TSNE(
        perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed, n_jobs=1
    )
