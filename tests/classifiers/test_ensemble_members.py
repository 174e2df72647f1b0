"""Any members make an ensemble; a fine-tuned network is judged by what it has not seen."""

import numpy as np
import pytest

from trifuse.classifiers.calibration import fit_calibration
from trifuse.classifiers.ensemble import NETWORK
from trifuse.classifiers.ensemble_fitting import fit_ensemble
from trifuse.classifiers.opinion_pool import fit_pool
from trifuse.classifiers.review import fit_review
from trifuse.datasets.splits import grouped_stratified_folds
from trifuse.encoders.normalization import l2_normalize
from trifuse.recipes.recipe import Recipe

N, CLASSES = 120, 3


def recipe(*members):
    return Recipe.from_dict(
        {
            "fusion": {"weights": {"sift_fisher": 1}},
            "lightgbm": {"pca_dimension": 5, "trees": 4, "leaves": 4, "feature_fraction": 1.0},
            "softmax": {"steps": 300, "batch": 30},
            "ensemble": {"members": members},
            "review": {"coverage": 0.8},
        }
    )


@pytest.fixture(scope="module")
def problem():
    """A block that tells three classes apart, not too easily; groups of two images."""
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.permutation(np.arange(N // 2) % CLASSES), 2)
    block = rng.normal(size=(N, 15)) + rng.normal(size=(CLASSES, 15))[labels]
    groups = [str(row // 2) for row in range(N)]
    folds = grouped_stratified_folds([str(label) for label in labels], groups, 3, 0)
    return {"sift_fisher": l2_normalize(block.astype(np.float32))}, labels, folds


@pytest.fixture(scope="module")
def with_network(problem):
    """The same, and logits of a network that has seen the groups of two thirds of the images."""
    blocks, labels, folds = problem
    rng = np.random.default_rng(2)
    logits = (rng.normal(size=(N, CLASSES)) + 3 * np.eye(CLASSES)[labels]).astype(np.float32)
    unseen = np.sort(folds[0][1])
    logits[np.setdiff1d(np.arange(N), unseen)] = np.nan
    return {**blocks, NETWORK: logits}, labels, folds, unseen


@pytest.mark.parametrize(
    "members", [("svm",), ("lightgbm",), ("softmax",), ("softmax", "lightgbm", "svm")]
)
def test_any_members(problem, members):
    blocks, labels, _ = problem
    ensemble, out_of_fold = fit_ensemble(*problem, CLASSES, recipe(*members))
    assert tuple(ensemble.machines) == tuple(ensemble.pool.weights) == members
    assert list(out_of_fold.probabilities) == [*members, "ensemble"]
    np.testing.assert_array_equal(out_of_fold.rows, np.arange(N))
    assert np.mean(ensemble.probabilities(blocks).argmax(axis=1) == labels) > 0.8
    if len(members) == 1:
        alone = ensemble.member_probabilities(ensemble.project(blocks))[members[0]]
        np.testing.assert_allclose(ensemble.probabilities(blocks), alone, atol=1e-14)


def test_the_network_is_calibrated_and_weighted_on_what_it_has_not_seen(with_network):
    blocks, labels, folds, unseen = with_network
    ensemble, out_of_fold = fit_ensemble(blocks, labels, folds, CLASSES, recipe("svm"))
    np.testing.assert_array_equal(out_of_fold.rows, unseen)
    expected = fit_calibration(blocks[NETWORK][unseen].astype(float), labels[unseen])
    assert ensemble.calibrations[NETWORK].temperature == expected.temperature
    probabilities = out_of_fold.probabilities
    assert {name: len(rows) for name, rows in probabilities.items()} == dict.fromkeys(
        ("svm", NETWORK, "ensemble"), len(unseen)
    )
    members = {name: probabilities[name] for name in ("svm", NETWORK)}
    assert ensemble.pool.weights == fit_pool(members, labels[unseen]).weights
    # It has not seen one fold alone: the other folds cannot say how that is to be pooled.
    np.testing.assert_array_equal(probabilities["ensemble"], ensemble.pool.combine(members))


def test_the_machines_learn_from_all_images(problem, with_network):
    blocks, labels, folds, _ = with_network
    one, _ = fit_ensemble(*problem, CLASSES, recipe("svm"))
    other, _ = fit_ensemble(blocks, labels, folds, CLASSES, recipe("svm"))
    np.testing.assert_array_equal(one.machines["svm"].weights, other.machines["svm"].weights)
    assert one.calibrations["svm"].temperature == other.calibrations["svm"].temperature


def test_labels_that_the_network_has_seen_do_not_move_its_calibration(with_network):
    blocks, labels, folds, unseen = with_network
    changed = labels.copy()
    seen = np.setdiff1d(np.arange(N), unseen)
    changed[seen] = (changed[seen] + 1) % CLASSES
    one, _ = fit_ensemble(blocks, labels, folds, CLASSES, recipe("svm"))
    other, _ = fit_ensemble(blocks, changed, folds, CLASSES, recipe("svm"))
    assert one.calibrations[NETWORK].temperature == other.calibrations[NETWORK].temperature
    np.testing.assert_array_equal(
        one.calibrations[NETWORK].biases, other.calibrations[NETWORK].biases
    )


def test_prediction_sets_come_from_what_the_network_has_not_seen(with_network):
    blocks, labels, folds, unseen = with_network
    rules = recipe("svm")
    _, out_of_fold = fit_ensemble(blocks, labels, folds, CLASSES, rules, with_residuals=True)
    review, _ = fit_review(labels, np.arange(N), folds, out_of_fold, rules)
    likelihoods = out_of_fold.probabilities["ensemble"][np.arange(len(unseen)), labels[unseen]]
    for index, floor in enumerate(review.sets.floors):
        assert floor == 0 or floor in likelihoods[labels[unseen] == index]
    assert all(0 <= share <= 1 for share in review.figures.coverage)


def test_an_image_is_scored_with_its_logits(with_network):
    blocks, labels, folds, unseen = with_network
    ensemble, _ = fit_ensemble(blocks, labels, folds, CLASSES, recipe("svm"))
    rows = {name: block[unseen] for name, block in blocks.items()}
    found = ensemble.probabilities(rows)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    rows[NETWORK] = np.roll(rows[NETWORK], 1, axis=1)
    assert np.abs(ensemble.probabilities(rows) - found).max() > 0.1


def test_a_member_taken_alone(with_network):
    blocks, labels, folds, unseen = with_network
    ensemble, _ = fit_ensemble(blocks, labels, folds, CLASSES, recipe("svm", "softmax"))
    rows = {name: block[unseen] for name, block in blocks.items()}
    for name, expected in ensemble.member_probabilities(ensemble.project(rows)).items():
        alone = ensemble.alone(name)
        assert alone.pool.weights == {name: 1.0}
        np.testing.assert_allclose(alone.probabilities(rows), expected, atol=1e-14)
