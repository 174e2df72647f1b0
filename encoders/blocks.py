"""An image becomes its blocks: one unit vector a method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import call
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.encoders.normalization import l2_normalize, signed_square_root
from trifuse.encoders.sampling import sample_descriptors
from trifuse.encoders.stream_encoder import StreamEncoder, project
from trifuse.features.descriptors import NetworkView, PatchDescriptor
from trifuse.features.descriptors.cnn import map_descriptors
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import ImageError
from trifuse.features.litert import CnnEmbedder, CnnOutputs
from trifuse.features.processes import limited_threads
from trifuse.features.resize import shrink, shrunk_size
from trifuse.features.stages import say_where, stage
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import blocks, encodings, encodings_by_stream

Blocks = dict[str, NDArray[np.float32]]
"""Block name to (dim,) for one image, or (n_images, dim) for many."""
Run: TypeAlias = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]
"""What applies a function to each of some things, as `map` does."""


class ImageFeatures(NamedTuple):
    """What the streams see in one image.

    Attributes
    ----------
    streams : dict of str to LocalDescriptors
    cnn : dict of str to CnnOutputs
        By view; empty where the recipe uses no CNN.
    """

    streams: dict[str, LocalDescriptors]
    cnn: dict[str, CnnOutputs]


def uses_cnn(recipe: Recipe) -> bool:
    """Tell whether a block needs the network."""
    return bool(network_views(recipe))


def network_views(recipe: Recipe) -> dict[str, NetworkView]:
    """Give the views of the network that blocks need, by stream."""
    wanted = {blocks()[name].stream for name in recipe.block_weights}
    used = {name: recipe.streams[name].descriptor for name in recipe.streams if name in wanted}
    return {name: own for name, own in used.items() if isinstance(own, NetworkView)}


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
        small = shrink(image, self.recipe.image.longest_side)
        streams = {name: local.extract(small) for name, local in self.patches.items()}
        outputs = {}
        if self.embedder is not None:
            for name, view in self.views.items():
                outputs[name] = self.embedder.embed(view.look(image))
                streams[name] = map_descriptors(outputs[name].feature_map)
        return ImageFeatures(streams, outputs)

    def check_size(self, shape: tuple[int, ...], path: Path | None = None) -> None:
        """Refuse an image, of this shape, whose score would be that of a vector of zeros.

        Parameters
        ----------
        shape : tuple of int
        path : Path, optional
            To be named, where many images are described.

        Raises
        ------
        trifuse.features.images.ImageError
            If a stream finds no local descriptor in it.
        """
        size = shrunk_size(shape[:2], self.recipe.image.longest_side)
        if not all(sum(map(len, local.grids(size))) for local in self.patches.values()):
            pixels = f"{shape[0]:,} rows x {shape[1]:,} columns"
            name = "cannot score the image" if path is None else f"cannot use {path}"
            raise ImageError(f"{name}: it is too small to describe ({pixels})")

    @cached_property
    def views(self) -> dict[str, NetworkView]:
        """What the network looks at, by stream."""
        return network_views(self.recipe)

    @cached_property
    def patches(self) -> dict[str, PatchDescriptor]:
        """What describes the patches of the shrunken image, by stream."""
        wanted = encodings_by_stream(self.recipe.block_weights)
        found = {name: self.recipe.streams[name].descriptor for name in wanted}
        return {name: own for name, own in found.items() if isinstance(own, PatchDescriptor)}


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
        cls,
        extractor: FeatureExtractor,
        samples: Sequence[Mapping[str, LocalDescriptors]],
        run: Run = map,
    ) -> BlockEncoder:
        """Train the codebooks of every stream.

        Parameters
        ----------
        extractor : FeatureExtractor
        samples : sequence of dict
            For each of many images what `sample_streams` drew from it.
        run : callable
            What applies a function to each of some things and gives the results in their order, as
            `map` does: no codebook depends on another.
        """
        recipe, streams = extractor.recipe, {}
        wanted = encodings_by_stream(recipe.block_weights)
        if not wanted:
            return cls(extractor)
        tasks = []
        with stage(f"fitting the codebooks: {', '.join(wanted)}"), limited_threads():
            for name, chosen in wanted.items():
                parts = zip(*(sample[name] for sample in samples), strict=True)
                joined = LocalDescriptors(*map(np.concatenate, parts))
                say_where(f"{name}: {len(joined.values):,} descriptors")
                options = recipe.streams[name]
                streams[name] = StreamEncoder.fit(joined, options, (), recipe.random_state)
                points = project(joined, streams[name].projection, options.position_weight)
                tasks += [
                    partial(
                        encodings()[encoding].fit,
                        points,
                        options.encodings[encoding],
                        recipe.random_state,
                    )
                    for encoding in chosen
                ]
            fitted = iter(run(call, tasks))
            for name, chosen in wanted.items():
                own = {encoding: next(fitted) for encoding in chosen}
                streams[name] = replace(streams[name], encodings=own)
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
        names = self.extractor.recipe.block_weights
        for view, outputs in features.cnn.items():
            vectors[view] = l2_normalize(signed_square_root(outputs.embedding))
        for stream, by_encoding in encodings_by_stream(names).items():
            found = self.streams[stream].encode([features.streams[stream]])
            vectors |= {name: found[encoding] for encoding, name in by_encoding.items()}
        return {name: vectors[name] for name in names}


def sample_streams(
    extractor: FeatureExtractor, image: NDArray[np.uint8], n: int, seed: tuple[int, ...]
) -> dict[str, LocalDescriptors]:
    """Draw at most `n` descriptors of each stream from one image."""
    streams = extractor.extract(image).streams
    return {name: sample_descriptors(found, n, seed) for name, found in streams.items()}


def stack_blocks(blocks: Iterable[Blocks], n_images: int) -> Blocks:
    """Stack the blocks of many images as they come; (dim,) each to (n_images, dim)."""
    stacked: Blocks = {}
    for row, image in enumerate(blocks):
        for name, block in image.items():
            if row == 0:
                stacked[name] = np.empty((n_images, len(block)), np.float32)
            stacked[name][row] = block
    return stacked
