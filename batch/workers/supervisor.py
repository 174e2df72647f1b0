"""The supervisor of a child process: what an image does to the child costs that image only."""

from __future__ import annotations

import os

from trifuse.batch.inputs.item import Item
from trifuse.batch.workers.child import Child, ChildError, ChildTimeoutError
from trifuse.batch.workers.messages import Request
from trifuse.batch.workers.record import Record
from trifuse.batch.workers.settings import WorkerSettings


class WorkerError(RuntimeError):
    """Workers that cannot work."""


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

    def start(self) -> None:
        """Start a child, unless there is one, and wait until it has loaded the model.

        Raises
        ------
        WorkerError
            With the sentence that says why it cannot work.
        """
        for trial in (1, 2):
            if self._child is not None:
                return
            child, self._spare = self._spare or Child(), None
            try:
                if error := child.load(self.settings):
                    raise WorkerError(error)
            except ChildError as problem:
                child.kill()
                if trial == 2:
                    msg = f"The model {self.settings.model} cannot be loaded: {problem}."
                    raise WorkerError(msg) from problem
            except BaseException:
                child.kill()
                raise
            else:
                self._child = child

    def score(self, item: Item) -> list[Record]:
        """Give the records of all frames of an item; at least one.

        Raises
        ------
        WorkerError
            If no child can be started.
        """
        if item.fault:
            return [Record(None, f"cannot read the image: {item.fault}")]
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
                records.append(_lost(records, f"cannot score the image: {error}"))
                if _are_whole(records):
                    return records

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _go_on(self, item: Item, records: list[Record]) -> None:
        """Add the records of the frames that are not known yet, as they come."""
        self.start()
        assert self._child is not None
        request = Request(os.fsencode(item.name), item.content, len(records))
        try:
            self._child.score(request, self.settings.timeout, records)
        except BaseException:
            self.close()
            raise


def _are_whole(records: list[Record]) -> bool:
    return bool(records) and len(records) == records[-1].frames


def _lost(known: list[Record], message: str) -> Record:
    """Give the record of the frame after those that are known."""
    if not known:
        return Record(None, message)
    return Record(
        None, message, sha256=known[-1].sha256, uid=known[-1].uid,
        frame=len(known), frames=known[-1].frames,
    )  # fmt: skip
