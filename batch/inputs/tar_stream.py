"""The bytes of a tar archive, unpacked on the way, forward only."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

MAX_UNPACKED_BYTES = 1 << 40
"""1 TiB, of a compressed tar archive: a bomb costs time, but not for ever."""
MAX_HEADER_BYTES = 1 << 17
"""128 KiB, of all headers that belong to one member of a tar archive."""
MAX_XZ_BYTES = 128 << 20
"""Memory that xz may take; its strongest preset needs 65 MiB, but a header can ask for 4 GiB."""
MAX_TRAILER_BYTES = 16 << 20
"""Of zeros behind the end mark; what follows them is not looked at."""
BLOCK_BYTES = 512
CHUNK_BYTES = 65_536
"""Members are unpacked piece by piece, so that none is larger than its header says."""


class ArchiveError(ValueError):
    """An archive or a member cannot be read; the message is a clause ("it is encrypted")."""


def unpack_stream(file: io.BufferedReader[io.RawIOBase]) -> TarStream:
    """Give the bytes of a tar archive, whose compression its first bytes tell."""
    magic = file.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return TarStream(cast(BinaryIO, gzip.GzipFile(fileobj=file)), MAX_UNPACKED_BYTES)
    if magic.startswith(b"BZh"):
        return TarStream(cast(BinaryIO, bz2.BZ2File(file)), MAX_UNPACKED_BYTES)
    if magic == b"\xfd7zXZ\x00":
        return TarStream(io.BufferedReader(_XzReader(file)), MAX_UNPACKED_BYTES)
    return TarStream(file, None)


class TarStream:
    """A file for tarfile that goes forward only, and bounds what tarfile reads for a header.

    tarfile reads extended headers whole, however long they say they are, and follows sizes that
    lead backwards, to read the same members for ever.

    Parameters
    ----------
    file : binary file
        Its `read` gives as much as it is asked for, except at the end.
    limit : int, optional
        Of bytes that it may give; with none it can be as long as it is, and skips by seeking where
        the file can.
    """

    def __init__(self, file: BinaryIO, limit: int | None) -> None:
        self.header_bytes_left = 0
        self._file = file
        self._limit = limit
        self._position = 0
        self._last = b""
        self._broken_by: Exception | None = None

    def tell(self) -> int:
        """Give the position in the unpacked archive."""
        return self._position

    def seek(self, position: int) -> int:
        """Go forward."""
        distance = position - self._position
        if distance < 0:
            msg = "it has sizes that lead backwards"
            raise ArchiveError(msg)
        if self._limit is None and self._file.seekable():
            self._file.seek(distance, io.SEEK_CUR)
            self._position = position
        else:
            for _ in self.read_chunks(distance):
                pass
        return position

    def read(self, size: int) -> bytes:
        """Read a part of a header."""
        self.header_bytes_left -= size
        if size < 0 or self.header_bytes_left < 0:
            msg = f"a header in it has more than {MAX_HEADER_BYTES:,} bytes"
            raise ArchiveError(msg)
        self._last = self._read(size)
        # Older releases of Python 3.11 and 3.12 search headers by a pattern that takes quadratic
        # time on a long run of digits (CVE-2024-6232).
        if size > BLOCK_BYTES and re.search(rb"[0-9]{1000}", self._last):
            msg = "a header in it makes no sense"
            raise ArchiveError(msg)
        return self._last

    def read_chunks(self, size: int) -> Iterator[bytes]:
        """Read content, piece by piece."""
        while size:
            chunk = self._read(min(size, CHUNK_BYTES))
            if not chunk:
                raise EOFError
            size -= len(chunk)
            yield chunk

    def check_end(self) -> None:
        """Raise ArchiveError or EOFError unless the last header was an end mark and all ends there.

        tarfile takes a damaged header, and a file that is cut off, for the end. To read on also
        verifies the checksum that stands at the end of a compressed file.
        """
        if len(self._last) < BLOCK_BYTES or self._last.strip(b"\0"):
            raise EOFError
        for _ in range(MAX_TRAILER_BYTES // CHUNK_BYTES):
            chunk = self._read(CHUNK_BYTES)
            if chunk.strip(b"\0"):
                msg = "it goes on behind its end mark"
                raise ArchiveError(msg)
            if not chunk:
                return

    def _read(self, size: int) -> bytes:
        if self._broken_by is not None:  # to read on would give anything
            raise EOFError from self._broken_by
        try:
            data = self._file.read(size)
            self._position += len(data)
            if self._limit is not None and self._position > self._limit:
                msg = f"it has more than {self._limit:,} bytes when unpacked"
                raise ArchiveError(msg)
        except Exception as error:
            self._broken_by = error
            raise
        return data


class _XzReader(io.RawIOBase):
    """lzma.LZMAFile with a limit of memory, which that has no argument for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = self._make_decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = b""
        while not data:
            packed = b""
            if self._decoder.eof:
                if not (packed := self._find_next_stream()):
                    break
                self._decoder = self._make_decoder()
            elif self._decoder.needs_input and not (packed := self._file.read(CHUNK_BYTES)):
                raise EOFError
            data = self._decoder.decompress(packed, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    @staticmethod
    def _make_decoder() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_BYTES)

    def _find_next_stream(self) -> bytes:
        """Give the first bytes of the stream that follows the zeros behind the last one."""
        packed = self._decoder.unused_data.lstrip(b"\0")
        while not packed and (block := self._file.read(CHUNK_BYTES)):
            packed = block.lstrip(b"\0")
        return packed
