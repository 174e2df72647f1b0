"""The formats of the output, one a file: who adds a file here adds a format.

Its constant `METHOD` is a class of `Format`, which says what a format must have.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.outputs.ids import IdKind, digest_key, make_id, name_study, require_key
from trifuse.batch.outputs.rows import ImageRow, RowLayout, make_row
from trifuse.recipes.registry import discover


class FormatError(ValueError):
    """A format that cannot hold what the model gives or the options ask for."""


class Format(ABC):
    """Turns images into bytes that are appended, row by row, to a partial file.

    The bytes of a row depend on nothing but its arguments: a partial file that was cut after any
    row is continued by the rows that follow.

    Parameters
    ----------
    layout : RowLayout
    id_kind : {"path", "name", "sha256", "hmac"}, optional
        What the rows call their images; the format's `default_id` unless told.
    key : bytes, optional
        For `hmac`.

    Attributes
    ----------
    name : str
        What `--format` calls it.
    suffixes : tuple of str
        What its files' names may end in.
    asked_for : bool
        Only `--format` chooses it, and no suffix.
    note : str
        What `--help` says of it, as a sentence.
    default_id : str
        Unless told otherwise.
    layout : RowLayout
    id_kind : str
        What the rows call their images.
    key : bytes or None
        Of `hmac`.
    key_digest : str or None
        Tells one key from another, and nothing else: what two runs must share for their ids to be
        the same.
    mark : bytes or None
        What every file of the format begins with, if it is binary.
    unique : bool
        No two rows may call their images alike.
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

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    asked_for: ClassVar[bool] = False
    note: ClassVar[str] = ""
    default_id: ClassVar[IdKind] = "path"
    mark: ClassVar[bytes | None] = None
    unique: ClassVar[bool] = False
    converts: ClassVar[bool] = False

    def __init__(
        self, layout: RowLayout, id_kind: IdKind | None = None, key: bytes | None = None
    ) -> None:
        self.layout = layout
        self.id_kind = id_kind or self.default_id
        self.key = require_key(key) if self.id_kind == "hmac" else None
        self.key_digest = None if self.key is None else digest_key(self.key)
        self.check()

    @abstractmethod
    def check(self) -> None:
        """Raise FormatError if this format cannot serve the layout."""

    def header(self) -> bytes:
        """Give what stands before the first row; may be empty."""
        return b""

    def row(self, item: Item, record: Record) -> bytes:
        """Give the bytes of one row, the line's end included.

        Parameters
        ----------
        item : Item
        record : Record
        """
        row_id = make_id(item, record, self.id_kind, self.key)
        study = name_study(record.study, self.id_kind, self.key)
        return self.encode(make_row(item, record, row_id, self.layout, study))

    @abstractmethod
    def encode(self, row: ImageRow) -> bytes:
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

    def check_rows(self, partial: Path) -> None:  # noqa: B027 - most formats ask for nothing
        """Raise FormatError if all rows together are not what the format may hold."""

    def restore(self, whole: Path, partial: BinaryIO) -> None:
        """Write again what was the partial file of a whole output; only where `converts` is true.

        Raises
        ------
        NotImplementedError
            If the output is its partial file.
        """
        raise NotImplementedError


def reject_clash(names: Sequence[str], columns: Sequence[str], remedy: str) -> None:
    """Raise FormatError if one of `names` is in `columns` more than once."""
    for name in names:
        if columns.count(name) > 1:
            msg = f"Two columns of the output would be named {name!r}; {remedy}."
            raise FormatError(msg)


def find_formats() -> dict[str, type[Format]]:
    """Give the formats by name, each of a module of this folder.

    Examples
    --------
    >>> print(*find_formats())
    csv isic jsonl parquet
    """
    return discover(__name__)


def list_suffixes() -> dict[str, str]:
    """Give the suffixes of outputs, each with the name of the format that it asks for.

    Examples
    --------
    >>> list_suffixes()
    {'': 'csv', '.csv': 'csv', '.jsonl': 'jsonl', '.parquet': 'parquet'}
    """
    formats = [one for one in find_formats().values() if not one.asked_for]
    return {suffix: one.name for one in formats for suffix in one.suffixes}
