"""Reading CSV files so that whatever is wrong is told with its line."""

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TextIO

from trifuse.datasets.table import DatasetError, name_few


class Entry(NamedTuple):
    """One row of a table of labelled images: its line, and what names, labels and groups it."""

    line: int
    name: str
    label: str
    group: str


Row = tuple[int, dict[str, str]]


def read_header(path: Path) -> list[str]:
    """Return the column names of a CSV file (empty if the file is)."""
    with _open(path) as file:
        return _header(csv.reader(file))


def read_rows(path: Path, required: Collection[str]) -> list[Row]:
    """Return the rows of a CSV file as (line number, {column: stripped cell}); blank lines go.

    Raises
    ------
    DatasetError
        If the file cannot be read, is not UTF-8, lacks a `required` column, has a row of another
        length than its header, or has no rows.
    """
    with _open(path) as file:
        reader = csv.reader(file)
        header = _header(reader)
        if missing := [column for column in required if column not in header]:
            raise DatasetError(
                f"{path} has no column {' and no column '.join(missing)}; "
                f"its columns are: {name_few(header, 10) or 'none'}"
            )
        rows = [_row(path, reader.line_num, header, cells) for cells in reader if any(cells)]
    if not rows:
        raise DatasetError(f"{path} has a header and no rows; add one row an image")
    return rows


def reject_lines(path: Path, lines: Sequence[int], problem: str) -> None:
    """Raise DatasetError with `problem` and the first few `lines`, if there are any."""
    if lines:
        noun = "line" if len(lines) == 1 else "lines"
        raise DatasetError(f"{path}, {noun} {name_few(lines)}: {problem}")


def reject_repeats(path: Path, entries: Sequence[Entry]) -> None:
    """Raise DatasetError if two entries have the same name."""
    first: dict[str, int] = {}
    repeats = [
        f"{entry.name} (lines {first[entry.name]} and {entry.line})"
        for entry in entries
        if first.setdefault(entry.name, entry.line) != entry.line
    ]
    if repeats:
        raise DatasetError(
            f"{path} lists images more than once: {name_few(repeats)}; keep one row of each"
        )


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    try:
        # Spreadsheets write a byte order mark, which would else become part of the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise DatasetError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a CSV file in UTF-8 ({error})") from error


def _header(reader: Iterator[list[str]]) -> list[str]:
    return [cell.strip() for cell in next(reader, [])]


def _row(path: Path, line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise DatasetError(
            f"{path}, line {line}: {len(cells)} cells under {len(header)} columns; "
            "quote cells that hold commas"
        )
    return line, dict(zip(header, map(str.strip, cells), strict=True))
