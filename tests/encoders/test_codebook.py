"""Centres of k-means: what is found, from few first and then from all, by any threads."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from trifuse.encoders.codebook import fit_centers, thin_out
from trifuse.encoders.mixture import fit_gaussian_mixture


@pytest.mark.parametrize("n", [600, 6000])
def test_centers_are_the_clouds_means(clouds, n):
    values, of = clouds(n)
    centers = fit_centers(values, 3)
    assert centers.dtype == np.float32
    expected = sorted(values[of == cloud].mean(axis=0).tolist() for cloud in range(3))
    np.testing.assert_allclose(sorted(centers.tolist()), expected, atol=1e-3)


@pytest.mark.parametrize("fit", [fit_centers, lambda *args: fit_gaussian_mixture(*args).means])
def test_fits_are_repeatable(fit, clouds):
    values, _ = clouds()
    np.testing.assert_array_equal(fit(values, 4, 3), fit(values, 4, 3))
    assert len(fit(values[:3], 9, 0)) == 3  # no more than there are descriptors


@pytest.mark.parametrize("fit", [fit_centers, lambda *args: fit_gaussian_mixture(*args).means])
def test_the_number_of_threads_changes_no_byte(fit):
    values = np.random.default_rng(0).normal(size=(9000, 24)).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(fit(values, 8))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("fit", [fit_centers, lambda *args: fit_gaussian_mixture(*args).means])
def test_more_centres_than_different_descriptors_are_no_warning(fit):
    values = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    centers = fit(values, 6)
    assert centers.shape == (6, 3)
    assert np.isfinite(centers).all()


def test_what_is_found_from_few_first_is_as_near_as_from_all():
    values = np.random.default_rng(0).normal(size=(12_000, 6)).astype(np.float32)
    assert len(thin_out(values, 8)) == 4000
    distances = ((values[:, np.newaxis] - fit_centers(values, 8)) ** 2).sum(axis=2).min(axis=1)
    best = KMeans(8, n_init=1, random_state=0).fit(values).inertia_
    assert distances.sum() <= best * 1.01


@pytest.mark.parametrize(("n", "size", "kept"), [(10, 1, 10), (999, 1, 999), (1000, 1, 500)])
def test_a_sample_is_thinned_out_evenly(n, size, kept):
    sample = np.arange(n, dtype=np.float32)[:, np.newaxis]
    few = thin_out(sample, size)
    assert len(few) == kept
    assert len(np.unique(np.diff(few[:, 0]))) == 1
