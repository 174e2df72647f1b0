"""scikit-learn transformers from images to local descriptors and to CNN embeddings.

Scoring does not import this module: scikit-learn takes a second to import.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from inspect import Parameter, Signature
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from trifuse.features.checks import Count, check_color_image, check_value
from trifuse.features.descriptors import PatchDescriptor
from trifuse.features.descriptors.cnn import CnnCells, map_descriptors
from trifuse.features.descriptors.color import LocalColorExtractor
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import read_image
from trifuse.features.litert import CnnEmbedder, CnnOutputs
from trifuse.features.processes import limited_threads
from trifuse.features.resize import shrink

ImageLike = str | os.PathLike[str] | bytes | NDArray[Any]
"""An image file's path or content, or its pixels."""
Output: TypeAlias = Annotated[
    Literal["embedding", "feature_map"], Meta(description="one of embedding, feature_map")
]
Class = TypeVar("Class", bound=type[Any])


def takes(
    options: type[Any], more: Mapping[str, Any], names: Mapping[str, str] | None = None
) -> Callable[[Class], Class]:
    """Give an estimator its constructor, which only stores: it takes a dataclass's fields.

    Parameters
    ----------
    options : type
        The dataclass that the estimator delegates to; its defaults are the estimator's.
    more : dict
        Further parameters, and their defaults.
    names : dict, optional
        What the estimator calls a field, where not by its name.

    Returns
    -------
    callable
        A decorator of the class.
    """
    defaults: dict[str, Any] = {
        (names or {}).get(item.name, item.name): item.default for item in fields(options)
    }
    defaults |= more
    kind = Parameter.POSITIONAL_OR_KEYWORD
    own = [Parameter(name, kind, default=value) for name, value in defaults.items()]
    signature = Signature([Parameter("self", kind), *own])

    def store(self: Any, *args: Any, **parameters: Any) -> None:
        bound = signature.bind(self, *args, **parameters)
        bound.apply_defaults()
        for name in defaults:
            setattr(self, name, bound.arguments[name])

    def decorate(estimator: Class) -> Class:
        store.__signature__ = signature  # type: ignore[attr-defined]
        store.__name__ = "__init__"
        estimator.__init__ = store
        return estimator

    return decorate


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


class ImageTransformer(TakesImages):
    """What the transformers of images share: they read images, and learn nothing from them."""

    METHOD: ClassVar[type[PatchDescriptor]]
    longest_side: int | None

    def fit(self, X: Sequence[ImageLike], y: object = None) -> Self:  # noqa: ARG002
        """Check the parameters and that there are images; nothing is learned.

        Raises
        ------
        ValueError
            If a parameter does not fit, or there are no images.
        """
        check_images(X)
        self._extractor()
        return self

    def transform(self, X: Sequence[ImageLike]) -> list[LocalDescriptors]:
        """Describe images.

        Returns
        -------
        list of LocalDescriptors
            All in memory at once; `LocalDescriptorPipeline` describes image by image.

        Raises
        ------
        ValueError
            If a parameter does not fit, there are no images, or one has another shape.
        trifuse.features.images.ImageError
            If a file cannot be read.
        """
        check_images(X)
        extractor = self._extractor()
        with limited_threads():
            return [extractor.extract(self._load(image)) for image in X]

    def describe(self, image: ImageLike) -> Iterator[LocalDescriptors]:
        """Describe one image band by band; small images are one band."""
        return self._extractor().bands(self._load(image))

    def _extractor(self) -> PatchDescriptor:
        """Make what describes one array; this checks the parameters."""
        parameters = self.get_params(deep=False)
        if (longest_side := parameters.pop("longest_side")) is not None:
            check_value("longest_side", longest_side, Count)
        return self.METHOD(**parameters)

    def _load(self, image: ImageLike) -> NDArray[Any]:
        pixels = load_image(image)
        if self.longest_side is None:
            return pixels
        if pixels.dtype != np.uint8 or pixels.ndim not in {2, 3}:
            raise ValueError(
                "an image can be shrunk to longest_side if it is uint8 of shape "
                f"(rows, columns[, 3]), not {pixels.dtype} of shape {pixels.shape}"
            )
        return shrink(pixels, self.longest_side)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


@takes(DenseSiftExtractor, {"longest_side": None})
class DenseSift(ImageTransformer):
    """Images to dense SIFT descriptors, VLFeat's ``vl_dsift``.

    Parameters
    ----------
    step, bin_sizes, window, window_size, magnification, aligned, bounds, contrast_threshold, root
        As in `trifuse.features.descriptors.sift.DenseSiftExtractor`.
    longest_side : int, optional
        Shrink larger images to it, in pixels, first.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    >>> DenseSift(step=8, bin_sizes=[4]).fit_transform([image])[0].values.shape
    (54, 128)
    """

    METHOD = DenseSiftExtractor


@takes(LocalColorExtractor, {"longest_side": None})
class LocalColor(ImageTransformer):
    """Images, in colour, to local colour statistics.

    Parameters
    ----------
    step, bin_sizes
        As in `trifuse.features.descriptors.color.LocalColorExtractor`.
    longest_side : int, optional
        Shrink larger images to it, in pixels, first.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    >>> LocalColor(step=8, bin_sizes=[4]).fit_transform([image])[0].values.shape
    (54, 96)
    """

    METHOD = LocalColorExtractor


@takes(CnnCells, {"output": "embedding"})
class CnnEmbedding(TakesImages):
    """Images, in colour, to the embeddings or the feature maps of a pretrained CNN.

    Parameters
    ----------
    backbone, weights, input_size, precision
        As in `trifuse.features.descriptors.cnn.CnnCells`.
    output : {"embedding", "feature_map"}
        One vector an image, or its cells as local descriptors.

    Attributes
    ----------
    embedder_ : CnnEmbedder
        The network, exported to LiteRT.
    """

    embedder_: CnnEmbedder

    def fit(self, X: Sequence[ImageLike], y: object = None) -> Self:  # noqa: ARG002
        """Build and export the network, which imports TensorFlow.

        Of images nothing is learned, but by a network of `int8` the ranges of its activations.

        Raises
        ------
        ValueError
            If a parameter does not fit (`BackboneError` for the network), there are no images, or
            one of those that are looked at is none.
        """
        check_images(X)
        parameters = self.get_params(deep=False)
        check_value("output", parameters.pop("output"), Output)
        cells = CnnCells(**parameters)
        rows = cells.calibration_rows(len(X))
        self.embedder_ = cells.build([_load_color(X[row]) for row in rows])
        return self

    def transform(self, X: Sequence[ImageLike]) -> NDArray[np.float32] | list[LocalDescriptors]:
        """Embed images.

        Returns
        -------
        ndarray of float32, shape (n_images, embedding_dim), or list of LocalDescriptors
        """
        check_is_fitted(self)
        check_images(X)
        outputs = [self._embed(image) for image in X]
        if self.output == "embedding":
            return np.stack([output.embedding for output in outputs])
        return [map_descriptors(output.feature_map) for output in outputs]

    def describe(self, image: ImageLike) -> Iterator[LocalDescriptors]:
        """Give the cells of one image's feature map."""
        check_is_fitted(self)
        yield map_descriptors(self._embed(image).feature_map)

    def _embed(self, image: ImageLike) -> CnnOutputs:
        return self.embedder_.embed(_load_color(image))


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


def _load_color(image: ImageLike) -> NDArray[np.uint8]:
    pixels = load_image(image)
    check_color_image(pixels)
    return pixels


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
