"""Values that fit pass in silence; each other one is one sentence that names it."""

import re

import numpy as np
import pytest

from trifuse.features.checks import (
    check_bounds,
    check_choice,
    check_color_image,
    check_count,
    check_counts,
    check_flag,
    check_number,
)

COUNT = "a positive integer"
COUNTS = "a sequence of positive integers"
NUMBER = "a finite number of at least 0"
BOUNDS = "None or four integers (top, left, bottom, right)"
FLAG = "True or False"


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (check_count, [1, 7, np.int64(3), np.uint8(3)]),
        (check_counts, [[1], (4, 6), range(2, 5), [np.int32(4)]]),
        (check_number, [0, 0.0, 1e-300, 7, np.float32(0.5), np.int64(2)]),
        (check_bounds, [None, (0, 0, 0, 0), [-5, -5, 9, 99], (np.int64(1), 2, 3, 4)]),
        (check_flag, [True, False, np.True_, np.False_]),
    ],
)
def test_what_fits_passes(check, values):
    for value in values:
        assert check("name", value) is None


@pytest.mark.parametrize(
    ("check", "kind", "values"),
    [
        (check_count, COUNT, [0, -1, 1.0, "1", None, True, np.float32(2), [1]]),
        (check_counts, COUNTS, [[], (), [0], [4, -6], [4.0], 4, "46", None, {4}, [True]]),
        (
            check_number,
            NUMBER,
            [-1, -1e-9, np.inf, -np.inf, np.nan, "1", None, 1j, [1], True, 10**400],
        ),
        (check_bounds, BOUNDS, [(0, 0, 9), (5, 0, 4, 9), (0, 5, 9, 4), (0, 0, 9.0, 9), "0099", 4]),
        (check_flag, FLAG, [0, 1, None, "True", np.int8(1)]),
    ],
)
def test_what_does_not_fit_is_named(check, kind, values):
    for value in values:
        message = re.escape(f"name must be {kind}, not {value!r}")
        with pytest.raises(ValueError, match=f"^{message}$"):
            check("name", value)


@pytest.mark.parametrize("value", [0, 0.0999, -1, np.nan])
def test_a_number_may_have_a_least(value):
    check_number("name", 0.1, least=0.1)
    message = f"name must be a finite number of at least 0.1, not {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_number("name", value, least=0.1)


@pytest.mark.parametrize("value", ["Flat", "", None, 3, ["flat"]])
def test_a_choice_is_one_of_those_named(value):
    check_choice("name", "gauss", ("flat", "gauss"))
    message = f"name must be one of flat, gauss, not {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_choice("name", value, ("flat", "gauss"))


def test_a_colour_image_has_bytes_and_three_channels():
    check_color_image(np.zeros((1, 1, 3), dtype=np.uint8))
    message = (
        "a colour image must be uint8 of shape (rows, columns, 3), not float64 of shape (4, 5)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_color_image(np.zeros((4, 5)))
