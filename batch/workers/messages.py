"""What a supervisor and its child say to each other: msgpack, never pickle, over two pipes.

The child gets its settings, and answers with one reply: ready, or the sentence that says why not.
Then it gets requests. It answers each with a reply a frame, and a last reply without a record.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import NamedTuple, TypeVar

import msgspec

from trifuse.batch.workers.record import Record
from trifuse.batch.workers.settings import WorkerSettings

LARGEST = 2**30
"""Bytes of a message above which the other side is not believed."""

Message = TypeVar("Message", WorkerSettings, "Request", "Reply")


class Request(NamedTuple):
    """An image to score.

    Attributes
    ----------
    path : bytes
        Of its file.
    content : bytes, optional
        Where it stands in no file of its own.
    first_frame : int
        Frames before it are known already.
    """

    path: bytes
    content: bytes | None = None
    first_frame: int = 0


class Reply(NamedTuple):
    """A frame's record; none at the end of an image, or at the start.

    Attributes
    ----------
    record : Record, optional
    error : str
        Why the child cannot work; empty where it can.
    """

    record: Record | None = None
    error: str = ""


def send(connection: Connection, message: WorkerSettings | Request | Reply) -> None:
    """Send a message."""
    connection.send_bytes(msgspec.msgpack.encode(message))


def receive(connection: Connection, kind: type[Message]) -> Message:
    """Wait for a message; EOFError where the other side is gone."""
    return msgspec.msgpack.decode(connection.recv_bytes(LARGEST), type=kind)
