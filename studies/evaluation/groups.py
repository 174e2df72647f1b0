"""Divide scored images into groups by what is known of them: age, sex, site, or two at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trifuse.classifiers.bands import ValueBand, find_band
from trifuse.datasets.csv_table import NO_COLUMNS, Columns
from trifuse.datasets.image_columns import read_image_columns
from trifuse.datasets.table import DatasetError, name_few
from trifuse.datasets.truth import match_truth
from trifuse.studies.evaluation.matched import MatchedImages

MAX_VALUES = 100
"""Of one column; what has more names images rather than groups."""

Bands = Mapping[str, Sequence[float]]
"""By column, where its bands begin, in increasing order."""


@dataclass(frozen=True)
class Group:
    """Images that have something in common.

    Attributes
    ----------
    column, value : str
        As ``age`` and ``below 40``; of two columns ``age*sex`` and ``below 40, female``.
    members : bool (n_images,)
    """

    column: str
    value: str
    members: NDArray[np.bool_]


def find_cells(
    images: MatchedImages,
    truth: Path,
    columns: Columns = NO_COLUMNS,
    groups_from: Path | None = None,
) -> dict[str, list[str]]:
    """Give every column that is known of the images; (n_images,) each.

    Of columns of one name that of `groups_from` comes first, then the truth's, then the one that
    the predictions carry through. A cell is empty where a table does not have the image.

    Raises
    ------
    DatasetError
        If a table cannot be read, or names no image of the predictions.
    """
    carried = images.table.columns.items()
    found = {name: [cells[row] for row in images.rows] for name, cells in carried}
    found |= _look_up(images.keys, read_image_columns(truth, columns))
    if groups_from is not None:
        table = read_image_columns(groups_from, Columns(path=columns.path))
        named = match_truth(images.names, {name: name for name in next(iter(table.values()))})
        if not any(named):
            raise DatasetError(f"{groups_from} names no image that the predictions name")
        found |= _look_up(named, table)
    return found


def _look_up(
    names: Sequence[str | None], table: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    return {
        column: ["" if name is None else cells.get(name, "") for name in names]
        for column, cells in table.items()
    }


def divide_images(
    by: Sequence[str], cells: Mapping[str, Sequence[str]], bands: Bands | None = None
) -> list[Group]:
    """Divide images by the values of columns.

    Parameters
    ----------
    by : sequence of str
        Columns, each counted once; ``a*b`` is every pair of their values.
    cells : mapping of str to sequence of str (n_images,)
    bands : mapping of str to sequence of float, optional
        Where the bands of a column of numbers begin.

    Returns
    -------
    list of Group
        In the order of `by`; values in the order of their numbers or letters, what is missing
        last. No group is empty.

    Raises
    ------
    DatasetError
        If there is no such column, it has too many values, or one with bands holds no number.

    Examples
    --------
    >>> cells = {"age": ["70", "5", "", "40"]}
    >>> [group.value for group in divide_images(["age"], cells, {"age": [0, 40]})]
    ['0 to below 40', '40 and above', 'missing']
    """
    return [
        group for columns in dict.fromkeys(by) for group in _divide(columns, cells, bands or {})
    ]


def _divide(columns: str, cells: Mapping[str, Sequence[str]], bands: Bands) -> list[Group]:
    groups: list[Group] = []
    for column in [columns] if columns in cells else dict.fromkeys(columns.split("*")):
        if column not in cells:
            raise DatasetError(
                f"there is no column {column!r} to divide the images by; "
                f"there are: {name_few(sorted(cells), 10)}"
            )
        values = _find_bands(column, cells[column], bands.get(column))
        ordered = list(dict.fromkeys(sorted(values)))
        if len(ordered) > MAX_VALUES:
            raise DatasetError(
                f"the column {column!r} has {len(ordered)} values; divide by one of at most "
                f"{MAX_VALUES}, or say where its bands begin"
            )
        own = [
            Group(column, value.name, np.array([one == value for one in values]))
            for value in ordered
        ]
        groups = [_meet(one, two) for one in groups for two in own] if groups else own
    return [group for group in groups if group.members.any()]


def _meet(one: Group, two: Group) -> Group:
    return Group(
        f"{one.column}*{two.column}", f"{one.value}, {two.value}", one.members & two.members
    )


def _find_bands(
    column: str, cells: Sequence[str], starts: Sequence[float] | None
) -> list[ValueBand]:
    try:
        return [find_band(cell, starts) for cell in cells]
    except ValueError as error:
        raise DatasetError(f"the column {column!r} has bands, and {error}") from error
