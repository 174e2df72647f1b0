"""Geometric truths of the changed images, and what the changes of colour leave alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifuse.recipes.finetuning import AugmentationOptions
from trifuse.training.networks.augmentation import (
    augment,
    cut_square,
    degrade,
    draw_transform,
    jitter_colors,
    neutralise_light,
)

STILL = {"rotation": 0, "crop": 1, "shift": 0, "flip": False}
UNCOLOURED = dict.fromkeys(("brightness", "contrast", "saturation", "hue", "color_constancy"), 0)


def options(**changed):
    """Options that change nothing, but for those named."""
    return AugmentationOptions(**{**STILL, **UNCOLOURED, **changed})


def noise(rows, columns, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), dtype=np.uint8)


def augmented(image, side, chosen, seed=0):
    return augment(image, side, chosen, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((20, 30), slice(0, 20), slice(5, 25)),
        ((31, 21), slice(5, 26), slice(0, 21)),
        ((16, 16), slice(0, 16), slice(0, 16)),
    ],
)
def test_without_changes_it_is_the_middle_square(size, rows, columns):
    image = noise(*size)
    square = augmented(image, min(size), options())
    assert square.dtype == np.float32
    np.testing.assert_array_equal(square, image[rows, columns])


def test_a_square_that_is_flipped_is_its_mirror_image():
    image, found = noise(12, 12), set()
    for seed in range(20):
        square = augmented(image, 12, options(flip=True), seed).astype(np.uint8)
        found.add(square.tobytes())
    assert found == {image.tobytes(), image[:, ::-1].tobytes()}


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(60, 120), st.integers(60, 120)),
    side=st.integers(30, 90),
)
def test_a_marked_point_lands_where_the_map_says(seed, size, side):
    random = np.random.default_rng(seed)
    transform = draw_transform(size, side, AugmentationOptions(), random)
    x, y = random.uniform(20, size[1] - 20), random.uniform(20, size[0] - 20)
    rows, columns = np.indices(size)
    blob = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 3.0**2))
    image = np.repeat((255 * blob).round().astype(np.uint8)[:, :, None], 3, axis=2)
    place = transform @ [x, y, 1]
    if (place > 12).all() and (place < side - 13).all():
        square = cut_square(image, side, transform)[:, :, 0].astype(float)
        rows, columns = np.indices(square.shape)
        square[np.hypot(columns - place[0], rows - place[1]) > 11] = 0  # a reflected blob
        weights = square / square.sum()
        centre = [(weights.sum(axis=0) @ np.arange(side)), (weights.sum(axis=1) @ np.arange(side))]
        np.testing.assert_allclose(centre, place, atol=0.1)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_the_drawn_map_is_within_the_options(seed):
    size, side = (90, 120), 64
    chosen = AugmentationOptions(rotation=30, crop=0.5, shift=0.1)
    transform = draw_transform(size, side, chosen, np.random.default_rng(seed))
    linear = transform[:, :2]
    scale = np.sqrt(abs(np.linalg.det(linear)))
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(2), atol=1e-9)
    assert side / 90 - 1e-9 <= scale <= side / (90 * 0.5) + 1e-9
    assert np.rad2deg(np.arctan2(abs(linear[1, 0]), linear[1, 1])) <= 30 + 1e-9
    centre = np.linalg.solve(linear, np.full(2, (side - 1) / 2) - transform[:, 2])
    assert (np.abs(centre - [(120 - 1) / 2, (90 - 1) / 2]) <= [12 + 1e-9, 9 + 1e-9]).all()


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(8, 150), st.integers(8, 150)),
    side=st.integers(4, 80),
)
def test_what_is_even_stays_even_up_to_the_border(seed, size, side):
    image = np.full((*size, 3), (200, 120, 40), dtype=np.uint8)
    chosen = AugmentationOptions(**UNCOLOURED)
    square = augmented(image, side, chosen, seed)
    np.testing.assert_allclose(square, np.broadcast_to((200, 120, 40), (side, side, 3)), atol=1)


def test_details_do_not_alias_where_an_image_is_shrunk():
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    square = augmented(stripes, 32, options())
    np.testing.assert_allclose(square, 127.5, atol=1)


def test_equal_generators_give_equal_images():
    image, chosen = noise(60, 80), AugmentationOptions(color_constancy=0.5)
    one, same, other = (augmented(image, 24, chosen, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 10


def test_the_image_itself_is_left_alone():
    image = noise(30, 30)
    before = image.copy()
    augmented(image, 30, AugmentationOptions(color_constancy=1.0))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("light", [(1.0, 0.7, 0.4), (0.3, 0.9, 0.6)])
def test_a_cast_of_colour_becomes_grey(light):
    grey = np.random.default_rng(0).integers(40, 200, (20, 30, 1))
    cast = np.rint(grey * np.array(light)).astype(np.uint8)
    neutral = neutralise_light(cast).astype(int)
    np.testing.assert_allclose(neutral - neutral.mean(axis=2, keepdims=True), 0, atol=2)
    brightness = np.power(np.power(cast / 255, 6).mean(axis=(0, 1)), 1 / 6).mean() * 255
    found = np.power(np.power(neutral / 255, 6).mean(axis=(0, 1)), 1 / 6) * 255
    np.testing.assert_allclose(found, brightness, atol=1)


def test_what_is_neutral_stays_as_it_is():
    image = (noise(20, 20) * np.array([0.6, 0.5, 0.4])).astype(np.uint8)
    once = neutralise_light(image)
    np.testing.assert_allclose(neutralise_light(once).astype(int), once, atol=1)
    black = np.zeros((4, 4, 3), dtype=np.uint8)
    np.testing.assert_array_equal(neutralise_light(black), black)


def test_colour_constancy_is_of_the_share_asked_for():
    image = (noise(16, 16) * np.array([0.6, 0.5, 0.3])).astype(np.uint8)
    neutral = neutralise_light(image)
    changed = [
        np.array_equal(augmented(image, 16, options(color_constancy=0.25), seed), neutral)
        for seed in range(400)
    ]
    assert 0.18 < np.mean(changed) < 0.32


def test_brightness_and_contrast_scale():
    image = np.linspace(60, 120, 48, dtype=np.float32).reshape(4, 4, 3)
    for seed in range(10):
        bright = jitter_colors(image, options(brightness=0.3), np.random.default_rng(seed))
        factors = bright / image
        np.testing.assert_allclose(factors, factors[0, 0, 0], rtol=1e-5)
        assert 0.7 <= factors[0, 0, 0] <= 1.3
        flat = jitter_colors(image, options(contrast=0.3), np.random.default_rng(seed))
        np.testing.assert_allclose(flat.mean(), image.mean(), rtol=1e-5)
        assert 0.7 <= np.std(flat) / np.std(image) <= 1.3


def test_a_turn_of_the_hue_keeps_lightness_and_grey():
    image = noise(8, 8).astype(np.float32)
    grey = np.repeat(image[:, :, :1], 3, axis=2)
    for seed in range(5):
        turned = jitter_colors(image, options(hue=180.0), np.random.default_rng(seed))
        for end in (np.max, np.min):
            np.testing.assert_allclose(end(turned, axis=2), end(image, axis=2), atol=0.01)
        same = jitter_colors(grey, options(hue=180.0), np.random.default_rng(seed))
        np.testing.assert_allclose(same, grey, atol=0.01)


def test_a_turn_of_nothing_changes_nothing():
    image = noise(8, 8).astype(np.float32)
    for chosen in (options(), options(hue=1e-9)):
        changed = jitter_colors(image, chosen, np.random.default_rng(0))
        np.testing.assert_allclose(changed, image, atol=0.01)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_colours_stay_in_range(seed):
    chosen = AugmentationOptions(brightness=0.9, contrast=0.9, saturation=0.9, hue=180.0)
    changed = augmented(noise(9, 9, seed), 9, chosen, seed)
    assert np.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 255


@pytest.mark.parametrize("harm", ["blur", "jpeg", "noise"])
def test_quality_suffers_in_the_share_asked_for(harm):
    image = noise(16, 16)
    plain = augmented(image, 16, options())
    changed = [
        np.array_equal(augmented(image, 16, options(**{harm: 0.25}), seed), plain)
        for seed in range(200)
    ]
    assert 0.65 < np.mean(changed) < 0.85


def test_a_blur_smooths_and_jpeg_keeps_colours():
    image = noise(32, 32)
    blurred = [degrade(image, options(blur=1.0), np.random.default_rng(s)) for s in range(8)]
    assert min(one.std() for one in blurred) < 0.6 * image.std()
    even = np.full((16, 16, 3), (200, 120, 40), dtype=np.uint8)
    pressed = degrade(even, options(jpeg=1.0), np.random.default_rng(0))
    np.testing.assert_allclose(pressed.astype(int), even, atol=4)


def test_what_is_not_asked_for_draws_no_number():
    image, one, same = noise(16, 16), np.random.default_rng(0), np.random.default_rng(0)
    np.testing.assert_array_equal(degrade(image, options(), one), image)
    assert one.random() == same.random()
