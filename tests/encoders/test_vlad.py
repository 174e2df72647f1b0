"""VLAD against the formula, VLFeat, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.vlad import vlad

RAW = {"square_root": False, "by_component": False, "normalize": False}


@pytest.fixture(scope="module")
def reference(vlfeat):
    return vlfeat("encoders.npz")


def problem(n=60, k=5, d=4, seed=0):
    rng = np.random.default_rng(seed)
    descriptors = rng.normal(size=(n, d)).astype(np.float32)
    return descriptors, rng.normal(size=(k, d)).astype(np.float32)


def slow_vlad(descriptors, centers, by_mass, square_root, by_component, normalize):
    """Residual by residual in float64, then the normalisations one after the other."""
    precise = centers.astype(np.float64)
    parts, counts = np.zeros(precise.shape), np.zeros(len(precise))
    for x in descriptors.astype(np.float64):
        k = np.argmin([np.sum((x - center) ** 2) for center in precise])
        parts[k] += x - precise[k]
        counts[k] += 1
    if by_mass:
        parts = np.array([part / n if n else part for part, n in zip(parts, counts, strict=True)])
    if square_root:
        parts = np.sign(parts) * np.sqrt(np.abs(parts))
    if by_component:
        parts = np.array([part / (np.linalg.norm(part) or 1) for part in parts])
    vector = parts.ravel()
    return vector / (np.linalg.norm(vector) or 1) if normalize else vector


@pytest.mark.parametrize("by_mass", [False, True])
@pytest.mark.parametrize("square_root", [False, True])
@pytest.mark.parametrize("by_component", [False, True])
@pytest.mark.parametrize("normalize", [False, True])
def test_equals_the_formula(by_mass, square_root, by_component, normalize):
    descriptors, centers = problem()
    options = {
        "by_mass": by_mass,
        "square_root": square_root,
        "by_component": by_component,
        "normalize": normalize,
    }
    vector = vlad(descriptors, centers, **options)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, slow_vlad(descriptors, centers, **options), atol=1e-5)


def test_by_default_roots_then_components_then_the_whole():
    descriptors, centers = problem()
    expected = slow_vlad(
        descriptors, centers, by_mass=False, square_root=True, by_component=True, normalize=True
    )
    np.testing.assert_allclose(vlad(descriptors, centers), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("unnormalized", {}),
        ("l2", {"normalize": True}),
        ("square_root", {"square_root": True}),
        ("norm_components", {"by_component": True}),
        ("norm_mass", {"by_mass": True}),
        ("sqrt_components_l2", {"square_root": True, "by_component": True, "normalize": True}),
    ],
)
def test_equals_vlfeat(reference, key, options):
    vector = vlad(reference["descriptors"], reference["means"], **(RAW | options))
    expected = reference[f"vlad_{key}"]
    np.testing.assert_allclose(vector, expected, atol=1e-4 * max(1, np.abs(expected).max()))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), k=st.integers(1, 6))
def test_order_and_copies_do_not_count(seed, n, k):
    descriptors, centers = problem(n, k, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(descriptors)
    doubled = np.concatenate([descriptors, shuffled])
    raw = vlad(descriptors, centers, **RAW)
    np.testing.assert_allclose(vlad(shuffled, centers, **RAW), raw, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(vlad(doubled, centers, **RAW), 2 * raw, rtol=1e-5, atol=2e-5)
    # the root of a component that nearly cancels out magnifies its rounding
    normalized = vlad(descriptors, centers)
    np.testing.assert_allclose(vlad(doubled, centers), normalized, atol=5e-3)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 30), k=st.integers(1, 6))
def test_norms_are_one_or_zero(seed, n, k):
    descriptors, centers = problem(n, k, seed=seed)
    vector = vlad(descriptors, centers)
    assert vector.shape == (4 * k,)
    norm = np.linalg.norm(vector.astype(np.float64))
    assert norm == pytest.approx(1 if n else 0, abs=1e-5)
    parts = np.linalg.norm(vector.reshape(k, 4), axis=1)
    filled = parts > 0
    np.testing.assert_allclose(parts[filled], 1 / np.sqrt(max(1, filled.sum())), atol=1e-5)


@pytest.mark.parametrize("options", [{}, RAW, {"by_mass": True}])
def test_no_descriptors_give_zero(options):
    _, centers = problem()
    vector = vlad(np.empty((0, 4), dtype=np.float32), centers, **options)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.zeros(20))


@pytest.mark.parametrize("copies", [1, 3, 1000])
def test_descriptors_on_their_centres_give_exactly_zero(copies):
    _, centers = problem()
    descriptors = np.repeat(centers, copies, axis=0)
    np.testing.assert_array_equal(vlad(descriptors, centers), np.zeros(20))


def test_residuals_that_cancel_out_give_exactly_zero():
    centers = np.array([[0, 7], [100, 7]], dtype=np.float32)
    around = np.array([[1, 9], [-1, 5], [2, 6], [-2, 8], [101, 7]], dtype=np.float32)
    np.testing.assert_array_equal(vlad(around, centers), [0, 0, 1, 0])


def test_equally_near_centres_share_nothing():
    centers = np.array([[-1, 0], [1, 0], [-1, 0]], dtype=np.float32)
    vector = vlad(np.array([[0, 2]], dtype=np.float32), centers, **RAW)
    np.testing.assert_array_equal(vector, [1, 2, 0, 0, 0, 0])  # the first one has it


@pytest.mark.parametrize("offset", [1e3, -1e3])
def test_far_centres_give_finite_vectors(offset):
    descriptors, centers = problem()
    vector = vlad(descriptors, centers + np.float32(offset))
    assert np.all(np.isfinite(vector))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_common_offset_loses_no_assignment():
    descriptors, centers = problem()
    moved, far = descriptors + np.float32(1024), centers + np.float32(1024)
    expected = vlad(moved - 1024, far - 1024, **RAW)
    np.testing.assert_allclose(vlad(moved, far, **RAW), expected, atol=1e-5)
