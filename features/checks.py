"""Checks of parameters that extractors share: a value that does not fit is named."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np


def check_count(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a positive integer."""
    if not _is_integer(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer, not {value!r}")


def check_counts(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is a sequence of positive integers, at least one."""
    if (
        not isinstance(value, Sequence)
        or not value
        or not all(_is_integer(one) and one >= 1 for one in value)
    ):
        raise ValueError(f"{name} must be a sequence of positive integers, not {value!r}")


def check_number(name: str, value: Any, least: float = 0.0) -> None:
    """Raise ValueError unless `value` is a finite number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Real) or not _is_finite(value, least):
        raise ValueError(f"{name} must be a finite number of at least {least:g}, not {value!r}")


def check_bounds(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is None or (top, left, bottom, right) in order."""
    if value is None:
        return
    if (
        not isinstance(value, Sequence)
        or len(value) != 4
        or not all(map(_is_integer, value))
        or value[0] > value[2]
        or value[1] > value[3]
    ):
        raise ValueError(
            f"{name} must be None or four integers (top, left, bottom, right), not {value!r}"
        )


def check_flag(name: str, value: Any) -> None:
    """Raise ValueError unless `value` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, not {value!r}")


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def check_color_image(image: Any) -> None:
    """Raise ValueError unless `image` is a uint8 array of shape (rows, columns, 3)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            "a colour image must be uint8 of shape (rows, columns, 3), "
            f"not {image.dtype} of shape {image.shape}"
        )


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_finite(value: Real, least: float) -> bool:
    try:
        return least <= float(value) < float("inf")
    except OverflowError:  # an integer beyond all floats
        return False
