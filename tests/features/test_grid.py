"""The patch grid against loops over its own definition, and its bands."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trifuse.features import grid as grid_module
from trifuse.features.grid import Band, PatchGrid, band_grids, join_bands

SIZES = st.integers(1, 40)
SHAPES = st.tuples(SIZES, SIZES)
STEPS = st.integers(1, 7)
ENDS = st.tuples(st.integers(-15, 50), st.integers(-15, 50)).map(sorted)
BOUNDS = st.none() | st.tuples(ENDS, ENDS).map(
    lambda ends: (ends[0][0], ends[1][0], ends[0][1], ends[1][1])
)
GRIDS = st.builds(PatchGrid, SHAPES, STEPS, STEPS, BOUNDS)


def first_cells(grid, axis):
    """Pixels on which a patch's first cell has its centre, along one axis."""
    pixels = range(grid.shape[axis])
    if grid.bounds:
        lowest, highest = grid.bounds[axis], grid.bounds[axis + 2]
        pixels = [pixel for pixel in pixels if lowest <= pixel <= highest]
    return [pixel for pixel in pixels[:: grid.step] if pixel + 3 * grid.bin_size in pixels]


def positions_of(grids):
    return np.concatenate([grid.positions() for grid in grids])


@pytest.fixture
def small_bands(monkeypatch):
    """Bands of five rows of an image of 20 columns."""
    monkeypatch.setattr(grid_module, "_BAND_PIXELS", 100)


@settings(deadline=None)
@given(grid=GRIDS)
def test_patches_are_those_that_fit(grid):
    rows, columns = (first_cells(grid, axis) for axis in (0, 1))
    assert (grid.n_rows, grid.n_columns) == (len(rows), len(columns))
    assert len(grid) == len(rows) * len(columns)
    half = 1.5 * grid.bin_size
    expected = [(row + half, column + half) for row in rows for column in columns]
    np.testing.assert_array_equal(grid.centers(), np.reshape(expected, (-1, 2)))


@pytest.mark.parametrize(
    ("bounds", "first", "rows_and_columns"),
    [
        (None, (0, 0), (5, 7)),
        ((0, 0, 28, 36), (0, 0), (5, 7)),
        ((3, 5, 27, 36), (3, 5), (4, 5)),
        ((-9, 8, 99, 20), (0, 8), (5, 1)),
        ((8, -1, 19, 99), (8, 0), (0, 7)),
        ((29, 0, 60, 36), (29, 0), (0, 7)),
        ((-20, 0, -8, 36), (0, 0), (0, 7)),
    ],
    ids=["none", "whole", "inside", "partly outside", "too low", "below", "above"],
)
def test_bounds_are_pixels_that_cells_may_be_centred_on(bounds, first, rows_and_columns):
    grid = PatchGrid((29, 37), step=4, bin_size=4, bounds=bounds)
    assert grid.origin == first
    assert (grid.n_rows, grid.n_columns) == rows_and_columns
    assert grid.centers().shape == (len(grid), 2)


@settings(deadline=None)
@given(grid=GRIDS)
def test_positions_are_parts_of_the_image(grid):
    positions = grid.positions()
    assert positions.dtype == np.float32
    assert positions.shape == (len(grid), 2)
    assert np.all(np.abs(positions) <= 0.5)
    in_pixels = (positions + 0.5) * grid.shape - 0.5
    np.testing.assert_allclose(in_pixels, grid.centers(), atol=1e-5)


def test_a_patch_in_the_middle_has_position_zero():
    grid = PatchGrid((13, 19), step=1, bin_size=4)
    np.testing.assert_array_equal(grid.positions()[3], [0, 0])


@settings(deadline=None)
@given(grid=GRIDS, cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted))
def test_consecutive_bands_partition_the_patches(grid, cuts):
    ends = [0, *cuts, 40]
    bands = [grid.between(first, last) for first, last in pairwise(ends)]
    np.testing.assert_array_equal(
        np.concatenate([band.centers() for band in bands]), grid.centers()
    )
    np.testing.assert_array_equal(
        np.concatenate([band.positions() for band in bands]), grid.positions()
    )


@settings(deadline=None)
@given(grid=GRIDS, first=st.integers(-9, 50), last=st.integers(-9, 50))
def test_a_band_holds_the_patches_whose_first_cells_it_holds(grid, first, last):
    band = grid.between(first, last)
    expected = [row for row in first_cells(grid, 0) if first <= row < last]
    assert first_cells(band, 0) == expected
    assert band.n_rows == len(expected)
    assert band.n_columns == grid.n_columns
    assert (band.shape, band.step, band.bin_size) == (grid.shape, grid.step, grid.bin_size)


@settings(deadline=None)
@given(grid=GRIDS)
def test_pixel_rows_are_those_that_cells_weigh(grid):
    assume(grid.n_rows)
    weighed = {
        min(max(first + cell * grid.bin_size + tap, 0), grid.shape[0] - 1)
        for first in first_cells(grid, 0)
        for cell in range(4)
        for tap in range(1 - grid.bin_size, grid.bin_size)
    }
    assert grid.pixel_rows() == (min(weighed), max(weighed) + 1)


def test_an_image_of_no_more_pixels_is_one_band(small_bands):
    grids = [PatchGrid((5, 20), 1, 1), PatchGrid((5, 20), 2, 1)]
    ((one, other),) = band_grids(grids)
    np.testing.assert_array_equal(one.centers(), grids[0].centers())
    np.testing.assert_array_equal(other.centers(), grids[1].centers())


def test_bands_are_rows_of_the_image(small_bands):
    bands = list(band_grids([PatchGrid((23, 20), step=3, bin_size=2)]))
    rows = [first_cells(grid, 0) for (grid,) in bands]
    assert rows == [[0, 3], [6, 9], [12], [15], []]


def test_a_row_longer_than_a_band_is_a_band(small_bands):
    bands = list(band_grids([PatchGrid((7, 101), step=1, bin_size=2)]))
    assert [grid.n_rows for (grid,) in bands] == [1, 0, 0, 0, 0, 0, 0]


def test_a_band_is_viewed_by_scales():
    grids = [PatchGrid((9, 20), 2, 2), PatchGrid((9, 20), 2, 9), PatchGrid((9, 20), 1, 2)]
    band = Band.empty(grids, (3,), ())
    values, numbers = band.arrays
    assert (values.shape, values.dtype) == ((sum(map(len, grids)), 3), np.float32)
    assert (numbers.shape, numbers.dtype) == ((len(values),), np.float32)
    for scale, grid in zip(band.scales(), grids, strict=True):
        assert [len(part) for part in scale] == [len(grid), len(grid)]
        scale[1][:] = len(grid)
    assert numbers.tolist() == [len(grid) for grid in grids for _ in range(len(grid))]


@settings(deadline=None)
@given(
    shape=SHAPES,
    scales=st.lists(st.tuples(STEPS, STEPS), min_size=1, max_size=3),
    pixels=st.integers(1, 400),
)
def test_joined_bands_have_the_order_of_the_whole(shape, scales, pixels):
    grids = [PatchGrid(shape, step, bin_size) for step, bin_size in scales]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid_module, "_BAND_PIXELS", pixels)
        bands = [
            Band(cut, (positions_of(cut), positions_of(cut)[:, 0])) for cut in band_grids(grids)
        ]
    whole = join_bands(bands, grids)
    expected = positions_of(grids)
    np.testing.assert_array_equal(whole.positions(), expected)
    np.testing.assert_array_equal(whole.arrays[0], expected)
    np.testing.assert_array_equal(whole.arrays[1], expected[:, 0])
