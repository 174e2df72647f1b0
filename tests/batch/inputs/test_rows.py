"""Rows of CSV files: one at a time, and whatever is wrong is told with its line."""

import io

import pytest

from trifuse.batch.inputs import rows
from trifuse.batch.inputs.rows import ENCODING, ERRORS, Row, read_rows


def read(content):
    return list(read_rows(io.TextIOWrapper(io.BytesIO(content), ENCODING, ERRORS, newline="")))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a,b\n1,2\n", [Row(1, ["a", "b"]), Row(2, ["1", "2"])]),
        (b"\xef\xbb\xbfa,b\r\n1,2", [Row(1, ["a", "b"]), Row(2, ["1", "2"])]),
        (b"a\rb\rc", [Row(1, ["a"]), Row(2, ["b"]), Row(3, ["c"])]),
        (b"a,b\n\n,\n1,2\n", [Row(1, ["a", "b"]), Row(4, ["1", "2"])]),
        (b'a\n"x\ny"\nz\n', [Row(1, ["a"]), Row(2, ["x\ny"]), Row(4, ["z"])]),
        (b'"a ""b"" c", d \n', [Row(1, ['a "b" c', " d "])]),
        ("é,\U0001f600\n".encode(), [Row(1, ["é", "\U0001f600"])]),
        (b"a\0b,c\n", [Row(1, ["a\0b", "c"])]),
    ],
)
def test_rows(content, found):
    assert read(content) == found


def test_rows_before_bytes_that_are_no_utf_8_are_given():
    found = read(b"a\nb\n\xff\nc\n")
    fault = "line 3 of the table is not in UTF-8, and the rest is not read"
    assert found == [Row(1, ["a"]), Row(2, ["b"]), Row(3, fault=fault)]


def test_bytes_that_are_no_utf_8_within_quotes_are_told_with_their_line():
    found = read(b'a\n"b\nc\n\xff"\nd\n')
    fault = "line 4 of the table is not in UTF-8, and the rest is not read"
    assert found == [Row(1, ["a"]), Row(4, fault=fault)]


def test_utf_16_is_no_utf_8():
    (row,) = read("path\na.jpg\n".encode("utf-16"))
    assert row.fault == "line 1 of the table is not in UTF-8, and the rest is not read"


def test_a_quote_that_is_not_closed_is_told():
    found = read(b'a\n"b\nc\nd\n')
    fault = "the table cannot be read from line 2 on (unexpected end of data)"
    assert found == [Row(1, ["a"]), Row(2, fault=fault)]


def test_a_quote_that_swallows_more_than_a_cell_may_hold():
    found = read(b'a\n"b\n' + b"c\n" * 100_000)
    fault = "the table cannot be read from line 2 on (field larger than field limit (131072))"
    assert found == [Row(1, ["a"]), Row(2, fault=fault)]


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
    file = io.TextIOWrapper(io.BufferedReader(endless), ENCODING, ERRORS, newline="")
    header, last = read_rows(file)
    assert header == Row(1, ["a"])
    assert last.fault.endswith(
        "of the table is longer than 1,048,576 characters, and the rest is not read"
    )
    assert endless.given < 1.1 * rows.MAX_ROW_CHARACTERS


def test_rows_are_read_as_they_are_asked_for():
    endless = Endless(b"", b"a,b\n")
    found = read_rows(io.TextIOWrapper(io.BufferedReader(endless), ENCODING, ERRORS, newline=""))
    for line in range(1, 10_001):
        assert next(found) == Row(line, ["a", "b"])
    assert endless.given < 80_000


def test_a_file_that_cannot_be_read_any_more():
    class Broken(Endless):
        def readinto(self, buffer):
            if self.given:
                raise OSError(5, "Input/output error")
            return super().readinto(buffer)

    file = io.TextIOWrapper(io.BufferedReader(Broken(b"", b"a\n")), ENCODING, ERRORS, newline="")
    *_, last = read_rows(file)
    assert last.fault.endswith("cannot be read (Input/output error), and the rest is not read")
