"""scikit-learn transformers from images to local descriptors and to CNN embeddings.

Scoring does not import this module: scikit-learn takes a second to import.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from trifuse.features.backbones import DEFAULT_BACKBONE
from trifuse.features.checks import check_choice, check_color_image, check_count, check_counts
from trifuse.features.cnn import CnnEmbedder, CnnOutputs, map_descriptors
from trifuse.features.dense_sift import WINDOW_SIZE, DenseSiftExtractor
from trifuse.features.grid import Bounds, LocalDescriptors
from trifuse.features.image_input import ImageLike, TakesImages, check_images, load_image
from trifuse.features.local_color import LocalColorExtractor
from trifuse.features.resize import shrink
from trifuse.features.threads import limited_threads


class _Extractor(Protocol):
    def extract(self, image: NDArray[Any], /) -> LocalDescriptors: ...

    def bands(self, image: NDArray[Any], /) -> Iterator[LocalDescriptors]: ...


class ImageTransformer(TakesImages):
    """What the transformers of images share: they read images, and learn nothing from them."""

    longest_side: int | None

    def fit(self, X: Sequence[ImageLike], y: object = None) -> ImageTransformer:  # noqa: ARG002
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

    def _extractor(self) -> _Extractor:
        """Build what describes one array; this checks the parameters."""
        raise NotImplementedError

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


class DenseSift(ImageTransformer):
    """Images to dense SIFT descriptors, VLFeat's ``vl_dsift``.

    Parameters
    ----------
    step, bin_sizes, window, window_size, magnification, aligned, bounds, contrast_threshold, root
        As in `trifuse.features.dense_sift.DenseSiftExtractor`.
    longest_side : int, optional
        Shrink larger images to it, in pixels, first.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    >>> DenseSift(step=8, bin_sizes=[4]).fit_transform([image])[0].values.shape
    (54, 128)
    """

    def __init__(  # noqa: PLR0913, PLR0917 - an estimator's parameters
        self,
        step: int = 4,
        bin_sizes: Sequence[int] = (4, 6, 8, 10),
        window: Literal["flat", "gauss"] = "flat",
        window_size: float = WINDOW_SIZE,
        magnification: float = 0.0,
        aligned: bool = False,
        bounds: Bounds | None = None,
        contrast_threshold: float = 0.0,
        root: bool = False,
        longest_side: int | None = None,
    ) -> None:
        self.step = step
        self.bin_sizes = bin_sizes
        self.window = window
        self.window_size = window_size
        self.magnification = magnification
        self.aligned = aligned
        self.bounds = bounds
        self.contrast_threshold = contrast_threshold
        self.root = root
        self.longest_side = longest_side

    def _extractor(self) -> DenseSiftExtractor:
        return DenseSiftExtractor(**_own_parameters(self))


class LocalColor(ImageTransformer):
    """Images, in colour, to local colour statistics.

    Parameters
    ----------
    step, bin_sizes
        As in `trifuse.features.local_color.LocalColorExtractor`.
    longest_side : int, optional
        Shrink larger images to it, in pixels, first.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    >>> LocalColor(step=8, bin_sizes=[4]).fit_transform([image])[0].values.shape
    (54, 96)
    """

    def __init__(
        self,
        step: int = 4,
        bin_sizes: Sequence[int] = (4, 6, 8, 10),
        longest_side: int | None = None,
    ) -> None:
        self.step = step
        self.bin_sizes = bin_sizes
        self.longest_side = longest_side

    def _extractor(self) -> LocalColorExtractor:
        return LocalColorExtractor(**_own_parameters(self))


class CnnEmbedding(TakesImages):
    """Images, in colour, to the embeddings or the feature maps of a pretrained CNN.

    Parameters
    ----------
    backbone : str
        A name of `trifuse.features.backbones.BACKBONES`.
    weights : str
        "default", "random", or a Keras weights file.
    input_size : tuple of int, optional
        (rows, columns) that images are resized to; the backbone's own if not given.
    output : {"embedding", "feature_map"}
        One vector an image, or its cells as local descriptors.

    Attributes
    ----------
    embedder_ : CnnEmbedder
        The network, exported to LiteRT.
    """

    def __init__(
        self,
        backbone: str = DEFAULT_BACKBONE,
        weights: str = "default",
        input_size: tuple[int, int] | None = None,
        output: Literal["embedding", "feature_map"] = "embedding",
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.input_size = input_size
        self.output = output

    def fit(self, X: Sequence[ImageLike], y: object = None) -> CnnEmbedding:  # noqa: ARG002
        """Build and export the network, which imports TensorFlow; nothing is learned of images.

        Raises
        ------
        ValueError
            If a parameter does not fit (`BackboneError` for the network), or there are no images.
        """
        from trifuse.features.keras_backbones import build_backbone, export_litert

        check_images(X)
        check_choice("output", self.output, ("embedding", "feature_map"))
        if not isinstance(self.weights, str | os.PathLike):
            raise ValueError(f"weights must be a name or a file's path, not {self.weights!r}")
        if self.input_size is not None:
            check_counts("input_size", self.input_size)
            if len(self.input_size) != 2:
                raise ValueError(f"input_size must be (rows, columns), not {self.input_size!r}")
        network = build_backbone(self.backbone, self.weights, self.input_size)
        self.embedder_ = CnnEmbedder(export_litert(network))
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
        pixels = load_image(image)
        check_color_image(pixels)
        return self.embedder_.embed(pixels)


def _own_parameters(transformer: ImageTransformer) -> dict[str, Any]:
    """Give the parameters that the extractor has too, once `longest_side` is checked."""
    parameters: dict[str, Any] = transformer.get_params(deep=False)
    if (longest_side := parameters.pop("longest_side")) is not None:
        check_count("longest_side", longest_side)
    return parameters
