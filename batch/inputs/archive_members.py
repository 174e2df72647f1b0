"""The members of zip and tar archives, read in place and one after the other."""

from __future__ import annotations

import errno
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import BinaryIO, NamedTuple, cast

from trifuse.batch.inputs.tar_stream import (
    CHUNK_BYTES,
    MAX_HEADER_BYTES,
    ArchiveError,
    TarStream,
    unpack_stream,
)
from trifuse.datasets.kinds import Kind
from trifuse.datasets.table import count

MAX_DIRECTORY_BYTES = 128 << 20
"""Of the directory at a zip's end, which is read whole: enough for a million members."""
_ENCRYPTED = 0x1
_UTF_8 = 0x800
_UNIX_SYSTEMS = {3, 19}
"""What made a member, where that writes names as its system stores them: Unix, and macOS."""
_UNICODE_PATH = 0x7075

# zipfile unpacks bzip2 and LZMA without a limit: 4 KiB of them can become gigabytes at once.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class ArchiveMember(NamedTuple):
    """A member of an archive, while the archive stands at it.

    Attributes
    ----------
    name : str
        As it is stored.
    size : int
        In bytes, as the header says: it may be wrong.
    kind : Kind
        FOLDER, SPECIAL_MEMBER, or OTHER for a file whose kind its name and content tell.
    unpack : callable
        Gives the content in pieces of at most `CHUNK_BYTES` bytes. It may raise anything.
    stamp : tuple of float
        What the header says that changes when the content does.
    """

    name: str
    size: int
    kind: Kind
    unpack: Callable[[], Generator[bytes, None, None]]
    stamp: tuple[float, ...] = ()


def explain_unpacking(error: Exception) -> str:
    """Say as a clause, and without any path, why a member cannot be unpacked.

    Examples
    --------
    >>> explain_unpacking(EOFError()), explain_unpacking(ArchiveError("it is encrypted"))
    ('its data in the archive is damaged or cut off', 'it is encrypted')
    """
    if isinstance(error, ArchiveError):
        return str(error)
    if isinstance(error, MemoryError):
        return "there is not enough memory to unpack it"
    if isinstance(error, NotImplementedError):
        return "it is packed in a way that is not supported"
    # To seek where a damaged header points to is an invalid argument.
    if isinstance(error, OSError) and error.strerror and error.errno != errno.EINVAL:
        return f"the archive cannot be read ({error.strerror})"
    return "its data in the archive is damaged or cut off"


class _BoundedFile(io.BufferedReader):
    """Gives zipfile no more at once than a directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            msg = f"its directory has more than {MAX_DIRECTORY_BYTES:,} bytes; split the archive"
            raise ArchiveError(msg)
        return super().read(size)


def read_zip(raw: io.RawIOBase) -> Iterator[ArchiveMember]:
    """Give the members in the order of the directory.

    Parameters
    ----------
    raw : raw file
        Unbuffered; closed in the end.

    Raises
    ------
    ArchiveError
        If it is no zip archive, or its directory is damaged. All this is known before the first
        member is given.
    """
    with _BoundedFile(raw) as file, _open_zip(file) as archive:
        for info in archive.infolist():
            unpack = partial(_unpack_zip, archive, info)
            stamp = (info.file_size, info.CRC)
            yield ArchiveMember(
                _decode_zip_name(info), info.file_size, _tell_zip_kind(info), unpack, stamp
            )


def _open_zip(file: _BoundedFile) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except ArchiveError:
        raise
    except Exception as error:
        # The directory may hold any bytes, on which zipfile raises also struct.error, ValueError,
        # UnicodeDecodeError, OverflowError and NotImplementedError.
        msg = "it is no zip archive, or is damaged"
        raise ArchiveError(msg) from error


def _decode_zip_name(info: zipfile.ZipInfo) -> str:
    """Give a member's name; zipfile takes all for code page 437 that are not said to be UTF-8.

    Info-ZIP writes a field with the UTF-8 name, and the checksum of the other that it stands for
    (APPNOTE.TXT 4.6.9); programs of Unix write UTF-8 without saying so.
    """
    if info.flag_bits & _UTF_8:
        return info.filename
    stored = info.orig_filename.encode("cp437")
    candidates = [_find_unicode_path(info.extra, zlib.crc32(stored))]
    if info.create_system in _UNIX_SYSTEMS:
        candidates.append(stored)
    for candidate in candidates:
        with suppress(UnicodeDecodeError):
            if name := candidate.decode().partition("\0")[0]:
                return name
    return info.filename


def _find_unicode_path(extra: bytes, checksum: int) -> bytes:
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_PATH and struct.unpack("<BL", field[:5].ljust(5)) == (1, checksum):
            return field[5:]
    return b""


def _tell_zip_kind(info: zipfile.ZipInfo) -> Kind:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.filename.endswith("/") or mode == stat.S_IFDIR:  # is_dir fails on an empty name
        return Kind.FOLDER
    return Kind.OTHER if mode in {0, stat.S_IFREG} else Kind.SPECIAL_MEMBER


def _unpack_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Generator[bytes, None, None]:
    if info.flag_bits & _ENCRYPTED:
        msg = "it is encrypted"
        raise ArchiveError(msg)
    if info.compress_type not in _METHODS:
        msg = "it is packed by a method other than deflate, which is not supported"
        raise ArchiveError(msg)
    with archive.open(info) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


class _TarFile(tarfile.TarFile):
    members: list[tarfile.TarInfo]  # not in the stubs


def read_tar(raw: io.RawIOBase) -> Iterator[ArchiveMember]:
    """Give the members in their order; what follows one is not read before the next is asked for.

    Parameters
    ----------
    raw : raw file
        Unbuffered; closed in the end.

    Raises
    ------
    ArchiveError
        If it is no tar archive, breaks off or is damaged; the members before that are given.
    """
    with io.BufferedReader(raw) as file:
        stream, archive = _open_tar(file)
        n_members = 0
        while (info := _read_tar_header(stream, archive, n_members)) is not None:
            n_members += 1
            unpack = partial(_unpack_tar, stream, info)
            kind = Kind.OTHER if info.isreg() else Kind.SPECIAL_MEMBER
            kind = Kind.FOLDER if info.isdir() else kind
            yield ArchiveMember(info.name, info.size, kind, unpack, (info.size, info.mtime))


def _open_tar(packed: io.BufferedReader[io.RawIOBase]) -> tuple[TarStream, _TarFile]:
    try:
        stream = unpack_stream(packed)
        stream.header_bytes_left = MAX_HEADER_BYTES
        file = cast(BinaryIO, stream)
        return stream, _TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
    except Exception as error:
        # Any bytes may stand here, on which tarfile and the decoders raise more than they say.
        msg = "it is no tar archive, or is damaged"
        raise ArchiveError(msg) from error


def _read_tar_header(
    stream: TarStream, archive: _TarFile, n_members: int
) -> tarfile.TarInfo | None:
    try:
        stream.header_bytes_left = MAX_HEADER_BYTES
        info = archive.next()
        archive.members = []  # tarfile remembers them all
        if info is None:
            stream.check_end()
        elif sum(map(len, chain.from_iterable(archive.pax_headers.items()))) > MAX_HEADER_BYTES:
            msg = "its global headers are too long"
            raise ArchiveError(msg)
    except Exception as error:
        # As above; also RecursionError where headers of headers are chained.
        reason = str(error) if isinstance(error, ArchiveError) else "it is damaged or cut off"
        members = count(range(n_members), "member")
        msg = f"{reason}: what stands after its first {members} is not read"
        raise ArchiveError(msg) from error
    return info


def _unpack_tar(stream: TarStream, info: tarfile.TarInfo) -> Generator[bytes, None, None]:
    """Give the content; the holes of a sparse file become zeros.

    tarfile's own reader searches for ever in a map of holes that makes no sense.
    """
    stream.seek(info.offset_data)
    # The stubs have bytes for what is a list of pairs, filled up with pairs of zeros.
    pieces = cast(Iterable[tuple[int, int]] | None, info.sparse) or [(0, info.size)]
    end = 0
    for start, length in [*(piece for piece in pieces if piece[1]), (info.size, 0)]:
        if not end <= start <= start + length <= info.size:
            msg = "its header makes no sense"
            raise ArchiveError(msg)
        for left in range(start - end, 0, -CHUNK_BYTES):
            yield bytes(min(CHUNK_BYTES, left))
        yield from stream.read_chunks(length)
        end = start + length
