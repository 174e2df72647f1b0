"""Components by inner products: against scikit-learn's PCA, out of fold, and of more images."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from trifuse.classifiers import components
from trifuse.classifiers.components import (
    LEAST_ENERGY,
    Projected,
    analyse,
    count_components,
    fit_projection,
)
from trifuse.encoders.fusion import fuse
from trifuse.encoders.normalization import l2_normalize
from trifuse.encoders.projection import Projection
from trifuse.recipes.recipe import Recipe

WEIGHTS = {"sift_fisher": 3.0, "color_fisher": 1.0}
FOLDS = [(np.setdiff1d(np.arange(90), rows), rows) for rows in np.arange(90).reshape(3, 30)]


def draw(n, dim=200, seed=0):
    """Unit vectors of falling variance in 40 directions, and a little in all."""
    rng = np.random.default_rng(seed)
    frame = np.random.default_rng(dim).normal(size=(40, dim)) * 0.8 ** np.arange(40)[:, None]
    vectors = 1 + rng.normal(size=(n, 40)) @ frame + 0.05 * rng.normal(size=(n, dim))
    return l2_normalize(vectors.astype(np.float32))


def recipe(kept=4, pca_dimension=7, members=("svm", "lightgbm")):
    return Recipe.from_dict(
        {
            "fusion": {"weights": WEIGHTS},
            "lightgbm": {"pca_dimension": pca_dimension},
            "ensemble": {"members": members},
            "review": {"components": kept},
        }
    )


def two_blocks(n=90):
    return {"color_fisher": draw(n, 24, 1), "sift_fisher": draw(n, 60, 2)}


@pytest.mark.parametrize("n", [60, 600])
def test_equal_scikit_learn(n):
    """The few are solved at once, the many by a randomised solver."""
    vectors = draw(n)
    found = fit_projection(vectors, vectors @ vectors.T, 10, 0)
    expected = PCA(10, svd_solver="full").fit(vectors.astype(float))
    assert found.mean.dtype == found.components.dtype == np.float32
    np.testing.assert_allclose(found.mean, expected.mean_, atol=1e-6)
    np.testing.assert_allclose(found.components @ found.components.T, np.eye(10), atol=1e-4)
    cosines = np.abs((found.components * expected.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-3)


def test_the_same_seed_gives_the_same_bytes():
    vectors = draw(600)
    one, two = (fit_projection(vectors, vectors @ vectors.T, 10, 5) for _ in range(2))
    np.testing.assert_array_equal(one.components, two.components)


@pytest.mark.parametrize(("n", "dim", "kept"), [(9, 50, 8), (90, 6, 6)])
def test_no_component_without_variance(n, dim, kept):
    vectors = np.random.default_rng(0).normal(size=(n, dim)).astype(np.float32)
    found = fit_projection(vectors, vectors @ vectors.T, 64, 0).components
    assert len(found) == kept
    np.testing.assert_allclose(found @ found.T, np.eye(kept), atol=1e-4)


def test_images_that_are_all_the_same_have_a_component_without_effect():
    vectors = np.repeat(draw(1), 8, axis=0)
    found = fit_projection(vectors, vectors @ vectors.T, 5, 0)
    assert found.components.shape == (1, 200)
    assert np.abs(found.components).max() < 1e-2


def test_residuals_against_a_loop_in_float64():
    block = draw(50)
    found = fit_projection(block, block @ block.T, 6, 0)
    mean, rows = found.mean.astype(float), found.components[:4].astype(float)
    residuals = Projected({"a": block}, {"a": found}).residuals(4)
    assert residuals.shape == (50, 1)
    for x, residual in zip(block.astype(float), residuals[:, 0], strict=True):
        error = x - mean - sum((row @ (x - mean)) * row for row in rows)
        assert residual == pytest.approx(error @ error, rel=1e-3)


def test_residuals_of_what_the_components_span_are_the_least():
    projection = Projection(np.zeros(5, np.float32), np.eye(3, 5, dtype=np.float32))
    block = np.float32([[0.6, 0.8, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0.6, 0.8]])
    found = Projected({"a": block}, {"a": projection}).residuals(3)[:, 0]
    np.testing.assert_allclose(found, [LEAST_ENERGY, LEAST_ENERGY, 1], rtol=1e-6)


def test_members_look_at_the_leading_components():
    blocks = two_blocks()
    images = Projected(blocks, analyse(blocks, recipe()).projections)
    parts = [images.components[name] for name in WEIGHTS]
    assert [part.shape for part in parts] == [(90, 7), (90, 7)]
    expected = np.hstack([part[:, :3] for part in parts])
    np.testing.assert_array_equal(images.joined(3), expected)


@pytest.mark.parametrize(
    ("kept", "pca_dimension", "members", "expected"),
    [(4, 7, ("lightgbm",), 7), (9, 7, ("svm", "lightgbm"), 9), (4, 7, ("svm",), 4)],
)
def test_as_many_components_as_anything_looks_at(kept, pca_dimension, members, expected):
    chosen, blocks = recipe(kept, pca_dimension, members), two_blocks()
    assert count_components(chosen) == ({"lightgbm": 7} if "lightgbm" in members else {})
    found = analyse(blocks, chosen)
    assert {len(one.components) for one in found.projections.values()} == {expected}
    assert found.residuals.shape == (0, 2)


def test_the_kernel_is_that_of_the_fused_blocks():
    blocks = two_blocks()
    kernel, fused = analyse(blocks, recipe()).kernel, fuse(blocks, WEIGHTS)
    assert kernel.products.dtype == np.float32
    np.testing.assert_array_equal(kernel.rows, np.arange(90))
    np.testing.assert_allclose(kernel.products, fused @ fused.T, atol=1e-5)


def test_residuals_are_out_of_fold():
    blocks = two_blocks()
    residuals = analyse(blocks, recipe(), FOLDS).residuals
    for training, test in FOLDS:
        for column, name in enumerate(WEIGHTS):
            pca = PCA(4, svd_solver="full").fit(blocks[name][training].astype(float))
            held_out = blocks[name][test].astype(float)
            errors = held_out - pca.inverse_transform(pca.transform(held_out))
            expected = np.square(errors).sum(axis=1)
            np.testing.assert_allclose(residuals[test, column], expected, rtol=1e-3)


def test_of_more_images_some_stand_for_all(monkeypatch):
    monkeypatch.setattr(components, "MOST_IMAGES", 60)
    monkeypatch.setattr(components, "DRAWN_IMAGES", 60)
    blocks = two_blocks()
    found, again = (analyse(blocks, recipe(), FOLDS) for _ in range(2))
    rows = found.kernel.rows
    assert len(rows) == len(set(rows.tolist())) == 60
    assert np.all(np.diff(rows) > 0)
    np.testing.assert_array_equal(rows, again.kernel.rows)
    part = {name: block[rows] for name, block in blocks.items()}
    alone = analyse(part, recipe())
    np.testing.assert_array_equal(found.kernel.products, alone.kernel.products)
    for name, projection in found.projections.items():
        np.testing.assert_array_equal(projection.components, alone.projections[name].components)
    assert found.residuals.shape == (90, 2)
    for training, test in FOLDS:
        own = np.intersect1d(rows, training)
        pca = PCA(4, svd_solver="full").fit(blocks["sift_fisher"][own].astype(float))
        held_out = blocks["sift_fisher"][test].astype(float)
        errors = held_out - pca.inverse_transform(pca.transform(held_out))
        expected = np.square(errors).sum(axis=1)
        np.testing.assert_allclose(found.residuals[test, 0], expected, rtol=1e-3)


@pytest.mark.parametrize("n_images", [30, 1100])
@pytest.mark.parametrize("spread", [1e-2, 1e-4, 1e-6, 0.0])
def test_vectors_that_are_nearly_alike_have_components(n_images, spread):
    random = np.random.default_rng(0)
    vectors = l2_normalize(
        random.normal(size=64) + spread * random.normal(size=(n_images, 64))
    ).astype(np.float32)
    found = fit_projection(vectors, vectors @ vectors.T, 8, 0)
    products = found.components @ found.components.T
    assert np.isfinite(found.components).all()
    if spread >= 1e-2:
        np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-2)


def test_a_block_of_zeros_has_a_component_of_zeros():
    zeros = np.zeros((12, 50), np.float32)
    found = fit_projection(zeros, zeros @ zeros.T, 4, 0)
    assert found.components.shape == (1, 50)
    assert not found.components.any()
    assert np.isfinite(Projected({"a": zeros}, {"a": found}).residuals(4)).all()
