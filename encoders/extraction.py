"""One image becomes its local descriptors, stream by stream, and its CNN embedding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize
from trifuse.features.cnn import CnnEmbedder
from trifuse.features.dense_sift import DenseSift
from trifuse.features.grid import LocalDescriptors
from trifuse.features.local_color import LocalColor
from trifuse.recipes.recipe import Recipe

CNN_BLOCK = "cnn"
"""The one block that is no encoding of a stream."""


class ImageFeatures(NamedTuple):
    """What the streams see in one image.

    Attributes
    ----------
    streams : dict of str to LocalDescriptors
    embedding : ndarray of float32, shape (d,), or None
        The CNN's; None where the recipe uses no CNN.
    """

    streams: dict[str, LocalDescriptors]
    embedding: NDArray[np.float32] | None


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
            dense_sift = DenseSift(sift.step, sift.bin_sizes, sift.contrast_threshold, sift.root)
            streams["sift"] = dense_sift.extract(small)
        if "color" in wanted:
            color = self.recipe.color
            streams["color"] = LocalColor(color.step, color.bin_sizes).extract(small)
        embedding = None
        if self.embedder is not None:
            embedding, feature_map = self.embedder.embed(image)
            streams["cnn"] = _map_descriptors(feature_map)
        return ImageFeatures(streams, embedding)


def shrink(image: NDArray[np.uint8], longest_side: int) -> NDArray[np.uint8]:
    """Shrink an RGB image so that its longest side is at most that; never enlarge."""
    rows, columns = image.shape[:2]
    scale = longest_side / max(rows, columns)
    if scale >= 1:
        return image
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    shrunk: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return shrunk


def _map_descriptors(feature_map: NDArray[np.float32]) -> LocalDescriptors:
    """Take each cell of a feature map, (rows, columns, d), for a local descriptor."""
    rows, columns, dimension = feature_map.shape
    centers = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
    )
    positions = np.stack(centers, axis=-1).reshape(-1, 2).astype(np.float32) - np.float32(0.5)
    return LocalDescriptors(l2_normalize(feature_map.reshape(-1, dimension)), positions)
