"""Rows of a CSV file, one at a time; whatever is wrong with one is told with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

MAX_ROW_CHARACTERS = 1 << 20
"""Of a row with all its lines; what has more is no row, and must not fill the memory."""

ENCODING = "utf-8-sig"
"""Spreadsheets write a byte order mark, which would else become part of the first name."""
ERRORS = "surrogateescape"
"""Text is decoded by the block: an error would take the good rows before it along."""


class Row(NamedTuple):
    """One row: the number of its first line, and its cells; or why it has none, as a clause."""

    line: int
    cells: Sequence[str] = ()
    fault: str = ""


class _LineError(ValueError):
    """A line cannot be read, nor can those below it; the message is a clause without subject."""


class _Lines:
    """Gives csv the lines of a file, as far as they are UTF-8 and a row does not get too long."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.characters_left = MAX_ROW_CHARACTERS

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._file.readline(self.characters_left)
            line.encode()  # what was no UTF-8 is a surrogate escape now, and cannot be encoded
        except OSError as error:
            msg = f"cannot be read ({error.strerror or error})"
            raise _LineError(msg) from error
        except UnicodeEncodeError as error:
            msg = "is not in UTF-8"
            raise _LineError(msg) from error
        if not line:
            raise StopIteration
        self.characters_left -= len(line)
        if not self.characters_left:
            msg = f"is longer than {MAX_ROW_CHARACTERS:,} characters"
            raise _LineError(msg)
        return line


def read_rows(file: TextIO) -> Iterator[Row]:
    """Give the rows of a CSV file, the header first, without those whose cells are all empty.

    A quote that is not closed swallows the rows below it, and csv notices at the end of the file
    or of a cell's allowed length: then the rest is given up, and the last row says from where on.
    Where what is wrong is within one line, the next line is read.

    Parameters
    ----------
    file : text file
        Opened with `ENCODING`, `ERRORS` and ``newline=""``.
    """
    lines = _Lines(file)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.characters_left = MAX_ROW_CHARACTERS
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _LineError as error:
            line = max(line, reader.line_num + 1)
            yield Row(line, fault=f"line {line} of the table {error}, and the rest is not read")
            return
        except csv.Error as error:
            if reader.line_num > line:
                yield Row(line, fault=f"the table cannot be read from line {line} on ({error})")
                return
            yield Row(line, fault=f"line {line} of the table cannot be read ({error})")
        else:
            if any(cells):
                yield Row(line, cells)
