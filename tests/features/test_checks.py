"""Values that fit pass in silence; each other one is one sentence that names it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from trifuse.features.checks import (
    Count,
    Flag,
    NonNegative,
    Options,
    Scales,
    check_color_image,
    check_value,
    option_kinds,
)
from trifuse.features.descriptors.cnn import File
from trifuse.features.descriptors.sift import OptionalBounds, Width, Window

BOUNDS = "None or four integers (top, left, bottom, right)"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Count, [1, 7, np.int64(3), np.uint8(3)]),
        (Scales, [[1], (4, 6), range(2, 5), [np.int32(4)]]),
        (NonNegative, [0, 0.0, 1e-300, 7, np.float32(0.5), np.int64(2)]),
        (Width, [0.1, 7]),
        (OptionalBounds, [None, (0, 0, 0, 0), [-5, -5, 9, 99], (np.int64(1), 2, 3, 4)]),
        (Flag, [True, False, np.True_, np.False_]),
        (Window, ["flat", "gauss"]),
        (File, ["default", Path("a.h5")]),
    ],
)
def test_what_fits_passes(kind, values):
    for value in values:
        assert check_value("name", value, kind) is None


@pytest.mark.parametrize(
    ("kind", "words", "values"),
    [
        (Count, "a positive integer", [0, -1, 1.0, "1", None, True, np.float32(2), [1]]),
        (
            Scales,
            "a sequence of positive integers",
            [[], (), [0], [4, -6], [4.0], 4, "46", None, {4}, [True]],
        ),
        (
            NonNegative,
            "a finite number of at least 0",
            [-1, -1e-9, np.inf, -np.inf, np.nan, "1", None, 1j, [1], True, 10**400],
        ),
        (Width, "a finite number of at least 0.1", [0, 0.0999, -1, np.nan]),
        (OptionalBounds, BOUNDS, [(0, 0, 9), (0, 0, 9.0, 9), "0099", 4]),
        (Flag, "True or False", [0, 1, None, "True", np.int8(1)]),
        (Window, "one of flat, gauss", ["Flat", "", None, 3, ["flat"]]),
        (File, "a name or a file's path", [None, 3, b"a"]),
    ],
)
def test_what_does_not_fit_is_named(kind, words, values):
    for value in values:
        message = re.escape(f"name must be {words}, not {value!r}")
        with pytest.raises(ValueError, match=f"^{message}$"):
            check_value("name", value, kind)


def test_a_dataclass_is_checked_field_by_field():
    @dataclass
    class Two(Options):
        title: ClassVar[str] = "no option"
        step: Count = 4
        root: Flag = False

    assert list(option_kinds(Two)) == ["step", "root"]
    assert Two().step == 4
    with pytest.raises(ValueError, match=r"^root must be True or False, not 1$"):
        Two(root=1)


def test_a_colour_image_has_bytes_and_three_channels():
    check_color_image(np.zeros((1, 1, 3), dtype=np.uint8))
    message = (
        "a colour image must be uint8 of shape (rows, columns, 3), not float64 of shape (4, 5)"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_color_image(np.zeros((4, 5)))
