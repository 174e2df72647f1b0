"""Local colour statistics against weighted sums over scikit-image's CIELAB."""

import re

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2lab

from trifuse.features import grid as grid_module
from trifuse.features.descriptors.color import LocalColorExtractor
from trifuse.features.descriptors.sift import DenseSiftExtractor
from trifuse.features.grid import PatchGrid, band_grids


def picture(rows, columns, seed=0):
    """Coloured noise over a coloured gradient."""
    rng = np.random.default_rng(seed)
    base = np.linspace([20, 200, 90], [220, 40, 150], columns)
    noise = rng.normal(scale=30, size=(rows, columns, 3))
    return (base + noise).clip(0, 255).astype(np.uint8)


def slow_statistics(lab, row, column, bin_size):
    """The 96 numbers of one patch; (row, column) is its first cell."""
    values = np.zeros((4, 4, 6))
    for i, j in np.ndindex(4, 4):
        weights, colors = [], []
        for y in range(1 - bin_size, bin_size):
            for x in range(1 - bin_size, bin_size):
                r = min(max(row + i * bin_size + y, 0), lab.shape[0] - 1)
                c = min(max(column + j * bin_size + x, 0), lab.shape[1] - 1)
                weights.append((bin_size - abs(y)) * (bin_size - abs(x)))
                colors.append(lab[r, c] / 100)
        mean = np.average(colors, axis=0, weights=weights)
        spread = np.average((colors - mean) ** 2, axis=0, weights=weights)
        values[i, j] = np.concatenate([mean, np.sqrt(spread)])
    return values.ravel()


@pytest.mark.parametrize(("step", "bin_size"), [(4, 4), (5, 3), (2, 1), (7, 2)])
def test_equals_weighted_sums(step, bin_size):
    image = picture(19, 22)
    values = LocalColorExtractor(step, [bin_size]).extract(image).values
    patches = [
        (row, column)
        for row in range(0, 19 - 3 * bin_size, step)
        for column in range(0, 22 - 3 * bin_size, step)
    ]
    assert values.dtype == np.float32
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    expected = [slow_statistics(lab, *patch, bin_size) for patch in patches]
    np.testing.assert_allclose(values, expected, atol=1e-5)
    # OpenCV interpolates in a table of colours: up to 0.3 of L*'s 100 from the formula
    expected = [slow_statistics(rgb2lab(image), *patch, bin_size) for patch in patches]
    np.testing.assert_allclose(values, expected, atol=4e-3)


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (9, 80, 200)])
def test_a_constant_image_has_its_colour_and_no_spread(color):
    image = np.full((30, 30, 3), color, dtype=np.uint8)
    values = LocalColorExtractor(4, [4]).extract(image).values.reshape(-1, 6)
    np.testing.assert_allclose(values[:, :3] - rgb2lab(image)[0, 0] / 100, 0, atol=4e-3)
    assert not values[:, 3:].any()


def test_each_cell_has_its_place():
    image = np.full((13, 13, 3), 128, dtype=np.uint8)
    image[4, 8] = (255, 0, 0)  # the centre of the cell in row 1, column 2
    image[12, 0] = (0, 255, 0)
    values = LocalColorExtractor(4, [4]).extract(image).values.reshape(4, 4, 6)
    red = np.unravel_index(values[:, :, 1].argmax(), (4, 4))
    green = np.unravel_index(values[:, :, 1].argmin(), (4, 4))
    assert (red, green) == ((1, 2), (3, 0))
    assert values[red][4] > 0.1 > values[0, 0, 4]
    lightness = (
        LocalColorExtractor(4, [4]).extract(np.full((13, 13, 3), 255, dtype=np.uint8)).values
    )
    np.testing.assert_allclose(lightness[0, ::6], 1, atol=1e-4)


def test_a_far_colour_loses_no_precision():
    image = np.full((60, 60, 3), (250, 250, 250), dtype=np.uint8)
    image[:, 40:] = (10, 5, 60)
    values = LocalColorExtractor(4, [4]).extract(image).values.reshape(12, 12, 4, 4, 6)
    assert values[:, 0, :, :, 3:].max() < 1e-3  # cells of one colour, not the image's mean
    assert values[:, -1, :, :, 3:].max() < 1e-3


def test_it_shares_the_grid_of_dense_sift():
    image = picture(50, 61)
    color = LocalColorExtractor(5, [3, 6]).extract(image)
    sift = DenseSiftExtractor(5, [3, 6]).extract(image)
    assert len(color.values) == len(sift.values)
    np.testing.assert_array_equal(color.positions, sift.positions)


def test_several_scales_are_those_of_one_after_the_other():
    image = picture(40, 44)
    values = LocalColorExtractor(5, [6, 3]).extract(image).values
    single = [LocalColorExtractor(5, [bin_size]).extract(image).values for bin_size in (6, 3)]
    np.testing.assert_array_equal(values, np.concatenate(single))


def test_rotating_the_image_permutes_the_cells():
    image = picture(33, 45)
    grid = PatchGrid((33, 45), 4, 4)
    values = LocalColorExtractor(4, [4]).extract(image).values
    values = values.reshape(grid.n_rows, grid.n_columns, 4, 4, 6)
    rotated = LocalColorExtractor(4, [4]).extract(np.rot90(image).copy()).values
    turned = np.rot90(np.rot90(values), axes=(2, 3)).reshape(-1, 96)
    np.testing.assert_allclose(rotated, turned, atol=1e-4)


@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    bin_size=st.integers(1, 5),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_values_are_finite_and_in_range(shape, bin_size, seed):
    values, positions = LocalColorExtractor(2, [bin_size]).extract(picture(*shape, seed))
    assert values.shape == (len(PatchGrid(shape, 2, bin_size)), 96)
    assert positions.shape == (len(values), 2)
    cells = values.reshape(-1, 6)
    assert np.all(np.isfinite(cells))
    assert np.all(cells[:, 3:] >= 0)
    assert np.all((cells[:, 0] >= -1e-4) & (cells[:, 0] <= 1 + 1e-4))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 90, 3), (12, 90, 3)])
def test_an_image_smaller_than_a_patch_gives_none(shape):
    values, positions = LocalColorExtractor(4, [4, 6]).extract(np.zeros(shape, dtype=np.uint8))
    assert values.shape == (0, 96)
    assert positions.shape == (0, 2)


@settings(deadline=None, max_examples=40)
@given(columns=st.integers(13, 50), color=st.tuples(*[st.integers(0, 255)] * 3))
def test_one_colour_has_no_spread(columns, color):
    image = np.full((14, columns, 3), color, dtype=np.uint8)
    values = LocalColorExtractor(4, [4]).extract(image).values.reshape(-1, 6)
    np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), atol=1e-6)
    assert not values[:, 3:].any()


@pytest.mark.parametrize("pixels", [1, 45 * 7, 45 * 30, 45 * 59])
def test_bands_joined_are_the_whole(monkeypatch, pixels):
    image = picture(60, 45)
    extractor = LocalColorExtractor(3, (4, 3, 6))
    whole = extractor.extract(image)
    monkeypatch.setattr(grid_module, "_BAND_PIXELS", pixels)
    scales = [[], [], []]
    cuts = band_grids(extractor.grids((60, 45)))
    for grids, band in zip(cuts, extractor.bands(image), strict=True):
        table = np.hstack([band.positions, band.values])
        parts = np.split(table, np.cumsum([len(grid) for grid in grids])[:-1])
        for scale, part in zip(scales, parts, strict=True):
            scale.append(part)
    expected = np.hstack([whole.positions, whole.values])
    by_scale = np.concatenate([part for scale in scales for part in scale])
    np.testing.assert_allclose(by_scale, expected, atol=1e-5)
    joined = extractor.extract(image)
    np.testing.assert_allclose(np.hstack([joined.positions, joined.values]), expected, atol=1e-5)


def test_a_small_image_is_one_band():
    image = picture(40, 50)
    extractor = LocalColorExtractor(4, (4, 6))
    (band,) = extractor.bands(image)
    np.testing.assert_array_equal(band.values, extractor.extract(image).values)


def test_a_view_is_described_as_its_copy():
    image = picture(60, 70)
    for view in (image.swapaxes(0, 1), image[::-1, ::-2], image[3:, 5::2], image[:, :, ::-1]):
        values, copied = (
            LocalColorExtractor(4, [4]).extract(pixels).values for pixels in (view, view.copy())
        )
        np.testing.assert_array_equal(values, copied)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((20, 20, 3), "float32"),
        ((20, 20, 3), "int32"),
        ((20, 20), "uint8"),
        ((20, 20, 4), "uint8"),
        ((1, 20, 20, 3), "uint8"),
        ((0, 20, 3), "uint8"),
    ],
)
def test_other_images_are_refused(shape, dtype):
    message = re.escape(
        f"a colour image must be uint8 of shape (rows, columns, 3), not {dtype} of shape {shape}"
    )
    extractor = LocalColorExtractor(4, [4])
    for describe in (extractor.extract, lambda image: next(extractor.bands(image))):
        with pytest.raises(ValueError, match=f"^{message}$"):
            describe(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("step", "bin_sizes") for value in (0, -4, 4.5, "4", None, [0], ())],
)
def test_a_bad_value_is_named(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be .*, not {re.escape(repr(value))}$"):
        LocalColorExtractor(**{name: value})
