"""Temperature scaling on scores whose temperature is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax as scipy_softmax
from sklearn.metrics import log_loss as sklearn_log_loss

from trifuse.classifiers.calibration import fit_temperature, log_loss, softmax

SCORES = arrays(np.float64, (4, 3), elements=st.floats(-1e300, 1e300))


def sampled(temperature=1.0, n=20_000, n_classes=4, seed=0):
    """Scores, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(scale=2 * temperature, size=(n, n_classes))
    cumulative = scipy_softmax(scores / temperature, axis=1).cumsum(axis=1)
    return scores, (rng.random((n, 1)) > cumulative).sum(axis=1)


@settings(deadline=None)
@given(SCORES)
def test_softmax_equals_scipys(scores):
    probabilities = softmax(scores)
    assert np.all(np.isfinite(probabilities))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(probabilities, scipy_softmax(scores, axis=-1), atol=1e-12)


@pytest.mark.parametrize("temperature", [0.01, 0.5, 1.0, 3.0, 200.0])
def test_finds_the_temperature(temperature):
    scores, labels = sampled(temperature)
    assert fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.05)


def test_is_the_minimum_of_the_log_loss():
    scores, labels = sampled(2.0, n=500)
    best = fit_temperature(scores, labels)
    losses = [log_loss(softmax(scores / t), labels) for t in (best * 0.98, best, best * 1.02)]
    assert losses[1] == min(losses)
    grid = np.geomspace(1e-3, 1e3, 400)
    assert losses[1] <= min(log_loss(softmax(scores / t), labels) for t in grid) + 1e-9


def test_scales_with_the_scores():
    scores, labels = sampled(n=2000)
    single = fit_temperature(scores, labels)
    assert fit_temperature(10 * scores, labels) == pytest.approx(10 * single, rel=1e-3)


def test_makes_overconfident_scores_calibrated():
    scores, labels = sampled(5.0)
    calibrated = softmax(scores / fit_temperature(scores, labels))
    for probabilities, honest in ((softmax(scores), False), (calibrated, True)):
        gap = probabilities.max(axis=1).mean() - np.mean(probabilities.argmax(axis=1) == labels)
        assert (abs(gap) < 0.01) == honest


@pytest.mark.parametrize(("right", "limit"), [(True, 1e-3), (False, 1e3)])
def test_stays_within_its_bounds(right, limit):
    labels = np.arange(30) % 3
    scores = np.eye(3)[labels if right else (labels + 1) % 3]
    temperature = fit_temperature(scores, labels)
    assert 1e-3 <= temperature <= 1e3
    assert temperature < 0.1 if right else temperature > 100
    assert np.all(np.isfinite(softmax(scores / temperature))), limit


def test_log_loss_equals_scikit_learns():
    scores, labels = sampled(n=300)
    probabilities = softmax(scores)
    assert log_loss(probabilities, labels) == pytest.approx(sklearn_log_loss(labels, probabilities))


def test_a_probability_of_zero_costs_no_infinity():
    loss = log_loss(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss == pytest.approx(-np.log(1e-15))
