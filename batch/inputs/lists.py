"""Lists of paths on standard input, read while they are being written."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from typing import BinaryIO

from trifuse.batch.inputs.item import Item, SourceError

WAIT_SECONDS = 0.05
MAX_ENTRY_BYTES = 65_536
"""Longer entries are no paths; what is written without end must not fill the memory."""
_NAME_BYTES = 4096
_BLOCK = 65_536


def read_list(stream: BinaryIO, separator: bytes) -> Iterator[Item | None]:
    """Give the entries of a list of paths as soon as each is complete.

    Empty entries are skipped, and carriage returns are taken off lines that were written on
    Windows.

    Parameters
    ----------
    stream : binary file
        Read through its descriptor where it has one, past its buffer: nothing may have been read
        from it before. A stream without a descriptor never keeps one waiting.
    separator : bytes
        A newline, or NUL.

    Yields
    ------
    Item or None
        None where nothing has come for `WAIT_SECONDS`, so that one can do something else.

    Raises
    ------
    SourceError
        If the stream cannot be read.
    """
    rest = b""
    descriptor = _find_descriptor(stream)
    for block in _read_blocks(stream, descriptor):
        if block is None:
            yield None
            continue
        *entries, rest = (rest + block).split(separator)
        rest = rest[: MAX_ENTRY_BYTES + 2]  # one more, and a carriage return
        if not entries and descriptor is not None:
            yield None  # an entry that comes byte by byte, or never ends, must not hold one up
        for entry in entries:
            yield from _make_item(entry, separator)
    yield from _make_item(rest, separator)


def _make_item(entry: bytes, separator: bytes) -> Iterator[Item]:
    if separator == b"\n":
        entry = entry.removesuffix(b"\r")
    if len(entry) > MAX_ENTRY_BYTES:
        fault = f"it is an entry of more than {MAX_ENTRY_BYTES:,} bytes in the list of images"
        yield Item(os.fsdecode(entry[:_NAME_BYTES]), fault=fault)
    elif entry:
        yield Item(os.fsdecode(entry))


def _read_blocks(stream: BinaryIO, descriptor: int | None) -> Iterator[bytes | None]:
    """Give what comes, and None where nothing does."""
    while True:
        if descriptor is not None and not _is_ready(descriptor):
            yield None
            continue
        try:
            block = _read(stream, descriptor)
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


def _find_descriptor(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None


def _is_ready(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], WAIT_SECONDS)[0])
    except (OSError, ValueError):  # Windows knows select for sockets only; numbers are bounded
        return True


def _read(stream: BinaryIO, descriptor: int | None) -> bytes:
    """Read what is there, without waiting for more."""
    if descriptor is not None:
        return os.read(descriptor, _BLOCK)
    read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
    return read(_BLOCK)
