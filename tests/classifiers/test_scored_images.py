"""Figures of weighted images are those of repeated images, for one set of weights or many."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, recall_score

from trifuse.classifiers.bootstrap import mean_of_known
from trifuse.classifiers.scored_images import ScoredImages

CLASSES = ["a", "b", "c"]
FIGURES = ("recall", "precision", "f1", "log_loss", "brier", "auc")


@pytest.fixture
def scored():
    """Probabilities in tenths, so that many are alike, and labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=60)
    probabilities = rng.multinomial(10, [0.2, 0.3, 0.5], size=60) / 10
    return probabilities, labels


def test_weights_are_repetitions(scored):
    probabilities, labels = scored
    weights = np.random.default_rng(1).integers(4, size=60)
    rows = np.repeat(np.arange(60), weights)
    weighted = ScoredImages(probabilities, labels, CLASSES)
    repeated = ScoredImages(probabilities[rows], labels[rows], CLASSES)
    for figure in FIGURES:
        value = getattr(weighted, figure)(weights.astype(float))
        expected = getattr(repeated, figure)(np.ones(len(rows)))
        np.testing.assert_allclose(value, expected, err_msg=figure)


def test_the_calibration_error_takes_a_group_drawn_twice_for_two(scored):
    probabilities, labels = scored
    groups = np.arange(60) // 4
    counts = np.random.default_rng(1).integers(3, size=15)
    drawn = np.repeat(np.arange(15), counts)
    rows = np.concatenate([np.flatnonzero(groups == group) for group in drawn])
    weighted = ScoredImages(probabilities, labels, CLASSES, groups)
    repeated = ScoredImages(
        probabilities[rows], labels[rows], CLASSES, np.repeat(np.arange(len(drawn)), 4)
    )
    value = weighted.squared_calibration_error(counts[groups].astype(float))
    expected = repeated.squared_calibration_error(np.ones(len(rows)))
    assert value == pytest.approx(float(expected))


def test_many_weights_at_once(scored):
    sample = ScoredImages(*scored, CLASSES)
    weights = np.random.default_rng(2).integers(3, size=(60, 5)).astype(float)
    for figure in FIGURES:
        together = getattr(sample, figure)(weights)
        alone = [getattr(sample, figure)(column) for column in weights.T]
        np.testing.assert_allclose(together, np.stack(alone, axis=-1), err_msg=figure)
    for name, values in sample.figures(weights).items():
        alone = [sample.figures(column)[name] for column in weights.T]
        np.testing.assert_allclose(values, np.stack(alone, axis=-1), err_msg=name)


def test_equals_sklearn(scored):
    probabilities, labels = scored
    sample, weights = ScoredImages(*scored, CLASSES), np.ones(60)
    predicted = probabilities.argmax(axis=1)
    np.testing.assert_allclose(
        sample.recall(weights), recall_score(labels, predicted, average=None)
    )
    np.testing.assert_allclose(sample.f1(weights), f1_score(labels, predicted, average=None))
    assert sample.log_loss(weights) == pytest.approx(log_loss(labels, probabilities))


def test_a_class_that_was_not_drawn(scored):
    sample = ScoredImages(*scored, CLASSES)
    weights = np.stack([scored[1] != 0, np.ones(60)], axis=1).astype(float)
    for figure in (sample.recall, sample.f1, sample.auc):
        values = figure(weights)
        assert np.isnan(values).tolist() == [[True, False], [False, False], [False, False]]
        np.testing.assert_allclose(
            mean_of_known(values), [values[1:, 0].mean(), values[:, 1].mean()]
        )
