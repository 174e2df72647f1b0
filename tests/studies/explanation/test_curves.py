"""Curves of a score that is known: how much of a bright square is there."""

import numpy as np
import pytest

from trifuse.studies.explanation.curves import (
    LONGEST_SIDE,
    ORDERS,
    STEPS,
    blur,
    measure,
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
    curves = measure(brightness, picture, importance)
    low = brightness(blur(picture))
    assert curves.deletion[0] == curves.insertion[-1] == 1
    assert curves.deletion[-1] == curves.insertion[0] == low
    np.testing.assert_allclose(curves.deletion[2:], low, atol=0.01)  # a twelfth is two steps
    np.testing.assert_allclose(curves.insertion[2:], 1, atol=0.01)
    areas = curves.areas()
    assert areas["deletion"] < areas["random"] - 0.1
    assert areas["insertion"] > areas["random"] + 0.1


def test_a_map_that_is_wrong_everywhere(picture, importance):
    right, wrong = (measure(brightness, picture, sign * importance).areas() for sign in (1, -1))
    assert wrong["deletion"] > right["random"] > wrong["insertion"]


def test_insertion_in_the_opposite_order_goes_backwards(picture):
    importance = random_importance((30, 40), np.random.default_rng(0))
    forth = measure(brightness, picture, importance)
    back = measure(brightness, picture, -importance)
    np.testing.assert_allclose(forth.deletion, back.insertion[::-1], atol=1e-12)


def test_a_score_that_does_not_look(picture, importance):
    areas = measure(lambda _: 0.25, picture, importance).areas()
    assert areas == pytest.approx({"deletion": 0.25, "insertion": 0.25, "random": 0.25})


def test_each_picture_is_scored_once(picture, importance):
    seen = []
    measure(lambda image: float(len(seen.append(image) or seen)), picture, importance)
    assert len(seen) == 2 + (STEPS - 1) * (2 + ORDERS)
    assert all(image.dtype == np.uint8 and image.shape == picture.shape for image in seen)


def test_the_same_seed_gives_the_same_curves(picture, importance):
    one, same, other = (measure(brightness, picture, importance, seed).random for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_large_pictures_are_shrunk():
    sizes = set()
    large = np.zeros((30, 2 * LONGEST_SIDE, 3), np.uint8)
    measure(lambda image: float(bool(sizes.add(image.shape))), large, np.zeros((3, 120)))
    assert sizes == {(15, LONGEST_SIDE, 3)}


def test_a_single_pixel():
    areas = measure(lambda _: 1.0, np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1))).areas()
    assert areas["deletion"] == pytest.approx(1)
