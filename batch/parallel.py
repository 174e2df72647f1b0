"""Work spread over processes by loky, its results in order."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from itertools import chain, islice
from pathlib import Path
from typing import Generic, TypeVar

import click
from tqdm import tqdm

from trifuse.features.threads import limit_threads, limited_threads

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNKS_A_JOB = 2
"""Chunks a process that are being worked on or wait their turn."""
IDLE_SECONDS = 300
"""After so long without work a process ends."""


class WorkerError(RuntimeError):
    """A worker process that died."""


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of `size` items; the last may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def map_chunks(
    function: Callable[[list[Item]], list[Result]],
    items: Iterable[Item],
    jobs: int,
    chunk_size: int,
) -> Iterator[Result]:
    """Apply a function to chunks of items, in `jobs` processes, and give results in order.

    Items are taken as they are needed and results given as they come, so that memory does not
    grow with their number. One job, or a single chunk, is worked on in this process, item by
    item: there starting others would take longer than the work.

    Raises
    ------
    WorkerError
        If a process died.
    """
    remaining = iter(items)
    head = list(islice(remaining, chunk_size + 1)) if jobs > 1 else []
    remaining = chain(head, remaining)
    if len(head) <= chunk_size:
        for item in remaining:
            yield from function([item])
        return
    from joblib.externals.loky import ProcessPoolExecutor

    # Not loky's reusable executor: joblib.Parallel would take it for its own.
    executor = ProcessPoolExecutor(
        max_workers=jobs, timeout=IDLE_SECONDS, initializer=_begin, initargs=(Path.cwd(),)
    )
    pending: deque[Future[list[Result]]] = deque()
    try:
        # Items are taken in this thread: waiting for one can be interrupted.
        for chunk in chunked(remaining, chunk_size):
            pending.append(executor.submit(function, chunk))
            while len(pending) > CHUNKS_A_JOB * jobs or (pending and pending[0].done()):
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    except BrokenExecutor as error:
        msg = (
            "A worker process died, most likely because memory ran out; "
            "run it again with fewer --jobs."
        )
        raise WorkerError(msg) from error
    finally:
        for future in pending:  # after an error or an interrupt: nobody wants the rest
            future.cancel()
        executor.shutdown(wait=True)


def _begin(folder: Path) -> None:
    """Make a process look for its items where we do, and die of Ctrl-C without a traceback."""
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class ProcessMapper:
    """The mapper that training uses: processes, and progress on stderr.

    A terminal gets a progress bar, a log one line a stage.

    Parameters
    ----------
    jobs : int
        Processes.
    """

    chunk_size = 16

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def __call__(
        self, function: Callable[[Item], Result], items: Sequence[Item], title: str
    ) -> Iterator[Result]:
        """Apply a function to items, in order, on one thread a process."""
        if not sys.stderr.isatty():
            click.echo(f"{title}: {len(items)} images", err=True)
        results: Iterator[Result] = map_chunks(
            _OneByOne(function), items, self.jobs, self.chunk_size
        )
        with limited_threads():  # of this process, where it does the work itself
            yield from tqdm(results, desc=title, total=len(items), disable=None, unit=" images")


class _OneByOne(Generic[Item, Result]):
    """A function of an item as a function of a list, which pickles."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function

    def __call__(self, items: list[Item]) -> list[Result]:
        limit_threads()
        return [self.function(item) for item in items]
