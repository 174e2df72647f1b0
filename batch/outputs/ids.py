"""What rows call their images: a path, a name, a hash; and inputs that they would call alike."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from trifuse.batch.inputs.items import Item, Record, SourceError
from trifuse.batch.text import to_bytes
from trifuse.features.files import IMAGE_SUFFIXES, strip_path

IdKind = Literal["path", "name", "sha256", "hmac"]
ID_KINDS: tuple[IdKind, ...] = get_args(IdKind)

UNREAD_DIGITS = 16
MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 65_536


class KeyFileError(ValueError):
    """A key that is needed and missing, or cannot be used; the message never holds the key."""


def make_id(item: Item, record: Record, kind: IdKind, key: bytes | None) -> str:
    """Name the image of one row.

    Of a file of several frames each name ends in ``#`` and the frame's number, from 1, so that
    the frames of one file can be told to belong together whatever the kind.

    Parameters
    ----------
    item : Item
    record : Record
    kind : {"path", "name", "sha256", "hmac"}
        - `path`: what a table of inputs calls it, else its SOP Instance UID, else its path;
        - `name`: as `path`, but a path without its folders, its archive and an image's suffix;
        - `sha256`: 64 hexadecimal digits, of the content. What could not be read has none, and is
          called ``unread-`` and 16 digits of the SHA-256 of its path: no name slips out because an
          image is broken, and it is called the same in every part and every run;
        - `hmac`: 64 hexadecimal digits, the HMAC-SHA256 of what `path` gives (in UTF-8, bytes of a
          path that are no text as they are). The same spelling of a path has the same id in every
          run with the same key.
    key : bytes, optional
        For `hmac`.

    Raises
    ------
    KeyFileError
        If `hmac` has no key.

    Examples
    --------
    >>> item = Item("scans.zip/left/ISIC_0024306.jpg")
    >>> make_id(item, Record(None), "name", None), make_id(item, Record(None), "sha256", None)
    ('ISIC_0024306', 'unread-c17e92265d1cc73a')
    >>> make_id(Item("volume.dcm"), Record((1.0,), frame=2, frames=40), "name", None)
    'volume#3'
    """
    frame = f"#{record.frame + 1}" if record.frames > 1 else ""
    if kind == "sha256":
        unread = hashlib.sha256(to_bytes(item.name)).hexdigest()[:UNREAD_DIGITS]
        return f"{record.sha256 or f'unread-{unread}'}{frame}"
    name = item.id or record.uid or (bare_name(item) if kind == "name" else item.name)
    return f"{_hash(name, key) if kind == 'hmac' else name}{frame}"


def name_study(uid: str, kind: IdKind, key: bytes | None) -> str:
    """Name the study of a DICOM object: as it is, or hashed where images are called by hashes.

    Examples
    --------
    >>> name_study("1.2.3", "path", None), name_study("1.2.3", "sha256", None)[:8]
    ('1.2.3', 'c47f5b18')
    """
    if not uid or kind in {"path", "name"}:
        return uid
    return _hash(uid, key) if kind == "hmac" else hashlib.sha256(uid.encode()).hexdigest()


def bare_name(item: Item) -> str:
    """Give an input's name without folders, archive and an image's suffix."""
    return strip_path(item.name) or item.name


def _hash(path: str, key: bytes | None) -> str:
    return hmac.new(require_key(key), to_bytes(path), hashlib.sha256).hexdigest()


def digest_key(key: bytes) -> str:
    """Give 16 hexadecimal digits that tell one key from another.

    They are of an HMAC, as the ids are: the key is no easier to guess from them than from an id.
    """
    return _hash("trifuse: which key is this", key)[:16]


def require_key(key: bytes | None) -> bytes:
    """Give the key, or raise KeyFileError where there is none."""
    if key is None:
        msg = "Ids of the kind hmac need a key; name a file that holds one."
        raise KeyFileError(msg)
    return key


def read_key(path: Path) -> bytes:
    """Read a key from a file: all its bytes, less one newline (LF or CRLF) at the end.

    Raises
    ------
    KeyFileError
        If the file cannot be read, is empty, or holds fewer than 16 bytes or more than 65,536 (a
        device would never end).
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        msg = f"The key file {path} cannot be read: {error.strerror or error}."
        raise KeyFileError(msg) from error
    key = content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
    problem = ""
    if not key:
        problem = f"is empty; write a random key of at least {MIN_KEY_BYTES} bytes into it"
    elif len(key) < MIN_KEY_BYTES:
        problem = f"is too short, {len(key)} bytes; a key must have at least {MIN_KEY_BYTES}"
    elif len(key) > MAX_KEY_BYTES:
        problem = f"is too long; a key may have at most {MAX_KEY_BYTES:,} bytes"
    if problem:
        msg = f"The key file {path} {problem}."
        raise KeyFileError(msg)
    return key


_ALIKE = {
    "name": ("are called as another is", "--id path tells them apart"),
    "id": ("have the id of another", "mend the column id"),
    "uid": (
        "have the SOP Instance UID of another",
        "leave copies out, or give ids in a table's column id",
    ),
}
"""What makes rows call different inputs alike, and what to do."""


class ClashError(SourceError):
    """Two rows would call their images alike, in a format that must not.

    Parameters
    ----------
    message : str
    names : sequence of str
        What of the message names an input.
    """

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class Clashes:
    r"""Notices what is named twice: when listed or, where DICOM names itself, when read.

    Names are kept as hashes of 64 bits, some 70 bytes an input.

    Parameters
    ----------
    kind : {"path", "name", "sha256", "hmac"}
        What rows call their images.
    unique : bool
        No two may be called alike.

    Examples
    --------
    >>> clashes = Clashes("name", unique=False)
    >>> for name in ("a/x.jpg", "b/x.jpg", "a/../a/x.jpg", "a/y.jpg"):
    ...     clashes.add(Item(name))
    >>> print(*clashes.tell(), sep="\n")
    Inputs that are named again, and have a row each time: 1, such as a/../a/x.jpg.
    Inputs that are called as another is: 1, such as b/x.jpg; --id path tells them apart.
    """

    def __init__(self, kind: IdKind, *, unique: bool) -> None:
        self._kind = kind
        self._unique = unique
        self._places: set[int] = set()
        self._ids: set[int] = set()
        self._repeats: list[str] = []
        self._repeated: set[int] = set()
        self._alike: dict[str, list[str]] = {kind: [] for kind in _ALIKE}

    def add(self, item: Item) -> None:
        """Take an input in that is listed.

        Raises
        ------
        ClashError
            If two rows would call their images alike, in a format that must not.
        """
        n_places = len(self._places)
        self._places.add(hash(os.path.abspath(item.name)))  # noqa: PTH100 - links are no matter
        if len(self._places) == n_places:
            self._repeats.append(item.name)
            self._repeated.add(item.ordinal)
            self._reject(f"{item.name} is named twice", "name it once", item.name)
        elif item.id:
            self._add_id(item, item.id, "id")
        elif not self._may_be_dicom(item):
            self._add_id(item, bare_name(item), "name")

    def add_rows(self, item: Item, records: Sequence[Record]) -> None:
        """Take in that an input was read, in the order in which the rows are written.

        Raises
        ------
        ClashError
            As of `add`.
        """
        if item.id or item.ordinal in self._repeated:
            return
        if uid := records[0].uid:
            self._add_id(item, uid, "uid")
        elif self._may_be_dicom(item):
            self._add_id(item, bare_name(item), "name")

    def tell(self) -> list[str]:
        """Say in sentences what was noticed."""
        again = "Inputs that are named again, and have a row each time"
        alike = [
            (f"Inputs that {what}", self._alike[kind], f"; {remedy}")
            for kind, (what, remedy) in _ALIKE.items()
        ]
        return [
            f"{what}: {len(names):,}, such as {names[0]}{rest}."
            for what, names, rest in ((again, self._repeats, ""), *alike)
            if names
        ]

    def _add_id(self, item: Item, name: str, kind: str) -> None:
        """Take in what the row calls its image, unless that is as different as the paths are."""
        if self._kind == "sha256" or (kind == "name" and self._kind != "name"):
            return
        n_ids = len(self._ids)
        self._ids.add(hash(name))
        if len(self._ids) == n_ids:
            self._alike[kind].append(item.name)
            problem = f"{item.name} would be called {name!r}, as another image is"
            self._reject(problem, _ALIKE[kind][1], item.name, name)

    def _reject(self, problem: str, remedy: str, *names: str) -> None:
        if self._unique:
            msg = f"{problem}; in this format no two rows may be called alike: {remedy}."
            raise ClashError(msg, names)

    def _may_be_dicom(self, item: Item) -> bool:
        """Tell whether an input may name itself, which is not known before it is read."""
        suffix = os.path.splitext(item.name)[1].lower()  # noqa: PTH122 - Path raises for more names
        return not item.fault and suffix not in IMAGE_SUFFIXES
