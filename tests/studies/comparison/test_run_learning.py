"""Learning curves thin out lesions; the leak is what folds by image seem to add."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds, thin
from trifuse.datasets.table import LabelledTable
from trifuse.recipes.recipe import Recipe
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import with_blocks
from trifuse.studies.comparison import run
from trifuse.studies.comparison.run import SHARES, compare, measure_leakage, measure_learning


@pytest.fixture(scope="module")
def recipe(recipe_file):
    recipe = with_blocks(Recipe.load(str(recipe_file)), ["sift_fisher"])
    return replace(recipe, ensemble=replace(recipe.ensemble, members=("svm",)))


@pytest.fixture
def made_up_table():
    """80 lesions of one class with 1 to 3 images, 24 of another."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(104), random.integers(1, 4, 104))
    groups = random.permutation(groups)
    labels = tuple("few" if group >= 80 else "many" for group in groups)
    paths = tuple(f"{row}.png" for row in range(len(groups)))
    return LabelledTable(paths, labels, tuple(map(str, groups)))


def lesions_by_class(table, rows):
    return [
        len({table.groups[row] for row in rows if table.labels[row] == name})
        for name in table.classes
    ]


@pytest.mark.parametrize(
    ("share", "at_least", "few", "many"),
    [(1 / 8, 2, 3, 10), (1 / 8, 5, 5, 10), (1 / 4, 2, 6, 20), (1 / 2, 2, 12, 40), (1, 2, 24, 80)],
)
def test_a_share_of_each_class(made_up_table, share, at_least, few, many):
    rows = thin(made_up_table, np.arange(len(made_up_table)), share, at_least, 0)
    assert lesions_by_class(made_up_table, rows) == [few, many]


def test_lesions_stay_whole(made_up_table):
    kept = thin(made_up_table, np.arange(len(made_up_table)), 1 / 4, 2, 0)
    groups = {made_up_table.groups[row] for row in kept}
    whole = [row for row, group in enumerate(made_up_table.groups) if group in groups]
    assert kept.tolist() == whole


def test_smaller_shares_are_part_of_larger_ones(made_up_table):
    rows = np.arange(10, len(made_up_table))
    shares = [set(thin(made_up_table, rows, share, 2, 0).tolist()) for share in SHARES]
    assert all(small < large for small, large in pairwise(shares))
    assert shares[-1] == set(rows.tolist())


def test_other_random_states_draw_other_lesions(made_up_table):
    rows = np.arange(len(made_up_table))
    one, other = (thin(made_up_table, rows, 1 / 2, 2, seed) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_a_learning_curve(archive, recipe, tmp_path):
    table = load_dataset(archive)
    table = replace(table, groups=tuple(map(str, table.paths)))
    cache = BlockCache(tmp_path, table)
    curve = measure_learning(cache, "SIFT", recipe, recipe, n_folds=2)
    # Of each class 4 lesions train; inner folds need 2 of them, whatever the share.
    assert curve.lesions == (14, 28)  # the inner folds need the same 14 of the smaller shares
    whole = compare(cache, {"SIFT": recipe}, recipe, n_folds=2).methods["SIFT"]
    *less, last = curve.points
    np.testing.assert_array_equal(last.probabilities, whole.probabilities)
    for point in less:
        assert point.probabilities.shape == (1, len(table), 7)
        np.testing.assert_array_equal(point.probabilities, less[0].probabilities)
    assert not np.array_equal(less[0].probabilities, last.probabilities)


@pytest.fixture
def copies(tmp_path):
    """Two like pictures of each of 24 lesions, whose classes nothing in the pictures tells."""
    random, paths = np.random.default_rng(0), []
    for lesion in range(24):
        noise = random.normal(size=(6, 6, 3)).repeat(12, axis=0).repeat(12, axis=1)
        for copy in range(2):
            paths.append(tmp_path / f"{lesion}_{copy}.png")
            pixels = 128 + 40 * noise + random.normal(size=noise.shape)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(paths[-1])
    lesions = [path.stem.split("_")[0] for path in paths]
    labels = ["ab"[int(lesion) % 2] for lesion in lesions]
    return LabelledTable(tuple(paths), tuple(labels), tuple(lesions))


def test_what_is_by_heart_is_worth_something_by_image_only(copies, recipe, tmp_path):
    method = recipe.but({"svm": {"C": 100.0}})
    cache = BlockCache(tmp_path / "cache", copies)
    found = measure_leakage(cache, "SIFT", method, recipe, n_folds=4)
    right = {
        name: (scores.balanced[0].argmax(axis=1) == copies.label_indices).mean()
        for name, scores in (("lesion", found.by_lesion), ("image", found.by_image))
    }
    assert right["image"] > 0.8
    assert right["lesion"] < 0.7
    known = compare(cache, {"SIFT": method}, recipe, n_folds=4).methods["SIFT"]
    np.testing.assert_array_equal(found.by_lesion.probabilities, known.probabilities)


@pytest.mark.parametrize("random_state", [0, 5])
def test_both_kinds_of_folds_are_drawn_by_the_recipe(
    copies, recipe, tmp_path, monkeypatch, random_state
):
    drawn = []

    def note(cache, methods, repeats, say):
        drawn.append((cache.table.groups, repeats))
        return dict.fromkeys(methods)

    monkeypatch.setattr(run, "score_methods", note)
    cache = BlockCache(tmp_path / "cache", copies)
    measure_leakage(cache, "SIFT", recipe, replace(recipe, random_state=random_state), n_folds=4)
    images = tuple(map(str, range(len(copies))))
    for (found, repeats), groups in zip(drawn, (copies.groups, images), strict=True):
        assert found == groups
        expected = grouped_stratified_folds(copies.labels, groups, 4, random_state)
        for fold, other in zip(*repeats, expected, strict=True):
            np.testing.assert_array_equal(fold[1], other[1])
