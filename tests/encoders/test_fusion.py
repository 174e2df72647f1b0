"""Fused blocks against the weighted mean of the blocks' kernels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.encoders.fusion import fuse
from trifuse.encoders.normalization import l2_normalize

WEIGHTS = st.floats(1e-3, 1e3)


def blocks(n=6, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: l2_normalize(rng.normal(size=(n, dim)).astype(np.float32))
        for name, dim in {"a": 3, "b": 5, "c": 2}.items()
    }


@settings(deadline=None)
@given(a=WEIGHTS, b=WEIGHTS, c=WEIGHTS)
def test_the_kernel_is_the_weighted_mean_of_kernels(a, b, c):
    weights = {"a": a, "b": b, "c": c}
    parts = blocks()
    fused = fuse(parts, weights)
    expected = sum(
        weight * parts[name].astype(np.float64) @ parts[name].T for name, weight in weights.items()
    ) / (a + b + c)
    assert fused.dtype == np.float32
    assert fused.shape == (6, 10)
    np.testing.assert_allclose(fused @ fused.T, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(fused, axis=1), 1, atol=1e-6)


def test_blocks_come_in_the_order_of_the_weights():
    parts = blocks()
    fused = fuse(parts, {"c": 1, "a": 3})
    expected = np.hstack([parts["c"] * 0.5, parts["a"] * 0.75**0.5])
    np.testing.assert_allclose(fused, expected, atol=1e-6)


def test_only_the_ratios_of_weights_count():
    parts = blocks()
    np.testing.assert_allclose(
        fuse(parts, {"a": 1, "b": 2}), fuse(parts, {"a": 10, "b": 20}), atol=1e-7
    )


def test_one_image_is_a_row_of_many():
    parts = blocks()
    weights = {"a": 1, "b": 2}
    one = {name: part[4] for name, part in parts.items()}
    np.testing.assert_array_equal(fuse(one, weights), fuse(parts, weights)[4])


def test_a_missing_block_is_an_error():
    with pytest.raises(KeyError, match="sift_vlad"):
        fuse(blocks(), {"a": 1, "sift_vlad": 1})
