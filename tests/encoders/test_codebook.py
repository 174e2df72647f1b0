"""Codebooks: what is drawn, what is found, and what is kept from degenerating."""

import warnings

import cv2
import numpy as np
import pytest
from sklearn.mixture import GaussianMixture as SklearnMixture

from trifuse.encoders.codebook import (
    VARIANCE_FLOOR,
    fit_centers,
    fit_gaussian_mixture,
)
from trifuse.encoders.fisher import fisher_vector
from trifuse.encoders.projection import Projection
from trifuse.features.dense_sift import DenseSiftExtractor

MEANS = np.array([[0, 0], [10, 0], [0, 10]], dtype=np.float32)
SPREADS = np.array([[1, 0.5], [0.5, 1], [1, 1]], dtype=np.float32)


def clouds(n=600, seed=0):
    """Descriptors of three well separated Gaussians, in the shares 1 : 2 : 3."""
    rng = np.random.default_rng(seed)
    of = rng.choice(3, size=n, p=[1 / 6, 2 / 6, 3 / 6])
    return (MEANS[of] + SPREADS[of] * rng.normal(size=(n, 2))).astype(np.float32), of


def test_centers_are_the_clouds_means():
    values, of = clouds()
    centers = fit_centers(values, 3)
    assert centers.dtype == np.float32
    expected = sorted(values[of == cloud].mean(axis=0).tolist() for cloud in range(3))
    np.testing.assert_allclose(sorted(centers.tolist()), expected, atol=1e-3)


def test_the_mixture_is_the_clouds():
    values, of = clouds()
    mixture = fit_gaussian_mixture(values, 3)
    floor = 1.1 * VARIANCE_FLOOR * values.astype(np.float64).var(axis=0).min()
    order = [np.linalg.norm(mixture.means - mean, axis=1).argmin() for mean in MEANS]
    for cloud, component in enumerate(order):
        own = values[of == cloud].astype(np.float64)
        np.testing.assert_allclose(mixture.means[component], own.mean(axis=0), atol=0.02)
        np.testing.assert_allclose(mixture.variances[component], own.var(axis=0), atol=floor)
        assert mixture.weights[component] == pytest.approx(np.mean(of == cloud), abs=0.01)


def test_the_mixture_is_float32_and_its_weights_sum_to_one():
    mixture = fit_gaussian_mixture(clouds()[0], 5)
    for array in (mixture.means, mixture.variances, mixture.weights):
        assert array.dtype == np.float32
    assert mixture.weights.sum() == pytest.approx(1, abs=1e-6)
    assert np.all(mixture.weights > 0)


@pytest.mark.parametrize("fit", [fit_centers, lambda *args: fit_gaussian_mixture(*args).means])
def test_fits_are_repeatable(fit):
    values, _ = clouds()
    np.testing.assert_array_equal(fit(values, 4, 3), fit(values, 4, 3))
    assert len(fit(values[:3], 9, 0)) == 3  # no more than there are descriptors


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_an_offset_changes_no_shape(offset):
    values, _ = clouds()
    mixture = fit_gaussian_mixture(values + np.float32(offset), 3)
    means = mixture.means[np.argsort(mixture.weights)] - offset
    expected = fit_gaussian_mixture(values, 3)
    np.testing.assert_allclose(means, expected.means[np.argsort(expected.weights)], atol=1e-2)


def test_the_unit_of_the_data_changes_no_shape():
    values, _ = clouds()
    mixture, small = (fit_gaussian_mixture(values * np.float32(unit), 3) for unit in (1, 2**-10))
    np.testing.assert_allclose(small.means * 2**10, mixture.means, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(small.variances * 2**20, mixture.variances, rtol=1e-5)


def test_variances_are_kept_from_vanishing():
    values, _ = clouds()
    values[:200] = [20, 20]  # one point, many times
    mixture = fit_gaussian_mixture(values, 4)
    floor = VARIANCE_FLOOR * values.astype(np.float64).var(axis=0)
    assert np.all(mixture.variances >= floor * (1 - 1e-6))
    assert np.any(mixture.variances < 2 * floor)


@pytest.mark.parametrize("level", [0.0, 0.1, -700.0])
def test_a_dimension_may_be_constant(level):
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
    theirs = SklearnMixture(8, covariance_type="diag", random_state=seed)
    theirs.fit(training.astype(np.float64))
    ours = fit_gaussian_mixture(training, 8, seed)
    found = log_likelihood(held_out, ours.means, ours.variances, ours.weights)
    expected = log_likelihood(held_out, theirs.means_, theirs.covariances_, theirs.weights_)
    assert found >= expected - 1e-3
