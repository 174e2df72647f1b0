"""An archive's images become blocks: sampled, described and encoded, in one process or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.model import mean_logits
from trifuse.encoders.blocks import (
    BlockEncoder,
    Blocks,
    FeatureExtractor,
    sample_streams,
    stack_blocks,
    uses_cnn,
)
from trifuse.encoders.codebook import CodebookError
from trifuse.features.checks import check_color_image
from trifuse.features.descriptors.cnn import CnnCells
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import ImageError, read_image
from trifuse.features.litert import CnnClassifier, CnnEmbedder
from trifuse.features.stages import stage
from trifuse.recipes.options import SampleOptions
from trifuse.recipes.recipe import Recipe
from trifuse.recipes.registry import encodings_by_stream
from trifuse.training.parallel import map_images

Source: TypeAlias = Path | bytes | NDArray[Any]
"""An image: its file's path or content, or its pixels, uint8 (rows, columns, 3) or grey."""
Sample = dict[str, LocalDescriptors]
"""What was drawn from one image, by stream."""
REHEARSAL = SampleOptions(size=4_000, images=8)
"""What a rehearsal takes: images spread over the archive, and descriptors for the codebooks."""


def read_pixels(source: Source) -> NDArray[np.uint8]:
    """Give the pixels of an image; uint8 (rows, columns, 3).

    Raises
    ------
    trifuse.features.images.ImageError
        If a file cannot be read.
    ValueError
        If an array is no image.
    """
    if not isinstance(source, np.ndarray):
        return read_image(source)
    image = np.stack([source] * 3, axis=-1) if source.ndim == 2 else source
    check_color_image(image)
    return image


def read_source(source: Source, extractor: FeatureExtractor) -> NDArray[np.uint8]:
    """Give the pixels of an image that an extractor can describe; uint8 (rows, columns, 3).

    Raises
    ------
    trifuse.features.images.ImageError
        If a file cannot be read, or an image is too small to describe.
    ValueError
        If an array is no image.
    """
    image = read_pixels(source)
    extractor.check_size(image.shape, source if isinstance(source, Path) else None)
    return image


def build_embedder(recipe: Recipe, images: Sequence[Source]) -> CnnEmbedder | None:
    """Export the recipe's backbone to LiteRT; None where no block uses it.

    This imports TensorFlow. A few of the images say what a network of int8 must hold.

    Raises
    ------
    trifuse.features.backbones.BackboneError
        If it cannot be built.
    trifuse.features.images.ImageError
        If none of these few can be read.
    """
    if not uses_cnn(recipe):
        return None
    network: CnnCells = recipe.streams[CnnCells.name].descriptor
    rows = network.calibration_rows(len(images))
    with stage(f"exporting the network: {network.backbone}"):
        return network.build(_read_those([images[row] for row in rows]))


def build_extractor(recipe: Recipe, images: Sequence[Source]) -> FeatureExtractor:
    """Make a recipe's extractor, with its backbone, as `build_embedder`, where a block uses it."""
    return FeatureExtractor(recipe, build_embedder(recipe, images))


def plan_sample(n_images: int, options: SampleOptions) -> tuple[list[int], int]:
    """Choose the images that the codebooks' sample is drawn from, and how much from each.

    Parameters
    ----------
    n_images : int
    options : SampleOptions

    Returns
    -------
    rows : list of int
        Spread evenly over the images.
    each : int
        Descriptors of a stream that are drawn from one image.

    Examples
    --------
    >>> plan_sample(9, SampleOptions(size=100, images=3))
    ([0, 4, 8], 34)
    """
    chosen = min(options.images, n_images)
    rows: list[int] = np.linspace(0, n_images - 1, chosen).round().astype(int).tolist()
    return rows, -(-options.size // chosen)


def draw_samples(
    images: Sequence[Source], extractor: FeatureExtractor, jobs: int | None = None
) -> dict[int, Sample]:
    """Draw local descriptors for the codebooks from images spread evenly over all.

    Returns
    -------
    dict of int to dict of str to LocalDescriptors
        By row number, for at most `recipe.sample.images` rows, what was drawn of each stream;
        empty where no block needs a codebook.
    """
    if not encodings_by_stream(extractor.recipe.block_weights):
        return {}
    rows, each = plan_sample(len(images), extractor.recipe.sample)
    draw = partial(_draw, extractor, each, extractor.recipe.random_state)
    samples = map_images(draw, [(row, images[row]) for row in rows], "sampling descriptors", jobs)
    return dict(zip(rows, samples, strict=True))


def fit_codebooks(
    extractor: FeatureExtractor, samples: Sequence[Sample], jobs: int | None = None
) -> BlockEncoder:
    """Fit the codebooks to what was drawn from images, side by side.

    Raises
    ------
    trifuse.encoders.codebook.CodebookError
        If no two descriptors of a stream differ.
    """
    run = partial(map_images, title="fitting the codebooks", jobs=jobs, unit="codebooks", chunk=1)
    return BlockEncoder.fit(extractor, samples, run)


def encode_images(
    images: Sequence[Source], encoder: BlockEncoder, jobs: int | None = None
) -> Blocks:
    """Encode images; (n_images, dim) a block."""
    encoded = map_images(partial(_encode, encoder), images, "encoding images", jobs)
    return stack_blocks(encoded, len(images))


def encode_archive(
    images: Sequence[Source], extractor: FeatureExtractor, jobs: int | None = None
) -> tuple[BlockEncoder, Blocks]:
    """Fit codebooks and PCA, which see no labels, to images, and encode these.

    Parameters
    ----------
    images : sequence of Source
    extractor : FeatureExtractor
        Of `build_extractor`.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.

    Returns
    -------
    encoder : BlockEncoder
    blocks : dict of str to ndarray of float32, shape (n_images, dim)

    Raises
    ------
    trifuse.encoders.codebook.CodebookError
        If the images are none to train on.
    trifuse.features.images.ImageError
        If an image cannot be read.
    """
    samples = draw_samples(images, extractor, jobs)
    encoder = fit_codebooks(extractor, list(samples.values()), jobs)
    return encoder, encode_images(images, encoder, jobs)


def score_by_networks(
    paths: Sequence[Path],
    networks: Sequence[CnnClassifier],
    seen: NDArray[np.bool_],
    jobs: int | None = None,
) -> NDArray[np.float32]:
    """Average the logits of those fine-tuned networks that have not seen an image's group.

    Parameters
    ----------
    paths : sequence of Path
    networks : sequence of CnnClassifier
        One that was fine-tuned apart from a calibration part, or several that were cross-fitted.
    seen : ndarray of bool, shape (n_networks, n_images)
        As `Network.has_seen` tells.
    jobs : int, optional
        As in `trifuse.training.parallel.map_images`.

    Returns
    -------
    ndarray of float32, shape (n_images, n_classes)
        NaN where every network has seen the group.
    """
    score = partial(_score_by_networks, networks)
    items = list(zip(paths, (~seen).T, strict=True))
    return np.stack(list(map_images(score, items, "scoring by networks", jobs)))


def rehearse(paths: Sequence[Path], extractor: FeatureExtractor) -> tuple[BlockEncoder, list[Path]]:
    """Fit codebooks to little of a few images: a recipe that cannot be is told before the work.

    Returns
    -------
    encoder : BlockEncoder
        As fast as that of the whole archive, and no better than a try.
    few : list of Path
        The images, without those that cannot be used.

    Raises
    ------
    trifuse.encoders.codebook.CodebookError
        If the recipe finds nothing to describe in these images.
    trifuse.features.images.ImageError
        If none of them can be read.
    """
    few = _find_usable([paths[row] for row in plan_sample(len(paths), REHEARSAL)[0]], extractor)
    small = replace(extractor, recipe=replace(extractor.recipe, sample=REHEARSAL))
    return BlockEncoder.fit(small, list(draw_samples(few, small).values())), few


def _read_those(sources: Sequence[Source]) -> list[NDArray[np.uint8]]:
    """Read images; those that cannot be read are told later, unless there are no others."""
    images, unread = [], None
    for source in sources:
        try:
            images.append(read_pixels(source))
        except ImageError as error:
            unread = error
    if unread and not images:
        raise unread
    return images


def _find_usable(paths: Sequence[Path], extractor: FeatureExtractor) -> list[Path]:
    """Give the images that can be read and are large enough."""
    usable, shapes, unread = [], [], None
    for path in paths:
        try:
            shapes.append(read_image(path).shape)
            extractor.check_size(shapes[-1])
            usable.append(path)
        except ImageError as error:
            unread = error
    if unread and not usable:
        if not shapes:
            raise unread
        rows, columns = shapes[0][:2]
        msg = (
            f"The recipe finds nothing to describe in any of {len(shapes)} images (the first has "
            f"{rows:,} rows x {columns:,} columns): its patches are larger than the shrunken "
            "images; lower bin_sizes, or raise longest_side."
        )
        raise CodebookError(msg)
    return usable


def _draw(extractor: FeatureExtractor, n: int, seed: int, item: tuple[int, Source]) -> Sample:
    row, source = item
    return sample_streams(extractor, read_source(source, extractor), n, (seed, row))


def _encode(encoder: BlockEncoder, image: Source) -> Blocks:
    return encoder.encode(read_source(image, encoder.extractor))


def _score_by_networks(
    networks: Sequence[CnnClassifier], item: tuple[Path, NDArray[np.bool_]]
) -> NDArray[np.float32]:
    path, unseen = item
    chosen = [network for network, is_new in zip(networks, unseen, strict=True) if is_new]
    if chosen:
        return mean_logits(chosen, read_image(path))
    return np.full(networks[0].n_classes, np.nan, dtype=np.float32)
