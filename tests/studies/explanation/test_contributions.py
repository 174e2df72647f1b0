"""Contributions sum to the score, and are what each descriptor adds, by a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.methods import Summands
from trifuse.encoders.methods.fisher import FisherEncoding, FisherOptions, fisher_vector
from trifuse.encoders.methods.vlad import VladOptions, vlad
from trifuse.encoders.mixture import GaussianMixture
from trifuse.encoders.normalization import l2_normalize, signed_square_root
from trifuse.encoders.stream_encoder import project
from trifuse.features.grid import LocalDescriptors
from trifuse.studies.explanation.contributions import BlockSum, cell_sum, stream_sums


def dense(block):
    """What each descriptor adds, as a whole matrix."""
    matrix = np.zeros((block.n_descriptors, block.dimension))
    for part in block.summands:
        matrix[np.ix_(part.rows, part.columns)] += part.values
    return matrix


def slow_contributions(block, weights, gamma):
    """The formula of `BlockSum`, term by term."""
    added, found = dense(block), np.zeros(block.n_descriptors)
    total = added.sum(axis=0)
    for k in np.flatnonzero(total):
        favoured = [u * (1 + gamma) if u * total[k] > 0 else u for u in added[:, k]]
        found += weights[k] * block.vector[k] * np.array(favoured) / sum(favoured)
    return found


@pytest.mark.parametrize("pyramid", [(1,), (2,), (1, 2)])
@pytest.mark.parametrize("n", [60, 3, 1, 0])
def test_the_vector_is_the_encoders(make_stream, pyramid, n):
    encoder, descriptors = make_stream(n, pyramid)
    encoded = encoder.encode([descriptors])
    sums = stream_sums(descriptors, encoder)
    assert list(sums) == list(encoded)
    for name, block in sums.items():
        np.testing.assert_allclose(block.vector, encoded[name], atol=2e-4)


@pytest.mark.parametrize("pyramid", [(1,), (1, 2)])
@pytest.mark.parametrize(
    "options",
    [
        {"fisher": FisherOptions(3, square_root=False)},
        {"fisher": FisherOptions(3, normalize=False)},
        {"vlad": VladOptions(3, by_residual=True, by_mass=True)},
        {"vlad": VladOptions(3, square_root=False, by_component=False, normalize=False)},
    ],
)
def test_the_vector_is_the_encoders_whatever_its_options(make_stream, options, pyramid):
    encoder, descriptors = make_stream(60, pyramid, encodings=options)
    (encoded,) = encoder.encode([descriptors]).values()
    (block,) = stream_sums(descriptors, encoder).values()
    np.testing.assert_allclose(block.vector, encoded, rtol=1e-4, atol=2e-4)


@given(gamma=st.floats(0, 100), seed=st.integers(0, 999), pyramid=st.sampled_from([(1,), (1, 2)]))
@settings(max_examples=25, deadline=None)
def test_contributions_sum_to_the_score(make_stream, gamma, seed, pyramid):
    encoder, descriptors = make_stream(40, pyramid, seed % 3)
    for block in stream_sums(descriptors, encoder).values():
        weights = np.random.default_rng(seed).normal(size=block.dimension)
        contributions = block.contributions(weights, gamma)
        assert contributions.sum() == pytest.approx(weights @ block.vector, abs=1e-9)


@pytest.mark.parametrize("gamma", [0, 0.25, 3])
@pytest.mark.parametrize("name", ["fisher", "vlad"])
def test_contributions_against_the_formula(make_stream, gamma, name):
    encoder, descriptors = make_stream(30, (1, 2))
    block = stream_sums(descriptors, encoder)[name]
    weights = np.random.default_rng(1).normal(size=block.dimension)
    expected = slow_contributions(block, weights, gamma)
    np.testing.assert_allclose(block.contributions(weights, gamma), expected, atol=1e-10)


def test_summands_are_what_the_encoders_lose_without_a_descriptor(make_stream):
    encoder, descriptors = make_stream(25)
    points = project(descriptors, encoder.projection, encoder.options.position_weight)
    by_mixture, by_centers = encoder.encodings["fisher"], encoder.encodings["vlad"]
    mixture, centers = by_mixture.mixture, by_centers.centers
    fisher = BlockSum(25, 2 * mixture.means.size, list(by_mixture.summands(points)), (1,))
    residuals = BlockSum(25, centers.size, list(by_centers.summands(points)), (1,))
    raw = {"square_root": False, "normalize": False}
    for left_out in range(25):
        others = np.delete(points, left_out, axis=0)
        mean = fisher_vector(points, mixture, **raw) * 25
        lost = mean - fisher_vector(others, mixture, **raw) * 24
        np.testing.assert_allclose(dense(fisher)[left_out], lost / 25, atol=1e-5)
        lost = vlad(points, centers, by_component=False, **raw) - vlad(
            others, centers, by_component=False, **raw
        )
        np.testing.assert_allclose(dense(residuals)[left_out], lost, atol=1e-4)


@pytest.mark.parametrize("name", ["fisher", "vlad"])
def test_without_gamma_they_are_twice_the_gradient_at_fixed_norms(make_stream, name):
    encoder, descriptors = make_stream(20)
    block = stream_sums(descriptors, encoder)[name]
    weights = np.random.default_rng(2).normal(size=block.dimension)
    norms = block.vector / signed_square_root(block.total)

    def score(total):
        return weights @ (signed_square_root(total) * norms)

    for added, contribution in zip(dense(block), block.contributions(weights, 0), strict=True):
        step = 1e-7 * added
        gradient = (score(block.total + step) - score(block.total - step)) / 2e-7
        assert 2 * gradient == pytest.approx(contribution, rel=1e-4, abs=1e-6)


def test_gamma_bounds_summands_that_cancel():
    cells = np.array([[[1.0], [-1.0], [1e-6]]], dtype=np.float32)
    block, weight = cell_sum(cells), np.ones(1)
    assert np.abs(block.contributions(weight, 0)).max() > 1e5
    assert np.abs(block.contributions(weight, 0.25)).max() <= (1 + 0.25) / 0.25 + 1e-3
    assert block.contributions(weight, 0.25).sum() == pytest.approx(1)


def test_permuted_descriptors_have_permuted_contributions(make_stream):
    encoder, descriptors = make_stream(50, (1, 2))
    order = np.random.default_rng(3).permutation(50)
    permuted = LocalDescriptors(*(array[order] for array in descriptors))
    for one, other in zip(
        stream_sums(descriptors, encoder).values(),
        stream_sums(permuted, encoder).values(),
        strict=True,
    ):
        weights = np.random.default_rng(4).normal(size=one.dimension)
        expected = one.contributions(weights)[order]
        np.testing.assert_allclose(other.contributions(weights), expected, atol=1e-6)


def test_no_descriptors_contribute_nothing(make_stream):
    encoder, descriptors = make_stream(0)
    for block in stream_sums(descriptors, encoder).values():
        assert not block.vector.any()
        assert block.contributions(np.ones(block.dimension)).shape == (0,)


def test_a_gaussian_of_weight_zero_sees_nothing():
    ones = np.ones((2, 3), dtype=np.float32)
    mixture = GaussianMixture(0 * ones, ones, np.array([1, 0], dtype=np.float32))
    seen, unseen = FisherEncoding(mixture).summands(np.ones((4, 3), dtype=np.float32))
    assert len(seen.rows) == 4
    assert len(unseen.rows) == 0


def test_cells_are_the_embeddings_summands():
    last_map = np.random.default_rng(5).normal(size=(3, 4, 6)).astype(np.float32)
    block = cell_sum(last_map)
    embedding = last_map.mean(axis=(0, 1))
    np.testing.assert_allclose(block.vector, l2_normalize(signed_square_root(embedding)), atol=1e-6)
    weights = np.arange(6.0)
    contributions = block.contributions(weights, 0).reshape(3, 4)
    cell = last_map[1, 2].astype(np.float64) / 12
    assert contributions[1, 2] == pytest.approx(weights @ (cell * block.vector / block.total))


def test_summands_may_share_components():
    halves = [
        Summands(np.array([row]), np.array([0]), np.array([[value]]))
        for row, value in enumerate([1.0, 3.0])
    ]
    block = BlockSum(2, 1, halves, groups=(1,))
    np.testing.assert_allclose(block.contributions(np.array([2.0])), [0.5, 1.5])
