"""Zip archives, read in place."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Generator, Iterator
from functools import partial

from trifuse.batch.inputs.entries import CHUNK_BYTES, ArchiveError, Entry
from trifuse.batch.inputs.kinds import Kind

MAX_DIRECTORY_BYTES = 128 << 20
"""Of the directory at a zip's end, which is read whole: enough for a million members."""
_ENCRYPTED = 0x1

# zipfile unpacks bzip2 and LZMA without a limit: 4 KiB of them can become gigabytes at once.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class _BoundedFile(io.BufferedReader):
    """Gives zipfile no more at once than a directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            msg = f"its directory has more than {MAX_DIRECTORY_BYTES:,} bytes; split the archive"
            raise ArchiveError(msg)
        return super().read(size)


def read_zip(raw: io.FileIO) -> Iterator[Entry]:
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
    with _BoundedFile(raw) as file, _open(file) as archive:
        for info in archive.infolist():
            unpack = partial(_unpack, archive, info)
            yield Entry(info.filename, info.file_size, _tell_kind(info), unpack)


def _open(file: _BoundedFile) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except ArchiveError:
        raise
    except Exception as error:
        # The directory may hold any bytes, on which zipfile raises also struct.error, ValueError,
        # UnicodeDecodeError, OverflowError and NotImplementedError.
        msg = "it is no zip archive, or is damaged"
        raise ArchiveError(msg) from error


def _tell_kind(info: zipfile.ZipInfo) -> Kind:
    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.filename.endswith("/") or mode == stat.S_IFDIR:  # is_dir fails on an empty name
        return Kind.FOLDER
    return Kind.OTHER if mode in {0, stat.S_IFREG} else Kind.SPECIAL_MEMBER


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Generator[bytes, None, None]:
    if info.flag_bits & _ENCRYPTED:
        msg = "it is encrypted"
        raise ArchiveError(msg)
    if info.compress_type not in _METHODS:
        msg = "it is packed by a method other than deflate, which is not supported"
        raise ArchiveError(msg)
    with archive.open(info) as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
