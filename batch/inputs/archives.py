"""Archives: the images in a zip or tar file, unpacked in memory, one at a time, if asked to."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from trifuse.batch.inputs.archive_members import (
    ArchiveMember,
    explain_unpacking,
    read_tar,
    read_zip,
)
from trifuse.batch.inputs.items import InputOptions, Item, Selection, find_errno
from trifuse.batch.inputs.tar_stream import ArchiveError
from trifuse.datasets.kinds import (
    Kind,
    Tally,
    classify_other,
    has_image_suffix,
    is_archive,
    is_hidden,
    is_zip,
)
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom
from trifuse.features.files import STORAGE_ERRORS

MAX_MEMBER_BYTES = 256 << 20
"""256 MiB: larger members are not unpacked, and no more than one member is in memory."""


def read_archive(
    path: str,
    options: InputOptions,
    selection: Selection,
    warn: Callable[[str], None],
    piped: io.RawIOBase | None = None,
) -> Iterator[Item]:
    """Give the images of an archive in the order in which they stand in it.

    Nothing is written to the disk: a member's name, be it absolute or with `..`, is but a name.
    Images are chosen as in folders. What is passed over is counted, unless the patterns left it
    out.

    Parameters
    ----------
    path : str
        The name says whether it is a zip archive; else it is a tar archive.
    options : InputOptions
        Whether hidden members are taken.
    selection : Selection
    warn : callable
        Told of what was passed over.
    piped : raw file, optional
        A tar archive that is read instead; closed in the end.

    Yields
    ------
    Item
        A member, named PATH/MEMBER, or MEMBER where it was piped, not unpacked until `Item.load`
        asks for it, before the next one is asked for. Where the archive cannot be read, or not to
        its end, the last one has the archive's name and says so.
    """
    tally = Tally(path)
    fault, errno = "", 0
    try:
        with piped or _open(path) as raw:
            for member in read_zip(raw) if is_zip(path) else read_tar(raw):
                name = member.name if piped else f"{path}/{member.name}"
                kind = _classify(name, member, options, selection)
                reader = _MemberReader(member)
                if kind is Kind.OTHER:
                    kind = reader.tell_kind()
                tally.add(kind)
                if kind is Kind.IMAGE:
                    yield Item(name, stamp=member.stamp, unpack=reader.unpack)
    except ArchiveError as error:
        fault, errno = str(error), find_errno(error)
    tally.tell(warn, whole=not fault)
    if fault:
        yield Item(path, fault=fault, errno=errno)


def _open(path: str) -> io.FileIO:
    try:
        place = Path(path)
        if place.exists() and not place.is_file():
            msg = "it is not a regular file"  # opening a named pipe would wait for ever
            raise ArchiveError(msg)
        return place.open("rb", buffering=0)
    except FileNotFoundError as error:
        msg = "there is no such file"
        raise ArchiveError(msg) from error
    except OSError as error:
        msg = f"it cannot be opened ({error.strerror or error})"
        raise ArchiveError(msg) from error
    except ValueError as error:
        if isinstance(error, ArchiveError):
            raise
        msg = f"that cannot be a file's name ({error})"
        raise ArchiveError(msg) from error


def _classify(
    name: str, member: ArchiveMember, options: InputOptions, selection: Selection
) -> Kind:
    """Tell what a member is as far as its name and header do; OTHER is to be looked into."""
    if member.kind is Kind.FOLDER:
        return member.kind
    if not selection.matches(name):
        return Kind.LEFT_OUT
    if member.kind is not Kind.OTHER:
        return member.kind
    if not options.hidden and is_hidden(member.name):
        return Kind.HIDDEN
    return Kind.NESTED_ARCHIVE if is_archive(member.name) else Kind.OTHER


class _MemberReader:
    """A member that an archive stands at; what was read to know it is not read again."""

    def __init__(self, member: ArchiveMember) -> None:
        self._member = member
        self._chunks: Generator[bytes, None, None] | None = None
        self._content = io.BytesIO()
        self._failed: Exception | None = None

    def tell_kind(self) -> Kind:
        """Tell which kind of file it is, by its first bytes where its name does not."""
        if has_image_suffix(self._member.name):
            return Kind.IMAGE
        try:
            self._read(DICOM_START_BYTES)
        except Exception as error:  # noqa: BLE001 - as in `unpack`
            if find_errno(error) not in STORAGE_ERRORS:
                return Kind.UNREADABLE
            self._failed = error
            return Kind.IMAGE  # for all that is known: it must not be passed over
        if is_dicom(self._content.getvalue()):
            return Kind.IMAGE
        self._close()
        return classify_other(self._member.name)

    def unpack(self, item: Item) -> Item:
        """Give its item with the content, or with why there is none."""
        item = item._replace(unpack=None)
        if self._member.size > MAX_MEMBER_BYTES:
            return item._replace(fault=_TOO_LARGE)
        try:
            if self._failed is not None:
                raise self._failed
            self._read(MAX_MEMBER_BYTES + 1)
        except Exception as error:  # noqa: BLE001
            # zipfile, tarfile and the decoders promise no closed list of exceptions; only they run
            # here, on bytes that may be hostile, so whatever is raised means: it is not unpacked.
            return item._replace(fault=explain_unpacking(error), errno=find_errno(error))
        self._close()
        if self._content.tell() > MAX_MEMBER_BYTES:
            return item._replace(fault=_TOO_LARGE)
        content, self._content = self._content.getvalue(), io.BytesIO()
        return item._replace(content=content)

    def _read(self, n_bytes: int) -> None:
        """Read until so many bytes are there, or all."""
        self._chunks = self._chunks or self._member.unpack()
        while self._content.tell() < n_bytes and (chunk := next(self._chunks, b"")):
            self._content.write(chunk)

    def _close(self) -> None:
        if self._chunks is not None:
            self._chunks.close()


_TOO_LARGE = (
    f"it has more than {MAX_MEMBER_BYTES >> 20} MiB, the limit for members of archives; "
    "unpack the archive to score it"
)
