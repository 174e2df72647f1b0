"""Images to vectors, image by image: describe, project, append positions, encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, clone
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted

from trifuse.encoders.descriptor_encoders import SAMPLE_SIZE, DescriptorEncoder, FisherEncoder
from trifuse.encoders.projection import Projection
from trifuse.encoders.sampling import Reservoir
from trifuse.encoders.stream_encoder import StreamEncoder
from trifuse.features.checks import Count, NonNegative, check_value
from trifuse.features.estimators import (
    CnnEmbedding,
    DenseSift,
    ImageLike,
    ImageTransformer,
    TakesImages,
    check_images,
)
from trifuse.features.grid import LocalDescriptors
from trifuse.features.processes import limited_threads
from trifuse.recipes.options import StreamOptions

SAMPLE_IMAGES = 2_000
"""Images that the sample of descriptors is drawn from."""
CHUNK_SIZE = 32
"""Images that a process encodes at a time."""


class LocalDescriptorPipeline(ClassNamePrefixFeaturesOutMixin, TakesImages):  # type: ignore[misc]
    """Images to one vector each, in memory that does not grow with images or their size.

    The local descriptors of an image are reduced by PCA, their positions are appended, and they are
    encoded. Codebooks are trained on a sample. An image's descriptors are forgotten once encoded;
    those of a large image come in bands.

    Parameters
    ----------
    descriptor : DenseSift, LocalColor or CnnEmbedding
        What describes an image; by default a `DenseSift`.
    encoder : DescriptorEncoder
        What encodes its descriptors; by default a `FisherEncoder`.
    pca_dimension : int, optional
        Principal components kept of a descriptor; None keeps descriptors as they are.
    position_weight : float
        Factor on the (row, column) appended, each in [-0.5, 0.5]; 0 appends none.
    sample_size : int
        Descriptors that PCA and codebook are trained on: drawn evenly from at most 2,000 images
        spread evenly over those given. With the default, training takes less than 1 GB.
    n_jobs : int, optional
        joblib's: processes that describe and encode images.
    random_state : int, RandomState or None
        The seed of the sample and of PCA.

    Attributes
    ----------
    descriptor_, encoder_
        Fitted clones.
    stream_ : StreamEncoder
        What encodes descriptors: PCA, positions, and the encoder's codebook.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> images = [rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(3)]
    >>> encoder = FisherEncoder(n_components=2)
    >>> pipeline = LocalDescriptorPipeline(DenseSift(step=8), encoder, pca_dimension=10)
    >>> pipeline.fit_transform(images).shape
    (3, 48)
    """

    def __init__(
        self,
        descriptor: ImageTransformer | CnnEmbedding | None = None,
        encoder: DescriptorEncoder | None = None,
        pca_dimension: int | None = 64,
        position_weight: float = 1.0,
        sample_size: int = SAMPLE_SIZE,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.descriptor = descriptor
        self.encoder = encoder
        self.pca_dimension = pca_dimension
        self.position_weight = position_weight
        self.sample_size = sample_size
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Sequence[ImageLike], y: object = None) -> Self:
        """Train PCA and codebook on a sample of the images' descriptors.

        Raises
        ------
        ValueError
            If a parameter or an image does not fit, or no two descriptors differ.
        """
        check_images(X)
        self._check_parameters()
        random = check_random_state(self.random_state)
        descriptor, encoder = self._own_steps()
        self.descriptor_ = descriptor.fit(X, y)
        n_images = min(len(X), SAMPLE_IMAGES)
        n_drawn = -(-self.sample_size // n_images)
        seeds = random.randint(2**31, size=n_images).tolist()
        rows = np.linspace(0, len(X) - 1, n_images).round().astype(int).tolist()
        images = getattr(X, "iloc", X)  # a pandas Series counts by its labels
        draw = delayed(_draw)
        drawn = Parallel(self.n_jobs)(
            draw(self.descriptor_, images[row], n_drawn, seed)
            for row, seed in zip(rows, seeds, strict=True)
        )
        sample = LocalDescriptors(*map(np.concatenate, zip(*drawn, strict=True)))
        self.encoder_, seed = encoder, random.randint(2**31)
        fit = {"": lambda points: encoder.fit(points).encoding()}
        self.stream_ = StreamEncoder.fit(sample, self._options(), fit, seed)
        return self

    def transform(self, X: Sequence[ImageLike]) -> NDArray[np.float32]:
        """Encode images.

        Returns
        -------
        ndarray of float32, shape (n_images, dim)

        Raises
        ------
        ValueError
            If an image does not fit, or (`trifuse.features.images.ImageError`) cannot be read.
        """
        check_is_fitted(self)
        check_images(X)
        images = list(X)
        # The pipeline, perhaps with a network, travels once a chunk.
        size = min(CHUNK_SIZE, -(-len(images) // effective_n_jobs(self.n_jobs)))
        encode = delayed(_encode)
        chunks = Parallel(self.n_jobs)(
            encode(self, images[chunk]) for chunk in gen_batches(len(images), size)
        )
        return np.concatenate(chunks)

    def to_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Give everything fitted as named arrays: `pca_mean`, `pca_components`, the encoder's."""
        check_is_fitted(self)
        arrays: dict[str, NDArray[np.float32]] = self.encoder_.to_arrays()
        return arrays | ({} if self.projection_ is None else self.projection_.to_arrays())

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike], **parameters: Any) -> Self:
        """Make a fitted pipeline of what `to_arrays` gave.

        Parameters
        ----------
        arrays : dict
            Without `pca_mean` and `pca_components`, descriptors are encoded as they are.
        parameters
            Of the constructor. A `CnnEmbedding` must be fitted: its network is no array.

        Raises
        ------
        ValueError
            If a parameter or an array does not fit.
        """
        pipeline = cls(**parameters)
        pipeline._check_parameters()
        descriptor, encoder = pipeline._own_steps()
        if isinstance(pipeline.descriptor, CnnEmbedding):
            check_is_fitted(pipeline.descriptor)
            descriptor = pipeline.descriptor
        pipeline.descriptor_ = descriptor
        pipeline.encoder_ = encoder.from_arrays(arrays, **encoder.get_params(deep=False))
        projection = None
        if arrays.keys() & {"pca_mean", "pca_components"}:
            projection = Projection.from_arrays(arrays)
            given = len(projection.components) + (2 if pipeline.position_weight else 0)
            if given != (expected := pipeline.encoder_.n_features_in_):
                raise ValueError(
                    f"pca_components and positions give descriptors of {given} numbers, "
                    f"but {type(encoder).__name__} is expecting {expected}"
                )
        encodings = {"": pipeline.encoder_.encoding()}
        pipeline.stream_ = StreamEncoder(pipeline._options(), projection, encodings)
        return pipeline

    @property
    def projection_(self) -> Projection | None:
        """The fitted PCA; None where descriptors are kept as they are."""
        return self.stream_.projection

    @property
    def _n_features_out(self) -> int:
        return int(self.encoder_._n_features_out)

    def _check_parameters(self) -> None:
        if self.pca_dimension is not None:
            check_value("pca_dimension", self.pca_dimension, Count)
        check_value("position_weight", self.position_weight, NonNegative)
        check_value("sample_size", self.sample_size, Count)

    def _options(self) -> StreamOptions:
        levels = tuple(self.encoder_.levels)
        return StreamOptions(None, {}, self.pca_dimension, self.position_weight, levels)

    def _own_steps(self) -> tuple[Any, Any]:
        descriptor = DenseSift() if self.descriptor is None else clone(self.descriptor)
        encoder = FisherEncoder() if self.encoder is None else clone(self.encoder)
        return descriptor, encoder


def _draw(
    descriptor: ImageTransformer | CnnEmbedding, image: ImageLike, n: int, seed: int
) -> LocalDescriptors:
    """Draw at most n descriptors, with their positions, from one image."""
    reservoir = Reservoir(n, seed)
    with limited_threads():
        for values, positions in descriptor.describe(image):
            reservoir.add(values, positions)
    values, positions = np.split(reservoir.sample(), [-2], axis=1)
    return LocalDescriptors(values, positions)


def _encode(pipeline: LocalDescriptorPipeline, images: Sequence[ImageLike]) -> NDArray[np.float32]:
    """Encode some images; (n_images, dim)."""
    vectors: list[NDArray[np.float32]] = []
    with limited_threads():
        for image in images:
            vectors += pipeline.stream_.encode(pipeline.descriptor_.describe(image)).values()
    return np.stack(vectors)
