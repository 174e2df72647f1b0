"""Boosted trees: what is asked of LightGBM."""

import lightgbm  # noqa: F401 - loaded first, so that its threads can be limited
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from trifuse.classifiers.boosting import fit_boosting
from trifuse.classifiers.trees import Trees
from trifuse.recipes.options import LightgbmOptions

OPTIONS = LightgbmOptions(trees=6, leaves=5, learning_rate=0.2, feature_fraction=0.5)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Data this small takes longest where threads wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def problem(counts=(60, 60, 60), seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(labels), 6))
    features[np.arange(len(labels)), labels] += 2
    return features.astype(np.float32), labels


def fit(counts=(60, 60, 60), options=OPTIONS, random_state=0):
    features, labels = problem(counts)
    text = fit_boosting(features, labels, len(counts), options, random_state)
    return Trees.parse(text, features.shape[1], len(counts))


def test_learns():
    features, labels = problem(seed=1)
    assert np.mean(fit().scores(features).argmax(axis=1) == labels) > 0.75


def test_trees_are_as_many_and_as_large_as_asked_for():
    trees = fit()
    assert len(trees.roots) == 6 * 3
    assert len(trees.leaves) <= 6 * 3 * 5
    assert len(trees.leaves) > 6 * 3 * 2


def test_is_repeatable_and_has_a_seed():
    features, labels = problem()
    texts = [fit_boosting(features, labels, 3, OPTIONS, seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_classes_are_balanced():
    features, _ = problem(seed=1)
    shares = np.bincount(fit((400, 40, 40)).scores(features).argmax(axis=1), minlength=3) / 180
    np.testing.assert_allclose(shares, 1 / 3, atol=0.12)


def test_says_nothing(capfd):
    fit()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_classes", [2, 4])
def test_other_numbers_of_classes(n_classes):
    trees = fit((40,) * n_classes)
    assert trees.scores(problem((3,) * n_classes)[0]).shape == (3 * n_classes, n_classes)
