"""What the scikit-learn estimators that take images share: their input."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from trifuse.features.images import read_image

ImageLike = str | os.PathLike[str] | bytes | NDArray[Any]
"""An image file's path or content, or its pixels."""


class TakesImages(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer of images to float32 vectors or descriptors.

    Images are a sequence of paths, of file contents, or of arrays, uint8 (rows, columns, 3) RGB or
    (rows, columns) grey, of any sizes; or one array of them all.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def load_image(image: ImageLike) -> NDArray[Any]:
    """Read a file's path or content; pass an array on as it is.

    Raises
    ------
    trifuse.features.images.ImageError
        If a file cannot be read.
    ValueError
        If it is none of these.
    """
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, str | os.PathLike | bytes):
        return read_image(image)
    raise ValueError(f"an image must be a path, bytes or an array, not {type(image).__name__}")


def check_images(X: Any) -> None:
    """Raise ValueError unless `X` is a sequence of images, at least one."""
    if isinstance(X, str | bytes | os.PathLike) or not hasattr(X, "__len__"):
        raise ValueError(f"images must be a sequence of images, not a {type(X).__name__}")
    if isinstance(X, np.ndarray) and X.dtype.kind != "U" and X.dtype != object and X.ndim < 3:
        raise ValueError(
            f"an array of images must have the shape (n_images, rows, columns[, 3]), not {X.shape}"
        )
    if len(X) == 0:
        raise ValueError("there are no images")
