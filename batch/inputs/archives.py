"""Archives: the images in a zip or tar file, unpacked in memory, one at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from trifuse.batch.inputs.entries import ArchiveError, Entry, explain
from trifuse.batch.inputs.item import Item
from trifuse.batch.inputs.kinds import (
    Kind,
    has_image_suffix,
    is_archive,
    is_hidden,
    is_zip,
)
from trifuse.batch.inputs.options import InputOptions
from trifuse.batch.inputs.selection import Selection
from trifuse.batch.inputs.tally import Tally
from trifuse.batch.inputs.tars import read_tar
from trifuse.batch.inputs.zips import read_zip
from trifuse.features.dicom import DICOM_START_BYTES, is_dicom

MAX_MEMBER_BYTES = 256 << 20
"""256 MiB: larger members are not unpacked, and no more than one member is in memory."""


def read_archive(
    path: str, options: InputOptions, selection: Selection, warn: Callable[[str], None]
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

    Yields
    ------
    Item
        A member, named PATH/MEMBER, with its content or with why there is none. Where the archive
        cannot be read, or not to its end, the last one has the archive's name and says so.
    """
    tally = Tally(path)
    fault = ""
    try:
        with _open(path) as raw:
            for entry in read_zip(raw) if is_zip(path) else read_tar(raw):
                name = f"{path}/{entry.name}"
                kind = _classify(name, entry, options, selection)
                # No variable here holds an item: its content would stay while the next is read.
                yield from _give_member(name, entry, kind, tally)
    except ArchiveError as error:
        fault = str(error)
    tally.tell(warn, whole=not fault)
    if fault:
        yield Item(path, fault=fault)


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


def _classify(name: str, entry: Entry, options: InputOptions, selection: Selection) -> Kind:
    """Tell what a member is as far as its name and header do; OTHER is to be looked into."""
    if entry.kind is Kind.FOLDER:
        return entry.kind
    if not selection.takes(name):
        return Kind.LEFT_OUT
    if entry.kind is not Kind.OTHER:
        return entry.kind
    if not options.hidden and is_hidden(entry.name):
        return Kind.HIDDEN
    return Kind.NESTED_ARCHIVE if is_archive(entry.name) else Kind.OTHER


def _give_member(name: str, entry: Entry, kind: Kind, tally: Tally) -> Iterator[Item]:
    item = None
    if kind is Kind.OTHER:
        kind, item = _unpack(name, entry)
    tally.add(kind)
    if item is not None:
        yield item


def _unpack(name: str, entry: Entry) -> tuple[Kind, Item | None]:
    """Unpack a member if it is an image, and tell which kind of file it is."""
    content = io.BytesIO()
    is_image = has_image_suffix(entry.name)
    try:
        with closing(entry.unpack()) as chunks:
            for chunk in chunks:
                content.write(chunk)
                if not is_image and content.tell() >= DICOM_START_BYTES:
                    if not is_dicom(content.getvalue()):
                        return Kind.OTHER, None
                    is_image = True
                if is_image and max(content.tell(), entry.size) > MAX_MEMBER_BYTES:
                    return Kind.IMAGE, Item(name, fault=_TOO_LARGE)
    except Exception as error:  # noqa: BLE001
        # zipfile, tarfile and the decoders promise no closed list of exceptions; only they run
        # here, on bytes that may be hostile, so whatever is raised means: this cannot be unpacked.
        if not is_image:
            return Kind.UNREADABLE, None
        return Kind.IMAGE, Item(name, fault=explain(error))
    return (Kind.IMAGE, Item(name, content.getvalue())) if is_image else (Kind.OTHER, None)


_TOO_LARGE = (
    f"it has more than {MAX_MEMBER_BYTES >> 20} MiB, the limit for members of archives; "
    "unpack the archive to score it"
)
