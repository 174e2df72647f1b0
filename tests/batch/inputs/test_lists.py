"""Lists on standard input are taken in while they are being written."""

import contextlib
import io
import os
import threading
import time

import pytest

from trifuse.batch.inputs import stdin
from trifuse.batch.inputs.items import Item, SourceError
from trifuse.batch.inputs.stdin import read_blocks
from trifuse.batch.inputs.tables import MAX_ENTRY_BYTES
from trifuse.batch.inputs.tables import read_list as read_blocks_of_list


def read_list(stream, separator):
    return read_blocks_of_list(read_blocks(stream), separator)


def find_items(stream, separator):
    return [item for item in read_list(stream, separator) if item is not None]


@pytest.fixture
def pipe():
    """A stream to read from, and the descriptor of its other end."""
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as stream:
        yield stream, sink
    with contextlib.suppress(OSError):  # a test may have closed it
        os.close(sink)


@pytest.mark.parametrize(
    ("listed", "separator", "paths"),
    [
        (b"a.jpg\nb.jpg\n", b"\n", ["a.jpg", "b.jpg"]),
        (b"a.jpg\r\nb.jpg", b"\n", ["a.jpg", "b.jpg"]),
        (b"\n\r\n  a b.jpg \n\n", b"\n", ["  a b.jpg "]),
        (b"a\nb.jpg\0\0c\r.jpg\0", b"\0", ["a\nb.jpg", "c\r.jpg"]),
        (b"a.jpg\r\0b.jpg\r", b"\0", ["a.jpg\r", "b.jpg\r"]),
        (b"\xff.jpg\n", b"\n", ["\udcff.jpg"]),
        ("é.jpg".encode(), b"\n", ["é.jpg"]),
        (b"-\nx.zip\nx.csv\n", b"\n", ["-", "x.zip", "x.csv"]),
        (b"", b"\n", []),
    ],
)
def test_lists(listed, separator, paths):
    assert find_items(io.BytesIO(listed), separator) == list(map(Item, paths))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_list_may_come_in_any_pieces(size, monkeypatch, pipe):
    monkeypatch.setattr(stdin, "_BLOCK", size)
    stream, sink = pipe
    os.write(sink, b"one\r\n\xc3\xa9\n\nthree")
    os.close(sink)
    items = find_items(stream, b"\n")
    assert items == [Item("one"), Item("é"), Item("three")]


def test_an_item_comes_while_the_writer_holds_the_pipe_open(pipe):
    stream, sink = pipe
    items = read_list(stream, b"\n")
    assert next(items) is None
    writer = threading.Timer(0.2, os.write, (sink, b"a.jpg\nb.jpg\nc"))
    writer.start()
    started = time.monotonic()
    waits = 0
    while (item := next(items)) is None:
        waits += 1
    assert item == Item("a.jpg")
    assert 1 <= waits <= 10
    assert time.monotonic() - started < 1
    writer.join()
    assert next(items) == Item("b.jpg")
    assert next(items) is None  # the third is not complete
    os.write(sink, b".jpg\n")
    assert next(items) == Item("c.jpg")
    os.close(sink)
    assert list(items) == []


def test_one_waits_fifty_milliseconds(pipe):
    stream, _ = pipe
    items = read_list(stream, b"\n")
    started = time.monotonic()
    assert [next(items) for _ in range(3)] == [None] * 3
    assert 3 * stdin.WAIT_SECONDS <= time.monotonic() - started < 1


def test_an_entry_that_comes_byte_by_byte_holds_nobody_up(pipe):
    stream, sink = pipe
    items = read_list(stream, b"\n")
    for byte in b"abc":
        os.write(sink, bytes([byte]))
        assert next(items) is None
    os.write(sink, b"\n")
    assert next(items) == Item("abc")


def test_files_are_lists_too(tmp_path):
    (tmp_path / "list").write_bytes(b"a\nb\n")
    with (tmp_path / "list").open("rb") as stream:
        assert list(read_list(stream, b"\n")) == [Item("a"), Item("b")]


def test_an_entry_without_end_becomes_one_faulty_item(pipe):
    stream, sink = pipe

    def write():
        os.write(sink, b"a\n")
        for _ in range(20):
            os.write(sink, b"x" * MAX_ENTRY_BYTES)
        os.write(sink, b"\nb\n")
        os.close(sink)

    writer = threading.Thread(target=write)
    writer.start()
    first, long, last = find_items(stream, b"\n")
    writer.join()
    assert (first, last) == (Item("a"), Item("b"))
    assert long.fault == "it is an entry of more than 65,536 bytes in the list of images"
    assert long.name == "stdin:2"


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_longest_entry(end):
    listed = b"x" * MAX_ENTRY_BYTES + end
    assert find_items(io.BytesIO(listed), b"\n") == [Item("x" * MAX_ENTRY_BYTES)]
    (item,) = find_items(io.BytesIO(b"x" + listed), b"\n")
    assert item.fault


@pytest.mark.parametrize(
    ("rest", "fits"), [(b"", True), (b"\r", True), (b"y", False), (b"\ry", False), (b"y\r", False)]
)
def test_the_longest_entry_in_two_pieces(rest, fits):
    pieces = iter([b"x" * MAX_ENTRY_BYTES + rest, b"\n"])
    (item,) = [item for item in read_blocks_of_list(pieces, b"\n") if item is not None]
    assert bool(item.fault) is not fits
    assert item.name == ("x" * MAX_ENTRY_BYTES if fits else "stdin:1")


def test_a_pipe_that_does_not_block(pipe, monkeypatch):
    stream, sink = pipe
    os.set_blocking(stream.fileno(), False)
    monkeypatch.setattr(stdin, "_is_ready", lambda _: True)
    items = read_list(stream, b"\n")
    assert next(items) is None
    os.write(sink, b"a\n")
    assert next(items) == Item("a")


def test_where_select_cannot_ask_one_just_reads(pipe, monkeypatch):
    def refuse(*_):
        raise ValueError("filedescriptor out of range in select()")

    monkeypatch.setattr(stdin.select, "select", refuse)
    stream, sink = pipe
    os.write(sink, b"a\n")
    assert next(read_list(stream, b"\n")) == Item("a")


def test_a_list_that_cannot_be_read(tmp_path):
    class Folder(io.BytesIO):
        def fileno(self):
            return descriptor

    descriptor = os.open(tmp_path, os.O_RDONLY)
    message = r"^The list of images on standard input cannot be read: Is a directory\.$"
    with pytest.raises(SourceError, match=message):
        list(read_list(Folder(), b"\n"))
    os.close(descriptor)


def test_a_list_that_is_closed():
    stream = io.BytesIO(b"a\n")
    stream.close()
    with pytest.raises(SourceError, match=r"cannot be read: I/O operation on closed file\.$"):
        list(read_list(stream, b"\n"))


@pytest.mark.parametrize("listed", [b"a.jpg\0b.jpg\0", b"a.jpg\n" * 999 + b"b.jpg\0", b"\0"])
def test_a_list_that_nul_separates_is_refused_without_its_option(listed):
    with pytest.raises(SourceError, match=r"holds NUL bytes: say -0 if they separate its entries"):
        find_items(io.BytesIO(listed), b"\n")


def test_lines_are_refused_where_nul_is_to_separate(pipe):
    with pytest.raises(SourceError, match=r"^The list on standard input has lines and no NUL: lea"):
        find_items(io.BytesIO(b"a.jpg\n"), b"\0")
    assert find_items(io.BytesIO(b"a\nb.jpg\0c.jpg"), b"\0") == [Item("a\nb.jpg"), Item("c.jpg")]
