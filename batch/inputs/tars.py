"""Tar archives, compressed or not, read in place and in one go."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO, cast

from trifuse.batch.inputs.entries import CHUNK_BYTES, ArchiveError, Entry
from trifuse.batch.inputs.kinds import Kind
from trifuse.batch.inputs.tar_stream import MAX_HEADER_BYTES, TarStream, unpack_stream
from trifuse.datasets.table import count


class _TarFile(tarfile.TarFile):
    members: list[tarfile.TarInfo]  # not in the stubs


def read_tar(raw: io.FileIO) -> Iterator[Entry]:
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
        stream, archive = _open(file)
        n_members = 0
        while (info := _read_header(stream, archive, n_members)) is not None:
            n_members += 1
            yield Entry(info.name, info.size, _tell_kind(info), partial(_unpack, stream, info))


def _open(packed: BinaryIO) -> tuple[TarStream, _TarFile]:
    try:
        stream = unpack_stream(packed)
        stream.header_bytes_left = MAX_HEADER_BYTES
        file = cast(BinaryIO, stream)
        return stream, _TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
    except Exception as error:
        # Any bytes may stand here, on which tarfile and the decoders raise more than they say.
        msg = "it is no tar archive, or is damaged"
        raise ArchiveError(msg) from error


def _read_header(stream: TarStream, archive: _TarFile, n_members: int) -> tarfile.TarInfo | None:
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


def _tell_kind(info: tarfile.TarInfo) -> Kind:
    if info.isdir():
        return Kind.FOLDER
    return Kind.OTHER if info.isreg() else Kind.SPECIAL_MEMBER


def _unpack(stream: TarStream, info: tarfile.TarInfo) -> Generator[bytes, None, None]:
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
        yield from _give_zeros(start - end)
        yield from stream.read_chunks(length)
        end = start + length


def _give_zeros(size: int) -> Iterator[bytes]:
    for start in range(0, size, CHUNK_BYTES):
        yield bytes(min(CHUNK_BYTES, size - start))
