"""CSV: one line an image, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from trifuse.batch.outputs.format import Format, reject_clash
from trifuse.batch.outputs.rows import Cell, Row, list_cells, list_columns
from trifuse.batch.text import to_bytes
from trifuse.classifiers.tables import make_safe


class CsvFormat(Format):
    """Comma-separated values in UTF-8, lines ending in LF, quoted only where it is needed.

    Probabilities have as many digits as tell them from every other number (the shortest that give
    the same float64 when they are read): two that differ never look alike. Text that a spreadsheet
    would run as a formula has an apostrophe in front. Lists are joined by ``;``, see `join_names`.
    """

    def check(self) -> None:
        """Refuse a carried column that has the name of another."""
        columns = list_columns(self.layout)
        reject_clash(self.layout.extra, columns, "rename the column that is carried through")

    def header(self) -> bytes:
        """Give the line of column names."""
        return write_line(map(make_safe, list_columns(self.layout)))

    def encode(self, row: Row) -> bytes:
        """Write one line."""
        return write_line(map(write_cell, list_cells(row, self.layout)))


def write_line(cells: Iterable[str]) -> bytes:
    """Write one line of CSV; names that are no UTF-8 keep their bytes."""
    line = io.StringIO()
    # Cells are quoted where they hold a character of the line's end: a carriage return must be.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    text = line.getvalue().removesuffix("\r\n")
    return to_bytes(f"{text}\n")


def write_cell(cell: Cell) -> str:
    """Write a number, a text, or a list; what is missing is empty."""
    if cell is None:
        return ""
    if isinstance(cell, float):
        return repr(float(cell))
    return make_safe(cell if isinstance(cell, str) else join_names(cell))


def join_names(names: Sequence[str]) -> str:
    r"""Join names by ``;``; a ``;`` or a backslash within a name has a backslash in front.

    Examples
    --------
    >>> print(join_names(("nevus", "scar; burn")))
    nevus;scar\; burn
    """
    return ";".join(re.sub(r"([;\\])", r"\\\1", name) for name in names)
