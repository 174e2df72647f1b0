"""Curves of a score that is known: how much of a bright square is there."""

import numpy as np
import pytest

from trifuse.studies.explanation.curves import (
    LONGEST_SIDE,
    ORDERS,
    STEPS,
    Curves,
    blur,
    measure_curves,
    random_importance,
)

INSIDE = np.s_[20:40, 30:50]


@pytest.fixture
def picture():
    """Black, with a white square of a twelfth of the area."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[INSIDE] = 255
    return image


def brightness(image):
    """Mean level of the square: 1 where it is whole."""
    return float(image[INSIDE].mean() / 255)


@pytest.fixture
def importance():
    """A map that knows the square, at half the picture's resolution."""
    known = np.zeros((30, 40))
    known[10:20, 15:25] = 1
    return known


def test_a_map_that_knows(picture, importance):
    curves = measure_curves(brightness, picture, importance)
    low = brightness(blur(picture))
    assert curves.deletion[0] == curves.insertion[-1] == 1
    assert curves.deletion[-1] == curves.insertion[0] == low
    np.testing.assert_allclose(curves.deletion[2:], low, atol=0.01)  # a twelfth is two steps
    np.testing.assert_allclose(curves.insertion[2:], 1, atol=0.01)
    areas = curves.areas()
    assert areas["deletion"] < areas["random"] - 0.1
    assert areas["insertion"] > areas["random"] + 0.1


@pytest.mark.parametrize(("sign", "beats"), [(1, True), (-1, False), (0, False)])
def test_the_verdict(picture, importance, sign, beats):
    assert measure_curves(brightness, picture, sign * importance).beat_random is beats


@pytest.mark.parametrize(
    ("deletion", "insertion", "beats"),
    [(0.3, 0.8, True), (0.42, 0.8, False), (0.3, 0.58, False), (0.395, 0.8, False)],
)
def test_every_random_order_must_be_beaten_by_more_than_nothing(deletion, insertion, beats):
    flat = np.ones(STEPS + 1)
    randoms = np.array([0.4, 0.5, 0.6])[:, None] * flat
    assert Curves(deletion * flat, insertion * flat, randoms).beat_random is beats


def test_a_map_that_is_wrong_everywhere(picture, importance):
    right, wrong = (
        measure_curves(brightness, picture, sign * importance).areas() for sign in (1, -1)
    )
    assert wrong["deletion"] > right["random"] > wrong["insertion"]


def test_insertion_in_the_opposite_order_goes_backwards(picture):
    importance = random_importance((30, 40), np.random.default_rng(0))
    forth = measure_curves(brightness, picture, importance)
    back = measure_curves(brightness, picture, -importance)
    np.testing.assert_allclose(forth.deletion, back.insertion[::-1], atol=1e-12)


def test_a_score_that_does_not_look(picture, importance):
    areas = measure_curves(lambda _: 0.25, picture, importance).areas()
    assert areas == pytest.approx({"deletion": 0.25, "insertion": 0.25, "random": 0.25})


def test_each_picture_is_scored_once(picture, importance):
    seen = []
    measure_curves(lambda image: float(len(seen.append(image) or seen)), picture, importance)
    assert len(seen) == 2 + (STEPS - 1) * (2 + ORDERS)
    assert all(image.dtype == np.uint8 and image.shape == picture.shape for image in seen)


def test_the_same_seed_gives_the_same_curves(picture, importance):
    one, same, other = (
        measure_curves(brightness, picture, importance, seed).random for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_large_pictures_are_shrunk():
    sizes = set()
    large = np.zeros((30, 2 * LONGEST_SIDE, 3), np.uint8)
    measure_curves(lambda image: float(bool(sizes.add(image.shape))), large, np.zeros((3, 120)))
    assert sizes == {(15, LONGEST_SIDE, 3)}


def test_a_single_pixel():
    areas = measure_curves(lambda _: 1.0, np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1))).areas()
    assert areas["deletion"] == pytest.approx(1)
