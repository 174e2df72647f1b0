"""What a row calls its image: a path, a name, a hash of the content, or a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Literal, get_args

from trifuse.batch.inputs.item import Item
from trifuse.batch.text import to_bytes
from trifuse.batch.workers.record import Record

IdKind = Literal["path", "name", "sha256", "hmac"]
ID_KINDS: tuple[IdKind, ...] = get_args(IdKind)

MIN_KEY_BYTES = 16
MAX_KEY_BYTES = 65_536


class KeyFileError(ValueError):
    """A key that is needed and missing, or cannot be used; the message never holds the key."""


def make_id(item: Item, record: Record, kind: IdKind, key: bytes | None, number: int) -> str:
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
          called ``unread-`` and the row's number: no name slips out because an image is broken;
        - `hmac`: 64 hexadecimal digits, the HMAC-SHA256 of what `path` gives (in UTF-8, bytes of a
          path that are no text as they are). The same spelling of a path has the same id in every
          run with the same key.
    key : bytes, optional
        For `hmac`.
    number : int
        Of the row, from 1.

    Raises
    ------
    KeyFileError
        If `hmac` has no key.

    Examples
    --------
    >>> item = Item("scans.zip/left/ISIC_0024306.jpg")
    >>> make_id(item, Record(None), "name", None, 7), make_id(item, Record(None), "sha256", None, 7)
    ('ISIC_0024306', 'unread-7')
    >>> make_id(Item("volume.dcm"), Record((1.0,), frame=2, frames=40), "name", None, 1)
    'volume#3'
    """
    frame = f"#{record.frame + 1}" if record.frames > 1 else ""
    return f"{_name_file(item, record, kind, key, number)}{frame}"


def _name_file(item: Item, record: Record, kind: IdKind, key: bytes | None, number: int) -> str:
    if kind == "sha256":
        return record.sha256 or f"unread-{number}"
    given = item.id or record.uid
    if kind == "name":
        from trifuse.features.images import strip_path

        return given or strip_path(item.name) or item.name
    path = given or item.name
    return path if kind == "path" else _hash(path, key)


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
    if problem := _find_fault(len(key)):
        msg = f"The key file {path} {problem}."
        raise KeyFileError(msg)
    return key


def _find_fault(n_bytes: int) -> str:
    if n_bytes == 0:
        return f"is empty; write a random key of at least {MIN_KEY_BYTES} bytes into it"
    if n_bytes < MIN_KEY_BYTES:
        return f"is too short, {n_bytes} bytes; a key must have at least {MIN_KEY_BYTES}"
    if n_bytes > MAX_KEY_BYTES:
        return f"is too long; a key may have at most {MAX_KEY_BYTES:,} bytes"
    return ""
