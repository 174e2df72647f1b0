"""Gaussian mixtures: posteriors without subnormals, what a fit finds, and what it is kept from."""

import warnings

import cv2
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

from trifuse.encoders import codebook
from trifuse.encoders.methods.fisher import fisher_vector
from trifuse.encoders.mixture import VARIANCE_FLOOR, Density, GaussianMixture, fit_gaussian_mixture
from trifuse.encoders.projection import Projection
from trifuse.features.descriptors.sift import DenseSiftExtractor

CLOUDS = np.array([[0, 0], [10, 0], [0, 10]], dtype=np.float32)


def test_far_descriptors_leave_no_subnormal_numbers():
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(16, 8)), rng.uniform(0.3, 2, size=(16, 8))
    mixture = GaussianMixture.from_arrays(
        {"means": means, "variances": variances, "weights": np.full(16, 1 / 16)}
    )
    far = 4 * rng.normal(size=(3000, 8)).astype(np.float32)
    shares = Density.of(mixture, np.float32).posteriors(far).shares
    assert shares.dtype == np.float32
    assert np.all((shares == 0) | (shares > np.finfo(np.float32).tiny))
    assert 0.1 < np.mean(shares == 0) < 0.9
    assert np.any((shares > 0) & (shares < 1e-24))  # right down to the bound
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)


def test_the_mixture_is_the_clouds(clouds):
    values, of = clouds()
    mixture = fit_gaussian_mixture(values, 3)
    floor = 1.1 * VARIANCE_FLOOR * values.astype(np.float64).var(axis=0).min()
    order = [np.linalg.norm(mixture.means - mean, axis=1).argmin() for mean in CLOUDS]
    for cloud, component in enumerate(order):
        own = values[of == cloud].astype(np.float64)
        np.testing.assert_allclose(mixture.means[component], own.mean(axis=0), atol=0.02)
        np.testing.assert_allclose(mixture.variances[component], own.var(axis=0), atol=floor)
        assert mixture.weights[component] == pytest.approx(np.mean(of == cloud), abs=0.01)


def test_the_mixture_is_float32_and_its_weights_sum_to_one(clouds):
    mixture = fit_gaussian_mixture(clouds()[0], 5)
    for array in (mixture.means, mixture.variances, mixture.weights):
        assert array.dtype == np.float32
    assert mixture.weights.sum() == pytest.approx(1, abs=1e-6)
    assert np.all(mixture.weights > 0)


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_an_offset_changes_no_shape(offset, clouds):
    values, _ = clouds()
    mixture = fit_gaussian_mixture(values + np.float32(offset), 3)
    means = mixture.means[np.argsort(mixture.weights)] - offset
    expected = fit_gaussian_mixture(values, 3)
    np.testing.assert_allclose(means, expected.means[np.argsort(expected.weights)], atol=1e-2)


def test_the_unit_of_the_data_changes_no_shape(clouds):
    values, _ = clouds()
    mixture, small = (fit_gaussian_mixture(values * np.float32(unit), 3) for unit in (1, 2**-10))
    np.testing.assert_allclose(small.means * 2**10, mixture.means, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(small.variances * 2**20, mixture.variances, rtol=1e-5)


def test_variances_are_kept_from_vanishing(clouds):
    values, _ = clouds()
    values[:200] = [20, 20]  # one point, many times
    mixture = fit_gaussian_mixture(values, 4)
    floor = VARIANCE_FLOOR * values.astype(np.float64).var(axis=0)
    assert np.all(mixture.variances >= floor * (1 - 1e-6))
    assert np.any(mixture.variances < 2 * floor)


@pytest.mark.parametrize("level", [0.0, 0.1, -700.0])
def test_a_dimension_may_be_constant(level, clouds):
    values = np.column_stack([clouds()[0], np.full(600, level, dtype=np.float32)])
    mixture = fit_gaussian_mixture(values, 3)
    assert np.all(mixture.variances > 0)
    other = values[:50] + np.array([0, 0, 1], dtype=np.float32)  # in other images it varies
    vector = fisher_vector(other, mixture)
    assert np.all(np.isfinite(vector))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_stopping_early_is_no_warning():
    rng = np.random.default_rng(0)
    slow = rng.uniform(size=(2000, 3)).astype(np.float32)  # no clouds: no quick convergence
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_gaussian_mixture(slow, 16)
    assert caught == []


def log_likelihood(values, means, variances, weights):
    """Mean log density of a mixture, in float64."""
    difference = values[:, np.newaxis].astype(np.float64) - means
    exponents = -0.5 * (difference**2 / variances + np.log(2 * np.pi * variances)).sum(axis=2)
    return np.logaddexp.reduce(exponents + np.log(weights), axis=1).mean()


@pytest.mark.parametrize("seed", range(3))
def test_held_out_descriptors_are_as_likely_as_under_scikit_learns_mixture(seed):
    image = np.random.default_rng(seed).integers(0, 256, (120, 160), dtype=np.uint8)
    values = DenseSiftExtractor(3, [3, 5]).extract(cv2.GaussianBlur(image, (0, 0), 2)).values
    points = Projection.fit(values, 8).apply(values)
    training, held_out = points[::2], points[1::2]
    found, expected = [], []
    for start in range(3):  # one start may end in a better optimum than another, by 0.02
        theirs = SklearnMixture(8, covariance_type="diag", random_state=start)
        theirs.fit(training.astype(np.float64))
        likelihood = log_likelihood(held_out, theirs.means_, theirs.covariances_, theirs.weights_)
        expected.append(likelihood)
        ours = fit_gaussian_mixture(training, 8, start)
        found.append(log_likelihood(held_out, ours.means, ours.variances, ours.weights))
    assert np.mean(found) >= np.mean(expected) - 5e-3


def test_a_fit_to_few_first_is_as_likely_as_one_to_all(monkeypatch):
    values = np.random.default_rng(0).normal(size=(8000, 6)).astype(np.float32) ** 3
    found = []
    for first in (200, 10**6):
        monkeypatch.setattr(codebook, "_FIRST", first)
        mixture = fit_gaussian_mixture(values[::2], 8)
        found.append(mixture.statistics(values[1::2]).log_likelihood / 4000)
    assert found[0] >= found[1] - 0.05


def test_the_log_likelihood_is_that_of_all_descriptors(clouds):
    values, _ = clouds(3000)
    mixture = fit_gaussian_mixture(values, 3)
    found = mixture.statistics(values).log_likelihood / 3000 - np.log(2 * np.pi)
    expected = log_likelihood(values, mixture.means, mixture.variances, mixture.weights)
    assert found == pytest.approx(expected, abs=1e-4)


def test_a_fit_tells_of_its_iterations(clouds, caplog):
    with caplog.at_level("DEBUG", "trifuse.stages"):
        fit_gaussian_mixture(clouds()[0], 3)
    assert caplog.messages[0].startswith(
        "3 Gaussians of 600 descriptors: iteration 1, log likelihood -"
    )


def test_a_gaussian_without_descriptors_keeps_a_weight():
    values = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    mixture = fit_gaussian_mixture(values, 6)
    assert np.all(mixture.weights > 0)
    assert np.isfinite(mixture.means).all()
    assert np.isfinite(fisher_vector(values, mixture)).all()
