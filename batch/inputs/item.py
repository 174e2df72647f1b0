"""One input of the batch job."""

from __future__ import annotations

from typing import NamedTuple


class SourceError(ValueError):
    """Inputs that cannot be listed; the message is a sentence: what is wrong, and what to do."""


class Item(NamedTuple):
    """One input: a file, or a member of an archive.

    Attributes
    ----------
    name : str
        The path as it was given or found; of a member, the archive's path, a slash and the
        member's name. Bytes that are no UTF-8 are surrogate escapes (`os.fsdecode`).
    content : bytes, optional
        Of a member of an archive; a file is read by the worker that scores it.
    fault : str
        Why there is nothing to score, as a clause ("it is a folder that cannot be read"); empty
        where there is.
    id : str
        What a table of inputs calls it; empty where it says nothing.
    columns : tuple of str
        Cells of a table of inputs that are carried through to the output.
    """

    name: str
    content: bytes | None = None
    fault: str = ""
    id: str = ""
    columns: tuple[str, ...] = ()
