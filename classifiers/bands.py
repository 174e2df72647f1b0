"""Groups of images by what is known of them: values, and bands of numbers."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

MISSING = "missing"
"""The group of images of which a column says nothing: an empty cell, NaN, or this very word."""


class ValueBand(NamedTuple):
    """A group of values, by its name and, in front, what sorts it: numbers, texts, nothing."""

    kind: int
    number: float
    name: str


def find_band(cell: str, starts: Sequence[float] | None = None) -> ValueBand:
    """Find the group of a cell.

    Parameters
    ----------
    cell : str
    starts : sequence of float, optional
        Where bands begin, in increasing order; unless told, each value is a group.

    Raises
    ------
    ValueError
        If there are bands and the cell is no number.

    Examples
    --------
    >>> [find_band(cell, (0, 40)).name for cell in ("70", "39.5", "-1", "")]
    ['40 and above', '0 to below 40', 'below 0', 'missing']
    >>> sorted(find_band(cell).name for cell in ("male", "", "9"))
    ['9', 'male', 'missing']
    """
    number = _read_number(cell)
    if cell in {"", MISSING} or (number is not None and math.isnan(number)):
        return ValueBand(2, 0.0, MISSING)
    if starts is None:
        return ValueBand(1, 0.0, cell) if number is None else ValueBand(0, number, cell)
    if number is None:
        raise ValueError(f"{cell!r} is no number")
    place = bisect_right(starts, number)
    return ValueBand(0, float(place), _name_band(starts, place))


def name_stratum(
    columns: Sequence[str], bands: Mapping[str, Sequence[float]], cells: Sequence[str]
) -> str:
    """Name the group that an image is in by several columns at once.

    Parameters
    ----------
    columns : sequence of str
    bands : mapping of str to sequence of float
        Where the bands of some of the columns begin. What is no number there is missing.
    cells : sequence of str, shape (n_columns,)
        None where nothing is known of the image.

    Examples
    --------
    >>> name_stratum(["age", "sex"], {"age": [0, 40]}, ["55", "male"])
    '40 and above, male'
    >>> name_stratum(["age", "sex"], {"age": [0, 40]}, ["adult", ""]), name_stratum([], {}, [])
    ('missing, missing', '')
    """
    names = []
    for column, cell in zip(columns, cells or [""] * len(columns), strict=True):
        try:
            names.append(find_band(cell.strip(), bands.get(column)).name)
        except ValueError:
            names.append(MISSING)
    return ", ".join(names)


def _name_band(starts: Sequence[float], place: int) -> str:
    if place == 0:
        return f"below {starts[0]:g}"
    if place == len(starts):
        return f"{starts[-1]:g} and above"
    return f"{starts[place - 1]:g} to below {starts[place]:g}"


def _read_number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
