"""Where dense SIFT's patches lie, what each scale sees, and the bands of large images."""

from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.features import grid as grid_module
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import band_grids

PHOW = {"step": 2, "window_size": 1.5, "magnification": 6, "aligned": True}
OPTIONS = [
    {},
    {"window": "gauss"},
    {"magnification": 3},
    {"contrast_threshold": 40},
    {"magnification": 2.5, "contrast_threshold": 8, "window": "gauss"},
    {"aligned": True, "bounds": (9, 4, 51, 40), "root": True},
]


def noise(rows, columns, seed=0):
    levels = np.random.default_rng(seed).normal(128, 60, (rows, columns))
    return levels.clip(0, 255).astype(np.uint8)


def first_centers(extractor, shape):
    return [grid.centers()[0].tolist() for grid in extractor.grids(shape)]


def slow_smoothed(grey, sigma):
    """Weigh by a Gaussian, cut off at 4 sigma; outside the image the nearest pixel counts."""
    radius = ceil(4 * sigma)
    taps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (taps / sigma) ** 2)
    kernel /= kernel.sum()
    smoothed = grey.astype(np.float64)
    for _ in range(2):
        padded = np.pad(smoothed, ((radius, radius), (0, 0)), mode="edge")
        smoothed = sum(
            weight * padded[first : first + len(smoothed)] for first, weight in enumerate(kernel)
        )
        smoothed = smoothed.T
    return smoothed.astype(np.float32)


def test_scales_share_their_corner():
    extractor = DenseSiftExtractor(4, (4, 6, 8, 10))
    assert [grid.origin for grid in extractor.grids((99, 99))] == [(0, 0)] * 4


def test_aligned_scales_share_their_first_centre():
    extractor = DenseSiftExtractor(4, (10, 4, 6, 8), aligned=True)
    assert first_centers(extractor, (99, 99)) == [[15, 15]] * 4


@pytest.mark.parametrize("bin_sizes", [(4, 6, 8, 10), (3, 5), (3, 4, 7), (2, 9), (5,)])
def test_aligned_scales_lie_as_in_vl_phow(bin_sizes):
    shape, columns = (49, 60), 60
    _, positions = DenseSiftExtractor(bin_sizes=bin_sizes, **PHOW).extract(noise(*shape))
    expected = []
    for bin_size in bin_sizes:
        offset = floor(1 + 3 / 2 * (max(bin_sizes) - bin_size))  # of pixels that begin with 1
        rows, columns = (
            [first - 1 + 1.5 * bin_size for first in range(offset, side - 3 * bin_size + 1, 2)]
            for side in shape
        )
        expected += [(row, column) for row in rows for column in columns]
    in_pixels = (positions + 0.5) * np.float32(shape) - 0.5
    np.testing.assert_allclose(in_pixels, expected, atol=1e-4)


@settings(deadline=None)
@given(
    corner=st.tuples(st.integers(-20, 30), st.integers(-20, 30)),
    bin_sizes=st.lists(st.sampled_from([2, 4, 6, 8]), min_size=1, max_size=4),
)
def test_bounds_move_the_shared_centre(corner, bin_sizes):
    extractor = DenseSiftExtractor(3, bin_sizes, aligned=True, bounds=(*corner, 99, 99))
    half = 1.5 * max(bin_sizes)
    expected = [max(side, 0) + half for side in corner]
    assert first_centers(extractor, (70, 80)) == [expected] * len(bin_sizes)


@pytest.mark.parametrize("window", ["flat", "gauss"])
@pytest.mark.parametrize("bounds", [(8, 4, 40, 30), (0, 16, 99, 41), (-50, -1, 21, 99)])
def test_bounds_choose_among_the_patches_of_the_whole(bounds, window):
    image = noise(52, 47)
    extractor = DenseSiftExtractor(4, [4], window=window)
    bounded = DenseSiftExtractor(4, [4], window=window, bounds=bounds)
    (grid,) = extractor.grids(image.shape)
    first, last = grid.centers() - 6, grid.centers() + 6
    chosen = np.all((first >= bounds[:2]) & (last <= bounds[2:]), axis=1)
    assert 0 < chosen.sum() < len(chosen)
    whole, part = extractor.extract(image), bounded.extract(image)
    np.testing.assert_array_equal(part.positions, whole.positions[chosen])
    np.testing.assert_allclose(part.values, whole.values[chosen], atol=1e-6)


@pytest.mark.parametrize("bounds", [(0, 0, 11, 99), (60, 0, 80, 40), (-30, -30, -1, -1)])
def test_bounds_too_small_for_a_patch_give_none(bounds):
    values, positions = DenseSiftExtractor(4, [4], bounds=bounds).extract(noise(50, 50))
    assert values.shape == (0, 128)
    assert positions.shape == (0, 2)


@pytest.mark.parametrize("window", ["flat", "gauss"])
@pytest.mark.parametrize(("bin_size", "magnification"), [(4, 6), (8, 6), (10, 6), (5, 1.5)])
def test_each_scale_sees_its_smoothed_image(bin_size, magnification, window):
    image = noise(41, 50)
    sigma = bin_size / magnification
    plain = DenseSiftExtractor(4, [bin_size], window=window)
    smoothing = DenseSiftExtractor(4, [bin_size], window=window, magnification=magnification)
    band = smoothing.describe(image)
    (values, contrast), positions = band.arrays, band.positions()
    band = plain.describe(slow_smoothed(image, sigma))
    (expected, norms), places = band.arrays, band.positions()
    np.testing.assert_array_equal(positions, places)
    np.testing.assert_allclose(values, expected, atol=1e-5)
    np.testing.assert_allclose(contrast, norms, rtol=1e-5)


def test_smoothing_is_that_of_each_scale_alone():
    image = noise(40, 44)
    values = DenseSiftExtractor(5, [3, 6], magnification=4).extract(image).values
    single = [DenseSiftExtractor(5, [size], magnification=4).extract(image) for size in (3, 6)]
    np.testing.assert_array_equal(values, np.concatenate([one.values for one in single]))


def test_the_window_size_counts_in_both_windows():
    image = noise(30, 30)
    for window in ("flat", "gauss"):
        narrow, default, named = (
            DenseSiftExtractor(4, [4], window=window, **size).extract(image).values
            for size in ({"window_size": 1.0}, {}, {"window_size": 2})
        )
        np.testing.assert_array_equal(named, default)
        assert np.abs(narrow - default).max() > 0.01


def test_both_windows_agree_where_they_are_wide():
    image = noise(30, 30)
    wide = [
        DenseSiftExtractor(4, [4], window=window, window_size=1e4).extract(image).values
        for window in ("flat", "gauss")
    ]
    np.testing.assert_allclose(*wide, atol=1e-6)


def scale_by_scale(extractor, image):
    """The positions and values of all bands, those of the first scale before those of the next."""
    scales = [[] for _ in extractor.bin_sizes]
    cuts = band_grids(extractor.grids(image.shape[:2]))
    for grids, band in zip(cuts, extractor.bands(image), strict=True):
        table = np.hstack([band.positions, band.values])
        parts = np.split(table, np.cumsum([len(grid) for grid in grids])[:-1])
        for scale, part in zip(scales, parts, strict=True):
            scale.append(part)
    return np.concatenate([part for scale in scales for part in scale])


@pytest.mark.parametrize("pixels", [1, 45 * 7, 45 * 30, 45 * 59])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_bands_joined_are_the_whole(monkeypatch, options, pixels):
    image = noise(60, 45)
    image[20:30] = image[20:30] // 8 + 100  # rows of little contrast
    extractor = DenseSiftExtractor(3, (4, 3, 6), **options)
    band = extractor.describe(image)
    (values, contrast), positions = band.arrays, band.positions()
    if "contrast_threshold" in options:
        assert 0 < values.any(axis=1).sum() < len(values)
    monkeypatch.setattr(grid_module, "_BAND_PIXELS", pixels)
    expected = np.hstack([positions, values])
    np.testing.assert_allclose(scale_by_scale(extractor, image), expected, atol=2e-6)
    band = extractor.describe(image)
    (joined, norms), places = band.arrays, band.positions()
    np.testing.assert_allclose(np.hstack([places, joined]), expected, atol=2e-6)
    np.testing.assert_allclose(norms, contrast, rtol=1e-5)


def test_a_band_holds_its_rows_only(monkeypatch):
    monkeypatch.setattr(grid_module, "_BAND_PIXELS", 45 * 20)
    bands = list(DenseSiftExtractor(4, (4, 6)).bands(noise(60, 45)))
    heights = [np.ptp(band.positions[:, 0]) * 60 for band in bands]
    assert len(bands) == 3
    assert max(heights) < 20 + 3  # half the difference of the scales' patches


def test_an_image_of_more_than_two_million_pixels_is_cut():
    image = noise(2100, 1000)
    extractor = DenseSiftExtractor(40, (4, 10))
    assert len(list(extractor.bands(image))) == 2
    values, _ = extractor.extract(image)
    assert len(values) == sum(map(len, extractor.grids(image.shape)))
    rows = np.split(values, [53 * 25])[0].reshape(53, 25, 128)  # the first scale's
    part, _ = extractor.extract(image[1960:])
    np.testing.assert_allclose(rows[-2:].reshape(-1, 128), part[2 * 25 : 4 * 25], atol=1e-6)


def test_a_small_image_is_one_band():
    image = noise(60, 45)
    extractor = DenseSiftExtractor(4, (4, 6))
    (band,) = extractor.bands(image)
    np.testing.assert_array_equal(band.values, extractor.extract(image).values)


def test_the_bands_of_an_image_too_small_are_empty():
    (band,) = DenseSiftExtractor(4, [4]).bands(noise(12, 90))
    assert band.values.shape == (0, 128)
    assert band.positions.shape == (0, 2)
