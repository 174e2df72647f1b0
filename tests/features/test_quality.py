"""Picture quality: rules that name what is wrong, each on pictures spoilt in one way."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from trifuse.features.quality import (
    BLUR_SIGMAS,
    CLIPPED_LEVEL,
    FLAWS,
    LIGHT_LEVEL,
    MIN_SIDE,
    SHARPNESS,
    find_flaws,
    sharpness,
)


def picture(rows=450, columns=600, seed=0):
    """A brown patch on skin, with hairs and a little noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    image = np.full((rows, columns, 3), (205.0, 160.0, 140.0))
    image[np.hypot(y - 0.5, x - 0.5) < 0.25] = (120, 75, 60)
    for _ in range(12):
        ends = (rng.random((2, 2)) * (columns, rows)).astype(int).tolist()
        cv2.line(image, *ends, (70, 50, 45), max(1, columns // 200), cv2.LINE_AA)
    return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def scaled(image, gain):
    return np.clip(image * float(gain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("shape", [(450, 600), (600, 450), (1200, 1600), (MIN_SIDE, 90)])
def test_a_good_picture_has_no_flaws(shape):
    assert find_flaws(picture(*shape)) == ()


@pytest.mark.parametrize("scale", [1, 2])
def test_a_blurred_picture(scale):
    image = picture(450 * scale, 600 * scale)
    assert find_flaws(cv2.GaussianBlur(image, (0, 0), 4 * scale)) == ("blurred",)
    assert find_flaws(cv2.GaussianBlur(image, (0, 0), 0.5 * scale)) == ()


def test_a_blurred_picture_stays_it_as_a_jpeg():
    encoded = cv2.imencode(".jpg", cv2.GaussianBlur(picture(), (0, 0), 4))[1]
    assert find_flaws(cv2.imdecode(encoded, cv2.IMREAD_COLOR)) == ("blurred",)


@pytest.mark.parametrize("gain", [0.05, 0.1, 0.3])
def test_a_dark_picture(gain):
    assert "too dark" in find_flaws(scaled(picture(), gain))


def test_black_corners_are_not_dark():
    image = picture()
    y, x = np.mgrid[:450, :600]
    image[np.hypot(y - 225, x - 300) > 170] = 0
    assert np.mean(image == 0) > 0.6
    assert find_flaws(image) == ()


def test_red_may_be_clipped_in_a_part():
    image = picture()
    image[:260, :, 0] = 255
    assert find_flaws(image) == ()
    image[:280, :, 0] = 255
    assert find_flaws(image) == ("too bright",)


def test_an_over_exposed_picture():
    assert "too bright" in find_flaws(scaled(picture(), 2))
    assert "too bright" not in find_flaws(scaled(picture(), 1.2))


@pytest.mark.parametrize("shape", [(40, 53), (MIN_SIDE - 1, 600), (600, MIN_SIDE - 1), (1, 1)])
def test_a_small_picture(shape):
    assert find_flaws(picture(*shape))[-1] == "small"


@pytest.mark.parametrize(
    "level", [0, LIGHT_LEVEL - 1, LIGHT_LEVEL, CLIPPED_LEVEL - 1, CLIPPED_LEVEL, 255]
)
def test_plain_pictures(level):
    expected = ("blurred",)
    if level < LIGHT_LEVEL:
        expected = ("too dark", "blurred")
    if level >= CLIPPED_LEVEL:
        expected = ("too bright", "blurred")
    assert find_flaws(np.full((90, 120, 3), level, np.uint8)) == expected


@settings(deadline=None, max_examples=50)
@given(arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 400), st.just(3))))
def test_any_picture_has_some_of_the_flaws_in_their_order(image):
    before = image.copy()
    found = find_flaws(image)
    assert found == tuple(flaw for flaw in FLAWS if flaw in found)
    assert len(set(found)) == len(found)
    np.testing.assert_array_equal(image, before)


def test_a_mirrored_picture_has_the_same_flaws():
    image = cv2.GaussianBlur(picture(), (0, 0), 4)
    for mirrored in (image[::-1], image[:, ::-1], image.transpose(1, 0, 2)):
        assert find_flaws(np.ascontiguousarray(mirrored)) == find_flaws(image)


def test_sharpness_against_scipys_gaussians():
    grey = cv2.cvtColor(picture(225, 300), cv2.COLOR_RGB2GRAY)
    levels = grey.astype(np.float64)
    near, far = (gaussian_filter(levels, sigma, mode="mirror") for sigma in BLUR_SIGMAS)
    expected = np.mean((levels - near) ** 2) / np.mean((near - far) ** 2)
    assert sharpness(grey) == pytest.approx(expected, rel=1e-2)


def test_sharpness_does_not_depend_on_contrast_and_light():
    grey = cv2.cvtColor(picture(225, 300), cv2.COLOR_RGB2GRAY)
    paler = (grey // 2 + 60).astype(np.uint8)
    assert sharpness(paler) == pytest.approx(sharpness(grey), rel=0.05)


def test_sharpness_falls_with_every_blur():
    grey = cv2.cvtColor(picture(225, 300), cv2.COLOR_RGB2GRAY)
    found = [sharpness(grey)]
    found += [sharpness(cv2.GaussianBlur(grey, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    assert found[0] > SHARPNESS > found[-1]


def test_no_detail_is_no_sharpness():
    assert sharpness(np.full((60, 60), 99, np.uint8)) == 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_what_is_no_colour_image(image):
    with pytest.raises(ValueError, match="a colour image must be uint8 of shape"):
        find_flaws(image)


@pytest.mark.parametrize(
    ("rest", "level", "rows", "flaw", "is_there"),
    [
        (0, 80, 4, "too dark", True),
        (0, 80, 5, "too dark", False),
        (0, 79, 100, "too dark", True),
        (100, 254, 60, "too bright", True),
        (100, 254, 59, "too bright", False),
        (100, 253, 100, "too bright", False),
    ],
)
def test_the_bounds_of_light(rest, level, rows, flaw, is_there):
    """5 % of the picture at level 80 is light enough; 60 % at level 254 is too bright."""
    image = np.full((100, 100, 3), rest, np.uint8)
    image[:rows] = level
    assert (flaw in find_flaws(image)) == is_there


@pytest.mark.parametrize(("side", "is_small"), [(63, True), (64, False)])
def test_the_bound_of_size(side, is_small):
    assert ("small" in find_flaws(np.zeros((side, 200, 3), np.uint8))) == is_small
