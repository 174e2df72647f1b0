"""Tar archives that are made to fill the memory or to go on for ever do neither."""

import gzip
import io
import tarfile
import time

import pytest

from trifuse.batch.inputs import archives, tar_stream
from trifuse.batch.inputs.items import Item

CUT_OFF = "it is damaged or cut off: what stands after its first {} is not read"
TOO_LONG = "a header in it has more than 131,072 bytes: what stands after its first {} is not read"


def pad(content):
    return content + bytes(-len(content) % 512)


@pytest.mark.parametrize(
    "kind",
    [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK],
)
def test_a_header_that_says_it_is_huge(kind, make_tar, read, measure, tar_header):
    bomb = tar_header("x", 1 << 30, kind) + bytes(1 << 24)
    start = make_tar(("a.jpg", b"x"))[:1024]
    items, peak = measure(read("x.tgz", gzip.compress(start + bomb, 1)))
    assert items == [Item("a.jpg", b"x"), Item("", fault=TOO_LONG.format("1 member"))]
    assert peak < 1 << 20
    (item,) = read("x.tgz", gzip.compress(bomb, 1))
    assert item.fault == "it is no tar archive, or is damaged"


def test_a_chain_of_headers(make_tar, read, tar_header):
    start = make_tar(("a.jpg", b"x"))[:1024]
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        _, last = read("x.tar", start + tar_header("x", 0, kind) * 10_000)
        assert last.fault in {TOO_LONG.format("1 member"), CUT_OFF.format("1 member")}


def test_a_map_of_holes_without_end(make_tar, read, measure, tar_header):
    goes_on = [(482, b"\1")]  # in the next block
    block = tar_header("x.jpg", 0, tarfile.GNUTYPE_SPARSE, goes_on)
    more = bytes([0o60] * 504 + [1] + [0] * 7)
    start = make_tar(("a.jpg", b"x"))[:1024]
    items, peak = measure(read("x.tgz", gzip.compress(start + block + more * 20_000, 1)))
    assert items == [Item("a.jpg", b"x"), Item("", fault=TOO_LONG.format("1 member"))]
    assert peak < 2 << 20


def test_global_headers_do_not_pile_up(read, tar_header):
    def record(number):
        return f"1000 k{number:05}={'v' * 987}\n".encode()

    def entry(number):
        content = b"".join(map(record, range(number, number + 100)))
        return tar_header("g", len(content), tarfile.XGLTYPE) + pad(content) + tar_header("a.jpg")

    *items, last = read("x.tar", b"".join(entry(100 * number) for number in range(9)))
    assert items == [Item("a.jpg", b"")]
    fault = "its global headers are too long: what stands after its first 1 member is not read"
    assert last == Item("", fault=fault)


def test_digits_without_end_take_no_time(read, tar_header):
    """Python 3.11.7 searches such a header in quadratic time."""
    content = b"1" * 120_000
    bomb = tar_header("x", len(content), tarfile.XHDTYPE) + pad(content) + tar_header("a.jpg")
    started = time.monotonic()
    (item,) = read("x.tar", tar_header("b.txt") + bomb)
    assert time.monotonic() - started < 2
    fault = "a header in it makes no sense: what stands after its first 1 member is not read"
    assert item.fault == fault


def test_a_hole_of_a_petabyte(make_tar, read, measure):
    info = tarfile.TarInfo("x.jpg")
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 50)}
    items, peak = measure(read("x.tar", make_tar((info, b""), ("b.jpg", b"x"))))
    assert items[0].fault.startswith("it has more than 256 MiB")
    assert items[1] == Item("b.jpg", b"x")
    assert peak < 1 << 20


def test_a_bomb(make_tar, read, monkeypatch, measure):
    monkeypatch.setattr(archives, "MAX_MEMBER_BYTES", 16 << 20)
    content = make_tar(("a.jpg", bytes(64 << 20)), ("b.jpg", b"x"), mode="w:gz", compresslevel=1)
    items, peak = measure(read("x.tgz", content))
    assert items[0].fault.startswith("it has more than")
    assert items[1] == Item("b.jpg", b"x")
    assert peak < 1 << 20


def test_a_packed_archive_does_not_go_on_for_ever(make_tar, read, monkeypatch):
    monkeypatch.setattr(tar_stream, "MAX_UNPACKED_BYTES", 1 << 20)
    members = [(f"{number}.jpg", bytes(400_000)) for number in range(9)]
    *items, last = read("x.tgz", make_tar(*members, mode="w:gz"))
    assert items[:2] == [Item(name, content) for name, content in members[:2]]
    assert last.fault.startswith("it ")
    assert "what stands after its first 3 members is not read" in last.fault


def test_members_are_not_remembered(read, tar_header, traced):
    content = b"".join(tar_header(f"{number}.jpg") for number in range(3000)) + bytes(1024)
    items = read("x.tar", content)
    next(items)
    with traced() as memory:
        assert sum(1 for _ in items) == 2999
    assert memory.peak < 400_000


def test_a_member_s_bytes_are_not_read_where_it_is_left_out(make_tar, read, monkeypatch):
    read_bytes = []
    real = io.BufferedReader.read

    class Reader(io.BufferedReader):
        def read(self, size=-1):
            read_bytes.append(size)
            return real(self, size)

    monkeypatch.setattr("trifuse.batch.inputs.archive_members.io.BufferedReader", Reader)
    content = make_tar(("a.jpg", bytes(10 << 20)), ("b.jpg", b"x"))
    assert list(read("x.tar", content, exclude=("a.*",))) == [Item("b.jpg", b"x")]
    assert sum(read_bytes) < 1 << 20
