"""Tables of inputs: CSV files with a path, and what else is known of it, in each row."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from trifuse.batch.inputs.item import Item, SourceError
from trifuse.batch.inputs.rows import ENCODING, ERRORS, Row, read_rows
from trifuse.datasets.table import count, find_repeats, name_few

PATH = "path"
ID = "id"
RESERVED = re.compile(
    r"image|status|message|review|prediction_set|frame|label_[0-9]+|probability_.*", re.DOTALL
)
"""Names of columns that the output writes itself, so that no table may carry them through."""


def is_reserved(name: str) -> bool:
    """Tell whether the output has a column of that name, or may have.

    Examples
    --------
    >>> [is_reserved(name) for name in ("status", "label_2", "probability_nv", "age", "label")]
    [True, True, True, False, False]
    """
    return RESERVED.fullmatch(name) is not None


def read_columns(
    tables: Sequence[str], reserved: Callable[[str], bool] = is_reserved
) -> tuple[str, ...]:
    """Read the headers of tables, and name the columns that are carried through.

    Parameters
    ----------
    tables : sequence of str
        Paths of CSV files in UTF-8, with or without a byte order mark.
    reserved : callable
        Tells of a name whether it is the output's own.

    Returns
    -------
    tuple of str
        All columns but `path` and `id`, each once, in the order in which they first appear.

    Raises
    ------
    SourceError
        If a table cannot be opened or is no UTF-8, has no column `path`, a column without a name
        or with one that is reserved, or two of the same name.
    """
    columns: dict[str, None] = {}
    for table in tables:
        with _open(table) as file:
            header = _read_header(table, read_rows(file))
        others = [name for name in header if name not in {PATH, ID}]
        if clashes := [name for name in others if reserved(name)]:
            msg = (
                f"The table {table} has a column named {name_few(clashes)}, as the output has; "
                "rename it."
            )
            raise SourceError(msg)
        columns.update(dict.fromkeys(others))
    return tuple(columns)


def read_table(table: str, columns: Sequence[str], warn: Callable[[str], None]) -> Iterator[Item]:
    """Give the rows of a table while they are read, a row at a time.

    A path is relative to the folder of the table. Rows whose cells are all empty are skipped.

    Parameters
    ----------
    table : str
    columns : sequence of str
        Those to carry through; one that this table lacks is empty.
    warn : callable
        Told where the table lists nothing.

    Yields
    ------
    Item
        A row; one that makes no sense, or from which on the table cannot be read, has a fault,
        and the name TABLE:LINE.
    """
    is_empty = True
    try:
        with _open(table) as file:
            rows = read_rows(file)
            layout = _Layout(table, _read_header(table, rows), columns)
            for row in rows:
                is_empty = False
                yield layout.make_item(row)
    except SourceError:
        yield Item(table, fault="it is a table that has changed since its header was read")
    else:
        if is_empty:
            warn(f"{table}: lists no image.")


class _Layout:
    """Knows where in the rows of a table what stands."""

    def __init__(self, table: str, header: Sequence[str], columns: Sequence[str]) -> None:
        self._table = table
        self._header = header
        self._places = {name: place for place, name in enumerate(header)}
        self._columns = columns

    def make_item(self, row: Row) -> Item:
        name = f"{self._table}:{row.line}"
        if row.fault:
            return Item(name, fault=row.fault)
        if len(row.cells) != len(self._header):
            cells, columns = count(row.cells, "cell"), count(self._header, "column")
            return Item(name, fault=f"line {row.line} of the table has {cells} under {columns}")
        fault = ""
        if path := self._cell(row, PATH):
            folder = os.path.dirname(self._table)  # noqa: PTH120 - none of a table that is here
            name = os.path.join(folder, path)  # noqa: PTH118 - keeps both as they are written
        else:
            fault = f"line {row.line} of the table has no path"
        others = tuple(self._cell(row, column) for column in self._columns)
        return Item(name, fault=fault, id=self._cell(row, ID), columns=others)

    def _cell(self, row: Row, column: str) -> str:
        return row.cells[self._places[column]] if column in self._places else ""


def _open(table: str) -> TextIO:
    path = Path(table)
    try:
        if not path.exists() or path.is_file():
            return path.open(encoding=ENCODING, errors=ERRORS, newline="")
    except (OSError, ValueError) as error:  # a name that holds NUL raises ValueError
        msg = f"The table {table} cannot be read: {getattr(error, 'strerror', None) or error}."
        raise SourceError(msg) from error
    # Opening a named pipe would wait, and reading its header would take the header away.
    msg = f"The table {table} is not a regular file; name one."
    raise SourceError(msg)


def _read_header(table: str, rows: Iterator[Row]) -> list[str]:
    row = next(rows, Row(1))
    if row.fault:
        msg = f"{table} is not a CSV file in UTF-8: {row.fault}."
        raise SourceError(msg)
    header = [cell.strip() for cell in row.cells]
    if odd := [name for name in header if name and not name.isprintable()]:
        msg = f"The table {table} has a column named {odd[0]!a}, not one line of text; rename it."
        raise SourceError(msg)
    if PATH not in header:
        msg = (
            f"The table {table} has no column {PATH!r}, only {name_few(header, 10) or 'none'}; "
            f"name the column of the images so, and separate cells by commas."
        )
        raise SourceError(msg)
    if "" in header:
        msg = f"The table {table} has no name for column {header.index('') + 1}; give it one."
        raise SourceError(msg)
    if repeats := find_repeats(header):
        msg = f"The table {table} has two columns named {name_few(repeats)}; rename one."
        raise SourceError(msg)
    return header
