"""VLAD against the formula, VLFeat, and its invariances."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trifuse.encoders.methods.vlad import VladEncoding, VladOptions, vlad

RAW = {"square_root": False, "by_component": False, "normalize": False}
LARGEST = np.finfo(np.float32).max
ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
"""Any finite float32: huge, denormal, or of any kind between."""
NAMES = ("by_residual", "by_mass", "square_root", "by_component", "normalize")
OPTIONS = [dict(zip(NAMES, chosen, strict=True)) for chosen in product([False, True], repeat=5)]


def problem(n=60, k=5, d=4, seed=0):
    rng = np.random.default_rng(seed)
    descriptors = rng.normal(size=(n, d)).astype(np.float32)
    return descriptors, rng.normal(size=(k, d)).astype(np.float32)


def unit(values):
    largest = np.abs(values).max() or 1
    return values / largest / (np.linalg.norm(values / largest) or 1)


def slow_vlad(descriptors, centers, by_residual, by_mass, square_root, by_component, normalize):
    """Residual by residual in float64, then the normalisations one after the other."""
    precise = centers.astype(np.float64)
    parts, counts = np.zeros(precise.shape), np.zeros(len(precise))
    for x in descriptors.astype(np.float64):
        k = np.argmin([np.sum((x - center) ** 2) for center in precise])
        residual = x - precise[k]
        parts[k] += unit(residual) if by_residual else residual
        counts[k] += 1
    if by_mass:
        parts = np.array([part / n if n else part for part, n in zip(parts, counts, strict=True)])
    if square_root:
        parts = np.sign(parts) * np.sqrt(np.abs(parts))
    if by_component:
        parts = np.array([unit(part) for part in parts])
    return unit(parts.ravel()) if normalize else parts.ravel()


@pytest.mark.parametrize("options", OPTIONS)
def test_equals_the_formula(options):
    descriptors, centers = problem()
    vector = vlad(descriptors, centers, **options)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, slow_vlad(descriptors, centers, **options), atol=1e-5)


def test_by_default_roots_then_components_then_the_whole():
    descriptors, centers = problem()
    expected = slow_vlad(descriptors, centers, False, False, True, True, True)
    np.testing.assert_allclose(vlad(descriptors, centers), expected, atol=1e-5)


@pytest.mark.parametrize("n", [1023, 1024, 1025, 2500])
@pytest.mark.parametrize("by_residual", [False, True])
def test_equals_the_formula_over_many_blocks(n, by_residual):
    descriptors, centers = problem(n)
    options = RAW | {"by_residual": by_residual, "by_mass": True}
    vector = vlad(descriptors, centers, **options)
    np.testing.assert_allclose(vector, slow_vlad(descriptors, centers, **options), atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_a_single_descriptor_is_one_residual(options):
    centers = np.array([[5, 5], [0, 0]], dtype=np.float32)
    vector = vlad(np.array([[-4, 3]], dtype=np.float32), centers, **options)
    residual = np.array([-4, 3]) / (5 if options["by_residual"] else 1)
    if options["square_root"]:
        residual = np.sign(residual) * np.sqrt(np.abs(residual))
    if options["by_component"] or options["normalize"]:
        residual = residual / np.linalg.norm(residual)
    np.testing.assert_allclose(vector, [0, 0, *residual], atol=1e-6)


def test_by_residual_every_descriptor_counts_the_same():
    centers = np.zeros((1, 2), dtype=np.float32)
    near_and_far = np.array([[1e-3, 0], [0, 1e30], [0, 0]], dtype=np.float32)
    vector = vlad(near_and_far, centers, **RAW, by_residual=True)
    np.testing.assert_allclose(vector, [1, 1], rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 60), max_size=5).map(sorted),
    options=st.sampled_from(OPTIONS),
)
def test_parts_are_summed_to_the_whole(seed, cuts, options):
    descriptors, centers = problem(60, seed=seed)
    encoding = VladEncoding(centers, VladOptions(**options))
    sums = sum(encoding.sums(part) for part in np.split(descriptors, cuts))
    assert sums[:, 0].sum() == 60
    # the root of a component that nearly cancels out magnifies its rounding
    tolerance = 5e-3 if options["square_root"] else 1e-4
    whole = vlad(descriptors, centers, **options)
    np.testing.assert_allclose(encoding.vector(sums, 60), whole, atol=tolerance)


def test_a_vector_may_be_asked_for_before_the_last_part():
    descriptors, centers = problem()
    encoding = VladEncoding(centers)
    sums = encoding.sums(descriptors[:0])
    np.testing.assert_array_equal(encoding.vector(sums, 0), np.zeros(20))
    sums += encoding.sums(descriptors[:10])
    np.testing.assert_array_equal(encoding.vector(sums, 10), vlad(descriptors[:10], centers))
    sums += encoding.sums(descriptors[10:])
    vector = encoding.vector(sums, len(descriptors))
    np.testing.assert_allclose(vector, vlad(descriptors, centers), atol=1e-4)


def test_equals_vlfeat(reference, vlad_mode):
    options, expected = vlad_mode
    vector = vlad(reference["descriptors"], reference["means"], **options)
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


@settings(deadline=None, max_examples=150)
@given(
    descriptors=arrays(np.float32, st.tuples(st.integers(1, 8), st.just(3)), elements=ANY),
    centers=arrays(np.float32, st.tuples(st.integers(1, 4), st.just(3)), elements=ANY),
    options=st.sampled_from(OPTIONS),
)
def test_any_finite_descriptors_and_centres_give_a_finite_vector(descriptors, centers, options):
    vector = vlad(descriptors, centers, **options)
    assert vector.dtype == np.float32
    assert np.all(np.isfinite(vector))
    norm = np.linalg.norm(vector.astype(np.float64))
    if options["normalize"]:
        assert norm == 0 or norm == pytest.approx(1, abs=1e-5)
    if options["by_residual"]:
        assert norm <= len(descriptors) * (1 + 1e-5) or options["square_root"]


@settings(deadline=None, max_examples=60)
@given(
    exponents=arrays(np.int64, (6, 3), elements=st.integers(-44, 38)),
    seed=st.integers(0, 1000),
    options=st.sampled_from(OPTIONS),
)
def test_descriptors_of_any_size_agree_with_the_formula(exponents, seed, options):
    values = np.random.default_rng(seed).uniform(1, 3, size=(6, 3)) * 10.0**exponents
    descriptors = values.astype(np.float32)
    centers = np.array([[0, 0, 0], [-1, -2, -3]], dtype=np.float32)  # all are nearest to the first
    expected = slow_vlad(descriptors, centers, **options).clip(-LARGEST, LARGEST)
    tiniest = 1e-44  # a step between denormal numbers, and the roots of it
    tolerance = tiniest**0.5 if options["square_root"] else tiniest
    vector = vlad(descriptors, centers, **options)
    np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=tolerance)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("scale", [1e18, 1e20, 5e37])
def test_squares_too_large_for_float32_are_computed_in_float64(scale, options):
    descriptors, centers = (array * np.float32(scale) for array in problem())
    descriptors[:9] /= np.float32(scale)  # these belong to the centre that is nearest to zero
    expected = slow_vlad(descriptors, centers, **options).clip(-LARGEST, LARGEST)
    np.testing.assert_allclose(vlad(descriptors, centers, **options), expected, rtol=1e-4)


def test_a_far_descriptor_belongs_to_the_centre_in_its_direction():
    centers = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=np.float32)
    far = np.array([[1, 0, 2], [3, -1, 0], [0, 1, -3]], dtype=np.float32)
    for scale in (1e10, 1e20, 1e38):  # where float64 has no digits left for the squares
        sums = VladEncoding(centers).sums(far * np.float32(scale))
        np.testing.assert_array_equal(sums[:, 0], [1, 1, 1])


def test_what_is_too_large_for_float32_becomes_its_largest_number():
    centers = np.array([[0, 0], [-9, 0]], dtype=np.float32)
    vector = vlad(np.array([[3e38, -3e38]] * 2, dtype=np.float32), centers, **RAW)
    np.testing.assert_array_equal(vector, [LARGEST, -LARGEST, 0, 0])


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


def test_the_descriptors_are_left_alone():
    descriptors, centers = problem()
    before = descriptors.copy(), centers.copy()
    vlad(descriptors, centers, by_residual=True, by_mass=True)
    np.testing.assert_array_equal(descriptors, before[0])
    np.testing.assert_array_equal(centers, before[1])
