"""The images of an archive as the vectors that are going to be projected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model
from trifuse.classifiers.training import Mapper, plain_map
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import Blocks
from trifuse.encoders.fusion import fuse
from trifuse.features.images import ImageError, read_image
from trifuse.studies.page import thumbnail_uri
from trifuse.studies.projection.errors import ProjectionError

FUSED = "fused"
SCORES = "scores"
THUMBNAIL_SIDE = 64


@dataclass(frozen=True)
class ImageVectors:
    """The readable images of an archive.

    Attributes
    ----------
    table : LabelledTable
        Their rows.
    of : str
        What the vectors are: a block, ``fused`` or ``scores``.
    vectors : ndarray of float32, shape (n_images, dim)
    predicted : tuple of str
        The most probable class of each image.
    thumbnails : tuple of str
        Each image as the ``src`` of an ``img``, of 64 pixels at most.
    """

    table: LabelledTable
    of: str
    vectors: NDArray[np.float32]
    predicted: tuple[str, ...]
    thumbnails: tuple[str, ...]

    @property
    def are_right(self) -> NDArray[np.bool_]:
        """Whether the most probable class is the image's label, shape (n_images,)."""
        return np.equal(self.predicted, self.table.labels).astype(bool)


class _Seen(NamedTuple):
    vector: NDArray[np.float32]
    predicted: str
    thumbnail: str


def describe_images(
    table: LabelledTable, model: Model, of: str = FUSED, mapper: Mapper = plain_map
) -> ImageVectors:
    """Give each readable image as a vector; images that cannot be read are left out.

    Parameters
    ----------
    table : LabelledTable
    model : Model
    of : str
        One of the model's blocks; ``fused``, the vector of `trifuse.encoders.fusion.fuse` under
        the ensemble's block weights; or ``scores``, the square roots of the ensemble's
        probabilities, see `choose_vectors`.
    mapper : Mapper

    Returns
    -------
    ImageVectors

    Raises
    ------
    ProjectionError
        If `of` is none of these, or no image can be read.
    """
    check_name(of, model)
    found = list(mapper(partial(_describe, model, of), table.paths, "encoding images"))
    rows = [row for row, seen in enumerate(found) if seen is not None]
    if not rows:
        msg = f"none of the {len(table)} images can be read: there is nothing to project"
        raise ProjectionError(msg)
    vectors, predicted, thumbnails = zip(*filter(None, found), strict=True)
    return ImageVectors(table.subset(rows), of, np.stack(vectors), predicted, thumbnails)


def check_name(of: str, model: Model) -> None:
    """Refuse to project what the model does not have.

    Raises
    ------
    ProjectionError
        With the names that it has.
    """
    names = (*model.recipe.block_weights, FUSED, SCORES)
    if of not in names:
        msg = f"the model has no {of!r} to project; it has: {', '.join(names)}"
        raise ProjectionError(msg)


def choose_vectors(
    of: str,
    blocks: Blocks,
    probabilities: NDArray[np.float64],
    weights: Mapping[str, float],
) -> NDArray[np.float32]:
    """Give what `of` names of some images.

    Scores are square roots of probabilities: their Euclidean distance is, but for a factor, the
    Hellinger distance, which is near that of Fisher and Rao. Logarithms would be led by the
    classes that are out of the question: 1e-6 and 1e-9 of one class, which mean the same, are
    farther from each other than 0.1 and 0.9.

    Parameters
    ----------
    of : str
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
    probabilities : ndarray of float64, shape (n_images, n_classes)
    weights : dict of str to float
        Of the blocks in the fused vector.

    Returns
    -------
    ndarray of float32, shape (n_images, dim)

    Examples
    --------
    >>> choose_vectors("scores", {}, np.array([[0.25, 0.75]]), {}).round(2)
    array([[0.5 , 0.87]], dtype=float32)
    """
    if of == SCORES:
        return np.sqrt(probabilities).astype(np.float32)
    return fuse(blocks, weights) if of == FUSED else blocks[of]


def _describe(model: Model, of: str, path: Path) -> _Seen | None:
    try:
        image = read_image(path)
    except ImageError:
        return None
    blocks = model.describe(image)
    probabilities = model.ensemble.probabilities(blocks)
    return _Seen(
        choose_vectors(of, blocks, probabilities, model.ensemble.block_weights)[0],
        model.classes[int(probabilities[0].argmax())],
        thumbnail_uri(image, THUMBNAIL_SIDE),
    )
