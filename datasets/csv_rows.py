"""Rows of a CSV file, one at a time; whatever is wrong with one is told with its line.

Cells are separated by commas, semicolons or tabs, as the header is, or by what a first line such as
``sep=;`` says, which Excel writes and reads; spaces behind a separator are no part of a cell.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TextIO

from trifuse.datasets.table import find_repeats, name_few

DELIMITERS = ",;\t"
"""What may separate cells, the usual one first."""

_SEPARATOR_LINE = re.compile(r'"?sep=([!#-~]|\t)"?\s*', re.IGNORECASE)

MAX_ROW_CHARACTERS = 1 << 20
"""Of a row with all its lines; what has more is no row, and must not fill the memory."""


class CsvError(ValueError):
    """A file is not the CSV that it should be; the message is a clause without its subject."""


class CsvRow(NamedTuple):
    """One row: the number of its first line, and its cells; or why it has none, as a clause."""

    line: int
    cells: Sequence[str] = ()
    fault: str = ""


def open_csv(path: Path) -> TextIO:
    """Open a file for `read_csv_rows`.

    Raises
    ------
    CsvError
        If it cannot be read, or is no regular file: opening a named pipe would wait, and reading
        its header would take the header away.
    """
    try:
        if not path.exists() or path.is_file():
            # Spreadsheets write a byte order mark, which would else become part of the first name.
            # Text is decoded by the block: an error would take the good rows before it along.
            return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except (OSError, ValueError) as error:  # a name that holds NUL raises ValueError
        raise CsvError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    raise CsvError("is not a regular file; name one")


def read_csv_rows(
    file: TextIO, known: Collection[str] = (), *, verbatim: bool = False
) -> Iterator[CsvRow]:
    """Give the rows of a CSV file, the header first, without those whose cells are all empty.

    A quote that is not closed swallows the rows below it, and csv notices at the end of the file
    or of a cell's allowed length: then the rest is given up, and the last row says from where on.
    Where what is wrong is within one line, the next line is read.

    Parameters
    ----------
    file : text file
        As `open_csv` opens it.
    known : collection of str
        Names that the header may hold: what separates most of them is the separator, else what
        separates most cells.
    verbatim : bool
        Keep spaces, and bytes that are no UTF-8, as in a file that trifuse wrote.
    """
    lines = _Lines(file, verbatim)
    above, header = 0, lines.peek()
    if separator := _SEPARATOR_LINE.fullmatch(header):
        above = len(lines.ahead)
        lines.ahead.clear()
    delimiter = separator[1] if separator else choose_delimiter(header, known)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=not verbatim, strict=True)
    while True:
        lines.characters_left = MAX_ROW_CHARACTERS
        line = above + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _LineError as error:
            line = max(line, above + reader.line_num + 1)
            yield CsvRow(line, fault=f"line {line} of the table {error}, and the rest is not read")
            return
        except csv.Error as error:
            if above + reader.line_num > line:
                yield CsvRow(line, fault=f"the table cannot be read from line {line} on ({error})")
                return
            yield CsvRow(line, fault=f"line {line} of the table cannot be read ({error})")
        else:
            if any(cells):
                yield CsvRow(line, cells)


def take_header(rows: Iterator[CsvRow]) -> list[str]:
    """Take the header, whose names are stripped, off the rows; empty if there is none.

    Raises
    ------
    CsvError
        If it cannot be read, or two columns have one name.
    """
    row = next(rows, CsvRow(1))
    if row.fault:
        raise CsvError(f"is not a CSV file in UTF-8: {row.fault}")
    header = [cell.strip() for cell in row.cells]
    if repeats := find_repeats(filter(None, header)):
        raise CsvError(f"has two columns named {name_few(repeats)}; rename one")
    return header


def choose_delimiter(header: str, known: Collection[str] = ()) -> str:
    r"""Tell what separates the cells of a header.

    Examples
    --------
    >>> [choose_delimiter(line) for line in ("path", "path, label", "path;label", "path\tlabel")]
    [',', ',', ';', '\t']
    >>> choose_delimiter("path;age, years, at least", {"path"})
    ';'
    """

    def rate(delimiter: str) -> tuple[int, int]:
        cells: list[str] = []
        with suppress(csv.Error):
            cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
        return len({cell.strip() for cell in cells}.intersection(known)), len(cells)

    return max(DELIMITERS, key=rate)  # of equals the first


class _LineError(ValueError):
    """A line cannot be read, nor can those below it; the message is a clause without subject."""


class _Lines:
    """Gives csv the lines of a file, as far as they are UTF-8 and a row does not get too long."""

    def __init__(self, file: TextIO, verbatim: bool) -> None:
        self._file = file
        self._verbatim = verbatim
        self.ahead: list[str | Exception] = []
        self.characters_left = MAX_ROW_CHARACTERS

    def peek(self) -> str:
        """Give the first line that is not blank, which is given again; empty if there is none."""
        line = ""
        while not line.strip():
            try:
                line = self._read()
            except (StopIteration, _LineError) as error:
                self.ahead.append(error)
                return ""
            self.ahead.append(line)
        return line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.ahead.pop(0) if self.ahead else self._read()
        if isinstance(line, Exception):
            raise line
        return line

    def _read(self) -> str:
        try:
            line = self._file.readline(self.characters_left)
            if not self._verbatim:
                line.encode()  # what was no UTF-8 is a surrogate escape now
        except OSError as error:
            raise _LineError(f"cannot be read ({error.strerror or error})") from error
        except UnicodeEncodeError as error:
            raise _LineError("is not in UTF-8") from error
        if not line:
            raise StopIteration
        self.characters_left -= len(line)
        if not self.characters_left:
            raise _LineError(f"is longer than {MAX_ROW_CHARACTERS:,} characters")
        return line
