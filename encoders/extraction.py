"""One image becomes its local descriptors, stream by stream, and its CNN embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trifuse.features.cnn import CnnEmbedder, CnnOutputs, map_descriptors
from trifuse.features.dense_sift import DenseSiftExtractor
from trifuse.features.grid import LocalDescriptors
from trifuse.features.local_color import LocalColorExtractor
from trifuse.features.resize import shrink
from trifuse.recipes.recipe import Recipe

CNN_BLOCK = "cnn"
"""The one block that is no encoding of a stream."""


class ImageFeatures(NamedTuple):
    """What the streams see in one image.

    Attributes
    ----------
    streams : dict of str to LocalDescriptors
    cnn : CnnOutputs or None
        None where the recipe uses no CNN.
    """

    streams: dict[str, LocalDescriptors]
    cnn: CnnOutputs | None


def encodings_by_stream(blocks: Iterable[str]) -> dict[str, list[str]]:
    """Give the encodings that each stream must supply for these blocks.

    Examples
    --------
    >>> encodings_by_stream(["cnn", "sift_fisher", "sift_vlad"])
    {'sift': ['fisher', 'vlad']}
    """
    wanted: dict[str, list[str]] = {}
    for block in blocks:
        if block != CNN_BLOCK:
            stream, encoding = block.split("_")
            wanted.setdefault(stream, []).append(encoding)
    return wanted


def uses_cnn(recipe: Recipe) -> bool:
    """Tell whether a block needs the network."""
    return any(block.startswith(CNN_BLOCK) for block in recipe.block_weights)


@dataclass(frozen=True)
class FeatureExtractor:
    """Takes from an image what the recipe's blocks need, and nothing else.

    Attributes
    ----------
    recipe : Recipe
    embedder : CnnEmbedder, optional
        Needed where a block uses the CNN.
    """

    recipe: Recipe
    embedder: CnnEmbedder | None

    def extract(self, image: NDArray[np.uint8]) -> ImageFeatures:
        """Extract the features of one RGB image, uint8 of shape (rows, columns, 3)."""
        wanted = encodings_by_stream(self.recipe.block_weights)
        streams = {}
        small = shrink(image, self.recipe.image.longest_side)
        if "sift" in wanted:
            sift = self.recipe.sift
            dense_sift = DenseSiftExtractor(
                sift.step,
                sift.bin_sizes,
                contrast_threshold=sift.contrast_threshold,
                root=sift.root,
            )
            streams["sift"] = dense_sift.extract(small)
        if "color" in wanted:
            color = self.recipe.color
            streams["color"] = LocalColorExtractor(color.step, color.bin_sizes).extract(small)
        outputs = None
        if self.embedder is not None:
            outputs = self.embedder.embed(image)
            streams["cnn"] = map_descriptors(outputs.feature_map)
        return ImageFeatures(streams, outputs)
