"""The cells of patches against weighted sums pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features.cells import CellGrid, window
from trifuse.features.grid import PatchGrid

STEPS = st.integers(1, 9)
GEOMETRIES = [
    (4, 4), (5, 3), (8, 6), (1, 2), (2, 1), (3, 6), (6, 4),  # patches share samples
    (4, 1), (8, 2), (5, 1), (7, 2), (9, 5),  # four samples to a step, and more
]  # fmt: skip
WINDOWS = [None, 1.5, 2.0]


def slow_cell(plane, grid, patch, cell, window_size=None):
    """The sum of the pixels about a cell by their weights; outside, the nearest pixel counts."""
    reach, total = grid.bin_size, 0.0
    center = [grid.origin[k] + patch[k] * grid.step + cell[k] * reach for k in (0, 1)]
    for tap in np.ndindex(2 * reach - 1, 2 * reach - 1):
        weight, pixel = 1.0, [0, 0]
        for k in (0, 1):
            offset = tap[k] + 1 - reach
            weight *= 1 - abs(offset) / reach
            if window_size is not None:
                from_patch_center = offset + (cell[k] - 1.5) * reach
                weight *= np.exp(-0.5 * (from_patch_center / (window_size * reach)) ** 2)
            pixel[k] = min(max(center[k] + offset, 0), grid.shape[k] - 1)
        total += weight * float(plane[tuple(pixel)])
    return total


def slow_cells(planes, grid, window_size=None):
    patches = np.empty((grid.n_rows, grid.n_columns, 4, 4, len(planes)))
    for row, column, i, j, channel in np.ndindex(*patches.shape):
        cell = slow_cell(planes[channel], grid, (row, column), (i, j), window_size)
        patches[row, column, i, j, channel] = cell
    return patches


def cells(planes, grid, window_size=None, top=0):
    """Sample and gather: (n_rows, n_columns, 4, 4, n_channels)."""
    by_cell = CellGrid(grid, window_size)
    samples = by_cell.sample(planes, top)
    assert samples.dtype == np.float32
    patches = np.full((grid.n_rows, grid.n_columns, 16 * len(planes)), np.nan, np.float32)
    for row, out in enumerate(patches):
        by_cell.gather(samples, row, out)
    return patches.reshape(grid.n_rows, grid.n_columns, 4, 4, len(planes))


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("window_size", WINDOWS)
@pytest.mark.parametrize(("step", "bin_size"), GEOMETRIES)
def test_cells_are_weighted_sums(step, bin_size, window_size):
    planes = noise(2, 3 * bin_size + 2 + step, 3 * bin_size + 1 + 2 * step)
    grid = PatchGrid(planes.shape[1:], step, bin_size)
    assert len(grid) >= 6
    expected = slow_cells(planes, grid, window_size)
    np.testing.assert_allclose(cells(planes, grid, window_size), expected, atol=2e-5)


@pytest.mark.parametrize("window_size", [None, 2.0])
@pytest.mark.parametrize(("step", "bin_size"), [(4, 4), (7, 2)])
def test_many_cells_are_weighed_like_few(step, bin_size, window_size):
    planes = noise(3, 61, 131)  # more cells than one product computes
    grid = PatchGrid((61, 131), step, bin_size)
    whole = cells(planes, grid, window_size)
    last = (grid.n_rows - 1, grid.n_columns - 1)
    for row, column in (last, (last[0], 0), (0, last[1]), (last[0] // 2, last[1] // 2)):
        top, left = row * step, column * step
        side = 3 * bin_size
        alone = PatchGrid((61, 131), step, bin_size, (top, left, top + side, left + side))
        assert len(alone) == 1
        part = cells(planes, alone, window_size)[0, 0]
        np.testing.assert_allclose(whole[row, column], part, atol=2e-5)
        assert part[0, 0, 2] == pytest.approx(
            slow_cell(planes[2], grid, (row, column), (0, 0), window_size), abs=2e-5
        )


@pytest.mark.parametrize("window_size", [None, 2.0])
@pytest.mark.parametrize("bounds", [(2, 5, 19, 21), (-3, 1, 12, 99)])
def test_cells_of_bounds_are_weighted_sums(bounds, window_size):
    planes = noise(1, 20, 23)
    grid = PatchGrid((20, 23), 5, 3, bounds)
    assert len(grid) > 1
    expected = slow_cells(planes, grid, window_size)
    np.testing.assert_allclose(cells(planes, grid, window_size), expected, atol=2e-5)


@pytest.mark.parametrize("window_size", [None, 1.5])
@pytest.mark.parametrize(("step", "bin_size"), [(4, 4), (5, 3), (7, 2)])
@pytest.mark.parametrize("rows", [(0, 9), (9, 30), (30, 50)])
def test_a_band_of_the_planes_suffices(step, bin_size, window_size, rows):
    planes = noise(2, 50, 30)
    whole = PatchGrid((50, 30), step, bin_size)
    band = whole.between(*rows)
    first, last = band.pixel_rows()
    assert (last - first) < 50
    part = cells(planes[:, first:last], band, window_size, top=first)
    before = whole.between(0, rows[0]).n_rows
    expected = cells(planes, whole, window_size)[before : before + band.n_rows]
    np.testing.assert_allclose(part, expected, atol=2e-5)


def test_the_border_repeats_the_nearest_pixel():
    planes = np.zeros((1, 25, 25), dtype=np.float32)
    planes[0, 0, 0] = 1
    corner = cells(planes, PatchGrid((25, 25), step=4, bin_size=4))[0, 0, 0, 0, 0]
    by_axis = (1 + 2 + 3 + 4) / 4  # the corner pixel stands for all that lies beyond it
    assert corner == pytest.approx(by_axis**2, abs=1e-6)


@settings(deadline=None)
@given(step=STEPS, bin_size=STEPS, level=st.floats(-1e3, 1e3, width=32))
def test_weights_sum_to_the_area_of_a_bin(step, bin_size, level):
    planes = np.full((1, 30, 31), level, dtype=np.float32)
    patches = cells(planes, PatchGrid((30, 31), step, bin_size))
    np.testing.assert_allclose(patches, level * bin_size**2, rtol=1e-5, atol=1e-30)


@settings(deadline=None)
@given(step=STEPS, bin_size=st.integers(1, 6), window_size=st.floats(0.3, 9))
def test_the_window_is_the_same_for_every_patch(step, bin_size, window_size):
    planes = np.ones((1, 40, 41), dtype=np.float32)
    patches = cells(planes, PatchGrid((40, 41), step, bin_size), window_size)
    first = patches[0, 0, :, :, 0]
    expected = np.broadcast_to(first, patches.shape[:4])
    np.testing.assert_allclose(patches[..., 0], expected, rtol=1e-5)
    for turned in (first.T, first[::-1], first[:, ::-1]):
        np.testing.assert_allclose(turned, first, rtol=1e-5)
    assert np.all(first[1:3, 1:3] > first[0, 0] * 0.9999)


def test_a_wide_window_is_none():
    planes = noise(1, 20, 20)
    grid = PatchGrid((20, 20), 3, 4)
    np.testing.assert_allclose(cells(planes, grid, 1e4), cells(planes, grid), atol=2e-5)


@pytest.mark.parametrize("bin_size", [1, 2, 5])
def test_the_window_is_a_gaussian_about_the_patch(bin_size):
    weights = window(bin_size, 1.5)
    assert weights.shape == (4, 2 * bin_size - 1)
    for cell, tap in np.ndindex(*weights.shape):
        distance = tap + 1 - bin_size + (cell - 1.5) * bin_size
        expected = np.exp(-(distance**2) / (2 * (1.5 * bin_size) ** 2))
        assert weights[cell, tap] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(window(bin_size, None), np.ones_like(weights))


@pytest.mark.parametrize("window_size", [None, 2.0])
def test_a_kernel_wider_than_the_image(window_size):
    planes = np.arange(31 * 31, dtype=np.float32).reshape(1, 31, 31)
    grid = PatchGrid((31, 31), step=9, bin_size=10)
    corner = slow_cell(planes[0], grid, (0, 0), (3, 3), window_size)
    assert cells(planes, grid, window_size)[0, 0, 3, 3, 0] == pytest.approx(corner, rel=1e-5)


def test_bins_of_one_pixel_are_the_pixels():
    planes = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    patches = cells(planes, PatchGrid((4, 4), step=3, bin_size=1))
    np.testing.assert_array_equal(patches[0, 0, :, :, 0], planes[0])


@settings(deadline=None, max_examples=40)
@given(step=STEPS, bin_size=STEPS, window_size=st.sampled_from(WINDOWS), seed=st.integers(0, 99))
def test_transposing_the_planes_transposes_patches_and_cells(step, bin_size, window_size, seed):
    planes = np.random.default_rng(seed).normal(size=(2, 37, 30)).astype(np.float32)
    patches = cells(planes, PatchGrid((37, 30), step, bin_size), window_size)
    turned = planes.transpose(0, 2, 1).copy()
    patches_turned = cells(turned, PatchGrid((30, 37), step, bin_size), window_size)
    expected = patches.transpose(1, 0, 3, 2, 4)
    np.testing.assert_allclose(patches_turned, expected, atol=5e-5)
