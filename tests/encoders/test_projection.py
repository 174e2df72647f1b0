"""The projection against the eigenvectors of the covariance."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from trifuse.encoders.projection import Projection


def sample(n=300, d=12, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(n, d)) @ np.diag(np.arange(d, 0, -1)) @ rng.normal(size=(d, d))
    return (mixed + offset).astype(np.float32)


def test_projects_on_the_leading_eigenvectors():
    values = sample()
    projection = Projection.fit(values, 5)
    precise = values.astype(np.float64)
    eigenvalues, eigenvectors = np.linalg.eigh(np.cov(precise.T))
    leading = eigenvectors[:, np.argsort(eigenvalues)[::-1][:5]].T
    cosines = np.einsum("ij,ij->i", projection.components, leading)
    np.testing.assert_allclose(np.abs(cosines), 1, atol=1e-5)
    np.testing.assert_allclose(projection.mean, precise.mean(axis=0), rtol=1e-5, atol=1e-5)


def test_rows_are_orthonormal_and_by_falling_variance():
    values = sample()
    projection = Projection.fit(values, 6)
    np.testing.assert_allclose(
        projection.components @ projection.components.T, np.eye(6), atol=1e-6
    )
    variances = projection.apply(values).var(axis=0)
    assert np.all(np.diff(variances) < 0)


def test_applies_the_formula():
    values = sample()
    projection = Projection.fit(values, 4)
    projected = projection.apply(values)
    expected = (values.astype(np.float64) - projection.mean) @ projection.components.T
    assert projected.dtype == np.float32
    np.testing.assert_allclose(projected, expected, atol=1e-4)


def test_equals_scikit_learn():
    values = sample(offset=100)
    expected = PCA(4, svd_solver="full").fit_transform(values.astype(np.float64))
    projected = Projection.fit(values, 4).apply(values)
    np.testing.assert_allclose(np.abs(projected), np.abs(expected), atol=2e-3)


@pytest.mark.parametrize(("n", "d", "kept"), [(3, 12, 3), (50, 4, 4), (50, 12, 9)])
def test_keeps_no_more_than_there_is(n, d, kept):
    projection = Projection.fit(sample(n, d), 9)
    assert projection.components.shape == (kept, d)
    assert projection.mean.shape == (d,)


def test_is_float32_and_repeatable():
    values = sample(600, 40)
    first, second = (Projection.fit(values, 3, random_state=7) for _ in range(2))
    assert first.mean.dtype == first.components.dtype == np.float32
    np.testing.assert_array_equal(first.components, second.components)


def test_no_rows_give_no_rows():
    projection = Projection.fit(sample(), 3)
    assert projection.apply(np.empty((0, 12), dtype=np.float32)).shape == (0, 3)


def test_projects_into_a_given_array():
    values = sample()
    projection = Projection.fit(values, 4)
    points = np.full((len(values), 6), 7, dtype=np.float32)
    projection.apply(values, out=points[:, :4])
    np.testing.assert_allclose(points[:, :4], projection.apply(values), atol=1e-5)
    assert np.all(points[:, 4:] == 7)


def test_arrays_of_scikit_learn_are_a_projection():
    values = sample()
    pca = PCA(4, svd_solver="full").fit(values.astype(np.float64))
    projection = Projection.from_arrays({"pca_mean": pca.mean_, "pca_components": pca.components_})
    assert projection.mean.dtype == projection.components.dtype == np.float32
    np.testing.assert_allclose(projection.apply(values), pca.transform(values), atol=1e-3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pca_mean": np.zeros(3)}, "no 'pca_components'$"),
        ({"pca_components": np.eye(3)}, "no 'pca_mean'$"),
        ({"pca_mean": np.zeros(2), "pca_components": np.eye(3)}, r"not \(3, 3\) and \(2,\)$"),
        ({"pca_mean": np.zeros(3), "pca_components": np.zeros(3)}, r"not \(3,\) and \(3,\)$"),
        ({"pca_mean": np.eye(3), "pca_components": np.eye(3)}, r"not \(3, 3\) and \(3, 3\)$"),
    ],
)
def test_arrays_that_are_no_projection_are_told(arrays, message):
    with pytest.raises(ValueError, match=message):
        Projection.from_arrays(arrays)
