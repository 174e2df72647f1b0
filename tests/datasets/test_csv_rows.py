"""Rows of CSV files: one at a time, and whatever is wrong is told with its line."""

import io
import os

import pytest

from trifuse.datasets.csv_rows import (
    MAX_ROW_CHARACTERS,
    CsvError,
    CsvRow,
    open_csv,
    read_csv_rows,
    take_header,
)


def wrap(file):
    """Open bytes as `open_csv` opens a file; its own rows are tested below."""
    return io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")


def read(content, **options):
    return list(read_csv_rows(wrap(io.BytesIO(content)), **options))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a,b\n1,2\n", [CsvRow(1, ["a", "b"]), CsvRow(2, ["1", "2"])]),
        (b"\xef\xbb\xbfa,b\r\n1,2", [CsvRow(1, ["a", "b"]), CsvRow(2, ["1", "2"])]),
        (b"a\rb\rc", [CsvRow(1, ["a"]), CsvRow(2, ["b"]), CsvRow(3, ["c"])]),
        (b"a,b\n\n,\n1,2\n", [CsvRow(1, ["a", "b"]), CsvRow(4, ["1", "2"])]),
        (b'a\n"x\ny"\nz\n', [CsvRow(1, ["a"]), CsvRow(2, ["x\ny"]), CsvRow(4, ["z"])]),
        (b'"a ""b"" c", d \n', [CsvRow(1, ['a "b" c', "d "])]),
        ("é,\U0001f600\n".encode(), [CsvRow(1, ["é", "\U0001f600"])]),
        (b"a\0b,c\n", [CsvRow(1, ["a\0b", "c"])]),
    ],
)
def test_rows(content, found):
    assert read(content) == found


def test_rows_before_bytes_that_are_no_utf_8_are_given():
    found = read(b"a\nb\n\xff\nc\n")
    fault = "line 3 of the table is not in UTF-8, and the rest is not read"
    assert found == [CsvRow(1, ["a"]), CsvRow(2, ["b"]), CsvRow(3, fault=fault)]


def test_bytes_that_are_no_utf_8_within_quotes_are_told_with_their_line():
    found = read(b'a\n"b\nc\n\xff"\nd\n')
    fault = "line 4 of the table is not in UTF-8, and the rest is not read"
    assert found == [CsvRow(1, ["a"]), CsvRow(4, fault=fault)]


def test_utf_16_is_no_utf_8():
    (row,) = read("path\na.jpg\n".encode("utf-16"))
    assert row.fault == "line 1 of the table is not in UTF-8, and the rest is not read"


def test_a_quote_that_is_not_closed_is_told():
    found = read(b'a\n"b\nc\nd\n')
    fault = "the table cannot be read from line 2 on (unexpected end of data)"
    assert found == [CsvRow(1, ["a"]), CsvRow(2, fault=fault)]


def test_a_quote_that_swallows_more_than_a_cell_may_hold():
    found = read(b'a\n"b\n' + b"c\n" * 100_000)
    fault = "the table cannot be read from line 2 on (field larger than field limit (131072))"
    assert found == [CsvRow(1, ["a"]), CsvRow(2, fault=fault)]


def test_after_a_line_that_makes_no_sense_the_next_is_read():
    found = read(b'a\n"b"c,d\ne\n' + b"x" * 200_000 + b"\nf\n")
    assert [row.line for row in found] == [1, 2, 3, 4, 5]
    assert [list(row.cells) for row in found] == [["a"], [], ["e"], [], ["f"]]
    assert found[1].fault == "line 2 of the table cannot be read (',' expected after '\"')"
    assert found[3].fault.startswith("line 4 of the table cannot be read (field larger than")


class Endless(io.RawIOBase):
    """Gives the same bytes again and again, and counts them."""

    def __init__(self, start, content):
        self.left, self.content, self.given = start, content, 0

    def readable(self):
        return True

    def readinto(self, buffer):
        self.left += self.content * (len(buffer) // len(self.content) + 1)
        buffer[:], self.left = self.left[: len(buffer)], self.left[len(buffer) :]
        self.given += len(buffer)
        return len(buffer)


@pytest.mark.parametrize("content", [b"x", b"x,", b'\n","', b"\0"])
def test_a_row_without_end_does_not_fill_the_memory(content):
    endless = Endless(b'a\n"' if b"\n" in content else b"a\n", content)
    file = wrap(io.BufferedReader(endless))
    header, last = read_csv_rows(file)
    assert header == CsvRow(1, ["a"])
    assert last.fault.endswith(
        "of the table is longer than 1,048,576 characters, and the rest is not read"
    )
    assert endless.given < 1.1 * MAX_ROW_CHARACTERS


def test_rows_are_read_as_they_are_asked_for():
    endless = Endless(b"", b"a,b\n")
    found = read_csv_rows(wrap(io.BufferedReader(endless)))
    for line in range(1, 10_001):
        assert next(found) == CsvRow(line, ["a", "b"])
    assert endless.given < 80_000


def test_a_file_that_cannot_be_read_any_more():
    class Broken(Endless):
        def readinto(self, buffer):
            if self.given:
                raise OSError(5, "Input/output error")
            return super().readinto(buffer)

    file = wrap(io.BufferedReader(Broken(b"", b"a\n")))
    *_, last = read_csv_rows(file)
    assert last.fault.endswith("cannot be read (Input/output error), and the rest is not read")


@pytest.mark.parametrize("separator", [",", ";", "\t", ", ", ";  ", "\t "])
def test_what_separates_cells_is_told_by_the_header(separator):
    table = 'path|label|"a;b,c\td"\n"x;y,z\t.jpg"|nv| "  1"\n'.replace("|", separator)
    rows = [CsvRow(1, ["path", "label", "a;b,c\td"]), CsvRow(2, ["x;y,z\t.jpg", "nv", "  1"])]
    assert read(table.encode()) == rows


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (b"path;age, in years, at the visit", ["path", "age, in years, at the visit"]),
        (b"path,left;right;both", ["path", "left;right;both"]),
        (b"a;b\tpath", ["a;b", "path"]),
        (b"path", ["path"]),
    ],
)
def test_the_names_that_are_looked_for_decide(header, cells):
    assert read(header + b"\n", known={"path"}) == [CsvRow(1, cells)]


@pytest.mark.parametrize("first", [b"sep=;", b"SEP=;\r", b'"sep=;"', b"\xef\xbb\xbfsep=;"])
def test_a_first_line_that_names_the_separator_is_obeyed(first):
    found = read(first + b"\na,b,c;d\n\n1;2\n", known={"a"})
    assert found == [CsvRow(2, ["a,b,c", "d"]), CsvRow(4, ["1", "2"])]
    assert read(b"sep=|\na|b\n") == [CsvRow(2, ["a", "b"])]
    assert read(b"sep=\t\na;b\tc\n") == [CsvRow(2, ["a;b", "c"])]
    assert read(b"sep=;\n") == []
    assert read(b"sep=\0\n") == [CsvRow(1, ["sep=\0"])]
    assert read(b"sep=;x\n") == [CsvRow(1, ["sep=", "x"])]


def test_lines_below_the_separator_are_told_by_their_number():
    wrong = b"sep=;\na;b\n1;" + b"x" * 200_000 + b'\n2;"3\n4\n'
    _, third, fourth = (row.fault for row in read(wrong))
    assert third.startswith("line 3 of the table cannot be read (field larger than")
    assert fourth == "the table cannot be read from line 4 on (unexpected end of data)"
    fault = "line 3 of the table is not in UTF-8, and the rest is not read"
    assert read(b"sep=;\na\n\xff\n")[-1] == CsvRow(3, fault=fault)


def test_lines_without_cells_may_come_first():
    assert read(b"\n \n;;\na;b;c\n")[-1] == CsvRow(4, ["a", "b", "c"])


def test_a_file_of_ours_is_read_as_it_stands():
    content = b" \xff.jpg, nv\n"
    assert read(content, verbatim=True) == [CsvRow(1, [" \udcff.jpg", " nv"])]
    assert read(content)[0].fault


def test_two_columns_of_one_name_are_refused():
    message = r"^has two columns named path, label; rename one$"
    with pytest.raises(CsvError, match=message):
        take_header(iter(read(b"path;label ;x; label;path\n")))
    assert take_header(iter(read(b"a,,b,\n"))) == ["a", "", "b", ""]
    assert take_header(iter(())) == []


def test_what_cannot_be_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    for name, message in {
        "gone.csv": "cannot be read: No such file or directory",
        "pipe.csv": "is not a regular file; name one",
        ".": "is not a regular file; name one",
        "\0.csv": "cannot be read: embedded null byte",
    }.items():
        with pytest.raises(CsvError) as error:
            open_csv(tmp_path / name)
        assert str(error.value) == message
