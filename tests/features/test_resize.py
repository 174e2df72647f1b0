"""Resized and shrunk images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.resize import resize, shrink

SIDES = st.integers(1, 60)


def picture(rows, columns):
    return np.random.default_rng(0).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def test_shrinking_averages_areas():
    image = picture(8, 12)
    means = image.reshape(4, 2, 4, 3, 3).mean((1, 3))
    assert np.abs(resize(image, (4, 4)) - means).max() <= 0.5


def test_growing_interpolates_and_the_own_size_changes_nothing():
    image = picture(5, 7)
    np.testing.assert_array_equal(resize(image, (5, 7)), image)
    grown = resize(np.array([[[0] * 3, [100] * 3]], np.uint8), (1, 4))
    np.testing.assert_array_equal(grown[0, :, 0], [0, 25, 75, 100])


def test_grey_images_stay_grey():
    assert resize(picture(8, 12)[:, :, 0], (4, 5)).shape == (4, 5)
    assert shrink(picture(8, 12)[:, :, 0], 6).shape == (4, 6)


@settings(deadline=None)
@given(shape=st.tuples(SIDES, SIDES), size=st.tuples(SIDES, SIDES), level=st.integers(0, 255))
def test_one_colour_stays_it_at_any_size(shape, size, level):
    resized = resize(np.full((*shape, 3), level, dtype=np.uint8), size)
    assert (resized.shape, resized.dtype) == ((*size, 3), np.uint8)
    assert np.all(resized == level)


@settings(deadline=None)
@given(shape=st.tuples(SIDES, SIDES), longest_side=SIDES)
def test_the_longest_side_shrinks_to_its_bound(shape, longest_side):
    image = picture(*shape)
    shrunk = shrink(image, longest_side)
    if max(shape) <= longest_side:
        np.testing.assert_array_equal(shrunk, image)
        return
    assert max(shrunk.shape[:2]) == longest_side
    for before, after in zip(shape, shrunk.shape, strict=False):
        assert after == max(1, round(before * longest_side / max(shape)))


@pytest.mark.parametrize(("shape", "expected"), [((500, 1), (10, 1)), ((1, 500), (1, 10))])
def test_a_line_of_pixels_keeps_its_width(shape, expected):
    assert shrink(picture(*shape), 10).shape[:2] == expected
