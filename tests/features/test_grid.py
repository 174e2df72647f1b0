"""The patch grid against loops over its own definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.grid import PatchGrid

SIZES = st.integers(1, 40)
SHAPES = st.tuples(SIZES, SIZES)
STEPS = st.integers(1, 7)


def first_cells(pixels, step, bin_size):
    """Pixels on which a patch's first cell has its centre, along one axis."""
    return [first for first in range(0, pixels, step) if first + 3 * bin_size < pixels]


def smoothed(plane, row, column, bin_size):
    """The triangular mean around one pixel; outside the image the nearest pixel counts."""
    total = 0.0
    for i in range(1 - bin_size, bin_size):
        for j in range(1 - bin_size, bin_size):
            weight = (bin_size - abs(i)) * (bin_size - abs(j)) / bin_size**4
            r = min(max(row + i, 0), plane.shape[0] - 1)
            c = min(max(column + j, 0), plane.shape[1] - 1)
            total += weight * float(plane[r, c])
    return total


def cells(grid, *planes):
    return grid.gather(np.stack([grid.sample(plane) for plane in planes], axis=-1))


@settings(deadline=None)
@given(shape=SHAPES, step=STEPS, bin_size=STEPS)
def test_patches_are_those_that_fit(shape, step, bin_size):
    grid = PatchGrid(shape, step, bin_size)
    rows, columns = (first_cells(pixels, step, bin_size) for pixels in shape)
    assert (grid.n_rows, grid.n_columns) == (len(rows), len(columns))
    assert len(grid) == len(rows) * len(columns)
    half = 1.5 * bin_size
    expected = [(row + half, column + half) for row in rows for column in columns]
    np.testing.assert_array_equal(grid.centers(), np.reshape(expected, (-1, 2)))


@settings(deadline=None)
@given(shape=SHAPES, step=STEPS, bin_size=STEPS)
def test_positions_are_parts_of_the_image(shape, step, bin_size):
    grid = PatchGrid(shape, step, bin_size)
    positions = grid.positions()
    assert positions.dtype == np.float32
    assert positions.shape == (len(grid), 2)
    assert np.all(np.abs(positions) <= 0.5)
    in_pixels = (positions + 0.5) * shape - 0.5
    np.testing.assert_allclose(in_pixels, grid.centers(), atol=1e-5)


def test_a_patch_in_the_middle_has_position_zero():
    grid = PatchGrid((13, 19), step=1, bin_size=4)
    np.testing.assert_array_equal(grid.positions()[3], [0, 0])


def test_the_area_is_that_of_the_cell_centres():
    assert PatchGrid((99, 99), step=4, bin_size=6).patch_area == 19 * 19


@pytest.mark.parametrize(
    ("step", "bin_size"), [(4, 4), (5, 3), (8, 6), (1, 2), (2, 1), (3, 6), (6, 4)]
)
def test_cells_are_triangular_means(step, bin_size):
    rng = np.random.default_rng(0)
    planes = rng.normal(size=(2, 23, 29)).astype(np.float32)
    grid = PatchGrid((23, 29), step, bin_size)
    patches = cells(grid, *planes)
    assert patches.shape == (grid.n_rows, grid.n_columns, 4, 4, 2)
    assert patches.dtype == np.float32
    for row, column, i, j, channel in np.ndindex(*patches.shape):
        at = (row * step + i * bin_size, column * step + j * bin_size)
        expected = smoothed(planes[channel], *at, bin_size)
        assert patches[row, column, i, j, channel] == pytest.approx(expected, abs=1e-6)


def test_the_border_repeats_the_nearest_pixel():
    plane = np.zeros((25, 25), dtype=np.float32)
    plane[0, 0] = 1
    grid = PatchGrid((25, 25), step=4, bin_size=4)
    by_axis = (1 + 2 + 3 + 4) / 16  # the corner pixel stands for all that lies beyond it
    assert cells(grid, plane)[0, 0, 0, 0, 0] == pytest.approx(by_axis**2, abs=1e-7)


@settings(deadline=None)
@given(step=STEPS, bin_size=STEPS, level=st.floats(-1e3, 1e3, width=32))
def test_weights_sum_to_one(step, bin_size, level):
    plane = np.full((30, 27), level, dtype=np.float32)
    patches = cells(PatchGrid((30, 27), step, bin_size), plane)
    np.testing.assert_allclose(patches, level, rtol=1e-5, atol=1e-30)


def test_a_kernel_wider_than_the_image():
    plane = np.arange(16, dtype=np.float32).reshape(4, 4)
    grid = PatchGrid((4, 4), step=3, bin_size=1)
    np.testing.assert_array_equal(cells(grid, plane)[0, 0, :, :, 0], plane)
    wide = PatchGrid((31, 31), step=9, bin_size=10)
    corner = np.arange(31 * 31, dtype=np.float32).reshape(31, 31)
    expected = smoothed(corner, 30, 30, 10)
    assert cells(wide, corner)[0, 0, 3, 3, 0] == pytest.approx(expected, rel=1e-5)


def test_patches_are_a_view_that_cannot_be_written():
    samples = np.zeros((10, 10, 1), dtype=np.float32)
    patches = PatchGrid((37, 37), step=4, bin_size=4).gather(samples)
    assert np.shares_memory(patches, samples)
    with pytest.raises(ValueError, match="read-only"):
        patches[0] = 1
