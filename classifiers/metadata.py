"""What is known of an image beside its pixels, such as age, sex and site: cells become numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = {"", "missing", "unknown", "nan", "na", "n/a", "n.a.", "none", "null", "?", "-"}
"""Cells that say nothing, whatever their case."""
LEAST_IMAGES = 20
"""That a word is of, or that lie beyond the outer knots. A rarer word is as unknown, and a model
file holds neither it nor a number of few: it may be a name."""
MOST_WORDS = 100
MOST_KNOTS = 7
LEAST_NUMBERS = 10
"""Different ones of a column of numbers; fewer are words."""
LEAST_SHARE = 0.95
"""Of the cells of a column of numbers that say something; the others say nothing."""


@dataclass(frozen=True)
class MetadataColumn:
    """A column as it was understood in training.

    Attributes
    ----------
    name : str
    words : tuple of str
        Of a column of words: those that are known, in lower case, sorted.
    knots : tuple of float
        Of a column of numbers: where a piecewise linear function may bend, in increasing order.
    """

    name: str
    words: tuple[str, ...] = ()
    knots: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.words) + len(self.knots)

    def describe(self) -> str:
        """Say in a sentence what the column was understood as."""
        return f"of {self.name} are known: " + (
            f"numbers from {self.knots[0]:g} to {self.knots[-1]:g}"
            if self.knots
            else ", ".join(self.words)
        )

    def encode(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Turn cells into numbers, in which a linear function is linear between the knots.

        Parameters
        ----------
        cells : sequence of str, shape (n_images,)

        Returns
        -------
        ndarray of float64, shape (n_images, n_words or n_knots)
            Each row has a sum of one, or is zero where the cell says nothing.

        Examples
        --------
        >>> MetadataColumn("age", knots=(20.0, 40.0, 80.0)).encode(["30", "99", "unknown"])
        array([[0.5, 0.5, 0. ],
               [0. , 0. , 1. ],
               [0. , 0. , 0. ]])
        >>> MetadataColumn("sex", words=("female", "male")).encode(["Male", "?"])
        array([[0., 1.],
               [0., 0.]])
        """
        encoded, units = np.zeros((len(cells), len(self))), np.eye(len(self.knots))
        for row, cell in enumerate(map(clean_cell, cells)):
            if self.knots:
                if (number := _read_number(cell)) is not None:
                    encoded[row] = [np.interp(number, self.knots, unit) for unit in units]
            elif cell in self.words:
                encoded[row, self.words.index(cell)] = 1
        return encoded


def learn_column(name: str, cells: Sequence[str]) -> MetadataColumn:
    """Find out what a column is of: numbers, or words.

    Parameters
    ----------
    name : str
    cells : sequence of str, shape (n_images,)
        Of the training images.

    Raises
    ------
    ValueError
        If it says nothing: no word, or number, of enough images.
    """
    known = [cell for cell in map(clean_cell, cells) if cell]
    numbers = [_read_number(cell) for cell in known]
    values = np.array([number for number in numbers if number is not None])
    if len(values) >= LEAST_SHARE * len(known) and len(set(values)) >= LEAST_NUMBERS:
        outer = min(LEAST_IMAGES / len(values), 0.25)
        return MetadataColumn(name, knots=_place_knots(values, outer))
    frequent = Counter(known).most_common(MOST_WORDS)
    words = sorted(word for word, n in frequent if n >= LEAST_IMAGES)
    if len(words) < 2:
        msg = (
            f"the column {name!r} has neither numbers nor two words of {LEAST_IMAGES} images each, "
            "of which anything could be learnt"
        )
        raise ValueError(msg)
    return MetadataColumn(name, tuple(words))


def _place_knots(values: NDArray[np.float64], outer: float) -> tuple[float, ...]:
    """Place knots at quantiles, rounded to a hundredth or so of their range: none is a person's."""
    knots = np.quantile(values, np.linspace(outer, 1 - outer, MOST_KNOTS))
    if width := np.ptp(knots):
        step = 10.0 ** (math.floor(math.log10(width)) - 1)
        knots = np.round(knots / step) * step
    return tuple(np.unique(knots).tolist())


def encode_metadata(
    columns: Sequence[MetadataColumn], cells: Mapping[str, Sequence[str]], n: int
) -> list[NDArray[np.float64]]:
    """Encode the cells of `n` images, column by column; a column that is not there says nothing."""
    return [column.encode(cells.get(column.name) or [""] * n) for column in columns]


def metadata_to_entry(columns: Sequence[MetadataColumn]) -> list[dict[str, Any]]:
    """Give what `model.json` holds of the columns."""
    return [asdict(column) for column in columns]


def metadata_from(entry: Any) -> tuple[MetadataColumn, ...]:
    """Bring the columns back; ValueError unless they are sound."""
    msg = "its columns of metadata are not sound"
    if not isinstance(entry, list):
        raise ValueError(msg)
    columns = []
    for one in entry:
        if not isinstance(one, dict) or set(one) != {"name", "words", "knots"}:
            raise ValueError(msg)
        name, words, knots = one["name"], one["words"], one["knots"]
        if (
            not isinstance(name, str)
            or not isinstance(words, list)
            or not isinstance(knots, list)
            or max(len(words) - MOST_WORDS, len(knots) - MOST_KNOTS) > 0
            or not all(isinstance(word, str) and word == clean_cell(word) != "" for word in words)
            or words != sorted(set(words))
            or not all(type(knot) is float and math.isfinite(knot) for knot in knots)
            or knots != sorted(set(knots))
            or bool(words) == bool(knots)
        ):
            raise ValueError(msg)
        columns.append(MetadataColumn(name, tuple(words), tuple(knots)))
    if len({column.name for column in columns}) < len(columns):
        raise ValueError(msg)
    return tuple(columns)


def clean_cell(cell: str) -> str:
    """Give a cell as words are compared; empty where it says nothing."""
    cell = cell.strip().lower()
    return "" if cell in UNKNOWN else cell


def _read_number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
