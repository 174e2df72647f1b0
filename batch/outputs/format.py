"""What every format of the output does: refuse early, append rows, finish the file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from trifuse.batch.inputs.item import Item
from trifuse.batch.outputs.ids import IdKind, digest_key, make_id, require_key
from trifuse.batch.outputs.rows import Layout, Row, make_row
from trifuse.batch.workers.record import Record


class FormatError(ValueError):
    """A format that cannot hold what the model gives or the options ask for."""


class Format(ABC):
    """Turns images into bytes that are appended, row by row, to a partial file.

    The bytes of a row depend on nothing but its arguments: a partial file that was cut after any
    row is continued by the rows that follow.

    Parameters
    ----------
    layout : Layout
    id_kind : {"path", "name", "sha256", "hmac"}, optional
        What the rows call their images; the format's `default_id` unless told.
    key : bytes, optional
        For `hmac`.

    Attributes
    ----------
    default_id : str
        Unless told otherwise.
    layout : Layout
    id_kind : str
        What the rows call their images.
    key_digest : str or None
        Tells one key from another, and nothing else: what two runs must share for their ids to be
        the same.
    converts : bool
        The partial file is not yet the output: `finish` makes it. Such a format cannot be
        written to standard output.

    Raises
    ------
    FormatError
        If the format cannot serve the layout.
    trifuse.batch.outputs.ids.KeyFileError
        If `hmac` has no key.
    """

    default_id: ClassVar[IdKind] = "path"
    converts: ClassVar[bool] = False

    def __init__(
        self, layout: Layout, id_kind: IdKind | None = None, key: bytes | None = None
    ) -> None:
        self.layout = layout
        self.id_kind = id_kind or self.default_id
        self._key = require_key(key) if self.id_kind == "hmac" else None
        self.key_digest = None if self._key is None else digest_key(self._key)
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Raise FormatError if this format cannot serve the layout."""

    def header(self) -> bytes:
        """Give what stands before the first row; may be empty."""
        return b""

    def row(self, item: Item, record: Record, number: int) -> bytes:
        """Give the bytes of one row, the line's end included.

        Parameters
        ----------
        item : Item
        record : Record
        number : int
            Of the row, from 1.
        """
        row_id = make_id(item, record, self.id_kind, self._key, number)
        return self.encode(make_row(item, record, row_id, self.layout))

    @abstractmethod
    def encode(self, row: Row) -> bytes:
        """Write one row."""

    def finish(self, partial: Path, final: Path) -> None:
        """Write `final` from the complete `partial`, which stays; only where `converts` is true.

        `final` appears whole, on the disk, or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        NotImplementedError
            If the partial file is the output already, and needs no more than its name.
        """
        raise NotImplementedError


def reject_clash(names: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    """Raise FormatError if one of `names` is in `columns` more than once."""
    for name in names:
        if columns.count(name) > 1:
            msg = f"Two columns of the output would be named {name!r}; {remedy}."
            raise FormatError(msg)
