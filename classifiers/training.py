"""Training: labelled images become a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.ensemble import Folds, OutOfFold, fit_ensemble
from trifuse.classifiers.model import Model, check_class_names, mean_logits
from trifuse.classifiers.review import fit_review
from trifuse.encoders.blocks import BlockEncoder, Blocks, sample_streams, stack_blocks
from trifuse.encoders.extraction import FeatureExtractor, encodings_by_stream, uses_cnn
from trifuse.features.cnn import CnnClassifier, CnnEmbedder
from trifuse.features.grid import LocalDescriptors
from trifuse.features.images import read_image
from trifuse.recipes.options import SampleOptions
from trifuse.recipes.recipe import Recipe

Item = TypeVar("Item")
Result = TypeVar("Result")


class Mapper(Protocol):
    """How a function is applied to many items: by a loop, or by many processes."""

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item], title: str
    ) -> Iterable[Result]:
        """Give the results in the order of the items; `title` says what is being done."""


def plain_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    title: str,  # noqa: ARG001
) -> Iterable[Result]:
    """Apply a function to items one after the other: the mapper that uses no processes."""
    return map(function, items)


def build_embedder(recipe: Recipe) -> CnnEmbedder | None:
    """Export the recipe's backbone to LiteRT; None where no block uses it.

    This imports TensorFlow.
    """
    if not uses_cnn(recipe):
        return None
    from trifuse.features.keras_backbones import build_backbone, export_litert

    options = recipe.cnn
    return CnnEmbedder(
        export_litert(build_backbone(options.backbone, options.weights, options.input_size))
    )


Sample = dict[str, LocalDescriptors]
"""What was drawn from one image, by stream."""


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
    paths: Sequence[Path], extractor: FeatureExtractor, mapper: Mapper = plain_map
) -> dict[int, Sample]:
    """Draw local descriptors for the codebooks from images spread evenly over `paths`.

    Returns
    -------
    dict of int to dict of str to LocalDescriptors
        By row number, for at most `recipe.sample.images` rows, what was drawn of each stream;
        empty where no block needs a codebook.
    """
    if not encodings_by_stream(extractor.recipe.block_weights):
        return {}
    rows, each = plan_sample(len(paths), extractor.recipe.sample)
    draw = partial(_draw, extractor, each, extractor.recipe.random_state)
    samples = mapper(draw, [(row, paths[row]) for row in rows], "sampling descriptors")
    return dict(zip(rows, samples, strict=True))


def encode_images(
    paths: Sequence[Path], encoder: BlockEncoder, mapper: Mapper = plain_map
) -> Blocks:
    """Encode images; (n_images, dim) a block."""
    return stack_blocks(list(mapper(partial(_encode, encoder), paths, "encoding images")))


def encode_archive(
    paths: Sequence[Path], recipe: Recipe, mapper: Mapper = plain_map
) -> tuple[BlockEncoder, Blocks]:
    """Fit codebooks and PCA, which see no labels, to images, and encode these.

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
    extractor = FeatureExtractor(recipe, build_embedder(recipe))
    samples = draw_samples(paths, extractor, mapper)
    encoder = BlockEncoder.fit(extractor, list(samples.values()))
    return encoder, encode_images(paths, encoder, mapper)


def score_by_networks(
    paths: Sequence[Path],
    networks: Sequence[CnnClassifier],
    seen: NDArray[np.bool_],
    mapper: Mapper = plain_map,
) -> NDArray[np.float32]:
    """Average the logits of those fine-tuned networks that have not seen an image's group.

    Parameters
    ----------
    paths : sequence of Path
    networks : sequence of CnnClassifier
        One that was fine-tuned apart from a calibration part, or several that were cross-fitted.
    seen : ndarray of bool, shape (n_networks, n_images)
        As `Network.has_seen` tells.
    mapper : Mapper

    Returns
    -------
    ndarray of float32, shape (n_images, n_classes)
        NaN where every network has seen the group.
    """
    score = partial(_score_by_networks, networks)
    items = list(zip(paths, (~seen).T, strict=True))
    return np.stack(list(mapper(score, items, "scoring by networks")))


def fit_model(
    encoder: BlockEncoder,
    blocks: Blocks,
    labels: NDArray[np.intp],
    classes: tuple[str, ...],
    folds: Folds,
    networks: Sequence[CnnClassifier] = (),
) -> tuple[Model, OutOfFold]:
    """Fit everything that sees labels.

    Parameters
    ----------
    encoder : BlockEncoder
    blocks : dict of str to ndarray of float32, shape (n_images, dim)
        Of `encode_archive`; where there are networks, with what `score_by_networks` gives, under
        the name `trifuse.classifiers.ensemble.NETWORK`.
    labels : ndarray of int, shape (n_images,)
        Indices into `classes`; every class must occur.
    classes : tuple of str
    folds : Folds
        For the out-of-fold scores; images of one group must share a fold.
    networks : sequence of CnnClassifier

    Raises
    ------
    trifuse.classifiers.model.ClassNamesError
    """
    check_class_names(classes)
    recipe = encoder.extractor.recipe
    ensemble, out_of_fold = fit_ensemble(blocks, labels, folds, len(classes), recipe)
    review = fit_review(blocks, labels, folds, ensemble, out_of_fold, recipe)
    return Model(classes, encoder, ensemble, review, tuple(networks)), out_of_fold


def _draw(extractor: FeatureExtractor, n: int, seed: int, item: tuple[int, Path]) -> Sample:
    row, path = item
    return sample_streams(extractor, read_image(path), n, (seed, row))


def _encode(encoder: BlockEncoder, path: Path) -> Blocks:
    return encoder.encode(read_image(path))


def _score_by_networks(
    networks: Sequence[CnnClassifier], item: tuple[Path, NDArray[np.bool_]]
) -> NDArray[np.float32]:
    path, unseen = item
    chosen = [network for network, is_new in zip(networks, unseen, strict=True) if is_new]
    if chosen:
        return mean_logits(chosen, read_image(path))
    return np.full(networks[0].n_classes, np.nan, dtype=np.float32)
