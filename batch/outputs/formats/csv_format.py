"""CSV: one line an image, safe to open in a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from trifuse.batch.outputs.formats import Format, reject_clash
from trifuse.batch.outputs.rows import Cell, ImageRow, list_cells, list_columns
from trifuse.batch.text import to_bytes
from trifuse.classifiers.text_tables import csv_line


class CsvFormat(Format):
    """Comma-separated values in UTF-8, lines ending in LF, quoted only where it is needed.

    Numbers and texts are written as by `trifuse.classifiers.text_tables.csv_line`: probabilities
    that differ never look alike. Lists are joined by ``;``, see `join_names`.
    """

    name = "csv"
    suffixes = ("", ".csv")

    def check(self) -> None:
        """Refuse a carried column that has the name of another."""
        columns = list_columns(self.layout)
        reject_clash(self.layout.extra, columns, "rename the column that is carried through")

    def header(self) -> bytes:
        """Give the line of column names."""
        return write_line(list_columns(self.layout))

    def encode(self, row: ImageRow) -> bytes:
        """Write one line."""
        return write_line(list_cells(row, self.layout))


def write_line(cells: Iterable[Cell]) -> bytes:
    """Write one line of CSV; names that are no UTF-8 keep their bytes."""
    flat = (join_names(cell) if isinstance(cell, tuple) else cell for cell in cells)
    return to_bytes(csv_line(flat))


def join_names(names: Sequence[str]) -> str:
    r"""Join names by ``;``; a ``;`` or a backslash within a name has a backslash in front.

    Examples
    --------
    >>> print(join_names(("nevus", "scar; burn")))
    nevus;scar\; burn
    """
    return ";".join(re.sub(r"([;\\])", r"\\\1", name) for name in names)


METHOD = CsvFormat
