"""What an output keeps of each of its inputs, to know it again and to find its rows.

`OUTPUT.run.inputs` holds a line of JSON and then a receipt an input, in the order of the rows, of
`RECEIPT_BYTES` bytes each. Nothing there tells a name: an input is known by digests of what it is
called and of what it was. With a key they are keyed: whoever can guess a name cannot find out
whether it was among the inputs without the key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trifuse.batch.inputs.items import Item, Record
from trifuse.classifiers.output import OutputError
from trifuse.features.files import file_sha256

RECEIPTS_FORMAT = 1
_PACKED = struct.Struct("<16s8s8sQIIIQ")
RECEIPT_BYTES = _PACKED.size
_HEADER = f"{json.dumps({'inputs': RECEIPTS_FORMAT, 'bytes': RECEIPT_BYTES})}\n".encode()
RECEIPTS_MARK = b'{"inputs": '
"""What a file of receipts begins with."""
IDENTITY_BYTES = 16
STAMP_BYTES = 8
UNKNOWN = bytes(STAMP_BYTES)
"""Digest of a content that was never read."""


class Identifier:
    """Makes the digests and receipts of inputs, and knows inputs again by them.

    Parameters
    ----------
    key : bytes, optional
        Of HMAC-SHA256; plain SHA-256 without one.
    verify : bool
        Read the contents, and do not trust sizes and times.
    """

    def __init__(self, key: bytes | None = None, *, verify: bool = False) -> None:
        self.verify = verify
        self._key = key

    def identify(self, item: Item) -> bytes:
        """Give the digest of an input's name, id and carried cells: all that its row takes on."""
        return self._digest(ascii((item.name, item.id, item.columns)).encode())[:IDENTITY_BYTES]

    def stamp(self, identity: bytes, item: Item) -> bytes:
        """Give the digest of an input's stamp, or of its fault."""
        return self._digest(identity + ascii((item.stamp, item.fault)).encode())[:STAMP_BYTES]

    def content(self, identity: bytes, sha256: str) -> bytes:
        """Give the digest of an input's content; `UNKNOWN` where it was never read."""
        return self._digest(identity + sha256.encode())[:STAMP_BYTES] if sha256 else UNKNOWN

    def register(self, item: Item, records: list[Record], size: int) -> Receipt:
        """Give the receipt of an input that was scored, whose rows have so many bytes."""
        identity = self.identify(item)
        return Receipt(
            identity,
            self.stamp(identity, item),
            self.content(identity, records[0].sha256),
            item.ordinal,
            rows=len(records),
            errors=sum(record.probabilities is None for record in records),
            training_images=sum(record.is_training_image for record in records),
            size=size,
        )

    def prepare(self, item: Item | None) -> Item | None:
        """Load a member of an archive, if its content is to be compared."""
        return item.load() if item is not None and self.verify else item

    def is_same(self, item: Item, receipt: Receipt) -> bool:
        """Tell whether an input of the same identity is as it was."""
        if self.verify and receipt.content != UNKNOWN:
            return self.content(receipt.identity, read_sha256(item)) == receipt.content
        return self.stamp(receipt.identity, item) == receipt.stamp

    def _digest(self, text: bytes) -> bytes:
        if self._key is None:
            return hashlib.sha256(text).digest()
        return hmac.digest(self._key, text, "sha256")


class ListDigest:
    """Counts all inputs, those of other parts too, and makes one digest of their identities.

    Parameters
    ----------
    identifier : Identifier

    Attributes
    ----------
    total : int
    empty : list of str
        What was named and gave no input.
    """

    def __init__(self, identifier: Identifier) -> None:
        self.total = 0
        self.empty: list[str] = []
        self._identifier = identifier
        self._sum = hashlib.sha256()

    def add(self, item: Item) -> None:
        """Take an input in."""
        self.total += 1
        self._sum.update(self._identifier.identify(item))

    def hexdigest(self) -> str:
        """Give the digest of all inputs so far, in their order."""
        return self._sum.hexdigest()


def read_sha256(item: Item) -> str:
    """Read an input to give the SHA-256 of its content; empty where it cannot be read."""
    if item.content is not None:
        return hashlib.sha256(item.content).hexdigest()
    try:
        path = Path(item.name)
        return file_sha256(path) if not item.fault and path.is_file() else ""
    except (OSError, ValueError):
        return ""


class Receipt(NamedTuple):
    """What is kept of an input.

    Attributes
    ----------
    identity : bytes, shape (16,)
        Digest of its name, its id and its carried cells.
    stamp : bytes, shape (8,)
        Digest of its size and time of change.
    content : bytes, shape (8,)
        Digest of its content; zeros where it was never read.
    ordinal : int
        Its place among all inputs, from 1, those of other parts included.
    rows, errors, training_images : int
        Its rows, how many of them are errors, and how many of images the model was trained on.
    size : int
        Bytes of its rows in the partial output.
    """

    identity: bytes
    stamp: bytes
    content: bytes
    ordinal: int
    rows: int
    errors: int
    training_images: int
    size: int

    def pack(self) -> bytes:
        """Give its `RECEIPT_BYTES` bytes."""
        return _PACKED.pack(*self)


def unpack_receipts(content: bytes) -> Iterator[Receipt]:
    """Give the receipts that stand one behind the other.

    Raises
    ------
    ValueError
        If the last one is not whole.
    """
    if len(content) % RECEIPT_BYTES:
        msg = "a receipt is cut off"
        raise ValueError(msg)
    return map(Receipt._make, _PACKED.iter_unpack(content))


def write_receipts(file: BinaryIO, receipts: Iterable[Receipt]) -> str:
    """Write the receipts of an output; give the SHA-256 of what was written.

    Raises
    ------
    OSError
    """
    digest = hashlib.sha256()
    for block in chain([_HEADER], map(Receipt.pack, receipts)):
        file.write(block)
        digest.update(block)
    return digest.hexdigest()


def read_receipts(path: Path, sha256: str) -> bytes:
    """Read the receipts of an output, one behind the other as `unpack_receipts` takes them.

    Parameters
    ----------
    path : Path
    sha256 : str
        Of the file, as the manifest says.

    Raises
    ------
    OutputError
        If the file is missing, or is not what its run wrote.
    """
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if not content.startswith(_HEADER) or hashlib.sha256(content).hexdigest() != sha256:
        msg = (
            f"{path} is missing or is not as its run left it, so that nothing tells which inputs "
            "the output is of; begin anew by --overwrite."
        )
        raise OutputError(msg)
    return content[len(_HEADER) :]


@dataclass(frozen=True)
class Checkpoint:
    """How far a run has come.

    Attributes
    ----------
    inputs : int
        Inputs whose rows are all written.
    rows, errors : int
        Rows, and how many of them are of images that could not be scored.
    size : int
        Bytes of the partial output.
    digest : str
        SHA-256 of those bytes that were written since the checkpoint before.
    training_images : int
        Rows of images that the model was trained on.
    """

    inputs: int = 0
    rows: int = 0
    errors: int = 0
    size: int = 0
    digest: str = ""
    training_images: int = 0

    def after(self, receipts: Sequence[Receipt], rows: bytes, digest: str) -> Checkpoint:
        """Give the checkpoint when the rows of more inputs are written."""
        return Checkpoint(
            self.inputs + len(receipts),
            self.rows + sum(receipt.rows for receipt in receipts),
            self.errors + sum(receipt.errors for receipt in receipts),
            self.size + len(rows),
            digest,
            self.training_images + sum(receipt.training_images for receipt in receipts),
        )
