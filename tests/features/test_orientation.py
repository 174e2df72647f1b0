"""Orientation maps against a loop over pixels, and gradients whose angle is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trifuse.features import orientation
from trifuse.features.orientation import orientation_maps

SIDES = st.integers(1, 12)
LEVELS = st.floats(-1e3, 1e3, width=32)
IMAGES = hnp.arrays(np.float32, st.tuples(SIDES, SIDES), elements=LEVELS)


def slow_gradient(grey, row, column):
    """(by row, by column): central differences, one-sided at the border, zero across one pixel."""
    gradient = []
    for line, at in ((grey[:, column], row), (grey[row], column)):
        before, after = max(at - 1, 0), min(at + 1, len(line) - 1)
        rise = float(line[after]) - float(line[before])
        gradient.append(rise / (after - before) if after > before else 0.0)
    return gradient


def slow_angle(by_row, by_column):
    """VLFeat's arctangent, in radians from 0 to 2 pi."""
    rise, run = abs(by_row) + np.finfo(np.float32).eps, abs(by_column)
    ratio = (run - rise) / (run + rise)
    angle = np.pi / 4 - (0.9675 - 0.1821 * ratio**2) * ratio
    if by_column < 0:
        angle = np.pi - angle
    return 2 * np.pi - angle if by_row < 0 else angle


def slow_maps(grey):
    maps = np.zeros((8, *grey.shape))
    for row, column in np.ndindex(*grey.shape):
        by_row, by_column = slow_gradient(grey, row, column)
        angle = slow_angle(by_row, by_column) * 8 / (2 * np.pi)
        lower = int(np.floor(angle))
        magnitude = np.hypot(by_row, by_column)
        maps[lower % 8, row, column] += magnitude * (1 - (angle - lower))
        maps[(lower + 1) % 8, row, column] += magnitude * (angle - lower)
    return maps


def noise(rows, columns, seed=0):
    levels = np.random.default_rng(seed).normal(128, 50, (rows, columns))
    return levels.astype(np.float32)


@pytest.mark.parametrize("shape", [(15, 17), (2, 2), (3, 1), (1, 9), (9, 1), (1, 1), (2, 1)])
def test_equals_a_loop_over_pixels(shape):
    grey = noise(*shape)
    maps = orientation_maps(grey)
    assert (maps.shape, maps.dtype) == ((8, *shape), np.float32)
    np.testing.assert_allclose(maps, slow_maps(grey), atol=2e-4)


@settings(deadline=None, max_examples=60)
@given(grey=IMAGES)
def test_parts_sum_to_the_magnitude(grey):
    maps = orientation_maps(grey)
    gradients = [slow_gradient(grey, *pixel) for pixel in np.ndindex(*grey.shape)]
    magnitudes = np.hypot(*np.transpose(gradients)).reshape(grey.shape)
    np.testing.assert_allclose(maps.sum(axis=0), magnitudes, rtol=1e-5, atol=1e-4)
    assert np.all(maps >= 0)
    assert np.all((maps > 0).sum(axis=0) <= 2)


@pytest.mark.parametrize("orientation", range(8))
def test_a_ramp_has_one_orientation(orientation):
    angle = orientation * np.pi / 4
    rows, columns = np.indices((7, 9))
    ramp = 5 * np.sin(angle) * rows + 5 * np.cos(angle) * columns
    maps = orientation_maps(ramp.astype(np.float32))
    np.testing.assert_allclose(maps[orientation], 5, atol=1e-3)
    others = np.delete(maps, orientation, axis=0)
    np.testing.assert_allclose(others, 0, atol=1e-3)


@pytest.mark.parametrize("degrees", range(0, 360, 7))
def test_angles_are_near_the_exact_ones(degrees):
    angle = np.deg2rad(degrees)
    rows, columns = np.indices((3, 3))
    ramp = 9 * np.sin(angle) * rows + 9 * np.cos(angle) * columns
    parts = orientation_maps(ramp.astype(np.float32))[:, 1, 1] / 9
    exact = 1 - np.abs((degrees / 45 - np.arange(8) + 4) % 8 - 4)
    np.testing.assert_allclose(parts, np.maximum(exact, 0), atol=0.36 / 45)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (4, 6)])
def test_a_constant_image_has_no_gradient(shape):
    assert not orientation_maps(np.full(shape, 77, dtype=np.float32)).any()


@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_a_line_of_pixels_has_a_gradient_along_it(shape):
    maps = orientation_maps(noise(*shape))
    along = [0, 4] if shape[0] == 1 else [2, 6]
    assert maps[along].any(axis=(1, 2)).all()
    np.testing.assert_allclose(np.delete(maps, along, axis=0), 0, atol=1e-3)


@pytest.mark.parametrize("pixels", [1, 11, 22, 60, 109, 110])
def test_many_chunks_equal_one(monkeypatch, pixels):
    grey = noise(10, 11)
    whole = orientation_maps(grey)
    monkeypatch.setattr(orientation, "_CHUNK_PIXELS", pixels)
    np.testing.assert_array_equal(orientation_maps(grey), whole)


def test_a_large_image_equals_its_parts():
    grey = noise(300, 200)  # more than one chunk
    assert grey.size > orientation._CHUNK_PIXELS
    maps = orientation_maps(grey)
    for first, last in ((0, 70), (140, 190), (250, 300)):
        part = orientation_maps(grey[max(0, first - 1) : last + 1])
        inside = part[:, min(first, 1) : last - max(0, first - 1)]
        np.testing.assert_array_equal(inside, maps[:, first:last])


@settings(deadline=None, max_examples=40)
@given(grey=IMAGES)
def test_the_negative_turns_half_way(grey):
    turned = np.roll(orientation_maps(-grey), 4, axis=0)
    scale = max(1.0, float(np.abs(grey).max()))
    np.testing.assert_allclose(turned / scale, orientation_maps(grey) / scale, atol=1e-5)


def test_the_image_is_left_alone():
    grey = noise(9, 9)
    before = grey.copy()
    orientation_maps(grey)
    np.testing.assert_array_equal(grey, before)
