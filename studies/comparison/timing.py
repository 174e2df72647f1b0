"""How long the features of one image take, on one core."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TypeVar

from trifuse.classifiers.output import open_output
from trifuse.classifiers.training import draw_samples, plan_sample
from trifuse.encoders.blocks import BlockEncoder
from trifuse.encoders.extraction import FeatureExtractor
from trifuse.features.images import read_image
from trifuse.features.threads import limited_threads
from trifuse.recipes.options import SampleOptions
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import block_choices, digest

Item = TypeVar("Item")

TIMED_IMAGES = 8
SAMPLE = 4_000
"""Descriptors for the codebooks: how long encoding takes depends on their size alone."""


@dataclass(frozen=True)
class FeatureSeconds:
    """Median seconds of processor time an image: what one core needs, whatever else it does.

    Attributes
    ----------
    describe : float
        To decode it and take its local descriptors and embedding.
    encode : float
        To turn these into blocks.
    """

    describe: float
    encode: float


def feature_seconds(cache: BlockCache, recipe: Recipe) -> FeatureSeconds:
    """Measure how long the blocks of a recipe take, on a few images spread over the archive.

    The measurement is kept in the cache, so that a run that goes on reports the same.
    """
    choices = [(block, block_choices(recipe, block)) for block in recipe.block_weights]
    path = cache.folder / f"seconds-{digest(cache.content, choices)}.json"
    try:
        return FeatureSeconds(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        measured = _measure(cache, recipe)
    with open_output(path) as file:
        file.write(json.dumps(asdict(measured)).encode())
    return measured


def median_seconds(function: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Give the median processor time that a function of an item takes, on one thread.

    The first call warms caches up and is not counted.
    """
    seconds = []
    with limited_threads():
        for item in (items[0], *items):
            start = time.process_time()
            function(item)
            seconds.append(time.process_time() - start)
    return median(seconds[1:])


def _measure(cache: BlockCache, recipe: Recipe) -> FeatureSeconds:
    sample = SampleOptions(size=SAMPLE, images=TIMED_IMAGES)
    extractor = FeatureExtractor(replace(recipe, sample=sample), cache.embedder(recipe))
    rows, _ = plan_sample(len(cache.table), sample)
    paths = [cache.table.paths[row] for row in rows]
    encoder = BlockEncoder.fit(extractor, list(draw_samples(paths, extractor).values()))
    features = [extractor.extract(read_image(path)) for path in paths]
    return FeatureSeconds(
        median_seconds(lambda path: extractor.extract(read_image(path)), paths),
        median_seconds(encoder.encode_features, features),
    )
