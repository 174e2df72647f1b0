"""Counts what is passed over, so that nothing is passed over in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from trifuse.batch.inputs.kinds import Kind

_ONE_AND_MANY = {
    Kind.OTHER: (
        "file without an image's suffix",
        "files without an image's suffix",
    ),
    Kind.UNREADABLE: (
        "file that cannot be read and has no image's suffix",
        "files that cannot be read and have no image's suffix",
    ),
    Kind.ARCHIVE: (
        "archive; name it as an input",
        "archives; name them as inputs",
    ),
    Kind.NESTED_ARCHIVE: (
        "archive in it; unpack it and name it as an input",
        "archives in it; unpack them and name them as inputs",
    ),
    Kind.TABLE: (
        "table; name it as an input if it lists images",
        "tables; name them as inputs if they list images",
    ),
    Kind.HIDDEN: (
        "hidden file or folder; say --hidden to take it",
        "hidden files or folders; say --hidden to take them",
    ),
    Kind.LINK_TO_FOLDER: (
        "link to a folder; name it as an input, or say --follow-links",
        "links to folders; name them as inputs, or say --follow-links",
    ),
    Kind.LINK_OUT: (
        "link that leads out of the folder; say --follow-links to take it",
        "links that lead out of the folder; say --follow-links to take them",
    ),
    Kind.REPEATED_FOLDER: (
        "link to a folder that is searched already",
        "links to folders that are searched already",
    ),
    Kind.SPECIAL: (
        "pipe, socket or device",
        "pipes, sockets or devices",
    ),
    Kind.SPECIAL_MEMBER: (
        "member that is a link or a device",
        "members that are links or devices",
    ),
}


class Tally:
    """Counts what is found in one folder or archive.

    Examples
    --------
    >>> tally = Tally("photos")
    >>> for kind in (Kind.IMAGE, Kind.OTHER, Kind.OTHER):
    ...     tally.add(kind)
    >>> tally.tell(print)
    photos: passed over 2 files without an image's suffix.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._counts: Counter[Kind] = Counter()

    def add(self, kind: Kind) -> None:
        """Count one."""
        self._counts[kind] += 1

    def tell(self, warn: Callable[[str], None], *, whole: bool = True) -> None:
        """Say what was passed over, a sentence a kind.

        Parameters
        ----------
        warn : callable
        whole : bool
            Whether all of the place could be read, so that it may be called empty.
        """
        for kind, (one, many) in _ONE_AND_MANY.items():
            if n := self._counts[kind]:
                warn(f"{self._place}: passed over {n:,} {one if n == 1 else many}.")
        if whole and not self._counts[Kind.IMAGE] and not self._counts[Kind.LEFT_OUT]:
            warn(f"{self._place}: holds no image.")
