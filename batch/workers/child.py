"""The child process, as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

import msgspec

from trifuse.batch.workers.messages import Reply, Request, receive, send
from trifuse.batch.workers.record import Record
from trifuse.batch.workers.settings import WorkerSettings

START_SECONDS = 300.0
"""What a child may take to start and load the model."""
COMMAND = (sys.executable, "-P", "-m", "trifuse.batch.workers.main")
"""-P: the working folder may be a stranger's, and no module is taken from it."""


class ChildError(RuntimeError):
    """A child that died, or did not answer in time; the message is a clause that says so."""


class ChildTimeoutError(ChildError):
    """A child that did not answer in time."""


class Child:
    """A running process of `trifuse.batch.workers.main`, and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*COMMAND, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = Connection(os.dup(self._process.stdin.fileno()), readable=False)
        self._replies = Connection(os.dup(self._process.stdout.fileno()), writable=False)
        self._process.stdin.close()
        self._process.stdout.close()

    def load(self, settings: WorkerSettings) -> str:
        """Let it load the model; give the sentence that says why it cannot, or nothing."""
        self._send(settings)
        return self._receive(START_SECONDS).error

    def score(self, request: Request, timeout: float, records: list[Record]) -> None:
        """Add the records of an image's frames as they come."""
        self._send(request)
        while (reply := self._receive(timeout)).record is not None:
            records.append(reply.record)

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        self._requests.close()
        self._replies.close()

    def _send(self, message: WorkerSettings | Request) -> None:
        try:
            send(self._requests, message)
        except OSError as error:
            raise ChildError(self._cause_of_death()) from error

    def _receive(self, timeout: float) -> Reply:
        if not self._replies.poll(timeout):
            msg = f"it took longer than {timeout:g} s (--timeout)"
            raise ChildTimeoutError(msg)
        try:
            return receive(self._replies, Reply)
        except (EOFError, OSError, msgspec.MsgspecError) as error:
            raise ChildError(self._cause_of_death()) from error

    def _cause_of_death(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            if code < 0:
                return f"it killed its process ({signal.Signals(-code).name})"
            return f"its process ended with code {code}"
        return "its process does not answer"
