"""An image becomes its blocks: one unit vector a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.extraction import (
    CNN_BLOCK,
    FeatureExtractor,
    ImageFeatures,
    encodings_by_stream,
)
from trifuse.encoders.normalization import l2_normalize, signed_square_root
from trifuse.encoders.sampling import sample_descriptors
from trifuse.encoders.stream import StreamEncoder
from trifuse.features.grid import LocalDescriptors

Blocks = dict[str, NDArray[np.float32]]
"""Block name to (dim,) for one image, or (n_images, dim) for many."""


@dataclass(frozen=True)
class BlockEncoder:
    """The fitted encoders of every stream, behind their feature extractor.

    Attributes
    ----------
    extractor : FeatureExtractor
    streams : dict of str to StreamEncoder
    """

    extractor: FeatureExtractor
    streams: dict[str, StreamEncoder] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, extractor: FeatureExtractor, samples: Sequence[Mapping[str, LocalDescriptors]]
    ) -> BlockEncoder:
        """Train the codebooks of every stream.

        Parameters
        ----------
        extractor : FeatureExtractor
        samples : sequence of dict
            For each of many images what `sample_streams` drew from it.
        """
        recipe = extractor.recipe
        streams = {}
        for stream, encodings in encodings_by_stream(recipe.block_weights).items():
            parts = [sample[stream] for sample in samples]
            joined = LocalDescriptors(
                np.concatenate([part.values for part in parts]),
                np.concatenate([part.positions for part in parts]),
            )
            options = getattr(recipe, stream)
            streams[stream] = StreamEncoder.fit(joined, options, encodings, recipe.random_state)
        return cls(extractor, streams)

    def encode(self, image: NDArray[np.uint8]) -> Blocks:
        """Encode one RGB image; the blocks come in the recipe's order.

        Parameters
        ----------
        image : ndarray of uint8, shape (rows, columns, 3)

        Returns
        -------
        dict of str to ndarray of float32, shape (dim,)
            Of unit L2 norm, or zero where the image is too small for a descriptor.
        """
        return self.encode_features(self.extractor.extract(image))

    def encode_features(self, features: ImageFeatures) -> Blocks:
        """Encode what the extractor saw in one image."""
        vectors: Blocks = {}
        if features.cnn is not None:
            vectors[CNN_BLOCK] = l2_normalize(signed_square_root(features.cnn.embedding))
        for stream, encoder in self.streams.items():
            for encoding, vector in encoder.encode(features.streams[stream]).items():
                vectors[f"{stream}_{encoding}"] = vector
        return {name: vectors[name] for name in self.extractor.recipe.block_weights}


def sample_streams(
    extractor: FeatureExtractor, image: NDArray[np.uint8], n: int, seed: tuple[int, ...]
) -> dict[str, LocalDescriptors]:
    """Draw at most `n` descriptors of each stream from one image."""
    streams = extractor.extract(image).streams
    return {name: sample_descriptors(found, n, seed) for name, found in streams.items()}


def stack_blocks(blocks: Sequence[Blocks]) -> Blocks:
    """Stack the blocks of many images; (dim,) each to (n_images, dim)."""
    return {name: np.stack([block[name] for block in blocks]) for name in blocks[0]}
