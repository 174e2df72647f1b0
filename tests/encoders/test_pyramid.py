"""Spatial pyramids against a loop over their parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.methods.vlad import VladEncoding, vlad
from trifuse.encoders.stream_encoder import StreamEncoder, pyramid_parts
from trifuse.features.grid import LocalDescriptors
from trifuse.recipes.options import StreamOptions


class Total:
    """The simplest encoding: what it is given, summed up, and how much that was."""

    def sums(self, points):
        return np.zeros(2) + points.sum(axis=0, dtype=np.float64)

    def vector(self, sums, n):
        return np.append(sums, n).astype(np.float32)


def scattered(n, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)).astype(np.float32)
    return values, rng.uniform(-0.5, 0.5, size=(n, 2)).astype(np.float32)


def encode_pieces(pieces, levels, encoding=None):
    options = StreamOptions(None, {}, None, 0.0, tuple(levels))
    stream = StreamEncoder(options, None, {"": encoding or Total()})
    return stream.encode([LocalDescriptors(*piece) for piece in pieces])[""]


def encode(values, positions, levels, encoding=None):
    return encode_pieces([(values, positions)], levels, encoding)


def slow_parts(values, positions, levels):
    """The descriptors of each part, level by level and row by row."""
    for level in levels:
        edges = np.linspace(-0.5, 0.5, level + 1)
        edges[-1] = np.inf
        for row in range(level):
            for column in range(level):
                inside = [
                    edges[row] <= r < edges[row + 1] and edges[column] <= c < edges[column + 1]
                    for r, c in positions
                ]
                yield values[np.array(inside, dtype=bool)]


def slow_pyramid(values, positions, levels):
    vectors = [
        [*part.sum(axis=0, dtype=np.float64), len(part)]
        for part in slow_parts(values, positions, levels)
    ]
    vector = np.concatenate(vectors)
    alone = len(vectors) == 1  # the whole image alone is encoded as it is
    return vector if alone else vector / (np.linalg.norm(vector) or 1)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(0, 40),
    levels=st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_equals_a_loop_over_the_parts(seed, n, levels):
    values, positions = scattered(n, seed)
    vector = encode(values, positions, levels)
    assert vector.dtype == np.float32
    assert vector.shape == (3 * sum(level * level for level in levels),)
    np.testing.assert_allclose(vector, slow_pyramid(values, positions, levels), atol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 1000),
    cuts=st.lists(st.integers(0, 40), max_size=5).map(sorted),
    levels=st.lists(st.integers(1, 3), min_size=1, max_size=3),
)
def test_descriptors_may_come_in_pieces(seed, cuts, levels):
    values, positions = scattered(40, seed)
    pieces = zip(np.split(values, cuts), np.split(positions, cuts), strict=True)
    vector = encode_pieces(pieces, levels)
    np.testing.assert_allclose(vector, encode(values, positions, levels), atol=1e-5)


@pytest.mark.parametrize("levels", [(1, 2), (2,), (3, 1)])
def test_each_part_is_encoded_by_itself(levels):
    values, positions = scattered(90)
    centers = np.array([[-1, 0], [1, 0]], dtype=np.float32)
    parts = [vlad(part, centers) for part in slow_parts(values, positions, levels)]
    expected = np.concatenate(parts) / np.linalg.norm(np.concatenate(parts))
    vector = encode(values, positions, levels, VladEncoding(centers))
    np.testing.assert_allclose(vector, expected, atol=1e-6)


def test_the_corners_belong_to_the_corner_parts():
    positions = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]], dtype=np.float32)
    np.testing.assert_array_equal(pyramid_parts(positions, [2]), [[0], [1], [2], [3]])


@pytest.mark.parametrize("level", range(1, 8))
def test_every_position_is_in_one_part(level):
    edges = np.linspace(-0.5, 0.5, 2 * level + 1, dtype=np.float32)
    near = np.concatenate([edges, np.nextafter(edges, np.float32(0))])
    positions = np.stack(np.meshgrid(near, near), axis=-1).reshape(-1, 2)
    parts = np.concatenate(pyramid_parts(positions, [level]))
    np.testing.assert_array_equal(np.sort(parts), np.arange(len(positions)))


def test_level_one_alone_is_the_encoding_as_it_is():
    values, positions = scattered(20)
    whole = Total().vector(Total().sums(values), 20)
    np.testing.assert_array_equal(encode(values, positions, [1]), whole)


@pytest.mark.parametrize("levels", [[1], [1, 2], [2, 3]])
def test_no_descriptors_give_zero(levels):
    for pieces in ([], [scattered(0)], [scattered(0)] * 2):
        vector = encode_pieces(pieces, levels)
        assert vector.dtype == np.float32
        assert not vector.any()


def test_norms_are_one():
    vector = encode(*scattered(50), (1, 2, 4))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
