"""A stream of items becomes a stream of results, in order, while it is still coming."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

from trifuse.batch.workers.pools import Pool
from trifuse.batch.workers.supervisor import WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS_A_SLOT = 2
"""Chunks a worker that are being worked on or wait their turn."""
MOST_LOSSES = 3
"""Times in a row that a pool may break with no chunk done in between."""


class ChunkMap(Generic[Item, Result]):
    """Applies a function to chunks of a stream of items, in a pool.

    Items are taken as they are needed and results given as they come, so that memory does not
    grow with their number. Where a worker process dies, the chunks that it took with it are
    worked on again.

    Parameters
    ----------
    function : callable
        From a chunk, a list of items, to its result.
    pool : Pool
    chunk_is_full : callable
        Tells whether a chunk takes no more items.
    stopping : callable
        Tells whether to end early: then no more items are taken, the first chunk that is being
        worked on is finished, and so are those after it that are done by then.

    Attributes
    ----------
    whole : bool
        Every item's result was given.
    """

    def __init__(
        self,
        function: Callable[[list[Item]], Result],
        pool: Pool,
        chunk_is_full: Callable[[list[Item]], bool],
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.function = function
        self.pool = pool
        self.chunk_is_full = chunk_is_full
        self.stopping = stopping
        self._pending: deque[tuple[list[Item], Future[Result]]] = deque()
        self._losses = 0
        self._ended = False
        self.whole = False

    def __call__(self, items: Iterable[Item | None]) -> Iterator[tuple[list[Item], Result]]:
        """Give each chunk and its result, in order.

        None among the items says that nothing has come for a while: what is there is then worked
        on, if a worker is free, and what is done is given.

        Raises
        ------
        WorkerError
            If worker processes die again and again.
        """
        try:
            yield from self._take(items)
            while self._pending and not self.stopping():
                yield self._pop()
            if self._pending:
                yield self._pop()
            while self._first_is_done():
                yield self._pop()
            self.whole = self._ended and not self._pending
        finally:
            for _, future in self._pending:  # after an error or a stop nobody wants the rest
                future.cancel()

    def _take(self, items: Iterable[Item | None]) -> Iterator[tuple[list[Item], Result]]:
        """Cut the stream into chunks and have them worked on; give what is done meanwhile."""
        chunk: list[Item] = []
        for item in items:
            if item is not None:
                chunk.append(item)
            worker_is_free = item is None and len(self._pending) < self.pool.slots
            if chunk and (worker_is_free or self.chunk_is_full(chunk)):
                self._submit(chunk)
                chunk = []
            while self._first_is_done() or len(self._pending) > CHUNKS_A_SLOT * self.pool.slots:
                yield self._pop()
            if self.stopping():
                return
        if chunk:
            self._submit(chunk)
        self._ended = True

    def _first_is_done(self) -> bool:
        return bool(self._pending) and self._pending[0][1].done()

    def _submit(self, chunk: list[Item]) -> None:
        try:
            future = self.pool.submit(self.function, chunk)
        except self.pool.losses as error:
            future = Future()
            future.set_exception(error)  # told, and mended, where the result is asked for
        self._pending.append((chunk, future))

    def _pop(self) -> tuple[list[Item], Result]:
        """Wait for the first chunk."""
        while True:
            chunk, future = self._pending[0]
            try:
                result = future.result()
            except self.pool.losses as error:
                self._begin_anew(error)
            else:
                self._pending.popleft()
                self._losses = 0
                return chunk, result

    def _begin_anew(self, error: BaseException) -> None:
        """Have everything that is pending, and not done, worked on again."""
        self._losses += 1
        if self._losses > MOST_LOSSES:
            msg = (
                "Worker processes die again and again, most likely because memory runs out; "
                "run it again with fewer --jobs."
            )
            raise WorkerError(msg) from error
        self.pool.restart()
        lost = [chunk for chunk, _ in self._pending]
        self._pending.clear()
        for chunk in lost:
            self._submit(chunk)
