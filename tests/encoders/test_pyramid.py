"""Spatial pyramids against a loop over their parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.pyramid import encode_pyramid


def total(values):
    """The simplest encoding: what it is given, summed up, and how much that was."""
    return np.append(values.sum(axis=0), len(values)).astype(np.float32)


def scattered(n, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)).astype(np.float32)
    return values, rng.uniform(-0.5, 0.5, size=(n, 2)).astype(np.float32)


def slow_pyramid(values, positions, levels):
    vectors = []
    for level in levels:
        edges = np.linspace(-0.5, 0.5, level + 1)
        edges[-1] = np.inf
        for row in range(level):
            for column in range(level):
                inside = [
                    edges[row] <= r < edges[row + 1] and edges[column] <= c < edges[column + 1]
                    for r, c in positions
                ]
                vectors.append(total(values[np.array(inside, dtype=bool)]))
    vector = np.concatenate(vectors).astype(np.float64)
    return vector / (np.linalg.norm(vector) or 1)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(0, 40),
    levels=st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_equals_a_loop_over_the_parts(seed, n, levels):
    values, positions = scattered(n, seed)
    vector = encode_pyramid(values, positions, levels, total)
    assert vector.dtype == np.float32
    assert vector.shape == (3 * sum(level * level for level in levels),)
    np.testing.assert_allclose(vector, slow_pyramid(values, positions, levels), atol=1e-6)


def test_the_corners_belong_to_the_corner_parts():
    positions = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]], dtype=np.float32)
    values = np.eye(4, dtype=np.float32)
    vector = encode_pyramid(values, positions, [2], lambda part: part.sum(axis=0))
    np.testing.assert_allclose(vector.reshape(4, 4), np.eye(4) / 2, atol=1e-6)


def test_level_one_is_the_encoding_at_unit_norm():
    values, positions = scattered(20)
    vector = encode_pyramid(values, positions, [1], total)
    np.testing.assert_allclose(vector, total(values) / np.linalg.norm(total(values)), rtol=1e-6)


@pytest.mark.parametrize("levels", [[1], [2, 3]])
def test_no_descriptors_give_zero(levels):
    values, positions = scattered(0)
    assert not encode_pyramid(values, positions, levels, total).any()
