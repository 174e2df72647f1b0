"""How long features take: measured for any blocks, once."""

from types import SimpleNamespace

import numpy as np
import pytest

from trifuse.datasets.load import load_dataset
from trifuse.features.litert import CnnOutputs
from trifuse.recipes.recipe import Recipe
from trifuse.studies import block_cache
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.comparison import timing
from trifuse.studies.comparison.timing import FeatureSeconds, feature_seconds

MAPS = np.ones((4, 5, 6), np.float32)
NETWORK = SimpleNamespace(embed=lambda image: CnnOutputs(MAPS, MAPS))


@pytest.fixture
def cache(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(block_cache, "build_embedder", lambda *_: NETWORK)
    return BlockCache(tmp_path, load_dataset(archive))


@pytest.fixture
def recipe(recipe_file):
    return Recipe.load(str(recipe_file)).to_dict()


@pytest.mark.parametrize("blocks", [["cnn"], ["sift_fisher"], ["cnn", "color_fisher"]])
def test_any_blocks_are_timed(cache, recipe, blocks):
    recipe["fusion"]["weights"] = dict.fromkeys(blocks, 1.0)
    seconds = feature_seconds(cache, Recipe.from_dict(recipe))
    assert 0 < seconds.describe < 5
    assert 0 < seconds.encode < 5
    assert 0 <= seconds.codebooks < 60
    assert (seconds.codebooks > 0.01) == (blocks != ["cnn"])


def test_larger_samples_take_longer(cache, recipe):
    recipe["fusion"]["weights"] = {"sift_fisher": 1.0}
    few, many = (
        feature_seconds(cache, Recipe.from_dict(recipe | {"sample": {"size": size, "images": 8}}))
        for size in (500, 200_000)
    )
    assert many.codebooks > 20 * few.codebooks


def test_what_was_measured_is_kept(cache, recipe, monkeypatch):
    before = feature_seconds(cache, Recipe.from_dict(recipe))
    monkeypatch.setattr(timing, "_measure", lambda *_: FeatureSeconds(1.0, 1.0, 1.0))
    assert feature_seconds(cache, Recipe.from_dict(recipe)) == before
    [file] = cache.folder.glob("seconds-*.json")
    file.write_bytes(b'{"describe": 1')
    assert feature_seconds(cache, Recipe.from_dict(recipe)) == FeatureSeconds(1.0, 1.0, 1.0)
