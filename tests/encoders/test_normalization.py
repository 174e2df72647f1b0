"""Normalisations, from the smallest float32 to the largest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from trifuse.encoders.normalization import l2_normalize, signed_square_root

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ROWS = arrays(np.float32, array_shapes(min_dims=1, max_dims=3, min_side=0), elements=FINITE)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_norms_are_one_or_zero(values):
    normalized = l2_normalize(values)
    assert normalized.dtype == np.float32
    assert normalized.shape == values.shape
    norms = np.linalg.norm(normalized.astype(np.float64), axis=-1)
    expected = values.any(axis=-1).astype(float)
    np.testing.assert_allclose(norms, expected, atol=1e-5)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_directions_are_kept(values):
    normalized = l2_normalize(values).astype(np.float64)
    precise = values.astype(np.float64)
    norms = np.linalg.norm(precise, axis=-1, keepdims=True)
    expected = np.divide(precise, norms, out=np.zeros_like(precise), where=norms > 0)
    np.testing.assert_allclose(normalized, expected, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_the_square_root_keeps_signs(values):
    rooted = signed_square_root(values)
    assert rooted.dtype == np.float32
    np.testing.assert_array_equal(np.sign(rooted), np.sign(values))
    np.testing.assert_allclose(
        rooted.astype(np.float64) ** 2, np.abs(values.astype(np.float64)), rtol=1e-6
    )


def test_rows_are_normalised_by_themselves():
    values = np.array([[3, -4], [0, 0], [1e30, 0], [0, -1e-30]], dtype=np.float32)
    expected = [[0.6, -0.8], [0, 0], [1, 0], [0, -1]]
    np.testing.assert_allclose(l2_normalize(values), expected, rtol=1e-6)


@pytest.mark.parametrize("function", [l2_normalize, signed_square_root])
def test_the_input_is_left_alone(function):
    values = np.array([[3, -4], [0, 2]], dtype=np.float32)
    before = values.copy()
    function(values)
    np.testing.assert_array_equal(values, before)
