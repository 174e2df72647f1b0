"""The supervisor of a child process: what an image does to the child costs that image only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import msgspec

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.messages import MEMORY_MB, Pipe, Reply, Request, WorkerSettings

START_SECONDS = 300.0
"""What a child may take to start and load the model."""
COMMAND = (sys.executable, "-P", "-m", "trifuse.batch.workers.child_main")
"""-P: the working folder may be a stranger's, and no module is taken from it."""
_NO_LIMIT_MB = 2**30
CLOSED = "The workers of this job were told to end."


class WorkerError(RuntimeError):
    """Workers that cannot work."""


class ChildError(RuntimeError):
    """A child that died, or did not answer in time; the message is a clause that says so."""


class ChildTimeoutError(ChildError):
    """A child that did not answer in time."""


class Child:
    """A running process of `trifuse.batch.workers.child_main`, and the two pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*COMMAND, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = Pipe(os.dup(self._process.stdin.fileno()))
        self._replies = Pipe(os.dup(self._process.stdout.fileno()))
        self._process.stdin.close()
        self._process.stdout.close()

    def load(self, settings: WorkerSettings) -> str:
        """Let it load the model; give the sentence that says why it cannot, or nothing."""
        deadline = time.monotonic() + START_SECONDS
        with self._exchange(f"it took longer than {START_SECONDS:g} s"):
            self._requests.send(settings, deadline)
            return self._replies.receive(Reply, deadline).error

    def score(self, request: Request, timeout: float, records: list[Record]) -> None:
        """Add the records of an image's frames as they come."""
        deadline = time.monotonic() + timeout
        with self._exchange(f"it took longer than {timeout:g} s (--timeout)"):
            self._requests.send(request, deadline)
            while (reply := self._replies.receive(Reply, deadline)).record is not None:
                records.append(reply.record)
                deadline = time.monotonic() + timeout

    def kill(self) -> None:
        """End it, whatever it is doing; any thread may."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def _exchange(self, too_long: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise ChildTimeoutError(too_long) from error
        except (EOFError, OSError, msgspec.MsgspecError) as error:
            raise ChildError(self._cause_of_death()) from error

    def _cause_of_death(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(1)
            if code >= 0:
                return f"its process ended with code {code}"
            names = {member.value: member.name for member in signal.Signals}
            return f"it killed its process ({names.get(-code, f'signal {-code}')})"
        return "its process does not answer"


class Supervisor:
    """Scores items in a child process, which it starts when needed and kills when it hangs.

    A child that dies gets the same image once more, in case it was killed by somebody else; an
    image that kills a second one gets a record that says so. One that hangs gets no second chance.

    Parameters
    ----------
    settings : WorkerSettings
    spare : Child, optional
        A child that is starting already, taken instead of a new one.
    """

    def __init__(self, settings: WorkerSettings, spare: Child | None = None) -> None:
        self.settings = settings
        self._spare = spare
        self._child: Child | None = None
        self._closed = False

    def start(self) -> None:
        """Start a child, unless there is one, and wait until it has loaded the model.

        Raises
        ------
        WorkerError
            With the sentence that says why it cannot work.
        """
        if self._closed:
            raise WorkerError(CLOSED)
        if self._child is not None:
            return
        try:
            self._load(self.settings)
        except WorkerError as error:
            if self._closed or not self._loads_without_limit():
                raise
            msg = (
                f"--memory {self.settings.memory} is too little to load the model "
                f"{self.settings.model}; raise --memory ({MEMORY_MB} unless told)."
            )
            raise WorkerError(msg) from error

    def _load(self, settings: WorkerSettings) -> None:
        """Have a child load the model; one that dies of it gets a successor."""
        for is_last in (False, True):
            child, self._spare = self._spare or Child(), None
            self._child = child  # from now on, and not when it is ready, so that `close` ends it
            try:
                error = child.load(settings)
            except ChildError as problem:
                self._drop()
                if is_last or self._closed:
                    msg = f"The model {settings.model} cannot be loaded: {problem}."
                    raise WorkerError(msg) from problem
                continue
            except BaseException:
                self._drop()
                raise
            if error or self._closed:
                self._drop()
                raise WorkerError(error or CLOSED)
            return

    def _loads_without_limit(self) -> bool:
        """Tell whether the limit of memory is why it cannot be loaded.

        Under it libraries fail in ways of their own: MemoryError, ImportError, SIGSEGV, an exit.
        """
        try:
            self._load(replace(self.settings, memory=_NO_LIMIT_MB))
        except WorkerError:
            return False
        self._drop()
        return True

    def score(self, item: Item) -> list[Record]:
        """Give the records of all frames of an item; at least one.

        Raises
        ------
        WorkerError
            If no child can be started.
        """
        if item.fault:
            return [Record(None, f"cannot read the image: {item.fault}", errno=item.errno)]
        records: list[Record] = []
        retried = -1
        while True:
            try:
                self._go_on(item, records)
                return records
            except ChildError as error:
                if _are_whole(records):  # it died when it had said everything
                    return records
                if len(records) > retried and not isinstance(error, ChildTimeoutError):
                    retried = len(records)
                    continue
                records.append(self._lose(records, error))
                if _are_whole(records):
                    return records

    def close(self) -> None:
        """End the child, for good; also from another thread than that which scores."""
        self._closed = True
        self._drop()

    def _lose(self, known: list[Record], error: ChildError) -> Record:
        """Give the record of the frame after those that are known: what it did to its child.

        Libraries that get no memory may crash, or end their process; where it may have what it has
        unless told, another cause is likelier.
        """
        message = f"cannot score the image: {error}"
        is_other = isinstance(error, ChildTimeoutError) or "SIGKILL" in message
        if self.settings.memory < MEMORY_MB and not is_other:
            message += ", perhaps for want of memory; raise --memory"
        last = known[-1] if known else Record(None)
        return Record(
            None,
            message,
            sha256=last.sha256,
            uid=last.uid,
            study=last.study,
            frame=len(known),
            frames=last.frames,
        )

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _go_on(self, item: Item, records: list[Record]) -> None:
        """Add the records of the frames that are not known yet, as they come."""
        self.start()
        cells, places = item.columns, self.settings.columns
        known = tuple(cells[place] if 0 <= place < len(cells) else "" for place in places)
        request = Request(os.fsencode(item.name), item.content, len(records), known)
        try:
            if (child := self._child) is None:
                raise WorkerError(CLOSED)
            child.score(request, self.settings.timeout, records)
        except BaseException:
            self._drop()
            raise


def _are_whole(records: list[Record]) -> bool:
    return bool(records) and len(records) == records[-1].frames
