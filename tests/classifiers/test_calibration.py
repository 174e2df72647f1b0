"""Calibration on scores whose temperature and biases are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import check_grad
from scipy.special import softmax as scipy_softmax
from sklearn.metrics import log_loss

from trifuse.classifiers.calibration import (
    Calibration,
    calibration_loss,
    fit_calibration,
    softmax,
)

SCORES = arrays(np.float64, (4, 3), elements=st.floats(-1e300, 1e300))


BIASES = np.array([1.5, 0.5, -0.5, -1.5])


def sampled(temperature=1.0, biases=BIASES, n=20_000, seed=0):
    """Scores, and labels drawn from their softmax at a temperature and biases."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=2 * temperature, size=(n, len(biases)))
    cumulative = scipy_softmax(scores / temperature + biases, axis=1).cumsum(axis=1)
    return scores, (rng.random((n, 1)) > cumulative).sum(axis=1)


@settings(deadline=None)
@given(SCORES)
def test_softmax_equals_scipys(scores):
    probabilities = softmax(scores)
    assert np.all(np.isfinite(probabilities))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(probabilities, scipy_softmax(scores, axis=-1), atol=1e-12)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 3.0, 200.0])
def test_finds_the_temperature_and_the_biases(temperature):
    calibration = fit_calibration(*sampled(temperature))
    assert calibration.temperature == pytest.approx(temperature, rel=0.05)
    np.testing.assert_allclose(calibration.biases, BIASES, atol=0.1)


def test_is_the_minimum_of_the_log_loss():
    scores, labels = sampled(2.0, n=500)
    best = fit_calibration(scores, labels)
    least = log_loss(labels, best.probabilities(scores))
    for factor in (0.98, 1.02):
        other = Calibration(best.temperature * factor, best.biases)
        assert log_loss(labels, other.probabilities(scores)) > least
    for step in 0.02 * np.vstack([np.eye(4), -np.eye(4)]):
        other = Calibration(best.temperature, best.biases + step)
        assert log_loss(labels, other.probabilities(scores)) > least


def test_scales_with_the_scores():
    scores, labels = sampled(n=2000)
    single, tenfold = fit_calibration(scores, labels), fit_calibration(10 * scores, labels)
    assert tenfold.temperature == pytest.approx(10 * single.temperature, rel=1e-3)
    np.testing.assert_allclose(tenfold.biases, single.biases, atol=1e-3)


def test_gives_the_mean_probability_of_each_class_its_share():
    scores, labels = sampled(5.0, n=3000)
    mean = fit_calibration(scores, labels).probabilities(scores).mean(axis=0)
    np.testing.assert_allclose(mean, np.bincount(labels) / len(labels), atol=1e-4)


def test_makes_overconfident_scores_calibrated():
    scores, labels = sampled(5.0)
    calibrated = fit_calibration(scores, labels).probabilities(scores)
    for probabilities, honest in ((softmax(scores), False), (calibrated, True)):
        gap = probabilities.max(axis=1).mean() - np.mean(probabilities.argmax(axis=1) == labels)
        assert (abs(gap) < 0.01) == honest


def test_separable_scores_stay_within_the_bounds():
    labels = np.arange(40) % 4
    calibration = fit_calibration(np.eye(4)[labels], labels)
    assert 1e-3 * 0.999 <= calibration.temperature < 1
    assert np.all(np.isfinite(calibration.biases))
    assert np.array_equal(calibration.probabilities(np.eye(4)).argmax(axis=1), np.arange(4))


def test_worthless_scores_give_the_class_shares():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    probabilities = fit_calibration(np.zeros((100, 3)), labels).probabilities(np.zeros((1, 3)))
    np.testing.assert_allclose(probabilities, [[0.6, 0.3, 0.1]], atol=1e-4)


def test_the_loss_equals_sklearns():
    scores, labels = sampled(n=200)
    loss, _ = calibration_loss(np.array([0.5, 0.3, -0.2, 1.0, -0.4]), scores, labels)
    probabilities = softmax(scores * np.exp(0.5) + [0.3, -0.2, 1.0, -0.4])
    assert loss == pytest.approx(log_loss(labels, probabilities))


@pytest.mark.parametrize("inverse", [0.2, 1.0, 4.0])
def test_the_gradient_against_differences(inverse):
    scores, labels = sampled(n=200)
    point = np.array([np.log(inverse), 0.3, -0.2, 1.0, -0.4])
    gap = check_grad(
        lambda x: calibration_loss(x, scores, labels)[0],
        lambda x: calibration_loss(x, scores, labels)[1],
        point,
    )
    assert gap < 1e-6
    assert np.linalg.norm(calibration_loss(point, scores, labels)[1]) > 0.01  # not at a minimum


def test_the_biases_are_centred_also_at_their_bounds():
    scores, labels = sampled(n=60)
    biases = fit_calibration(scores, labels % 3).biases  # nothing is of the last class
    assert biases[3] < -15
    assert biases.mean() == pytest.approx(0, abs=1e-12)
