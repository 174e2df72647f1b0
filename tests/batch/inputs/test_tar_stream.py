"""The bytes of tar archives: forward only, and never more than was asked for."""

import bz2
import gzip
import io
import lzma

import pytest

from trifuse.batch.inputs import tar_stream
from trifuse.batch.inputs.tar_stream import MAX_HEADER_BYTES, ArchiveError, unpack_stream

CONTENT = bytes(range(256)) * 1000
PACK = {"tar": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture(params=PACK)
def kind(request):
    return request.param


@pytest.fixture
def open_stream(kind):
    def open_stream(*parts):
        stream = unpack_stream(io.BufferedReader(io.BytesIO(b"".join(map(PACK[kind], parts)))))
        stream.header_bytes_left = MAX_HEADER_BYTES
        return stream

    return open_stream


def test_the_first_bytes_tell_the_compression(open_stream):
    stream = open_stream(CONTENT)
    assert stream.read(512) == CONTENT[:512]
    assert stream.tell() == 512
    assert b"".join(stream.read_chunks(100_000)) == CONTENT[512:100_512]
    assert stream.tell() == 100_512
    assert stream.seek(len(CONTENT) - 3) == len(CONTENT) - 3
    assert stream.read(512) == CONTENT[-3:]
    assert stream.read(512) == b""


@pytest.mark.parametrize("size", [1, 7, 65_536, 65_537])
def test_reads_are_whole(open_stream, size):
    stream = open_stream(CONTENT)
    assert b"".join(stream.read_chunks(size)) == CONTENT[:size]


def test_several_streams_are_one(open_stream):
    stream = open_stream(CONTENT[:1000], b"", CONTENT[1000:])
    assert b"".join(stream.read_chunks(len(CONTENT))) == CONTENT


@pytest.mark.parametrize("zeros", [4, 8, 200_000])
def test_xz_may_have_zeros_between_streams_and_behind(zeros):
    packed = lzma.compress(b"one") + bytes(zeros) + lzma.compress(b"two") + bytes(zeros)
    stream = unpack_stream(io.BufferedReader(io.BytesIO(packed)))
    assert b"".join(stream.read_chunks(6)) == b"onetwo"
    assert list(stream.read_chunks(0)) == []
    with pytest.raises(EOFError):
        list(stream.read_chunks(1))


def test_it_goes_forward_only(open_stream):
    stream = open_stream(CONTENT)
    stream.seek(1000)
    stream.seek(1000)
    with pytest.raises(ArchiveError, match="it has sizes that lead backwards"):
        stream.seek(999)


def test_content_that_ends_too_early(open_stream):
    with pytest.raises(EOFError):
        list(open_stream(CONTENT).read_chunks(len(CONTENT) + 1))


@pytest.mark.parametrize("size", [-1, -512, MAX_HEADER_BYTES + 1, 1 << 60])
def test_headers_are_bounded(open_stream, size):
    with pytest.raises(ArchiveError, match="a header in it has more than 131,072 bytes"):
        open_stream(CONTENT).read(size)


def test_headers_are_bounded_together(open_stream):
    stream = open_stream(CONTENT)
    for _ in range(MAX_HEADER_BYTES // 512):
        stream.read(512)
    with pytest.raises(ArchiveError, match="a header in it has more than"):
        stream.read(512)


def test_digits_without_end_are_no_header(open_stream):
    assert open_stream(b"1" * 900 + b" " * 124).read(1024)
    with pytest.raises(ArchiveError, match="a header in it makes no sense"):
        open_stream(b"1" * 1024).read(1024)


def test_what_is_packed_is_bounded(open_stream, kind, monkeypatch):
    monkeypatch.setattr(tar_stream, "MAX_UNPACKED_BYTES", 100_000)
    stream = open_stream(CONTENT)
    if kind == "tar":
        assert stream.seek(200_000) == 200_000
    else:
        with pytest.raises(ArchiveError, match="it has more than 100,000 bytes when unpacked"):
            stream.seek(200_000)


def test_after_an_error_nothing_is_read(kind):
    if kind == "tar":
        return
    packed = PACK[kind](CONTENT)
    stream = unpack_stream(io.BufferedReader(io.BytesIO(packed[: len(packed) // 2])))
    for _ in range(2):
        with pytest.raises((EOFError, OSError)):
            list(stream.read_chunks(len(CONTENT)))


@pytest.mark.parametrize("size", [512, 1024, 10_240, 1 << 20])
def test_an_end_of_zeros(open_stream, size):
    stream = open_stream(bytes(size))
    stream.read(512)
    stream.check_end()


@pytest.mark.parametrize(
    ("end", "error", "message"),
    [
        (b"", EOFError, "^$"),
        (bytes(511), EOFError, "^$"),
        (bytes(511) + b"x", EOFError, "^$"),
        (bytes(512) + b"x", ArchiveError, "^it goes on behind its end mark$"),
        (bytes(100_000) + b"x", ArchiveError, "^it goes on behind its end mark$"),
    ],
)
def test_ends_that_are_none(open_stream, end, error, message):
    stream = open_stream(end)
    stream.read(512)
    with pytest.raises(error, match=message):
        stream.check_end()


def test_at_the_end_the_checksum_is_verified(kind):
    if kind == "tar":
        return
    packed = bytearray(PACK[kind](bytes(512)))
    # The checksums stand in the last bytes, of xz in front of its index.
    packed[-30 if kind == "xz" else -6] ^= 1
    stream = unpack_stream(io.BufferedReader(io.BytesIO(packed)))
    stream.header_bytes_left = 512
    with pytest.raises((OSError, EOFError, lzma.LZMAError)):  # noqa: PT012
        stream.read(512)
        stream.check_end()


def test_a_trailer_is_read_to_a_limit(open_stream, monkeypatch):
    monkeypatch.setattr(tar_stream, "MAX_TRAILER_BYTES", 1 << 17)
    stream = open_stream(bytes(1 << 20) + b"x")
    stream.read(512)
    stream.check_end()
    assert stream.tell() == 512 + (1 << 17)


def test_xz_may_not_take_all_memory(monkeypatch):
    packed = lzma.compress(CONTENT)
    monkeypatch.setattr(tar_stream, "MAX_XZ_BYTES", 1 << 20)
    with pytest.raises(lzma.LZMAError, match="Memory usage limit"):
        unpack_stream(io.BufferedReader(io.BytesIO(packed))).seek(1)
