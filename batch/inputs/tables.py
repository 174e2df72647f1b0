"""Inputs that are listed: in tables, with what else is known of each, and on standard input."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trifuse.batch.inputs.items import Item, SourceError
from trifuse.datasets.csv_rows import CsvError, CsvRow, open_csv, read_csv_rows, take_header
from trifuse.datasets.table import count, name_few

PATH = "path"
ID = "id"
RESERVED = re.compile(
    r"image|status|message|review|prediction_set|frame|label_[0-9]+|probability_.*", re.DOTALL
)
"""Names of columns that the output writes itself, so that no table may carry them through."""
MAX_ENTRY_BYTES = 65_536
"""Longer entries are no paths; what is written without end must not fill the memory."""


def is_reserved(name: str) -> bool:
    """Tell whether the output has a column of that name, or may have.

    Examples
    --------
    >>> [is_reserved(name) for name in ("status", "label_2", "probability_nv", "age", "label")]
    [True, True, True, False, False]
    """
    return RESERVED.fullmatch(name) is not None


def read_columns(
    tables: Sequence[str], reserved: Callable[[str], bool] = is_reserved, path_column: str = PATH
) -> tuple[str, ...]:
    """Read the headers of tables, and name the columns that are carried through.

    Parameters
    ----------
    tables : sequence of str
        Paths of CSV files in UTF-8, with or without a byte order mark.
    reserved : callable
        Tells of a name whether it is the output's own.
    path_column : str
        Name of the column of the images' paths.

    Returns
    -------
    tuple of str
        All columns but that of the paths and `id`, each once, in the order in which they first
        appear.

    Raises
    ------
    SourceError
        If a table cannot be opened or is no UTF-8, has no column of the paths, a column without a
        name or with one that is reserved, or two of the same name.
    """
    columns: dict[str, None] = {}
    for table in tables:
        with _open(table, path_column) as (header, _):
            others = [name for name in header if name not in {path_column, ID}]
        if clashes := [name for name in others if reserved(name)]:
            msg = (
                f"The table {table} has a column named {name_few(clashes)}, as the output has; "
                "rename it."
            )
            raise SourceError(msg)
        columns.update(dict.fromkeys(others))
    return tuple(columns)


def read_table(
    table: str, columns: Sequence[str], warn: Callable[[str], None], path_column: str = PATH
) -> Iterator[Item]:
    """Give the rows of a table while they are read, a row at a time.

    A path is relative to the folder of the table. Rows whose cells are all empty are skipped.

    Parameters
    ----------
    table : str
    columns : sequence of str
        Those to carry through; one that this table lacks is empty.
    warn : callable
        Told where the table lists nothing.
    path_column : str
        Name of the column of the images' paths.

    Yields
    ------
    Item
        A row; one that makes no sense, or from which on the table cannot be read, has a fault,
        and the name TABLE:LINE.
    """
    is_empty = True
    try:
        with _open(table, path_column) as (header, rows):
            for row in rows:
                is_empty = False
                yield _read_row(table, header, row, columns, path_column)
    except SourceError:
        yield Item(table, fault="it is a table that has changed since its header was read")
    else:
        if is_empty:
            warn(f"{table}: lists no image.")


def _read_row(
    table: str, header: Sequence[str], row: CsvRow, columns: Sequence[str], path_column: str
) -> Item:
    name = f"{table}:{row.line}"
    if row.fault:
        return Item(name, fault=row.fault)
    if len(row.cells) != len(header):
        under = f"{count(row.cells, 'cell')} under {count(header, 'column')}"
        return Item(name, fault=f"line {row.line} of the table has {under}")
    cells = dict(zip(header, row.cells, strict=True))
    fault = ""
    if path := cells[path_column]:
        folder = os.path.dirname(table)  # noqa: PTH120 - none of a table that is here
        name = os.path.join(folder, path)  # noqa: PTH118 - keeps both as they are written
    else:
        fault = f"line {row.line} of the table has no {path_column}"
    others = tuple(cells.get(column, "") for column in columns)
    return Item(name, fault=fault, id=cells.get(ID, ""), columns=others)


@contextmanager
def _open(table: str, path_column: str) -> Iterator[tuple[list[str], Iterator[CsvRow]]]:
    """Give the header and the rows of a table that can be used."""
    try:
        with open_csv(Path(table)) as file:
            rows = read_csv_rows(file, {path_column, ID})
            header = take_header(rows)
            _check_header(table, header, path_column)
            yield header, rows
    except CsvError as error:
        msg = f"The table {table} {error}."
        raise SourceError(msg) from error


def _check_header(table: str, header: Sequence[str], path_column: str) -> None:
    if odd := [name for name in header if name and not name.isprintable()]:
        msg = f"The table {table} has a column named {odd[0]!a}, not one line of text; rename it."
        raise SourceError(msg)
    if path_column not in header:
        msg = (
            f"The table {table} has no column {path_column!r}, only "
            f"{name_few(header, 10) or 'none'}; name the column of the images by --path-column."
        )
        raise SourceError(msg)
    if "" in header:
        msg = f"The table {table} has no name for column {header.index('') + 1}; give it one."
        raise SourceError(msg)


def read_list(blocks: Iterator[bytes | None], separator: bytes) -> Iterator[Item | None]:
    """Give the entries of a list of paths as soon as each is complete.

    Empty entries are skipped, and carriage returns are taken off lines that were written on
    Windows. What cannot be a list is refused before it becomes a row: it may
    hold anything, a patient's name too.

    Parameters
    ----------
    blocks : iterator of bytes or None
        None, where nothing has come for a while.
    separator : bytes
        A newline, or NUL.

    Yields
    ------
    Item or None
        None where no entry is complete, so that one can do something else.

    Raises
    ------
    SourceError
        If entries are separated by the other character.
    """
    rest, number = b"", 0
    for block in blocks:
        if block is None:
            yield None
            continue
        if separator == b"\n" and b"\0" in block:
            raise SourceError(_HOLDS_NUL)
        *entries, rest = (rest + block).split(separator)
        rest = rest[: MAX_ENTRY_BYTES + 2]  # one more, and a carriage return
        if not entries:
            yield None  # an entry that comes byte by byte, or never ends, must not hold one up
        for entry in entries:
            number += 1
            yield from _make_item(entry, separator, number)
    if separator == b"\0" and not number and b"\n" in rest:
        raise SourceError(_HOLDS_NO_NUL)
    yield from _make_item(rest, separator, number + 1)


_HOLDS_NUL = (
    "The list on standard input holds NUL bytes: say -0 if they separate its entries, as those of "
    "find -print0."
)
_HOLDS_NO_NUL = "The list on standard input has lines and no NUL: leave out -0."


def _make_item(entry: bytes, separator: bytes, number: int) -> Iterator[Item]:
    if separator == b"\n":
        entry = entry.removesuffix(b"\r")
    if len(entry) > MAX_ENTRY_BYTES:
        fault = f"it is an entry of more than {MAX_ENTRY_BYTES:,} bytes in the list of images"
        yield Item(f"stdin:{number}", fault=fault)
    elif entry:
        yield Item(os.fsdecode(entry))
