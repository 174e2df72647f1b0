"""The runner: every image by methods that never saw its lesion, and nothing computed twice."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.prior import balance, shift_prior
from trifuse.datasets.load import load_dataset
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.datasets.table import DatasetError
from trifuse.encoders.blocks import BlockEncoder, FeatureExtractor
from trifuse.recipes.recipe import Recipe
from trifuse.studies import block_cache
from trifuse.studies.block_cache import BlockCache
from trifuse.studies.block_choices import with_blocks
from trifuse.studies.comparison import run
from trifuse.studies.comparison import scores as fold_scores
from trifuse.studies.comparison.methods import with_members
from trifuse.studies.comparison.run import compare, join_recipes
from trifuse.studies.comparison.timing import FeatureSeconds
from trifuse.training.encoding import build_embedder, draw_samples, encode_images

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table(archive):
    """Pairs of pictures are one lesion: enough lesions for folds in folds."""
    table = load_dataset(archive)
    return replace(table, groups=tuple(f"{row // 2}" for row in range(len(table))))


@pytest.fixture(scope="module")
def recipe(recipe_file):
    return Recipe.load(str(recipe_file))


@pytest.fixture(scope="module")
def methods(recipe):
    return {"both": recipe, "SIFT": with_blocks(recipe, ["sift_fisher"])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("comparison") / "cache"


@pytest.fixture(scope="module")
def result(table, methods, recipe, folder):
    return compare(BlockCache(folder, table), methods, recipe, n_folds=2, n_repeats=2)


class Work:
    """What is done, in order: passes over the images, by title, and fits; stops at a fit."""

    def __init__(self, stop_at=None):
        self.done = []
        self.stop_at = stop_at

    def map(self, function, items, title, jobs):
        self.done.append(title)
        return map(function, items)

    def fit(self, *arguments):
        if self.done.count("fit") == self.stop_at:
            raise KeyboardInterrupt
        self.done.append("fit")
        return fit_ensemble(*arguments)


@pytest.fixture
def watch(monkeypatch):
    """Begin to note what is done."""

    def begin(stop_at=None):
        work = Work(stop_at)
        monkeypatch.setattr(fold_scores, "fit_ensemble", work.fit)
        monkeypatch.setattr(block_cache, "map_images", work.map)
        return work

    return begin


def score_plainly(table, recipe, training, test):
    """Train on one part as `trifuse train` does, and score the other."""
    part = table.subset(training)
    extractor = FeatureExtractor(recipe, build_embedder(recipe, table.paths))
    encoder = BlockEncoder.fit(extractor, list(draw_samples(part.paths, extractor).values()))
    inner = grouped_stratified_folds(part.labels, part.groups, recipe.ensemble.folds, 0)
    ensemble, _ = fit_ensemble(
        encode_images(part.paths, encoder), part.label_indices, inner, len(part.classes), recipe
    )
    return ensemble.probabilities(encode_images(table.subset(test).paths, encoder))


def test_scores_are_those_of_a_plain_loop(result, table, recipe, methods):
    for repeat, random_state in enumerate((0, 1)):
        folds = grouped_stratified_folds(table.labels, table.groups, 2, random_state)
        training, test = folds[repeat]
        for name, method in methods.items():
            scores = result.methods[name]
            expected = score_plainly(table, method, training, test)
            np.testing.assert_allclose(scores.probabilities[repeat, test], expected, atol=1e-9)
            prior = np.bincount(table.label_indices[training]) / len(training)
            even = shift_prior(expected, prior, np.full(7, 1 / 7))
            np.testing.assert_allclose(scores.balanced[repeat, test], even, atol=1e-9)


def test_probabilities_are_balanced_by_the_training_shares(table, recipe, tmp_path, monkeypatch):
    """In folds whose training parts have other shares than their test parts."""
    rows = np.arange(len(table))
    first = np.concatenate([rows[table.label_indices == index][: index + 1] for index in range(7)])
    parts = first, np.setdiff1d(rows, first)
    folds = [(parts[1 - number], parts[number]) for number in (0, 1)]
    random = np.random.default_rng(0)
    given = {len(test): random.dirichlet(np.ones(7), len(test)) for _, test in folds}
    fold = {n: fold_scores.FoldScores(scores, 1, 0.1) for n, scores in given.items()}
    monkeypatch.setattr(run, "score_fold", lambda cache, method, split: fold[len(split[1])])
    monkeypatch.setattr(run, "is_scored", lambda *_: True)
    monkeypatch.setattr(run, "_check_inner_folds", lambda *_: None)
    monkeypatch.setattr(run, "feature_seconds", lambda *_: FeatureSeconds(0.1, 0.1, codebooks=0.1))
    scores = run.score_methods(BlockCache(tmp_path, table), {"it": recipe}, [folds])["it"]
    for training, test in folds:
        prior = np.bincount(table.label_indices[training], minlength=7) / len(training)
        np.testing.assert_allclose(
            scores.balanced[0, test], balance(given[len(test)], prior), atol=1e-12
        )


def test_what_is_told_of_the_archive(result, table, recipe):
    assert result.classes == table.classes
    assert result.n_folds == 2
    np.testing.assert_array_equal(result.labels, table.label_indices)
    np.testing.assert_array_equal(result.groups, table.group_indices)
    assert list(result.methods) == ["both", "SIFT"]


def test_every_image_is_scored_in_every_repeat(result, table):
    for scores in result.methods.values():
        for probabilities in (scores.probabilities, scores.balanced):
            assert probabilities.shape == (2, len(table), 7)
            np.testing.assert_allclose(probabilities.sum(axis=2), 1)
        assert not np.array_equal(*scores.probabilities)


def test_dimensions_and_seconds(result, recipe):
    fisher = [2 * 4 * (8 + 2), 2 * 4 * (6 + 2)]  # components times PCA and positions
    both, sift = result.methods.values()
    assert (both.dimensions, sift.dimensions) == (sum(fisher), fisher[0])
    assert all(0 < method.seconds < 5 for method in (both, sift))


def test_it_learns(result):
    right = result.methods["both"].balanced.argmax(axis=2) == result.labels
    assert right.mean() > 2 / 7


def test_a_finished_run_computes_nothing(result, table, methods, recipe, folder, watch):
    work = watch()
    again = compare(BlockCache(folder, table), methods, recipe, 2, 2)
    assert work.done == []
    assert again.fingerprint == result.fingerprint
    assert_same(again, result)


def assert_same(one, other):
    assert list(one.methods) == list(other.methods)
    for name, scores in one.methods.items():
        known = other.methods[name]
        np.testing.assert_array_equal(scores.probabilities, known.probabilities)
        np.testing.assert_array_equal(scores.balanced, known.balanced)
        assert scores.dimensions == known.dimensions


def test_a_killed_run_goes_on_where_it_was(result, table, methods, recipe, tmp_path, watch):
    first = watch(stop_at=3)
    with pytest.raises(KeyboardInterrupt):
        compare(BlockCache(tmp_path, table), methods, recipe, 2, 2)
    passes = ["sampling descriptors", "encoding images"]
    assert first.done == [*passes, *passes, "fit", "fit", "fit"]
    second = watch()
    assert_same(compare(BlockCache(tmp_path, table), methods, recipe, 2, 2), result)
    assert second.done == ["fit"] * (2 * 2 * 2 - 3)


def test_a_method_added_later_computes_what_is_new(
    table, methods, recipe, folder, result, watch, tmp_path
):
    work, copied = watch(), shutil.copytree(folder, tmp_path / "cache")
    more = {**methods, "weaker": recipe.but({"svm": {"C": 0.1}})}
    compare(BlockCache(copied, table), more, recipe, 2, 2)
    assert work.done == ["fit"] * 4


def read_probabilities(file):
    with np.load(file) as arrays:
        return arrays["probabilities"]


def test_damaged_scores_are_made_again(table, methods, recipe, folder, result, watch):
    files = sorted(folder.glob("scores-*.npz"))
    whole = [read_probabilities(file) for file in files]
    for number, file in enumerate(files):
        file.write_bytes(file.read_bytes()[:-40] if number % 2 else b"")
    work = watch()
    compare(BlockCache(folder, table), methods, recipe, 2, 2)
    assert work.done == ["fit"] * 8  # of two methods, in two folds, twice
    for file, expected in zip(files, whole, strict=True):
        np.testing.assert_array_equal(read_probabilities(file), expected)


def test_labels_of_the_test_part_change_nothing(table, recipe, folder, result, tmp_path):
    split = grouped_stratified_folds(table.labels, table.groups, 2, 0)[0]
    labels = list(table.labels)
    for row in split[1]:
        labels[row] = table.classes[(table.label_indices[row] + 3) % 7]
    changed = replace(table, labels=tuple(labels))
    before = fold_scores.score_fold(BlockCache(folder, table), recipe, split)
    after = fold_scores.score_fold(BlockCache(tmp_path, changed), recipe, split)
    np.testing.assert_array_equal(before.probabilities, after.probabilities)


def test_labels_of_the_training_part_are_in_the_key(table, recipe, folder, result):
    split = grouped_stratified_folds(table.labels, table.groups, 2, 0)[0]
    labels = list(table.labels)
    for row in split[0]:
        labels[row] = table.classes[(table.label_indices[row] + 3) % 7]
    changed = replace(table, labels=tuple(labels))
    assert fold_scores.is_scored(BlockCache(folder, table), recipe, split)
    assert not fold_scores.is_scored(BlockCache(folder, changed), recipe, split)
    alone = replace(table, groups=tuple(map(str, range(len(table)))))
    assert not fold_scores.is_scored(BlockCache(folder, alone), recipe, split)


def test_the_review_is_no_part_of_a_method(table, recipe, folder, result):
    split = grouped_stratified_folds(table.labels, table.groups, 2, 0)[0]
    other = replace(recipe, review=replace(recipe.review, coverage=0.5))
    assert fold_scores.is_scored(BlockCache(folder, table), other, split)


def test_a_class_too_small_for_folds_in_folds_is_told_before_the_work(
    archive, recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr(block_cache, "build_embedder", lambda *_: pytest.fail("work began"))
    cache = BlockCache(tmp_path, load_dataset(archive))
    with pytest.raises(DatasetError, match="the class synthetic_b has 1 group "):
        compare(cache, {"both": recipe}, recipe, n_folds=2)


def test_it_says_what_takes_long(table, recipe, tmp_path):
    said = []
    compare(BlockCache(tmp_path, table), {"both": recipe}, recipe, 2, 1, said.append)
    features, *folds = said
    assert re.fullmatch(
        r"features \(sift_fisher, color_fisher\): about \d\.\d min of one core, \d\.\d of them for "
        "2 times the codebooks, which are fitted before the images are encoded",
        features,
    )
    assert folds == ["both: fold 1 of 2", "both: fold 2 of 2"]


def test_the_estimate_counts_codebooks_of_every_part(table, recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "feature_seconds", lambda *_: FeatureSeconds(3.0, 1.5, 600.0))
    said = []
    compare(BlockCache(tmp_path, table), {"both": recipe}, recipe, 2, 1, said.append)
    minutes = (2 * 600 + len(table) * (2 * 3 + 2 * 1.5)) / 60
    assert f"about {minutes:.1f} min of one core, 20.0 of them for 2 times the" in said[0]


def test_methods_share_passes_where_their_features_are_alike(recipe):
    sift, color = (with_blocks(recipe, [name]) for name in ("sift_vlad", "color_fisher"))
    weaker = color.but({"svm": {"C": 0.1}})
    other = replace(sift, image=replace(sift.image, longest_side=50))
    joined = join_recipes([sift, color, other, weaker, recipe])
    assert [list(one.block_weights) for one in joined] == [
        ["sift_vlad", "color_fisher", "sift_fisher"],
        ["sift_vlad"],
    ]
    assert [one.image.longest_side for one in joined] == [96, 50]


def test_members_alone_are_not_fitted_again(table, recipe, folder, watch, tmp_path):
    """What the ensemble's fit leaves of each member is what a fit of it alone gives."""
    alone = {name: with_members(recipe, name) for name in recipe.ensemble.members}
    expected = compare(BlockCache(tmp_path, table), alone, recipe, n_folds=2)
    work = watch()
    found = compare(BlockCache(folder, table), alone, recipe, n_folds=2)
    assert work.done == []
    for name, scores in expected.methods.items():
        np.testing.assert_array_equal(found.methods[name].probabilities, scores.probabilities)
