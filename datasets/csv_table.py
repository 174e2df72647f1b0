"""Tables of labelled images, read whole: whatever is wrong in one is told with its line.

The one of our own form is ``path,label`` and, where several images show one lesion, ``group``.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trifuse.datasets.csv_rows import CsvError, CsvRow, open_csv, read_csv_rows, take_header
from trifuse.datasets.table import DatasetError, LabelledTable, count, name_few


class LabelledRow(NamedTuple):
    """One row of a table of labelled images: its line, its name, label and group, and all cells."""

    line: int
    name: str
    label: str
    group: str
    cells: Mapping[str, str] = {}


@dataclass(frozen=True)
class Columns:
    """Others' headings of the columns that we call path, label and group; None where they are ours.

    Where any is another's, the table is read by these headings.
    """

    path: str | None = None
    label: str | None = None
    group: str | None = None


NO_COLUMNS = Columns()

_KNOWN = frozenset({"path", "label", "group", "image_id", "lesion_id", "dx", "image", "MEL", "NV"})

NAME_COLUMNS = "other headings are named by --path-column and --label-column"

Cells = tuple[int, dict[str, str]]


def read_csv_table(path: Path, columns: Columns = NO_COLUMNS) -> LabelledTable:
    """Read a CSV table of images.

    Parameters
    ----------
    path : Path
        A CSV file with the columns path and label, optionally group, and any others. Paths are
        relative to the CSV's own folder, or absolute. Without a group column each image is a
        group of its own.
    columns : Columns
        What the columns are called instead.

    Returns
    -------
    LabelledTable
        In the order of the CSV.

    Raises
    ------
    DatasetError
        If a column is missing, a cell is empty, an image is listed twice or is no file, or a
        group has two labels; with line numbers.
    """
    entries = read_csv_entries(path, columns)
    files = [path.parent / entry.name for entry in entries]
    lost = [entry.line for entry, file in zip(entries, files, strict=True) if not file.is_file()]
    reject_lines(path, lost, f"there is no such image file below {path.parent}")
    return LabelledTable(
        paths=tuple(files),
        labels=tuple(entry.label for entry in entries),
        groups=tuple(entry.group for entry in entries),
        columns=gather_columns(entries),
    )


def read_csv_entries(path: Path, columns: Columns = NO_COLUMNS) -> list[LabelledRow]:
    """Read the table alone: name is path, and so is group where there is no such column.

    Raises
    ------
    DatasetError
        If a column is missing, a cell is empty, or an image is listed twice.
    """
    name, label, group = columns.path or "path", columns.label or "label", columns.group or "group"
    required = [name, label, *([group] if columns.group else [])]
    entries = [
        LabelledRow(line, row[name], row[label], row.get(group, row[name]), row)
        for line, row in read_cells(path, required, columns)
    ]
    reject_lines(path, [e.line for e in entries if not e.name], f"{name} is empty")
    reject_lines(path, [e.line for e in entries if not e.label], f"{label} is empty")
    reject_lines(
        path,
        [e.line for e in entries if not e.group],
        f"{group} is empty; give an image that belongs to no other a group of its own",
    )
    reject_repeats(path, entries)
    return entries


def gather_columns(entries: Sequence[LabelledRow]) -> dict[str, tuple[str, ...]]:
    """Give every column of rows; (n_rows,) by name."""
    return {name: tuple(entry.cells[name] for entry in entries) for name in entries[0].cells}


def read_column_names(path: Path, columns: Columns = NO_COLUMNS) -> list[str]:
    """Return the column names of a CSV file (empty if the file is)."""
    with _open(path, columns) as (header, _):
        return header


def read_cells(
    path: Path,
    required: Collection[str],
    columns: Columns = NO_COLUMNS,
    *,
    verbatim: bool = False,
) -> list[Cells]:
    """Return the rows of a CSV file as (line number, {column: stripped cell}); blank lines go.

    Verbatim cells keep their spaces, and bytes that are no UTF-8, as in a file that trifuse wrote.

    Raises
    ------
    DatasetError
        If the file cannot be read, is not UTF-8, lacks a `required` column, has two columns of one
        name, a row of another length than its header, or no rows.
    """
    with _open(path, columns, verbatim) as (header, rows):
        if missing := [column for column in required if column not in header]:
            ours = not {"path", "label"}.isdisjoint(missing)
            raise DatasetError(
                f"{path} has no column {' and no column '.join(missing)}; "
                f"its columns are: {name_few(header, 10) or 'none'}"
                f"{f'; {NAME_COLUMNS}' if ours else ''}"
            )
        found = [_pair(path, header, row, verbatim) for row in rows]
    if not found:
        raise DatasetError(f"{path} has a header and no rows; add one row an image")
    return found


def reject_lines(path: Path, lines: Sequence[int], problem: str) -> None:
    """Raise DatasetError with `problem` and the first few `lines`, if there are any."""
    if lines:
        noun = "line" if len(lines) == 1 else "lines"
        raise DatasetError(f"{path}, {noun} {name_few(lines)}: {problem}")


def reject_repeats(path: Path, entries: Sequence[LabelledRow]) -> None:
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
def _open(
    path: Path, columns: Columns, verbatim: bool = False
) -> Iterator[tuple[list[str], Iterator[CsvRow]]]:
    known = _KNOWN.union(filter(None, (columns.path, columns.label, columns.group)))
    try:
        with open_csv(path) as file:
            rows = read_csv_rows(file, known, verbatim=verbatim)
            yield take_header(rows), rows
    except CsvError as error:
        raise DatasetError(f"{path} {error}") from error


def _pair(path: Path, header: list[str], row: CsvRow, verbatim: bool) -> Cells:
    if row.fault:
        raise DatasetError(f"{path} is not a CSV file in UTF-8: {row.fault}")
    if len(row.cells) != len(header):
        raise DatasetError(
            f"{path}, line {row.line}: {count(row.cells, 'cell')} under "
            f"{count(header, 'column')}; quote cells that hold what separates them"
        )
    cells = row.cells if verbatim else map(str.strip, row.cells)
    return row.line, dict(zip(header, cells, strict=True))
