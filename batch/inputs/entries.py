"""What archives of all kinds are read into: their members, one after the other."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from typing import NamedTuple

from trifuse.batch.inputs.kinds import Kind

CHUNK_BYTES = 65_536
"""Members are unpacked piece by piece, so that none is larger than its header says."""


class ArchiveError(ValueError):
    """An archive or a member cannot be read; the message is a clause ("it is encrypted")."""


class Entry(NamedTuple):
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
    """

    name: str
    size: int
    kind: Kind
    unpack: Callable[[], Generator[bytes, None, None]]


def explain(error: Exception) -> str:
    """Say as a clause, and without any path, why a member cannot be unpacked.

    Examples
    --------
    >>> explain(EOFError()), explain(ArchiveError("it is encrypted"))
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
