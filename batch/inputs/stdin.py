"""Standard input: a list of paths, or a tar archive; whatever else is refused."""

from __future__ import annotations

import io
import os
import queue
import re
import select
import tarfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import BinaryIO

from trifuse.batch.inputs.archives import read_archive
from trifuse.batch.inputs.items import InputOptions, Item, Selection, SourceError
from trifuse.batch.inputs.tables import PATH, read_list
from trifuse.features.dicom import is_dicom

WAIT_SECONDS = 0.05
_BLOCK = 65_536
_NAME = "stdin"
_HEAD_BYTES = tarfile.BLOCKSIZE
_TAR = "a tar archive"
_FILES = "name the file as an input, or pipe a tar archive of such files"
_MARK = b"\xef\xbb\xbf"
_SEPARATORS = re.compile(rb"[,;\t]")
_OPEN = re.compile(rb'\s*(([{\[]\s*)+("[^"]*"?\s*)?)?')
"""What JSON may begin with, and is not known by yet."""
_LIST = "write a list of paths"
_KINDS = {
    _TAR: (re.compile(rb"\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\0"), ""),
    "a zip archive": (
        re.compile(rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
        "name the archive as an input, for its members are listed at its end",
    ),
    "an archive that is not read": (
        re.compile(rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x28\xb5\x2f\xfd"),
        "unpack it, and name the folder as an input",
    ),
    "an image": (
        re.compile(
            rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|BM.{4}\0{4}|GIF8[79]a.\0",
            re.DOTALL,
        ),
        _FILES,
    ),
    "text in UTF-16": (re.compile(rb"\xff\xfe|\xfe\xff"), "write the list in UTF-8"),
    "a PDF document": (re.compile(rb"%PDF-\d\.\d\s"), _LIST),
    "XML": (re.compile(rb"(\xef\xbb\xbf)?\s*<\?xml\s+version\s*="), _LIST),
    "a web page": (
        re.compile(
            rb"(\xef\xbb\xbf)?\s*(<!doctype\s+html\b|<html(\s[^>\0]*)?>\s*(<|\n|\Z)|<html\s+\w+=)",
            re.IGNORECASE,
        ),
        _LIST,
    ),
    "JSON": (
        re.compile(
            rb'(\xef\xbb\xbf)?\s*(\[\s*)?(\{\s*"[^"]*"\s*:|(?<=\[)\s*"[^"]*"\s*(,\s*"|\]\s*\Z))'
        ),
        _LIST,
    ),
}
"""What standard input can hold by mistake: how it starts, and what to do instead."""


def read_stdin(
    stream: BinaryIO, options: InputOptions, selection: Selection, warn: Callable[[str], None]
) -> Iterator[Item | None]:
    """Give the files that a list on standard input names, or the images of a tar archive there.

    A byte order mark before a list is passed over.

    Parameters
    ----------
    stream : binary file
        As `read_blocks` takes it.
    options : InputOptions
        What separates the entries of a list, and whether hidden members are taken.
    selection : Selection
        Chooses members; who asks chooses from a list.
    warn : callable
        Told of what was passed over in an archive.

    Yields
    ------
    Item or None
        None while standard input keeps one waiting.

    Raises
    ------
    SourceError
        If it is neither; the sentence holds nothing of it.
    """
    separator = b"\0" if options.null else b"\n"
    blocks, head = read_blocks(stream), b""
    for block in blocks:
        head += block or b""
        if len(head) >= _HEAD_BYTES or _is_list(head, separator, options.path_column):
            break
        yield None
    kind = recognise(head, options.path_column)
    if kind == _TAR:
        yield from _pump(BlockReader(chain([head], blocks)), options, selection, warn)
        return
    if kind:
        remedy = "name the file as an input" if kind not in _KINDS else _KINDS[kind][1]
        msg = f"Standard input holds {kind} and not a list of paths: {remedy}."
        raise SourceError(msg)
    if options.null and b"\0\0\0" in head:
        msg = "Standard input holds no list of paths: of one that NUL separates, no entry is empty."
        raise SourceError(msg)
    if head := head.removeprefix(_MARK):
        yield from read_list(chain([head], blocks), separator)


def recognise(head: bytes, path_column: str = PATH) -> str:
    r"""Tell what standard input holds where it is no list; empty where it may be one.

    A table is known by the name of its column of paths: a name of a file may hold any separator.

    Examples
    --------
    >>> recognise(bytes(128) + b"DICM"), recognise(b"path;age\n"), recognise(b"BM-1, path.jpg")
    ('a DICOM file', 'a table', '')
    """
    for kind, (pattern, _) in _KINDS.items():
        if pattern.match(head):
            return kind
    if is_dicom(head):
        return "a DICOM file"
    first = head.removeprefix(_MARK).lstrip().partition(b"\n")[0]
    cells = [cell.strip(b' \r"') for cell in _SEPARATORS.split(first)]
    if len(cells) > 1 and os.fsencode(path_column) in cells:
        return "a table"
    return _TAR if _is_tar(head[:_HEAD_BYTES]) else ""


def _is_tar(block: bytes) -> bool:
    """Tell whether a block is a tar archive's header: its checksum is right, or it is empty."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return len(block) == _HEAD_BYTES and not block.strip(b"\0")
    return True


def _is_list(head: bytes, separator: bytes, path_column: str) -> bool:
    """Tell early, so that a list gives its first entry when it is written, that it is a list."""
    odd = b"\0\0" if separator == b"\0" else b"\0"
    # PNG, of whose first eight bytes one is a newline, and DICOM of which every second one is NUL.
    is_file = head.startswith((b"\x89", b"\x02", b"\x08"))
    is_open = _OPEN.fullmatch(head.removeprefix(_MARK))
    is_settled = separator in head[1:] and odd not in head and not is_file and not is_open
    return is_settled and not recognise(head, path_column)


def _pump(
    reader: BlockReader, options: InputOptions, selection: Selection, warn: Callable[[str], None]
) -> Iterator[Item | None]:
    """Read an archive in a thread, for that waits where nothing comes; give None meanwhile."""
    channel: queue.Queue[Item | BaseException | None] = queue.Queue(1)

    def work() -> None:
        try:
            # No variable here holds an item: its content would stay while the next is read.
            items = read_archive(_NAME, options, selection, warn, reader)
            deque(map(channel.put, map(Item.load, items)), 0)
            channel.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are given
            channel.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    is_first = True
    try:
        while True:
            try:
                found = channel.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                yield None
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            if is_first and found.fault and found.name == _NAME:
                msg = f"Standard input cannot be read as a tar archive: {found.fault}."
                raise SourceError(msg)
            is_first = False
            yield found
            found = None  # or its content would stay while the next is read
    finally:
        reader.stopped = True
        while thread.is_alive():
            with suppress(queue.Empty):
                channel.get(timeout=WAIT_SECONDS)


def read_blocks(stream: BinaryIO) -> Iterator[bytes | None]:
    """Give what comes, and None where nothing has come for `WAIT_SECONDS`.

    Parameters
    ----------
    stream : binary file
        Read through its descriptor where it has one, past its buffer: nothing may have been read
        from it before. A stream without a descriptor never keeps one waiting.

    Raises
    ------
    SourceError
        If the stream cannot be read.
    """
    descriptor: int | None = None
    with suppress(AttributeError, OSError, ValueError):
        descriptor = stream.fileno()
    # Both read what is there, without waiting for more.
    read = (
        getattr(stream, "read1", stream.read)
        if descriptor is None
        else partial(os.read, descriptor)
    )
    while True:
        if descriptor is not None and not _is_ready(descriptor):
            yield None
            continue
        try:
            block: bytes = read(_BLOCK)
        except BlockingIOError:  # whoever shares the pipe has set it so
            yield None
            continue
        except (OSError, ValueError) as error:  # a closed stream raises ValueError
            reason = getattr(error, "strerror", None) or str(error).rstrip(".")
            msg = f"The list of images on standard input cannot be read: {reason}."
            raise SourceError(msg) from error
        if not block:
            return
        yield block


class BlockReader(io.RawIOBase):
    """A file of blocks, which waits for the next one, and ends early once it is told to.

    Parameters
    ----------
    blocks : iterator of bytes or None
    """

    def __init__(self, blocks: Iterator[bytes | None]) -> None:
        self._blocks = blocks
        self._left = memoryview(b"")
        self.stopped = False

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer with what is there; nothing at the end."""
        while not self._left and not self.stopped:
            block = next(self._blocks, b"")
            if block == b"":
                break
            self._left = memoryview(block or b"")
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _is_ready(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], WAIT_SECONDS)[0])
    except (OSError, ValueError):  # Windows knows select for sockets only; numbers are bounded
        return True
