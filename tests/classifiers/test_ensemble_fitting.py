"""The ensemble: out-of-fold scores that saw nothing, and what is fitted on them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.svm import SVC

from trifuse.classifiers import components
from trifuse.classifiers.ensemble import ENSEMBLE, IMAGES_ALONE
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.member import Kernel, Problem
from trifuse.classifiers.members import lightgbm, softmax
from trifuse.classifiers.members.svm import fit_svm_member
from trifuse.classifiers.opinion_pool import fit_pool
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.fusion import fuse
from trifuse.encoders.normalization import l2_normalize
from trifuse.recipes.recipe import Recipe

N, CLASSES = 90, 3
MEMBERS = ("svm", "lightgbm")
RECIPE = Recipe.from_dict(
    {
        "fusion": {"weights": {"sift_fisher": 3, "color_fisher": 1}},
        "lightgbm": {"pca_dimension": 5, "trees": 4, "leaves": 4, "feature_fraction": 1.0},
    }
)


@pytest.fixture(scope="module")
def problem():
    """Blocks that tell three classes apart, not too easily; groups of two images."""
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.choice(CLASSES, N // 2, p=[0.2, 0.3, 0.5]), 2)
    blocks = {
        "color_fisher": rng.normal(size=(N, 12)) + 1.0 * rng.normal(size=(CLASSES, 12))[labels],
        "sift_fisher": rng.normal(size=(N, 20)) + 0.7 * rng.normal(size=(CLASSES, 20))[labels],
    }
    blocks = {name: l2_normalize(block.astype(np.float32)) for name, block in blocks.items()}
    groups = [str(row // 2) for row in range(N)]
    folds = grouped_stratified_folds([str(label) for label in labels], groups, 3, 0)
    return blocks, labels, folds


@pytest.fixture(scope="module")
def fitted(problem):
    return fit_ensemble(*problem, CLASSES, RECIPE)


def test_probabilities(problem, fitted):
    blocks, labels, _ = problem
    ensemble, out_of_fold = fitted
    for probabilities in (ensemble.probabilities(blocks), *out_of_fold.probabilities.values()):
        assert probabilities.shape == (N, CLASSES)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert set(out_of_fold.probabilities) == {*MEMBERS, "ensemble"}
    assert np.mean(ensemble.probabilities(blocks).argmax(axis=1) == labels) > 0.9


def test_a_row_alone_is_scored_as_in_company(problem, fitted):
    blocks, ensemble = problem[0], fitted[0]
    together = ensemble.probabilities(blocks)
    for row in (0, 7):
        one = {name: block[row : row + 1] for name, block in blocks.items()}
        np.testing.assert_allclose(ensemble.probabilities(one)[0], together[row], rtol=1e-5)


def test_the_svm_against_scikit_learn(problem):
    blocks, labels, folds = problem
    weights = RECIPE.block_weights
    fused = fuse(blocks, weights)
    kernel = Kernel(np.arange(N), fused @ fused.T)
    problem = Problem(blocks, weights, kernel, lambda: fused, labels, folds, CLASSES)
    svm, scores = fit_svm_member(problem, RECIPE.members["svm"])
    everything = np.arange(N)
    for training, test, found in [
        *((training, test, scores[test]) for training, test in folds),
        (everything, everything, svm.scores(fused)),
    ]:
        for index in range(CLASSES):
            machine = SVC(C=RECIPE.members["svm"].C, kernel="linear", class_weight="balanced")
            machine.fit(fused[training].astype(float), labels[training] == index)
            expected = machine.decision_function(fused[test].astype(float))
            np.testing.assert_allclose(found[:, index], expected, atol=2e-3)


def test_out_of_fold_scores_have_not_seen_the_labels(problem):
    blocks, labels, folds = problem
    before = fit_ensemble(blocks, labels, folds, CLASSES, RECIPE)[1].probabilities
    for number, (_, test) in enumerate(folds):
        changed = labels.copy()
        changed[test] = (changed[test] + 1) % CLASSES
        _, out_of_fold = fit_ensemble(blocks, changed, folds, CLASSES, RECIPE)
        for name in MEMBERS:
            # The calibration may move, but not the order that the scores give to the images.
            scores = [
                np.log(probabilities[name][test])
                for probabilities in (before, out_of_fold.probabilities)
            ]
            old, new = (row[:, [1]] - row[:, [0]] for row in scores)
            assert np.corrcoef(old.ravel(), new.ravel())[0, 1] == pytest.approx(1, abs=1e-6), number


def test_the_pool_is_that_of_the_calibrated_members(problem, fitted):
    members = {name: fitted[1].probabilities[name] for name in MEMBERS}
    pool, expected = fitted[0].pool, fit_pool(members, problem[1])
    assert pool.weights == expected.weights
    np.testing.assert_array_equal(pool.mixing, expected.mixing)


def test_each_fold_is_pooled_as_the_others_say(problem, fitted):
    _, labels, folds = problem
    probabilities = fitted[1].probabilities
    for training, test in folds:
        known = {name: probabilities[name][training] for name in MEMBERS}
        pool = fit_pool(known, labels[training])
        told = pool.combine({name: probabilities[name][test] for name in MEMBERS})
        np.testing.assert_array_equal(probabilities["ensemble"][test], told)


@pytest.fixture(scope="module")
def hard(problem):
    """The same with blocks that tell the classes apart with difficulty."""
    blocks, labels, folds = problem
    rng = np.random.default_rng(9)
    noisy = {
        name: l2_normalize((block + rng.normal(scale=0.4, size=block.shape)).astype(np.float32))
        for name, block in blocks.items()
    }
    return noisy, labels, folds


@pytest.fixture(scope="module")
def ages(problem):
    """An age that tells the classes apart, of most images; of class 2 it is high."""
    rng = np.random.default_rng(8)
    numbers = 30 + 15 * problem[1] + rng.normal(scale=8, size=N).round(1)
    return ["" if row % 6 == 0 else f"{number}" for row, number in enumerate(numbers)]


def test_metadata_make_it_better_where_they_are_known(hard, ages):
    blocks, labels, folds = hard
    ensemble, found = fit_ensemble(blocks, labels, folds, CLASSES, RECIPE, metadata={"age": ages})
    assert [column.name for column in ensemble.metadata] == ["age"]
    members = {name: found.probabilities[name] for name in MEMBERS}
    without = fit_ensemble(blocks, labels, folds, CLASSES, RECIPE)[1].probabilities
    for name in MEMBERS:
        np.testing.assert_array_equal(members[name], without[name])

    def loss(probabilities, rows=slice(None)):
        return -np.log(probabilities[np.arange(N), labels])[rows].mean()

    ensemble_loss, alone = (loss(found.probabilities[name]) for name in (ENSEMBLE, IMAGES_ALONE))
    assert ensemble_loss < alone - 0.03
    assert alone < loss(without[ENSEMBLE]) + 0.03
    unknown = [row for row, age in enumerate(ages) if not age]
    np.testing.assert_array_equal(
        found.probabilities[ENSEMBLE][unknown], found.probabilities[IMAGES_ALONE][unknown]
    )


def test_metadata_are_taken_at_scoring(hard, ages):
    blocks, labels, folds = hard
    ensemble, _ = fit_ensemble(blocks, labels, folds, CLASSES, RECIPE, metadata={"age": ages})
    images = ensemble.project(blocks)
    told = ensemble.judge(images, {"age": ["75"] * N, "sex": ["male"] * N})
    assert told[:, 2].mean() > ensemble.judge(images, {"age": ["25"] * N})[:, 2].mean() + 0.03
    nothing = ensemble.judge(images)
    for cells in ({}, {"age": [""] * N}, {"sex": ["male"] * N}, {"age": ["adult"] * N}):
        np.testing.assert_array_equal(ensemble.judge(images, cells), nothing)
    np.testing.assert_array_equal(ensemble.probabilities(blocks), nothing)


def test_a_column_that_says_nothing(problem):
    with pytest.raises(ValueError, match=r"^the column 'sex' has neither numbers nor two words"):
        fit_ensemble(*problem, CLASSES, RECIPE, metadata={"sex": ["male"] * N})


def test_calibrations_are_fitted_on_all_rows(problem, fitted):
    """At the most likely biases the mean probability of each class is its share."""
    shares = np.bincount(problem[1]) / N
    for name in MEMBERS:
        np.testing.assert_allclose(
            fitted[1].probabilities[name].mean(axis=0), shares, atol=1e-5, err_msg=name
        )


def test_the_recipes_random_state_reaches_every_fit(problem, monkeypatch):
    """Large samples have a randomised PCA; LightGBM and the softmax layer draw always."""
    taken = []

    def noting(function, place):
        def note(*arguments):
            taken.append(arguments[place])
            return function(*arguments)

        return note

    monkeypatch.setattr(components, "fit_projection", noting(components.fit_projection, 3))
    for module, name in ((lightgbm, "fit_boosting"), (softmax, "fit_softmax_layer")):
        monkeypatch.setattr(module, name, noting(getattr(module, name), 4))
    members = replace(RECIPE.ensemble, members=("lightgbm", "softmax"))
    fit_ensemble(*problem, CLASSES, replace(RECIPE, random_state=7, ensemble=members))
    assert taken == [7] * (2 + 4 + 4)  # a block; in each of three folds and on all rows


def test_the_prior_is_the_training_share(problem, fitted):
    labels, ensemble = problem[1], fitted[0]
    np.testing.assert_allclose(ensemble.prior, [np.mean(labels == index) for index in range(3)])


def test_fitting_again_gives_the_same(problem, fitted):
    again, _ = fit_ensemble(*problem, CLASSES, RECIPE)
    assert again.machines["lightgbm"].text == fitted[0].machines["lightgbm"].text
    one, other = again.machines["svm"], fitted[0].machines["svm"]
    np.testing.assert_array_equal(one.weights, other.weights)
    assert again.pool.weights == fitted[0].pool.weights
