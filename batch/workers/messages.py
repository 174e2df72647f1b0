"""What a supervisor and its child say to each other: msgpack, never pickle, over two pipes.

The child gets its settings, and answers with one reply: ready, or the sentence that says why not.
Then it gets requests. It answers each with a reply a frame, and a last reply without a record.
"""

from __future__ import annotations

import math
import os
import select
import struct
import time
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import msgspec

from trifuse.batch.inputs.items import Record
from trifuse.features.files import MAX_PIXELS

TIMEOUT_SECONDS = 120.0
MEMORY_MB = 4096
LARGEST = 2**30
"""Bytes of a message above which the other side is not believed."""

_LENGTH = struct.Struct("<Q")
_LONGEST_POLL = 3600.0

Message = TypeVar("Message", "WorkerSettings", "Request", "Reply")


@dataclass(frozen=True)
class WorkerSettings:
    """The model and the limits of a worker.

    Attributes
    ----------
    model : str
        Path of the model file.
    model_sha256 : str
        Of its content: a file that was replaced meanwhile is not used.
    prior : tuple of float, optional
        Class shares to assume; the training archive's where there are none.
    max_pixels : int
        Larger images are not decoded.
    timeout : float
        Seconds that an image, or a frame of one, may take.
    memory : int
        Megabytes (2**20 bytes) of data that a worker process may hold.
    columns : tuple of int
        Places, among the cells of an item that are carried through, of the columns that the model
        makes use of; -1 where no table among the inputs has one.
    thumbnail : int
        Longest side of the thumbnails that are made instead of scores, without a model; else 0.
    """

    model: str
    model_sha256: str
    prior: tuple[float, ...] | None = None
    max_pixels: int = MAX_PIXELS
    timeout: float = TIMEOUT_SECONDS
    memory: int = MEMORY_MB
    columns: tuple[int, ...] = ()
    thumbnail: int = 0


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
    cells : tuple of str
        Of the columns that the model makes use of; empty where nothing is known.
    """

    path: bytes
    content: bytes | None = None
    first_frame: int = 0
    cells: tuple[str, ...] = ()


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


class Pipe:
    """One end of a pipe that carries messages, each to its deadline.

    The other side may stop at any byte, also in the middle of a message that it reads or writes.
    The descriptor is closed with the object and not before: another thread may be waiting at it.

    Parameters
    ----------
    descriptor : int
        The object's own from now on.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def __del__(self) -> None:
        os.close(self._descriptor)

    def send(self, message: WorkerSettings | Request | Reply, deadline: float = math.inf) -> None:
        """Send a message.

        Parameters
        ----------
        message : WorkerSettings, Request or Reply
        deadline : float
            In seconds of `time.monotonic`.

        Raises
        ------
        TimeoutError
            If the other side has not taken it by then.
        OSError
            If it is gone.
        """
        content = msgspec.msgpack.encode(message)
        for part in (_LENGTH.pack(len(content)), content):
            rest = memoryview(part)
            while rest:
                try:
                    rest = rest[os.write(self._descriptor, rest) :]
                except BlockingIOError:
                    self._wait(select.POLLOUT, deadline)

    def receive(self, kind: type[Message], deadline: float = math.inf) -> Message:
        """Wait for a message.

        Parameters
        ----------
        kind : WorkerSettings, Request or Reply
            The class that it must be of.
        deadline : float
            In seconds of `time.monotonic`.

        Raises
        ------
        TimeoutError
            If it is not there by then, or not wholly.
        EOFError
            If the other side is gone.
        OSError, msgspec.MsgspecError
            If it is no message.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline))
        if length > LARGEST:
            msg = "the message is too large"
            raise OSError(msg)
        return msgspec.msgpack.decode(self._read(length, deadline), type=kind)

    def _read(self, length: int, deadline: float) -> bytearray:
        content = bytearray(length)
        rest = memoryview(content)
        while rest:
            try:
                n_read = os.readv(self._descriptor, [rest])
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            if not n_read:
                raise EOFError
            rest = rest[n_read:]
        return content

    def _wait(self, event: int, deadline: float) -> None:
        """Wait until the pipe has room, or content, or its other end is closed."""
        poll = select.poll()
        poll.register(self._descriptor, event)
        while (seconds := deadline - time.monotonic()) > 0:
            if poll.poll(min(seconds, _LONGEST_POLL) * 1000):
                return
        raise TimeoutError
