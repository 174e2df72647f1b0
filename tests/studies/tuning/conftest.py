"""A search that takes seconds, and one that was made up."""

import pytest

from trifuse.datasets.load import load_dataset
from trifuse.datasets.synthetic import write_synthetic_archive
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.tuning import search_space as space
from trifuse.studies.tuning.search_space import Range


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """Seven classes of 14 pictures: enough lesions for five folds."""
    folder = tmp_path_factory.mktemp("archive")
    return load_dataset(write_synthetic_archive(folder, images_per_class=14, size=(72, 96)))


@pytest.fixture(scope="session")
def cache(table, tmp_path_factory):
    return BlockCache(tmp_path_factory.mktemp("cache"), table)


@pytest.fixture(scope="session")
def base(recipe_file):
    return Recipe.load(str(recipe_file))


@pytest.fixture
def small_space(monkeypatch):
    """Few trees, and codebooks that are soon fitted."""
    classifiers = {
        "svm.C": Range(0.1, 100.0),
        "lightgbm.trees": Range(2, 6),
        space.MEMBERS: ("svm", "lightgbm", "svm+lightgbm"),
    }
    monkeypatch.setattr(space, "CLASSIFIERS", classifiers)
    monkeypatch.setattr(space, "SIZES", (2, 4))
    monkeypatch.setattr(space, "PCA_DIMENSIONS", (6,))
