"""How long features take on one core: those of an image, and the codebooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TypeVar

from trifuse.classifiers.output import open_output
from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor
from trifuse.features.images import read_image
from trifuse.features.processes import limited_threads
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import block_choices, digest
from trifuse.training.encoding import REHEARSAL, draw_samples, rehearse

_Timed = TypeVar("_Timed")

TIMED_IMAGES = REHEARSAL.images
GROWTH = 0.9
"""Power of the sample's size that fitting codebooks takes: small samples need more iterations.

Those of the default recipe took 0.8 s of 4,000 descriptors and 15 s of 120,000.
"""


@dataclass(frozen=True)
class FeatureSeconds:
    """Median seconds of processor time an image: what one core needs, whatever else it does.

    Attributes
    ----------
    describe : float
        To decode it and take its local descriptors and embedding.
    encode : float
        To turn these into blocks.
    codebooks : float
        To fit PCA and the codebooks of one part of the archive; not of an image, but of all.
    """

    describe: float
    encode: float
    codebooks: float


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


def median_seconds(function: Callable[[_Timed], object], items: Sequence[_Timed]) -> float:
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
    # How long encoding takes depends on the codebooks' size alone.
    extractor = FeatureExtractor(recipe, cache.embedder(recipe))
    encoder, paths = rehearse(cache.table.paths, extractor)
    features = [extractor.extract(read_image(path)) for path in paths]
    drawn = list(draw_samples(paths, encoder.extractor).values())
    with limited_threads():
        start = time.process_time()
        BlockEncoder.fit(encoder.extractor, drawn)
        fitting = time.process_time() - start
    return FeatureSeconds(
        median_seconds(lambda path: extractor.extract(read_image(path)), paths),
        median_seconds(encoder.encode_features, features),
        fitting * (recipe.sample.size / REHEARSAL.size) ** GROWTH,
    )
