"""Fisher vectors against the formulas, the gradient they are, VLFeat, and their invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trifuse.encoders.methods.fisher import FisherEncoding, FisherOptions, fisher_vector
from trifuse.encoders.mixture import VARIANCE_FLOOR, GaussianMixture

RAW = {"square_root": False, "normalize": False}
LARGEST = np.finfo(np.float32).max
ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
"""Any finite float32: huge, denormal, or of any kind between."""


def problem(n=40, k=3, d=4, seed=0):
    """Descriptors, and a mixture of overlapping Gaussians."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1, size=k)
    mixture = GaussianMixture(
        rng.normal(size=(k, d)).astype(np.float32),
        rng.uniform(0.3, 2, size=(k, d)).astype(np.float32),
        (weights / weights.sum()).astype(np.float32),
    )
    return rng.normal(size=(n, d)).astype(np.float32), mixture


def log_densities(x, means, variances, weights):
    """Log of each weighted Gaussian's density at one descriptor."""
    return np.array(
        [
            np.log(weight) - 0.5 * np.sum(np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance)
            if weight > 0
            else -np.inf
            for mean, variance, weight in zip(means, variances, weights, strict=True)
        ]
    )


def slow_fisher_vector(descriptors, mixture):
    """Equations 17 and 18 of Sanchez et al. 2013, term by term in float64."""
    means, variances, weights = (
        array.astype(np.float64) for array in (mixture.means, mixture.variances, mixture.weights)
    )
    u, v = np.zeros(means.shape), np.zeros(means.shape)
    for x in descriptors.astype(np.float64):
        logs = log_densities(x, means, variances, weights)
        posteriors = np.exp(logs - logs.max())
        posteriors /= posteriors.sum()
        for k in np.flatnonzero(weights):
            z = (x - means[k]) / np.sqrt(variances[k])
            u[k] += posteriors[k] * z / np.sqrt(weights[k])
            v[k] += posteriors[k] * (z * z - 1) / np.sqrt(2 * weights[k])
    return np.concatenate([u.ravel(), v.ravel()]) / len(descriptors)


def slow_improved(descriptors, mixture, square_root=True):
    raw = slow_fisher_vector(descriptors, mixture)
    if square_root:
        raw = np.sign(raw) * np.sqrt(np.abs(raw))
    return raw / np.linalg.norm(raw / np.abs(raw).max()) / np.abs(raw).max()


@pytest.mark.parametrize(("n", "k", "d"), [(40, 3, 4), (1, 2, 3), (7, 1, 5), (200, 16, 1)])
def test_equals_the_formulas(n, k, d):
    descriptors, mixture = problem(n, k, d)
    raw = fisher_vector(descriptors, mixture, **RAW)
    np.testing.assert_allclose(raw, slow_fisher_vector(descriptors, mixture), atol=2e-6)
    improved = fisher_vector(descriptors, mixture)
    np.testing.assert_allclose(improved, slow_improved(descriptors, mixture), atol=1e-3)


def test_is_the_gradient_of_the_log_likelihood():
    descriptors, mixture = problem()
    precise = descriptors.astype(np.float64)
    means, deviations = mixture.means.astype(np.float64), np.sqrt(mixture.variances, dtype=float)
    weights = mixture.weights.astype(np.float64)

    def likelihood(means, deviations):
        logs = [log_densities(x, means, deviations**2, weights) for x in precise]
        return np.mean(np.logaddexp.reduce(logs, axis=1))

    u, v = fisher_vector(descriptors, mixture, **RAW).reshape(2, *means.shape)
    nudge = 1e-5
    for k, i in np.ndindex(*means.shape):
        at = np.zeros(means.shape)
        at[k, i] = nudge
        by_mean = likelihood(means + at, deviations) - likelihood(means - at, deviations)
        by_deviation = likelihood(means, deviations + at) - likelihood(means, deviations - at)
        # the Fisher information's diagonal: w / sigma^2 for a mean, 2 w / sigma^2 for a deviation
        scale = deviations[k, i] / np.sqrt(weights[k]) / (2 * nudge)
        assert u[k, i] == pytest.approx(by_mean * scale, abs=1e-5)
        assert v[k, i] == pytest.approx(by_deviation * scale / np.sqrt(2), abs=1e-5)


def test_equals_vlfeat(reference, fisher_mode):
    options, expected = fisher_mode
    mixture = GaussianMixture(reference["means"], reference["covariances"], reference["priors"])
    vector = fisher_vector(reference["descriptors"], mixture, **options)
    np.testing.assert_allclose(vector, expected, atol=1e-4)


@pytest.mark.parametrize("n", [1023, 1024, 1025, 2500])
def test_equals_the_formulas_over_many_blocks(n):
    descriptors, mixture = problem(n)
    raw = fisher_vector(descriptors, mixture, **RAW)
    np.testing.assert_allclose(raw, slow_fisher_vector(descriptors, mixture), atol=2e-6)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 60), max_size=5).map(sorted),
    options=st.sampled_from([{}, RAW]),
)
def test_parts_are_summed_to_the_whole(seed, cuts, options):
    descriptors, mixture = problem(60, seed=seed)
    encoding = FisherEncoding(mixture, FisherOptions(**options))
    sums = sum(encoding.sums(part) for part in np.split(descriptors, cuts))
    assert sums[:, 0].sum() == pytest.approx(60)
    whole = fisher_vector(descriptors, mixture, **options)
    vector = encoding.vector(sums, 60)
    np.testing.assert_allclose(vector, whole, atol=1e-4 if not options else 1e-5)


def test_a_vector_may_be_asked_for_before_the_last_part():
    descriptors, mixture = problem()
    encoding = FisherEncoding(mixture)
    sums = encoding.sums(descriptors[:0])
    np.testing.assert_array_equal(encoding.vector(sums, 0), np.zeros(24))
    sums += encoding.sums(descriptors[:10])
    expected = fisher_vector(descriptors[:10], mixture)
    np.testing.assert_array_equal(encoding.vector(sums, 10), expected)
    sums += encoding.sums(descriptors[10:])
    expected = fisher_vector(descriptors, mixture)
    np.testing.assert_allclose(encoding.vector(sums, len(descriptors)), expected, atol=1e-4)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), k=st.integers(1, 6))
def test_order_and_copies_do_not_count(seed, n, k):
    descriptors, mixture = problem(n, k, seed=seed)
    raw = fisher_vector(descriptors, mixture, **RAW)
    shuffled = np.random.default_rng(seed).permutation(descriptors)
    doubled = np.concatenate([descriptors, shuffled])
    np.testing.assert_allclose(fisher_vector(shuffled, mixture, **RAW), raw, atol=1e-5)
    np.testing.assert_allclose(fisher_vector(doubled, mixture, **RAW), raw, atol=1e-5)


@pytest.mark.parametrize("copies", [2, 7, 3000])
def test_copies_of_one_descriptor_do_not_count(copies):
    descriptors, mixture = problem(1)
    many = np.repeat(descriptors, copies, axis=0)
    np.testing.assert_allclose(
        fisher_vector(many, mixture), fisher_vector(descriptors, mixture), atol=1e-5
    )


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 30), k=st.integers(1, 6))
def test_norms_are_one_or_zero(seed, n, k):
    descriptors, mixture = problem(n, k, seed=seed)
    vector = fisher_vector(descriptors, mixture)
    assert vector.dtype == np.float32
    assert vector.shape == (2 * k * 4,)
    norm = np.linalg.norm(vector.astype(np.float64))
    assert norm == pytest.approx(1 if n else 0, abs=1e-5)


def test_components_come_in_order():
    mixture = GaussianMixture(
        np.array([[-50, 0], [50, 0]], dtype=np.float32),
        np.ones((2, 2), dtype=np.float32),
        np.full(2, 0.5, dtype=np.float32),
    )
    vector = fisher_vector(np.array([[50, 3]], dtype=np.float32), mixture, **RAW)
    expected = [[[0, 0], [0, 3 * 2**0.5]], [[0, 0], [-1, 8]]]
    np.testing.assert_allclose(vector.reshape(2, 2, 2), expected, atol=1e-4)


@pytest.mark.parametrize("options", [{}, RAW])
def test_no_descriptors_give_zero(options):
    _, mixture = problem()
    vector = fisher_vector(np.empty((0, 4), dtype=np.float32), mixture, **options)
    assert vector.dtype == np.float32
    np.testing.assert_array_equal(vector, np.zeros(24))


def test_a_common_offset_loses_no_digits():
    descriptors, mixture = problem(n=100)
    far = GaussianMixture(mixture.means + 1024, mixture.variances, mixture.weights)
    near = GaussianMixture(far.means - 1024, mixture.variances, mixture.weights)
    moved = descriptors + np.float32(1024)
    np.testing.assert_allclose(
        fisher_vector(moved, far, **RAW), fisher_vector(moved - 1024, near, **RAW), atol=1e-3
    )


@pytest.mark.parametrize("square_root", [False, True])
@pytest.mark.parametrize(
    ("offset", "variance", "weight"),
    [
        (1e3, 1, 1),
        (-1e3, 1e-6, 1),
        (0, 1e-10, 1),
        (1e3, 1e-10, 1),
        (0, 1e8, 1),
        (0, 1, 1e-30),
        (1e3, 1e-6, 1e-30),
        (0, 1e-30, 1),
    ],
)
def test_extreme_mixtures_give_finite_vectors(offset, variance, weight, square_root):
    descriptors, mixture = problem()
    weights = mixture.weights.copy()
    weights[0] *= weight
    extreme = GaussianMixture(
        mixture.means + np.float32(offset), mixture.variances * np.float32(variance), weights
    )
    for some in (descriptors, np.concatenate([descriptors, extreme.means])):
        vector = fisher_vector(some, extreme, square_root=square_root)
        assert np.all(np.isfinite(vector))
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    alone = fisher_vector(extreme.means[:1], extreme, square_root=square_root)
    assert np.all(np.isfinite(alone))


@settings(deadline=None, max_examples=150)
@given(
    descriptors=arrays(np.float32, st.tuples(st.integers(1, 8), st.just(3)), elements=ANY),
    k=st.integers(1, 4),
    square_root=st.booleans(),
)
def test_any_finite_descriptors_give_a_finite_vector_of_norm_one(descriptors, k, square_root):
    _, mixture = problem(1, k, 3)
    vector = fisher_vector(descriptors, mixture, square_root=square_root)
    assert vector.dtype == np.float32
    assert np.all(np.isfinite(vector))
    assert np.linalg.norm(vector.astype(np.float64)) == pytest.approx(1, abs=1e-5)
    raw = fisher_vector(descriptors, mixture, square_root=square_root, normalize=False)
    assert np.all(np.isfinite(raw))


@settings(deadline=None, max_examples=100)
@given(
    descriptors=arrays(np.float32, (4, 2), elements=ANY),
    means=arrays(np.float32, (3, 2), elements=ANY),
    variances=arrays(np.float32, (3, 2), elements=st.floats(2**-149, LARGEST, width=32)),
    weights=st.sampled_from([[0.2, 0.3, 0.5], [0, 0.3, 0.7], [1, 0, 0], [1e-45, 1e-30, 1]]),
)
def test_any_finite_mixture_gives_finite_vectors(descriptors, means, variances, weights):
    mixture = GaussianMixture(means, variances, np.array(weights, dtype=np.float32))
    for options in ({}, RAW):
        assert np.all(np.isfinite(fisher_vector(descriptors, mixture, **options)))


@pytest.mark.parametrize("square_root", [False, True])
@pytest.mark.parametrize("values", [[1e20], [3e38], [3e38, 1, -1e25], [2e19, 1e-40, 0.5, -3]])
def test_squares_too_large_for_float32_are_computed_in_float64(values, square_root):
    descriptors, mixture = problem()
    descriptors[: len(values), 1] = values
    vector = fisher_vector(descriptors, mixture, square_root=square_root)
    expected = slow_improved(descriptors, mixture, square_root)
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_only_the_part_with_large_squares_is_computed_in_float64():
    descriptors, mixture = problem(3000)
    encoding = FisherEncoding(mixture)
    large = np.full((1, 4), 1e30, dtype=np.float32)
    whole = np.concatenate([descriptors, large])
    sums = encoding.sums(whole)
    assert sums[:, 0].sum() == pytest.approx(3001)
    assert np.abs(sums).max() > 1e59
    before = encoding.sums(descriptors[:2048])
    np.testing.assert_array_equal(sums, before + encoding.sums(whole[2048:]))


def test_what_is_too_large_for_float32_becomes_its_largest_number():
    _, mixture = problem()
    raw = fisher_vector(np.full((1, 4), -3e38, dtype=np.float32), mixture, **RAW).reshape(2, 3, 4)
    by_mean, by_variance = raw
    assert by_variance.max() == LARGEST
    assert by_mean.min() < -1e38
    assert np.all(np.isfinite(raw))


def test_narrow_components_lose_few_digits():
    descriptors, mixture = problem(n=100, k=8)
    narrow = GaussianMixture(
        mixture.means, np.full((8, 4), VARIANCE_FLOOR, dtype=np.float32), mixture.weights
    )
    expected = slow_fisher_vector(descriptors, narrow)
    vector = fisher_vector(descriptors, narrow, **RAW)
    np.testing.assert_allclose(vector, expected, atol=1e-5 * np.abs(expected).max())


def test_a_dead_component_leaves_the_others_alone():
    descriptors, mixture = problem()
    dead = GaussianMixture(
        np.concatenate([mixture.means, np.full((1, 4), 30, dtype=np.float32)]),
        np.concatenate([mixture.variances, np.ones((1, 4), dtype=np.float32)]),
        np.append(mixture.weights, np.float32(1e-30)),
    )
    vector = fisher_vector(descriptors, dead, **RAW).reshape(2, 4, 4)
    np.testing.assert_allclose(vector[:, 3], 0, atol=1e-12)
    expected = fisher_vector(descriptors, mixture, **RAW).reshape(2, 3, 4)
    np.testing.assert_allclose(vector[:, :3], expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, RAW])
def test_a_component_of_weight_zero_has_zeros_and_leaves_the_others_alone(options):
    descriptors, mixture = problem()
    dead = GaussianMixture(
        np.concatenate([mixture.means, descriptors[:1]]),  # in the midst of the descriptors
        np.concatenate([mixture.variances, np.ones((1, 4), dtype=np.float32)]),
        np.append(mixture.weights, np.float32(0)),
    )
    vector = fisher_vector(descriptors, dead, **options).reshape(2, 4, 4)
    np.testing.assert_array_equal(vector[:, 3], np.zeros((2, 4)))
    expected = fisher_vector(descriptors, mixture, **options).reshape(2, 3, 4)
    np.testing.assert_allclose(vector[:, :3], expected, atol=1e-5)


@pytest.mark.parametrize("offset", [0, 0.5, 3, 100])
def test_wherever_descriptors_lie_they_equal_the_formulas(offset):
    descriptors, mixture = problem(100)
    far = GaussianMixture(mixture.means + np.float32(offset), mixture.variances, mixture.weights)
    moved = descriptors + np.float32(offset)
    expected = slow_fisher_vector(moved, far)
    np.testing.assert_allclose(fisher_vector(moved, far, **RAW), expected, atol=1e-5)


def test_variances_too_small_for_float32_are_no_trouble():
    descriptors, mixture = problem(k=1)
    narrow = GaussianMixture(
        mixture.means, np.full((1, 4), 1e-40, dtype=np.float32), mixture.weights
    )
    expected = slow_improved(descriptors, narrow)
    np.testing.assert_allclose(fisher_vector(descriptors, narrow), expected, atol=1e-6)


def test_the_descriptors_are_left_alone():
    descriptors, mixture = problem()
    before = descriptors.copy()
    fisher_vector(descriptors, mixture)
    np.testing.assert_array_equal(descriptors, before)
