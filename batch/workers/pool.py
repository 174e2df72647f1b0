"""A stream of inputs is scored in chunks, in order, while it is still coming."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, Protocol

from trifuse.batch.inputs.items import Item, Record
from trifuse.batch.workers.messages import WorkerSettings
from trifuse.batch.workers.supervisor import CLOSED, Child, Supervisor, WorkerError

FEW = 10
"""Inputs for which starting processes would take longer than the work."""
CHUNKS_A_JOB = 2
"""Chunks that are being scored, wait their turn, or are to be written."""
TICK_SECONDS = 0.05
"""After so long without a whole chunk joblib is given a task that does nothing."""
PAUSE_SECONDS = 0.005
"""What such a task takes: meanwhile joblib is free to give what is done."""
CHUNK_SECONDS = 2.0
"""What a chunk should take: long beside handing it over, short to lose or to wait for."""
FIRST = 4
"""Items of the first chunks, when nothing is known of the speed."""
MOST = 512
MOST_BYTES = 2**26
"""Content of archive members above which a chunk takes no more."""
_NEWEST = 0.3
"""Weight of the newest chunk in the speed's moving average."""


class ChunkResult(NamedTuple):
    """The records of a chunk, for each item and each of its frames, and the seconds it took."""

    records: list[list[Record]]
    seconds: float


class Workers(Protocol):
    """Who scores: the processes of this machine, or a cluster."""

    def score(self, items: Sequence[Item]) -> ChunkResult:
        """Score items, one after the other; several threads may, at the same time."""

    def close(self) -> None:
        """End, for good, whatever is being done: who waits for it gets a WorkerError."""


class Supervisors:
    """The scoring processes of this machine: each thread that scores borrows one.

    Parameters
    ----------
    settings : WorkerSettings
    spare : Child, optional
        A child that is starting already, taken for the first one.
    """

    def __init__(self, settings: WorkerSettings, spare: Child | None = None) -> None:
        self.settings = settings
        self._spare = spare
        self._all: list[Supervisor] = []
        self._idle: list[Supervisor] = []
        self._closed = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Have one child load the model.

        Raises
        ------
        trifuse.batch.workers.supervisor.WorkerError
            If no child can be started, or the model cannot be loaded.
        """
        with self._borrow() as supervisor:
            supervisor.start()

    def score(self, items: Sequence[Item]) -> ChunkResult:
        """Score items in a child, which stays, and with it the model; raises as `start` does."""
        with self._borrow() as supervisor:
            supervisor.start()
            started = time.perf_counter()
            records = [supervisor.score(item) for item in items]
            return ChunkResult(records, time.perf_counter() - started)

    def close(self) -> None:
        """End all children."""
        with self._lock:
            self._closed = True
            for supervisor in self._all:
                supervisor.close()

    @contextmanager
    def _borrow(self) -> Iterator[Supervisor]:
        with self._lock:
            if self._closed:
                raise WorkerError(CLOSED)
            if not self._idle:
                self._all.append(Supervisor(self.settings, self._spare))
                self._idle.append(self._all[-1])
                self._spare = None
            supervisor = self._idle.pop()
        try:
            yield supervisor
        finally:
            self._idle.append(supervisor)


def count_jobs(jobs: int, items: Iterator[Item | None]) -> tuple[int, Iterator[Item | None]]:
    """Give one job for a few inputs, which are scored before more processes would start.

    All items are given too, those among them that were taken to count them.
    """
    head: list[Item | None] = []
    while jobs > 1 and len(head) <= FEW and None not in head:
        if (item := next(items, _END)) is _END:
            jobs = 1
        else:
            head.append(item)
    return jobs, chain(head, items)


_END: Any = object()


class ChunkSize:
    """Adapts the size of chunks to the measured speed; the output does not depend on it."""

    def __init__(self) -> None:
        self.size = FIRST
        self._seconds = 0.0

    def is_full(self, chunk: Sequence[Item]) -> bool:
        """Tell whether a chunk takes no more items."""
        n_bytes = sum(len(item.content or b"") for item in chunk)
        return len(chunk) >= self.size or n_bytes >= MOST_BYTES

    def learn(self, n_items: int, seconds: float) -> None:
        """Take into account that a worker needed so long for a chunk."""
        newest = seconds / n_items
        self._seconds += (newest - self._seconds) * (_NEWEST if self._seconds else 1.0)
        self.size = max(
            1, min(MOST, round(CHUNK_SECONDS / max(self._seconds, CHUNK_SECONDS / MOST)))
        )


@dataclass(eq=False)
class _Chunk:
    """Items that are scored together; without items it is a tick."""

    items: list[Item] = field(default_factory=list)
    scored: ChunkResult | None = None
    error: BaseException | None = None


@dataclass
class ChunkedScoring:
    """Scores a stream of items, in threads that each wait for a worker.

    Items are taken as they are needed and records given as they come, so that memory does not
    grow with their number. joblib takes items in a thread of its own, and gives nothing while it
    waits for one: where no chunk is whole in time, it gets ticks, tasks that do nothing.

    Parameters
    ----------
    workers : Workers
        Closed where the scoring ends early.
    jobs : int
        Threads; one is this thread, without joblib.
    stopping : callable
        Tells whether to end early: then no more items are taken, the first chunk that is being
        worked on is finished, and so are those after it that are done by then.

    Attributes
    ----------
    whole : bool
        Every item's records were given.
    """

    workers: Workers
    jobs: int
    stopping: Callable[[], bool] = lambda: False
    size: ChunkSize = field(default_factory=ChunkSize, init=False)
    whole: bool = field(default=False, init=False)
    _pending: deque[_Chunk] = field(default_factory=deque, init=False)
    _has_all: bool = field(default=False, init=False)
    _left: bool = field(default=False, init=False)

    def __call__(
        self, items: Iterable[Item | None]
    ) -> Generator[tuple[list[Item], list[list[Record]]], None, None]:
        """Give the items of each chunk, and their records, in order.

        None among the items says that nothing has come for a while: what is there is then scored,
        if a worker is free, and what is done is given.

        Raises
        ------
        trifuse.batch.workers.supervisor.WorkerError
            If workers cannot work.
        """
        results = self._start(self._cut(items))
        try:
            for _ in results:
                stopped, given = self.stopping(), False
                while (scored := self._take_first()) is not None:
                    yield scored
                    given = True
                if stopped and given:
                    break
            self.whole = self._has_all and not self._pending
        finally:
            self._left = True
            if not self.whole:
                self.workers.close()
            deque(results, 0)  # until all threads have ended

    def _start(self, chunks: Iterator[_Chunk]) -> Iterator[_Chunk]:
        """Have chunks worked on; each is given when it is done, whichever is done first."""
        if self.jobs == 1:
            return map(self._work, chunks)
        from joblib import Parallel, delayed

        parallel = Parallel(
            self.jobs, require="sharedmem", return_as="generator_unordered", batch_size=1
        )
        results: Iterator[_Chunk] = parallel(delayed(self._work)(chunk) for chunk in chunks)
        return results

    def _cut(self, items: Iterable[Item | None]) -> Iterator[_Chunk]:
        """Cut the stream into chunks; give ticks where none is whole in time, or enough wait."""
        chunk, began = _Chunk(), time.monotonic()
        for item in items:
            if item is not None:
                chunk.items.append(item)
            worker_is_free = item is None and len(self._pending) < self.jobs
            if chunk.items and (worker_is_free or self.size.is_full(chunk.items)):
                self._pending.append(chunk)
                yield chunk
                chunk, began = _Chunk(), time.monotonic()
            if item is None or time.monotonic() - began > TICK_SECONDS:
                yield from self._tick()
                began = time.monotonic()
            while len(self._pending) > CHUNKS_A_JOB * self.jobs and not self._is_ending():
                yield from self._tick()
            if self._is_ending():
                return
        self._has_all = True
        if chunk.items:
            self._pending.append(chunk)
            yield chunk

    def _tick(self) -> Iterator[_Chunk]:
        """Give as many ticks as joblib takes tasks at a time."""
        for _ in range(self.jobs):
            yield _Chunk()

    def _is_ending(self) -> bool:
        return self._left or self.stopping()

    def _work(self, chunk: _Chunk) -> _Chunk:
        """Score a chunk, in any thread; an error is raised where the chunk is given."""
        if not chunk.items:
            time.sleep(PAUSE_SECONDS if self.jobs > 1 else 0)
        elif not self._is_ending() or (not self._left and chunk is self._pending[0]):
            try:
                chunk.scored = self.workers.score(chunk.items)
            except BaseException as error:  # noqa: BLE001 - joblib would drop what is done
                chunk.error = error
        return chunk

    def _take_first(self) -> tuple[list[Item], list[list[Record]]] | None:
        """Give the first chunk that was not given yet, if it is done."""
        if not self._pending or not (self._pending[0].scored or self._pending[0].error):
            return None
        chunk = self._pending.popleft()
        if chunk.scored is None:
            assert chunk.error is not None
            raise chunk.error
        self.size.learn(len(chunk.items), chunk.scored.seconds)
        return chunk.items, chunk.scored.records
