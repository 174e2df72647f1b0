"""The images of an archive as the vectors that are going to be projected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import Model
from trifuse.datasets.table import LabelledTable
from trifuse.encoders.blocks import Blocks
from trifuse.encoders.fusion import fuse
from trifuse.features.images import ImageError, read_content, read_image
from trifuse.studies.page import thumbnail_uri
from trifuse.training.parallel import map_images

FUSED = "fused"
SCORES = "scores"
THUMBNAIL_SIDE = 64


class ProjectionError(ValueError):
    """Images that cannot be projected as asked; the message says why and what to do."""


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
    trained_on : ndarray of bool, shape (n_images,)
        Whether the model was trained on each image's very file.
    unread : dict of Path to str
        Why each other image of the archive could not be read.
    """

    table: LabelledTable
    of: str
    vectors: NDArray[np.float32]
    predicted: tuple[str, ...]
    thumbnails: tuple[str, ...]
    trained_on: NDArray[np.bool_]
    unread: Mapping[Path, str] = field(default_factory=dict)


class _Seen(NamedTuple):
    vector: NDArray[np.float32]
    predicted: str
    thumbnail: str
    is_training_image: bool


def describe_images(
    table: LabelledTable, model: Model, of: str = FUSED, jobs: int | None = None
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
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.

    Returns
    -------
    ImageVectors

    Raises
    ------
    ProjectionError
        If `of` is none of these, or no image can be read.
    """
    check_vectors_name(of, model)
    found = list(map_images(partial(_describe, model, of), table.paths, "encoding images", jobs))
    rows = [row for row, seen in enumerate(found) if isinstance(seen, _Seen)]
    if not rows:
        msg = f"none of the {len(table)} images can be read: there is nothing to project"
        raise ProjectionError(msg)
    vectors, predicted, thumbnails, known = zip(
        *(seen for seen in found if isinstance(seen, _Seen)), strict=True
    )
    reasons = zip(table.paths, found, strict=True)
    unread = {path: reason for path, reason in reasons if isinstance(reason, str)}
    part = table.subset(rows)
    return ImageVectors(part, of, np.stack(vectors), predicted, thumbnails, np.array(known), unread)


def check_vectors_name(of: str, model: Model) -> None:
    """Refuse to project what the model does not have.

    Raises
    ------
    ProjectionError
        With the names that it has.
    """
    names = (*model.recipe.block_weights, FUSED, SCORES)
    if of not in names:
        raise ProjectionError(f"the model has no {of!r} to project; it has: {', '.join(names)}")


def choose_vectors(
    of: str, blocks: Blocks, probabilities: NDArray[np.float64], weights: Mapping[str, float]
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


def _describe(model: Model, of: str, path: Path) -> _Seen | str:
    """Describe an image; one that cannot be read gives the reason, which does not name it."""
    try:
        content = read_content(path)
        image = read_image(content)
        model.encoder.extractor.check_size(image.shape)
    except ImageError as error:
        return str(error)
    blocks = model.describe(image)
    probabilities = model.ensemble.probabilities(blocks)
    return _Seen(
        choose_vectors(of, blocks, probabilities, model.ensemble.block_weights)[0],
        model.classes[int(probabilities[0].argmax())],
        thumbnail_uri(image, THUMBNAIL_SIDE),
        model.training_images.hold(hashlib.sha256(content).hexdigest()),
    )
