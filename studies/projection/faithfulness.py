"""What a plane keeps of the vectors that were projected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.datasets.table import LabelledTable

NEIGHBORS = 5
"""Of the trustworthiness."""
CHUNK_MEGABYTES = 256
"""Of distances that are looked at together."""


class Recall(NamedTuple):
    """How often an image's nearest one of another group is of its class; see `mean_recall`.

    Attributes
    ----------
    vectors, plane : float
        Among the vectors, and in the plane.
    """

    vectors: float
    plane: float


@dataclass(frozen=True)
class Faithfulness:
    """What a plane keeps of the vectors.

    Attributes
    ----------
    trustworthiness : float
        In 0 to 1, over the 5 nearest neighbours: 1 where all neighbours in the plane are
        neighbours among the vectors too (Venna and Kaski 2001). It is scikit-learn's figure, whose
        function needs 25 bytes a pair of images.
    recall : Recall
        Of all images.
    known, new : Recall, optional
        Of those that the model was trained on, and of those that it was not; None where there are
        not both kinds.
    """

    trustworthiness: float
    recall: Recall
    known: Recall | None = None
    new: Recall | None = None


def measure_faithfulness(
    vectors: NDArray[np.float32],
    points: NDArray[np.float32],
    table: LabelledTable,
    trained_on: NDArray[np.bool_],
) -> Faithfulness:
    """Hold the points against the vectors, and both against the labels.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_images, dim)
        More than ten images.
    points : ndarray of float32, shape (n_images, 2)
    table : LabelledTable
    trained_on : ndarray of bool, shape (n_images,)
    """
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=NEIGHBORS).fit(points).kneighbors(return_distance=False)
    hits, ranks = look_around(vectors, table, nearest)
    plane_hits, _ = look_around(points, table, nearest)

    def recall(rows: NDArray[np.bool_]) -> Recall:
        return Recall(mean_recall(hits, table, rows), mean_recall(plane_hits, table, rows))

    n, k = len(table), NEIGHBORS
    surplus = np.maximum(ranks - k, 0).sum()
    has_both = trained_on.any() and not trained_on.all()
    return Faithfulness(
        float(1 - surplus * 2 / (n * k * (2 * n - 3 * k - 1))),
        recall(np.ones(n, bool)),
        known=recall(trained_on) if has_both else None,
        new=recall(~trained_on) if has_both else None,
    )


def look_around(
    vectors: NDArray[np.float32], table: LabelledTable, others: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Look from each image at all others; memory grows with their number, not with its square.

    Parameters
    ----------
    vectors : ndarray of float32, shape (n_images, dim)
    table : LabelledTable
        Two groups at least.
    others : ndarray of int, shape (n_images, k)
        Rows of images.

    Returns
    -------
    hits : ndarray of bool, shape (n_images,)
        Whether the nearest image of another group is of the image's class.
    ranks : ndarray of int, shape (n_images, k)
        How many images, itself included, are nearer than each of `others`.
    """
    from sklearn.metrics import pairwise_distances_chunked

    groups, labels = table.group_indices, table.label_indices

    def look(distances: NDArray[np.float32], start: int) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = np.arange(start, start + len(distances))
        bounds = np.take_along_axis(distances, others[rows], axis=1)
        ranks = [(distances < bound[:, None]).sum(axis=1) for bound in bounds.T]
        distances[groups[rows, None] == groups] = np.inf
        return labels[distances.argmin(axis=1)] == labels[rows], np.stack(ranks, axis=1)

    found = pairwise_distances_chunked(vectors, reduce_func=look, working_memory=CHUNK_MEGABYTES)
    hits, ranks = zip(*found, strict=True)
    return np.concatenate(hits), np.concatenate(ranks)


def mean_recall(hits: NDArray[np.bool_], table: LabelledTable, rows: NDArray[np.bool_]) -> float:
    """Give the mean over classes of how often the nearest image of another group is of the class.

    It is the recall of a classifier by one nearest neighbour, as t-SNE's author measures planes
    (van der Maaten 2014, section 5), but no image is classified by its own lesion's others.

    Parameters
    ----------
    hits : ndarray of bool, shape (n_images,)
        Of `look_around`.
    table : LabelledTable
    rows : ndarray of bool, shape (n_images,)
        The images that are counted, one at least; any other image may be their nearest.
    """
    labels = table.label_indices
    return float(np.mean([hits[rows & (labels == label)].mean() for label in set(labels[rows])]))
