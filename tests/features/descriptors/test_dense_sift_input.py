"""Dense SIFT of images of any type, brightness and size, and what it refuses."""

import re
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trifuse.features.descriptors.sift import DenseSiftExtractor

LARGEST, SMALLEST = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal
EXTREMES = st.sampled_from([0.0, 1.0, LARGEST, -LARGEST, SMALLEST, -SMALLEST]).map(float)
LEVELS = st.floats(width=32, allow_nan=False, allow_infinity=False) | EXTREMES
SIDES = st.integers(4, 9)
SHAPES = st.tuples(SIDES, SIDES) | st.tuples(SIDES, SIDES, st.just(3))
EXTRACTORS = st.builds(
    DenseSiftExtractor,
    step=st.integers(1, 3),
    bin_sizes=st.just((1, 2)),
    window=st.sampled_from(["flat", "gauss"]),
    magnification=st.sampled_from([0, 1]),
    root=st.booleans(),
)


def noise(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)


def extract(image, **options):
    return DenseSiftExtractor(4, [4], **options).extract(image).values


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), gain=st.floats(0.05, 2), offset=st.floats(-100, 100))
def test_brightness_and_contrast_change_nothing(seed, gain, offset):
    image = noise(30, 34, seed).astype(np.float32)
    changed = (image * gain + offset).astype(np.float32)
    np.testing.assert_allclose(extract(changed), extract(image), atol=1e-4)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 99),
    exponent=st.floats(-30, 30),
    window=st.sampled_from(["flat", "gauss"]),
    magnification=st.sampled_from([0, 3]),
)
def test_the_unit_of_the_levels_changes_nothing(seed, exponent, window, magnification):
    image = noise(20, 24, seed).astype(np.float32)
    scaled = image * np.float32(10**exponent)
    extractor = DenseSiftExtractor(4, [4], window=window, magnification=magnification)
    values, contrast = extractor.describe(image).arrays
    same, units = extractor.describe(scaled).arrays
    np.testing.assert_allclose(same, values, atol=1e-4)
    np.testing.assert_allclose(units, contrast * np.float32(10**exponent), rtol=1e-5)


@settings(deadline=None, max_examples=200)
@given(image=hnp.arrays(np.float32, SHAPES, elements=LEVELS), extractor=EXTRACTORS)
def test_any_finite_image_gives_finite_descriptors(image, extractor):
    band = extractor.describe(image)
    (values, contrast), positions = band.arrays, band.positions()
    assert values.dtype == positions.dtype == contrast.dtype == np.float32
    assert len(values) == len(contrast) > 0
    assert np.all(np.isfinite(values))
    assert np.all(values >= 0)
    assert np.all(contrast >= 0)


@pytest.mark.parametrize("unit", [float(LARGEST), -float(LARGEST), 1e-38, float(SMALLEST)])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_the_largest_and_the_smallest_levels_give_the_descriptors_of_others(unit, channels):
    image = np.random.default_rng(0).choice([0.0, 1.0], (16, 16, *channels))
    values = extract((image * unit).astype(np.float32))
    expected = extract((image * np.sign(unit)).astype(np.float32))
    assert values.any(axis=1).all()
    np.testing.assert_allclose(values, expected, atol=1e-5)


def test_the_norm_of_the_largest_levels_is_beyond_any_threshold():
    image = np.random.default_rng(0).choice([-LARGEST, LARGEST], (16, 16))
    extractor = DenseSiftExtractor(4, [4], contrast_threshold=1e30)
    values, contrast = extractor.describe(image).arrays
    assert np.all(contrast > 1e38)
    assert values.any(axis=1).all()


@pytest.mark.parametrize("level", [0, 1e-45, 0.3, 200, -3e38])
@pytest.mark.parametrize("options", [{}, {"root": True}, {"window": "gauss", "magnification": 2}])
def test_a_constant_image_gives_zeros(level, options):
    image = np.full((20, 20), level, dtype=np.float32)
    values, contrast = DenseSiftExtractor(4, [4], **options).describe(image).arrays
    assert values.shape == (4, 128)
    assert not values.any()
    assert not contrast.any()


@settings(deadline=None, max_examples=60)
@given(columns=st.integers(13, 50), color=st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_a_constant_colour_gives_zeros(columns, color):
    assert not extract(np.full((14, columns, 3), color, dtype=np.float32)).any()


@settings(deadline=None, max_examples=60)
@given(level=st.integers(0, 255), bin_size=st.integers(1, 9), magnification=st.floats(0.5, 9))
def test_smoothing_a_constant_image_gives_zeros(level, bin_size, magnification):
    image = np.full((3 * bin_size + 5, 37), level, dtype=np.uint8)
    values = DenseSiftExtractor(3, [bin_size], magnification=magnification).extract(image).values
    assert len(values) > 0
    assert not values.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1), (12, 90), (90, 12), (1, 1, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("options", [{}, {"window": "gauss", "magnification": 2}])
def test_an_image_smaller_than_a_patch_gives_none(shape, dtype, options):
    extractor = DenseSiftExtractor(4, [4, 6], **options)
    band = extractor.describe(np.ones(shape, dtype))
    (values, contrast), positions = band.arrays, band.positions()
    assert values.shape == (0, 128)
    assert positions.shape == (0, 2)
    assert contrast.shape == (0,)


def test_a_small_image_gives_the_small_scale_alone():
    image = noise(15, 15)
    values, _ = DenseSiftExtractor(4, [4, 6]).extract(image)
    np.testing.assert_array_equal(values, extract(image))
    assert len(values) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_the_type_of_the_levels_changes_nothing(dtype):
    image = noise(30, 30)
    np.testing.assert_array_equal(extract(image.astype(dtype)), extract(image))
    in_parts = (image / 255).astype(dtype)
    np.testing.assert_allclose(extract(in_parts), extract(image), atol=2e-3)


def test_rgb_is_taken_as_grey():
    grey = noise(30, 30)
    rgb = np.stack([grey, grey, grey], axis=-1)
    np.testing.assert_allclose(extract(rgb), extract(grey), atol=1e-6)
    coloured = rgb.copy()
    coloured[:, :, 0], coloured[:, :, 2] = grey.T, 0
    luminance = coloured @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(extract(coloured), extract(luminance.round()), atol=2e-3)
    np.testing.assert_allclose(extract(coloured / 255), extract(luminance), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_view_is_described_as_its_copy(dtype, channels):
    image = np.random.default_rng(0).integers(0, 256, (60, 70, *channels)).astype(dtype)
    views = (image.swapaxes(0, 1), image[::-1, ::-2], image[3:, 5::2])
    for view in (*views, np.asfortranarray(image)):
        np.testing.assert_array_equal(extract(view), extract(np.ascontiguousarray(view)))


@pytest.mark.parametrize("scale", [1, 1e-9])
def test_the_image_is_left_alone(scale):
    image = noise(30, 30) * np.float32(scale)
    before = image.copy()
    image.flags.writeable = False
    extract(image, magnification=2)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(number):
    image = noise(20, 20).astype(np.float32)
    image[7, 9] = number
    with pytest.raises(ValueError, match=r"^an image must hold finite numbers only$"):
        extract(image)


def test_numbers_beyond_float32_are_refused():
    with pytest.raises(ValueError, match=r"^an image must hold finite numbers only$"):
        extract(np.full((20, 20), 1e39))


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16", "bool", "complex64"])
def test_other_types_are_refused(dtype):
    message = f"an image must be uint8 or floating point, not {dtype}"
    with pytest.raises(ValueError, match=f"^{message}$"):
        extract(np.ones((20, 20), dtype))


@pytest.mark.parametrize(
    "shape", [(), (9,), (9, 9, 1), (9, 9, 4), (1, 9, 9, 3), (0, 9), (9, 0, 3), (0,)]
)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_other_shapes_are_refused(shape, dtype):
    message = "an image must have the shape (rows, columns) or (rows, columns, 3), not "
    for describe in (extract, lambda image: next(DenseSiftExtractor().bands(image))):
        with pytest.raises(ValueError, match=f"^{re.escape(message + str(shape))}$"):
            describe(np.zeros(shape, dtype))


BAD_VALUES = {
    "step": [0, -4, 4.0, "4", None, True],
    "bin_sizes": [(), (4, 0), (-4,), (4.0,), 4, "4", None, (True,)],
    "window": ["round", "", None, 2],
    "window_size": [0, 1e-200, -1.5, np.inf, np.nan, "2", None, (2,)],
    "magnification": [-1, 1e-300, np.inf, np.nan, "6", None],
    "aligned": [None, 1, "no"],
    "bounds": [(0, 0, 9), (0, 0, 9, 9, 9), (9, 0, 8, 9), (0, 9, 9, 8), (0, 0, 9.5, 9), 9, "0099"],
    "contrast_threshold": [-0.1, np.inf, np.nan, "1", None],
    "root": [None, 0, "yes"],
}


def test_every_parameter_has_bad_values():
    assert list(BAD_VALUES) == [item.name for item in fields(DenseSiftExtractor)]


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_VALUES.items() for value in values]
)
def test_a_bad_value_is_named(name, value):
    message = rf"^{name} must be .*, not {re.escape(repr(value))}$"
    with pytest.raises(ValueError, match=message):
        DenseSiftExtractor(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("step", np.int64(3)),
        ("bin_sizes", [np.int32(4)]),
        ("window_size", np.float32(2)),
        ("magnification", 0),
        ("aligned", np.True_),
        ("bounds", [0, 0, 0, 0]),
        ("bounds", (-5, -5, 500, 500)),
        ("contrast_threshold", 1),
    ],
)
def test_a_good_value_is_kept(name, value):
    assert getattr(DenseSiftExtractor(**{name: value}), name) is value
